package captchaocr.generator.image;

import captchaocr.generator.core.PictureSize;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;

/** Scaling onto a canvas of another size. */
public final class Canvas {
    private Canvas() {
    }

    /** {@code image} as large as {@code size} allows, its aspect kept, in the middle of a white canvas. */
    public static BufferedImage fitOnWhite(BufferedImage image, PictureSize size) {
        if (image.getWidth() == size.width() && image.getHeight() == size.height()
                && image.getType() == BufferedImage.TYPE_INT_RGB) {
            return image;
        }
        double scale = Math.min((double) size.width() / image.getWidth(), (double) size.height() / image.getHeight());
        int width = Math.max(1, (int) Math.round(image.getWidth() * scale));
        int height = Math.max(1, (int) Math.round(image.getHeight() * scale));
        BufferedImage canvas = new BufferedImage(size.width(), size.height(), BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = canvas.createGraphics();
        graphics.setColor(Color.WHITE);
        graphics.fillRect(0, 0, size.width(), size.height());
        graphics.setRenderingHint(RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BICUBIC);
        graphics.setRenderingHint(RenderingHints.KEY_RENDERING, RenderingHints.VALUE_RENDER_QUALITY);
        graphics.drawImage(image, (size.width() - width) / 2, (size.height() - height) / 2, width, height, null);
        graphics.dispose();
        return canvas;
    }
}
