package captchaocr.generator.fonts;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.Shape;
import java.awt.geom.AffineTransform;
import java.awt.geom.Rectangle2D;
import java.awt.image.BufferedImage;
import java.awt.image.DataBufferByte;

/** An outline scaled, by one factor, to fill a square and centred in it, as pixels; and how two of them differ. */
final class GlyphShape {
    private static final int SIDE = 40;
    private static final int CELL = 8;
    private static final int CELLS = SIDE / CELL;
    private static final int SPOT = 5;

    private final double size;
    private final byte[] ink;
    private final int[] cells = new int[CELLS * CELLS];

    GlyphShape(Shape outline) {
        Rectangle2D box = outline.getBounds2D();
        size = Math.max(box.getWidth(), box.getHeight());
        ink = rasterise(outline, box);
        for (int i = 0; i < ink.length; i++) {
            cells[i / SIDE / CELL * CELLS + i % SIDE / CELL] += ink[i] & 0xFF;
        }
    }

    private byte[] rasterise(Shape outline, Rectangle2D box) {
        BufferedImage image = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_BYTE_GRAY);
        Graphics2D graphics = image.createGraphics();
        graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        graphics.setColor(Color.WHITE);
        AffineTransform fit = AffineTransform.getTranslateInstance(SIDE / 2.0, SIDE / 2.0);
        fit.scale(SIDE / size, SIDE / size);
        fit.translate(-box.getCenterX(), -box.getCenterY());
        graphics.fill(fit.createTransformedShape(outline));
        graphics.dispose();
        return ((DataBufferByte) image.getRaster().getDataBuffer()).getData();
    }

    /** Width or height of the outline, whichever is larger, before scaling. */
    double size() {
        return size;
    }

    /** Of the ink of both, the share that both have: 0 to 1. */
    double overlap(GlyphShape other) {
        long both = 0;
        long either = 0;
        for (int i = 0; i < ink.length; i++) {
            int a = ink[i] & 0xFF;
            int b = other.ink[i] & 0xFF;
            both += Math.min(a, b);
            either += Math.max(a, b);
        }
        return (double) both / either;
    }

    /** An upper bound of {@link #overlap} from 25 numbers, which spares most pairs of Chinese characters the rest. */
    double overlapAtMost(GlyphShape other) {
        long both = 0;
        long either = 0;
        for (int i = 0; i < cells.length; i++) {
            both += Math.min(cells[i], other.cells[i]);
            either += Math.max(cells[i], other.cells[i]);
        }
        return (double) both / either;
    }

    /** The mean difference within the small square where it is largest: 0 to 1. */
    double largestSpot(GlyphShape other) {
        int worst = 0;
        for (int y = 0; y + SPOT <= SIDE; y++) {
            for (int x = 0; x + SPOT <= SIDE; x++) {
                int sum = 0;
                for (int at = 0; at < SPOT * SPOT; at++) {
                    int i = (y + at / SPOT) * SIDE + x + at % SPOT;
                    sum += Math.abs((ink[i] & 0xFF) - (other.ink[i] & 0xFF));
                }
                worst = Math.max(worst, sum);
            }
        }
        return worst / (255.0 * SPOT * SPOT);
    }
}
