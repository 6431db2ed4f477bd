package captchaocr.generator.text;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.Rectangle;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;

/** What text leaves on a canvas when nothing else is drawn there. */
public final class Ink {
    /** Room around the canvas, so that ink beyond its edges shows. */
    private static final int AROUND = 60;

    private Ink() {
    }

    /** Draws the layout alone and returns the box of all pixels it touches, in canvas coordinates. */
    public static Rectangle of(TextLayout layout, int width, int height) {
        BufferedImage image = new BufferedImage(width + 2 * AROUND, height + 2 * AROUND, BufferedImage.TYPE_INT_ARGB);
        Graphics2D graphics = image.createGraphics();
        graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        graphics.translate(AROUND, AROUND);
        graphics.setColor(Color.BLACK);
        for (int i = 0; i < layout.text().length(); i++) {
            layout.draw(graphics, i);
        }
        graphics.dispose();
        Rectangle box = boxOf(image);
        box.translate(-AROUND, -AROUND);
        return box;
    }

    /** Box of all pixels that are not wholly transparent. */
    public static Rectangle boxOf(BufferedImage image) {
        Rectangle box = new Rectangle(-1, -1);
        for (int y = 0; y < image.getHeight(); y++) {
            for (int x = 0; x < image.getWidth(); x++) {
                if (image.getRGB(x, y) >>> 24 != 0) {
                    box.add(new Rectangle(x, y, 1, 1));
                }
            }
        }
        return box;
    }

    /** True when {@code box} leaves at least one clean pixel at every edge. */
    public static boolean inside(Rectangle box, int width, int height) {
        return new Rectangle(1, 1, width - 2, height - 2).contains(box);
    }
}
