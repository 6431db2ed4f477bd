package captchaocr.generator.easy;

import captchaocr.generator.core.Difficulty;
import captchaocr.generator.core.PictureSize;
import captchaocr.generator.core.Rng;
import captchaocr.generator.image.GifWriter;
import captchaocr.generator.image.PngWriter;
import captchaocr.generator.text.TextLayout;
import com.wf.captcha.base.Captcha;
import java.awt.AlphaComposite;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.Shape;
import java.awt.geom.CubicCurve2D;
import java.awt.geom.QuadCurve2D;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;

/**
 * Draws what EasyCaptcha draws: circles, a curve, and characters in its twelve colours on white. Written anew, since
 * the library takes all its numbers from one static {@code SecureRandom} that cannot be seeded.
 */
final class EasyPainter {
    private static final int GIF_DELAY = 10;

    private final EasyKind.Form form;
    private final PictureSize canvas;
    private final TextLayout layout;
    private final Difficulty difficulty;
    private final Rng rng;

    EasyPainter(EasyKind.Form form, PictureSize canvas, TextLayout layout, Difficulty difficulty, Rng rng) {
        this.form = form;
        this.canvas = canvas;
        this.layout = layout;
        this.difficulty = difficulty;
        this.rng = rng;
    }

    byte[] png() {
        BufferedImage image = blank();
        Graphics2D graphics = graphics(image);
        drawOvals(graphics);
        graphics.setStroke(stroke());
        for (int i = curves(); i > 0; i--) {
            graphics.setColor(color());
            graphics.draw(curve(rng.chance(0.5)));
        }
        for (int i = 0; i < layout.text().length(); i++) {
            graphics.setColor(color());
            layout.draw(graphics, i);
        }
        graphics.dispose();
        return PngWriter.encode(image);
    }

    /**
     * As many frames as characters. In each, the characters' opacities run from 0 to 1, one step further along than in
     * the frame before: a character is missing from one frame and solid in another, and the label is the whole text.
     */
    byte[] gif() {
        int n = layout.text().length();
        List<Color> colors = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            colors.add(color());
        }
        List<Shape> curves = new ArrayList<>();
        for (int i = curves(); i > 0; i--) {
            curves.add(curve(false));
        }
        GifWriter gif = new GifWriter(canvas.width(), canvas.height(), GIF_DELAY);
        for (int frame = 0; frame < n; frame++) {
            gif.add(frame(frame, colors, curves));
        }
        return gif.finish();
    }

    private BufferedImage frame(int frame, List<Color> colors, List<Shape> curves) {
        BufferedImage image = blank();
        Graphics2D graphics = graphics(image);
        setOpacity(graphics, 0.1f * rng.nextInt(10));
        drawOvals(graphics);
        setOpacity(graphics, 0.7f);
        graphics.setStroke(stroke());
        graphics.setColor(colors.get(0));
        curves.forEach(graphics::draw);
        int n = colors.size();
        for (int i = 0; i < n; i++) {
            setOpacity(graphics, ((frame + i) % n) / (n - 1f));
            graphics.setColor(colors.get(i));
            layout.draw(graphics, i);
        }
        graphics.dispose();
        return image;
    }

    private static void setOpacity(Graphics2D graphics, float opacity) {
        graphics.setComposite(AlphaComposite.getInstance(AlphaComposite.SRC_OVER, opacity));
    }

    private BufferedImage blank() {
        return new BufferedImage(canvas.width(), canvas.height(), BufferedImage.TYPE_INT_RGB);
    }

    private Graphics2D graphics(BufferedImage image) {
        Graphics2D graphics = image.createGraphics();
        graphics.setColor(Color.WHITE);
        graphics.fillRect(0, 0, canvas.width(), canvas.height());
        graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        return graphics;
    }

    private void drawOvals(Graphics2D graphics) {
        for (int i = difficulty.count(rng, 0, form.ovals, form.ovals * 4); i > 0; i--) {
            graphics.setColor(color());
            int side = 5 + rng.nextInt(10);
            graphics.drawOval(rng.nextInt(canvas.width() - 25), rng.nextInt(canvas.height() - 15), side, side);
        }
    }

    private BasicStroke stroke() {
        return new BasicStroke(Math.max(form.stroke, 1f), BasicStroke.CAP_BUTT, BasicStroke.JOIN_BEVEL);
    }

    /** Arithmetic has no curve in the library; above the usual difficulty it gets some too. */
    private int curves() {
        return difficulty.count(rng, 0, form.stroke > 0 ? 1 : 0, 3);
    }

    private Shape curve(boolean quadratic) {
        int width = canvas.width();
        int height = canvas.height();
        int left = rng.between(5, height / 2);
        int right = rng.between(height / 2, height - 5);
        if (rng.chance(0.5)) {
            int swap = left;
            left = right;
            right = swap;
        }
        int x1 = rng.between(width / 4, width / 4 * 3);
        int y1 = rng.between(5, height - 5);
        if (quadratic) {
            return new QuadCurve2D.Double(5, left, x1, y1, width - 5, right);
        }
        int x2 = rng.between(width / 4, width / 4 * 3);
        int y2 = rng.between(5, height - 5);
        return new CubicCurve2D.Double(5, left, x1, y1, x2, y2, width - 5, right);
    }

    private Color color() {
        int[] color = Captcha.COLOR[rng.nextInt(Captcha.COLOR.length)];
        return new Color(color[0], color[1], color[2]);
    }
}
