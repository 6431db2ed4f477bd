package captchaocr.generator.fonts;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.Shape;
import java.awt.geom.AffineTransform;
import java.awt.geom.Rectangle2D;
import java.awt.image.BufferedImage;
import java.awt.image.DataBufferByte;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Characters that a font draws alike: {@code C} and {@code c} of a capitals-only font, {@code I} and {@code l} of many
 * sans-serifs. Two glyphs are twins when their outlines agree after each is scaled, by one factor, to the same height
 * (to the same width, if wider than high) and moved to the same place.
 */
public final class GlyphTwins {
    private static final int SIDE = 40;
    private static final double ASPECT_TOLERANCE = 1.08;
    // Of the ink of both glyphs, the share that both have. Stem widths of o and O differ by more than this allows.
    private static final double OVERLAP = 0.90;

    private final Map<String, Set<Character>> known = new ConcurrentHashMap<>();

    /** Those characters of {@code label}, each once, that {@code face} draws like another one of {@code alphabet}. */
    public String ambiguousIn(String label, Face face, String alphabet) {
        Set<Character> twins = known.computeIfAbsent(face.name() + "\n" + alphabet, key -> twins(face, alphabet));
        StringBuilder found = new StringBuilder();
        for (char c : label.toCharArray()) {
            if (twins.contains(c) && found.indexOf(String.valueOf(c)) < 0) {
                found.append(c);
            }
        }
        return found.toString();
    }

    static Set<Character> twins(Face face, String alphabet) {
        int n = alphabet.length();
        byte[][] ink = new byte[n][];
        double[] aspect = new double[n];
        for (int i = 0; i < n; i++) {
            Shape outline = face.outline(alphabet.charAt(i));
            Rectangle2D box = outline.getBounds2D();
            aspect[i] = box.getWidth() / box.getHeight();
            ink[i] = rasterise(outline, box);
        }
        Set<Character> twins = new TreeSet<>();
        for (int i = 0; i < n; i++) {
            for (int j = i + 1; j < n; j++) {
                if (similar(aspect[i], aspect[j]) && overlap(ink[i], ink[j]) >= OVERLAP) {
                    twins.add(alphabet.charAt(i));
                    twins.add(alphabet.charAt(j));
                }
            }
        }
        return twins;
    }

    private static boolean similar(double a, double b) {
        return Math.max(a, b) <= Math.min(a, b) * ASPECT_TOLERANCE;
    }

    private static byte[] rasterise(Shape outline, Rectangle2D box) {
        BufferedImage image = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_BYTE_GRAY);
        Graphics2D graphics = image.createGraphics();
        graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        graphics.setColor(Color.WHITE);
        double scale = SIDE / Math.max(box.getWidth(), box.getHeight());
        AffineTransform fit = AffineTransform.getScaleInstance(scale, scale);
        fit.translate(-box.getX(), -box.getY());
        graphics.fill(fit.createTransformedShape(outline));
        graphics.dispose();
        return ((DataBufferByte) image.getRaster().getDataBuffer()).getData();
    }

    private static double overlap(byte[] a, byte[] b) {
        long both = 0;
        long either = 0;
        for (int i = 0; i < a.length; i++) {
            int left = a[i] & 0xFF;
            int right = b[i] & 0xFF;
            both += Math.min(left, right);
            either += Math.max(left, right);
        }
        return either == 0 ? 0 : (double) both / either;
    }
}
