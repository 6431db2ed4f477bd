package captchaocr.generator.kaptcha;

import captchaocr.generator.core.Difficulty;
import captchaocr.generator.core.PictureSize;
import captchaocr.generator.core.Rng;
import captchaocr.generator.fonts.Face;
import captchaocr.generator.text.TextLayout;
import com.google.code.kaptcha.GimpyEngine;
import com.google.code.kaptcha.impl.DefaultKaptcha;
import com.google.code.kaptcha.text.WordRenderer;
import com.google.code.kaptcha.util.Config;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.Rectangle2D;
import java.awt.image.BufferedImage;
import java.util.List;
import java.util.Properties;

/**
 * One Kaptcha picture. Kaptcha's own {@link DefaultKaptcha} puts it together (word, distortion, ground, border);
 * {@link Parts} hands it parts that were seeded and fitted, where Kaptcha would make its own from class names.
 */
record WordPicture(PictureSize canvas, TextLayout layout, Color color) {

    /** Below this share of the size wanted, another text or font is tried. */
    private static final double SMALLEST_SHARE = 0.6;

    /** Null when the text does not fit. */
    static WordPicture fit(String text, List<Face> faces, PictureSize canvas, int wanted, int spacing, Color color,
                           Distortion distortion, Difficulty difficulty, Rng rng) {
        double sideways = rng.between(-0.5, 0.5);
        Rectangle2D room = distortion.reach().room(canvas);
        TextLayout layout = TextLayout.fit(wanted, (int) Math.ceil(wanted * SMALLEST_SHARE),
                size -> asTheLibrary(text, faces, canvas, size, wanted, spacing, sideways), room,
                difficulty.between(0.1, 0.25, 0.4));
        return layout == null ? null : new WordPicture(canvas, layout, color);
    }

    /**
     * Characters side by side by the width of their ink, on Kaptcha's baseline; centred, which Kaptcha gets wrong for
     * wide spacing, with up to a quarter of the free width to either side.
     */
    private static TextLayout asTheLibrary(String text, List<Face> faces, PictureSize canvas, int size, int wanted,
                                           int spacing, double sideways) {
        int[] x = new int[text.length()];
        int at = 0;
        for (int i = 0; i < x.length; i++) {
            Rectangle2D ink = faces.get(i).ink(text.charAt(i), size);
            // A j reaches left of its origin; Kaptcha lets it run into the letter before.
            x[i] = at - (int) Math.min(0, ink.getX());
            at += (int) ink.getWidth() + spacing;
        }
        double middle = canvas.height() / 2.0;
        double kaptchas = (canvas.height() - wanted) / 5 + wanted;
        // A text made smaller keeps to the middle, instead of rising to the top.
        int baseline = (int) Math.round(middle + (kaptchas - middle) * size / wanted);
        TextLayout layout = new TextLayout(text, faces, size, x, baseline, new double[x.length]);
        Rectangle2D ink = layout.ink();
        double free = canvas.width() - ink.getWidth();
        return layout.moved((int) Math.round(free / 2 - ink.getX() + Math.max(0, free) * sideways / 2), 0);
    }

    /** The word alone, black or coloured on transparent. */
    BufferedImage word() {
        BufferedImage image = new BufferedImage(canvas.width(), canvas.height(), BufferedImage.TYPE_INT_ARGB);
        Graphics2D graphics = image.createGraphics();
        graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        graphics.setRenderingHint(RenderingHints.KEY_RENDERING, RenderingHints.VALUE_RENDER_QUALITY);
        graphics.setColor(color);
        for (int i = 0; i < layout.text().length(); i++) {
            layout.draw(graphics, i);
        }
        graphics.dispose();
        return image;
    }

    /** {@code properties}: Kaptcha's own, for what it draws itself: ground and border. */
    BufferedImage paint(GimpyEngine distortion, Properties properties) {
        properties.setProperty("kaptcha.image.width", String.valueOf(canvas.width()));
        properties.setProperty("kaptcha.image.height", String.valueOf(canvas.height()));
        DefaultKaptcha kaptcha = new DefaultKaptcha();
        kaptcha.setConfig(new Parts(properties, (word, width, height) -> word(), distortion));
        return kaptcha.createImage(layout.text());
    }

    private static final class Parts extends Config {
        private final WordRenderer words;
        private final GimpyEngine distortion;

        Parts(Properties properties, WordRenderer words, GimpyEngine distortion) {
            super(properties);
            this.words = words;
            this.distortion = distortion;
        }

        @Override
        public WordRenderer getWordRendererImpl() {
            return words;
        }

        @Override
        public GimpyEngine getObscurificatorImpl() {
            return distortion;
        }
    }
}
