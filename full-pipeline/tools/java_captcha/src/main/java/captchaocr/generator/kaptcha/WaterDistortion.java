package captchaocr.generator.kaptcha;

import captchaocr.generator.core.Difficulty;
import java.awt.image.BufferedImage;

/** Kaptcha's WaterRipple: rings as on water, then a ripple. */
final class WaterDistortion implements Distortion {
    private static final float WAVELENGTH = 2;
    private static final float PHASE = 10;
    private static final float RADIUS = 50;

    private final float amplitude;
    private final Ripple ripple;

    WaterDistortion(Difficulty difficulty) {
        float strength = (float) difficulty.between(0.2, 1, 1.4);
        amplitude = 1.5f * strength;
        ripple = new Ripple(2.6f * strength, 1.7f * strength, 15, 5, false);
    }

    @Override
    public Reach reach() {
        double rings = amplitude * WAVELENGTH;
        Reach waves = ripple.reach();
        return new Reach(waves.left() + rings, waves.right() + rings, waves.up() + rings, waves.down() + rings);
    }

    @Override
    public BufferedImage getDistortedImage(BufferedImage image) {
        return ripple.apply(rings(image));
    }

    /** As jhlabs' WaterFilter: each point slides along its radius, less and less towards the rim. */
    private BufferedImage rings(BufferedImage image) {
        int width = image.getWidth();
        int height = image.getHeight();
        int[] source = Argb.pixels(image);
        BufferedImage result = new BufferedImage(width, height, BufferedImage.TYPE_INT_ARGB);
        int[] target = Argb.pixels(result);
        for (int y = 0; y < height; y++) {
            float dy = y - height * 0.5f;
            for (int x = 0; x < width; x++) {
                float dx = x - width * 0.5f;
                float distance = (float) Math.sqrt(dx * dx + dy * dy);
                int at = y * width + x;
                if (distance > RADIUS || distance == 0) {
                    target[at] = source[at];
                    continue;
                }
                float amount = amplitude * (float) Math.sin(distance / WAVELENGTH * (float) (2 * Math.PI) - PHASE)
                        * (RADIUS - distance) / RADIUS * WAVELENGTH / distance;
                target[at] = Argb.sample(source, width, height, x + dx * amount, y + dy * amount, true);
            }
        }
        return result;
    }
}
