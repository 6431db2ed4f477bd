package captchaocr.generator.fonts;

import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Characters that a font draws alike: {@code C} and {@code c} of a capitals-only font, {@code I} and {@code l} of many
 * sans-serifs. Glyphs that differ in size are twins only if one is an exact copy of the other, scaled: {@code w} is no
 * twin of {@code W} while its size and its relatively thicker stems tell it apart.
 */
public final class GlyphTwins {
    private static final double OVERLAP = 0.80;
    private static final double OVERLAP_OF_OTHER_SIZE = 0.93;
    private static final double SAME_SIZE = 1.12;
    /** A tail, a dot or an opening is a difference however small: Q is not O, i is not I, c is not o. */
    private static final double LARGEST_SPOT = 0.40;

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
        GlyphShape[] shapes = new GlyphShape[alphabet.length()];
        for (int i = 0; i < shapes.length; i++) {
            shapes[i] = new GlyphShape(face.outline(alphabet.charAt(i)));
        }
        Set<Character> twins = new TreeSet<>();
        for (int i = 0; i < shapes.length; i++) {
            for (int j = i + 1; j < shapes.length; j++) {
                if (alike(shapes[i], shapes[j])) {
                    twins.add(alphabet.charAt(i));
                    twins.add(alphabet.charAt(j));
                }
            }
        }
        return twins;
    }

    private static boolean alike(GlyphShape a, GlyphShape b) {
        double ratio = Math.max(a.size() / b.size(), b.size() / a.size());
        double wanted = ratio <= SAME_SIZE ? OVERLAP : OVERLAP_OF_OTHER_SIZE;
        return a.overlapAtMost(b) >= wanted && a.overlap(b) >= wanted && a.largestSpot(b) <= LARGEST_SPOT;
    }
}
