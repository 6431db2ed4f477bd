package captchaocr.generator.fonts;

import java.awt.Font;
import java.awt.Shape;
import java.awt.font.FontRenderContext;
import java.awt.font.GlyphMetrics;
import java.awt.font.GlyphVector;
import java.awt.geom.PathIterator;
import java.awt.geom.Rectangle2D;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * One font in one style. Glyphs are measured once, at a size of {@value #UNIT} points, and scaled: measuring is what
 * fitting a text to its canvas costs.
 */
public final class Face {
    private static final float UNIT = 256;
    private static final FontRenderContext CONTEXT = new FontRenderContext(null, true, true);

    private final String name;
    private final Font font;
    private final double lineHeight;
    private final Map<Character, Measured> measured = new ConcurrentHashMap<>();

    /** {@code font}'s style counts, its size does not. */
    Face(String family, Font font) {
        this.font = font.deriveFont(UNIT);
        lineHeight = font.deriveFont(UNIT).getLineMetrics("W", CONTEXT).getHeight();
        name = family + styleName(font.getStyle());
    }

    /** {@code shape} is a hash of the outline; two that collide only count as one glyph in {@link #drawsAll}. */
    private record Measured(Rectangle2D bounds, double advance, int shape) {
    }

    private static String styleName(int style) {
        return ((style & Font.BOLD) != 0 ? " Bold" : "") + ((style & Font.ITALIC) != 0 ? " Italic" : "");
    }

    /** Family and style, as the manifest has it. */
    public String name() {
        return name;
    }

    public Font at(float size) {
        return font.deriveFont(size);
    }

    /** The ink of one glyph at {@code size}, its origin at (0, 0), y downwards. */
    public Rectangle2D ink(char c, double size) {
        Rectangle2D unit = measure(c).bounds;
        double scale = size / UNIT;
        return new Rectangle2D.Double(unit.getX() * scale, unit.getY() * scale, unit.getWidth() * scale,
                unit.getHeight() * scale);
    }

    public double advance(char c, double size) {
        return measure(c).advance * size / UNIT;
    }

    /** False for a missing glyph and for an empty one, which some fonts have for letters they only pretend to own. */
    public boolean draws(char c) {
        return font.canDisplay(c) && measure(c).bounds.getWidth() > 0 && measure(c).bounds.getHeight() > 0;
    }

    /**
     * True when every character has ink and at least half of them have outlines of their own: a capitals-only font
     * passes, one that shows the same box for everything does not.
     */
    public boolean drawsAll(String alphabet) {
        Set<Integer> outlines = new HashSet<>();
        for (char c : alphabet.toCharArray()) {
            if (!draws(c)) {
                return false;
            }
            outlines.add(measure(c).shape);
        }
        return 2 * outlines.size() >= alphabet.length();
    }

    private static int shape(Shape outline) {
        double[] point = new double[6];
        int hash = 1;
        for (PathIterator i = outline.getPathIterator(null); !i.isDone(); i.next()) {
            hash = 31 * hash + i.currentSegment(point);
            hash = 31 * hash + (int) Math.round(point[0]);
            hash = 31 * hash + (int) Math.round(point[1]);
        }
        return hash;
    }

    /** Height of a line: ascent, descent and leading. */
    public double lineHeight(double size) {
        return lineHeight * size / UNIT;
    }

    Shape outline(char c) {
        return glyph(c).getOutline();
    }

    private GlyphVector glyph(char c) {
        return font.createGlyphVector(CONTEXT, new char[] {c});
    }

    private Measured measure(char c) {
        return measured.computeIfAbsent(c, key -> {
            GlyphVector glyph = glyph(key);
            GlyphMetrics metrics = glyph.getGlyphMetrics(0);
            Shape outline = glyph.getOutline();
            return new Measured(outline.getBounds2D(), metrics.getAdvanceX(), shape(outline));
        });
    }

    @Override
    public String toString() {
        return name;
    }
}
