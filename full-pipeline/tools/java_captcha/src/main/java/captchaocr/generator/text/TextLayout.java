package captchaocr.generator.text;

import captchaocr.generator.core.PictureSize;
import captchaocr.generator.fonts.Face;
import java.awt.Graphics2D;
import java.awt.geom.AffineTransform;
import java.awt.geom.Rectangle2D;
import java.util.List;
import java.util.function.IntFunction;

/**
 * Where the characters of a text go, and the ink they leave there. Every style lays out as its library does; what the
 * libraries lack is {@link #fit}: moving the text and, if need be, making it smaller until nothing is cut off.
 *
 * @param faces     one a character
 * @param x         left origin of each character, in pixels
 * @param angles    radians by which each character is turned about the centre of its ink
 */
public record TextLayout(String text, List<Face> faces, int size, int[] x, int baseline, double[] angles) {
    /**
     * Pixels to keep free at every edge: hinting and rounding to whole pixels take drawn ink up to 2.1 beyond the
     * measured, and one stays clean.
     */
    public static final double MARGIN = 3.2;

    /** A canvas without its margins. */
    public static Rectangle2D room(PictureSize canvas) {
        return new Rectangle2D.Double(MARGIN, MARGIN, canvas.width() - 2 * MARGIN, canvas.height() - 2 * MARGIN);
    }

    /**
     * The largest layout from {@code wanted} points down to {@code smallest} that lies in {@code room}.
     *
     * @param atSize   lays the text out at a size
     * @param overlap  share of a character's width that its neighbour may cover
     * @return null when none does
     */
    public static TextLayout fit(int wanted, int smallest, IntFunction<TextLayout> atSize, Rectangle2D room,
                                 double overlap) {
        for (int size = wanted; size >= smallest; size--) {
            TextLayout layout = atSize.apply(size).movedInto(room);
            if (room.contains(layout.ink()) && layout.worstOverlap() <= overlap) {
                return layout;
            }
        }
        return null;
    }

    private TextLayout movedInto(Rectangle2D room) {
        Rectangle2D ink = ink();
        return moved(shift(ink.getMinX(), ink.getMaxX(), room.getMinX(), room.getMaxX()),
                shift(ink.getMinY(), ink.getMaxY(), room.getMinY(), room.getMaxY()));
    }

    private static int shift(double low, double high, double from, double to) {
        if (low < from) {
            return (int) Math.ceil(from - low);
        }
        return high > to ? (int) Math.floor(to - high) : 0;
    }

    public TextLayout moved(int dx, int dy) {
        int[] moved = x.clone();
        for (int i = 0; i < moved.length; i++) {
            moved[i] += dx;
        }
        return new TextLayout(text, faces, size, moved, baseline + dy, angles);
    }

    private double worstOverlap() {
        double worst = 0;
        for (int i = 1; i < x.length; i++) {
            Rectangle2D left = inkOf(i - 1);
            Rectangle2D right = inkOf(i);
            double shared = left.getMaxX() - right.getMinX();
            worst = Math.max(worst, shared / Math.min(left.getWidth(), right.getWidth()));
        }
        return worst;
    }

    /** Bounds of all ink, exact to less than a pixel. */
    public Rectangle2D ink() {
        Rectangle2D all = inkOf(0);
        for (int i = 1; i < x.length; i++) {
            all = all.createUnion(inkOf(i));
        }
        return all;
    }

    /** Bounds of one character's ink. */
    public Rectangle2D inkOf(int i) {
        return angles[i] == 0 ? upright(i) : turn(i).createTransformedShape(upright(i)).getBounds2D();
    }

    private Rectangle2D upright(int i) {
        Rectangle2D ink = faces.get(i).ink(text.charAt(i), size);
        return new Rectangle2D.Double(ink.getX() + x[i], ink.getY() + baseline, ink.getWidth(), ink.getHeight());
    }

    private AffineTransform turn(int i) {
        return AffineTransform.getRotateInstance(angles[i], upright(i).getCenterX(), upright(i).getCenterY());
    }

    /** Draws one character in the graphics' colour and composite. */
    public void draw(Graphics2D graphics, int i) {
        String character = text.substring(i, i + 1);
        graphics.setFont(faces.get(i).at(size));
        if (angles[i] == 0) {
            graphics.drawString(character, x[i], baseline);
        } else {
            graphics.fill(turn(i).createTransformedShape(graphics.getFont()
                    .createGlyphVector(graphics.getFontRenderContext(), character).getOutline(x[i], baseline)));
        }
    }
}
