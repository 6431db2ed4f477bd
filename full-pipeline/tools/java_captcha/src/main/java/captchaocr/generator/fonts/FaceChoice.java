package captchaocr.generator.fonts;

import captchaocr.generator.core.GeneratorException;
import captchaocr.generator.core.Rng;
import captchaocr.generator.core.Weighted;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.awt.Font;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Which font a picture gets: a group of families by weight, a family of it evenly, a style by weight. */
public final class FaceChoice {
    /** Kaptcha and EasyCaptcha both ask for bold; the rest is there so that a model meets other machines' fonts. */
    public static final Map<Integer, Double> MOSTLY_BOLD =
            Map.of(Font.BOLD, 62.0, Font.PLAIN, 26.0, Font.BOLD | Font.ITALIC, 6.0, Font.ITALIC, 6.0);
    /** EasyCaptcha draws Chinese in plain; slanted Chinese is rare in print. */
    public static final Map<Integer, Double> UPRIGHT = Map.of(Font.PLAIN, 60.0, Font.BOLD, 40.0);

    private final FontBook book;
    private final Weighted<List<String>> groups;
    private final Weighted<Integer> styles;

    private FaceChoice(FontBook book, Weighted<List<String>> groups, Weighted<Integer> styles) {
        this.book = book;
        this.groups = groups;
        this.styles = styles;
    }

    /**
     * @param what    named in the error when no family can draw {@code alphabet}
     * @param groups  weights of groups of installed families; families that cannot draw the alphabet are passed over
     */
    public static FaceChoice of(String what, FontBook book, Map<List<String>, Double> groups,
                                Map<Integer, Double> styles, String alphabet) {
        Map<List<String>, Double> able = new LinkedHashMap<>();
        groups.forEach((families, weight) -> {
            List<String> kept = book.ableToDraw(families, styles.keySet(), alphabet);
            if (!kept.isEmpty()) {
                able.merge(kept, weight, Double::sum);
            }
        });
        if (able.isEmpty()) {
            throw new GeneratorException(what + ": none of the fonts " + shorten(groups.keySet()) + " draws all of '"
                    + shorten(alphabet) + "'; install one that does (fonts-debian-packages.txt names packages), give "
                    + "--fonts, --fonts-file or --font-dir, or leave this kind out");
        }
        return new FaceChoice(book, Weighted.of(what + " fonts", able),
                Weighted.of(what + " font styles", new TreeMap<>(styles)));
    }

    private static String shorten(Object value) {
        String text = String.valueOf(value);
        return text.length() <= 80 ? text : text.substring(0, 77) + "...";
    }

    public Face pick(Rng rng) {
        return book.face(rng.pick(groups.pick(rng)), styles.pick(rng));
    }

    /** Families, weights and styles: part of a run's configuration. */
    public JsonObject configuration() {
        JsonObject json = new JsonObject();
        json.addProperty("styles", styles.toString());
        JsonArray list = new JsonArray();
        groups.weights().forEach((families, weight) -> {
            JsonObject group = new JsonObject();
            group.addProperty("weight", weight);
            JsonArray names = new JsonArray();
            families.forEach(names::add);
            group.add("families", names);
            list.add(group);
        });
        json.add("groups", list);
        return json;
    }
}
