package captchaocr.generator.kaptcha;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import captchaocr.generator.core.Difficulty;
import captchaocr.generator.core.Rng;
import com.google.code.kaptcha.impl.FishEyeGimpy;
import com.google.code.kaptcha.impl.NoNoise;
import com.google.code.kaptcha.impl.WaterRipple;
import com.google.code.kaptcha.util.Config;
import com.jhlabs.image.RippleFilter;
import com.jhlabs.image.ShadowFilter;
import com.jhlabs.image.TransformFilter;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.util.Arrays;
import java.util.Properties;
import org.junit.jupiter.api.Test;

/** At the usual difficulty our seeded distortions do to a picture what Kaptcha's own do. */
class LibraryParityTest {
    private static BufferedImage word() {
        BufferedImage image = new BufferedImage(160, 60, BufferedImage.TYPE_INT_ARGB);
        Graphics2D graphics = image.createGraphics();
        graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        graphics.setColor(new Color(0x1C5BD5));
        graphics.setFont(new Font(Font.SANS_SERIF, Font.BOLD, 40));
        graphics.drawString("aB3x", 22, 45);
        graphics.dispose();
        return image;
    }

    private static int worstDifference(BufferedImage a, BufferedImage b) {
        int worst = 0;
        for (int y = 0; y < a.getHeight(); y++) {
            for (int x = 0; x < a.getWidth(); x++) {
                // What a viewer sees on a white ground: colours of transparent pixels do not count.
                for (int shift = 0; shift <= 16; shift += 8) {
                    worst = Math.max(worst, Math.abs(onWhite(a.getRGB(x, y), shift) - onWhite(b.getRGB(x, y), shift)));
                }
            }
        }
        return worst;
    }

    private static int onWhite(int argb, int shift) {
        int alpha = argb >>> 24;
        return ((argb >>> shift & 0xFF) * alpha + 255 * (255 - alpha)) / 255;
    }

    @Test
    void ripple() {
        RippleFilter filter = new RippleFilter();
        filter.setWaveType(RippleFilter.SINE);
        filter.setXAmplitude(7.6f);
        filter.setYAmplitude(1.3f);
        filter.setXWavelength(9);
        filter.setYWavelength(3);
        filter.setEdgeAction(TransformFilter.CLAMP);
        BufferedImage theirs = filter.filter(word(), null);
        BufferedImage ours = new Ripple(7.6f, 1.3f, 9, 3, true).apply(word());
        assertTrue(worstDifference(theirs, ours) <= 1, "differs by " + worstDifference(theirs, ours));
    }

    @Test
    void shadow() {
        ShadowFilter filter = new ShadowFilter();
        filter.setRadius(10);
        filter.setDistance(5);
        filter.setOpacity(1);
        BufferedImage theirs = filter.filter(word(), null);
        BufferedImage ours = word();
        ShadowDistortion.addShadow(Argb.pixels(ours), 160, 60);
        assertTrue(worstDifference(theirs, ours) <= 3, "differs by " + worstDifference(theirs, ours));
    }

    @Test
    void water() {
        Properties properties = new Properties();
        properties.setProperty("kaptcha.noise.impl", NoNoise.class.getName());
        WaterRipple gimpy = new WaterRipple();
        gimpy.setConfig(new Config(properties));
        BufferedImage theirs = gimpy.getDistortedImage(word());
        BufferedImage ours = new WaterDistortion(new Difficulty(0.5)).getDistortedImage(word());
        assertTrue(worstDifference(theirs, ours) <= 2, "differs by " + worstDifference(theirs, ours));
    }

    @Test
    void fishEye() {
        int[] theirs = Argb.pixels(new FishEyeGimpy().getDistortedImage(word()));
        // The library draws its radius without a seed: ours must meet it at one of the 14 there are.
        for (long seed = 0; seed < 1000; seed++) {
            BufferedImage ours = new FishEyeDistortion(160, new Difficulty(0.5), new Rng(seed))
                    .getDistortedImage(word());
            if (Arrays.equals(theirs, Argb.pixels(ours))) {
                return;
            }
        }
        fail("no radius gives the library's picture");
    }
}
