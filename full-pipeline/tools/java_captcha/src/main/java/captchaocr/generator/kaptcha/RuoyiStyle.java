package captchaocr.generator.kaptcha;

import captchaocr.generator.core.Difficulty;
import captchaocr.generator.core.GeneratorException;
import captchaocr.generator.core.Picture;
import captchaocr.generator.core.PictureSize;
import captchaocr.generator.core.Rng;
import captchaocr.generator.core.Style;
import captchaocr.generator.core.Weighted;
import captchaocr.generator.fonts.Face;
import captchaocr.generator.fonts.FaceChoice;
import captchaocr.generator.fonts.GlyphTwins;
import captchaocr.generator.image.Canvas;
import captchaocr.generator.image.PngWriter;
import captchaocr.generator.text.TextLayout;
import com.google.gson.JsonObject;
import java.awt.Color;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Properties;
import java.util.Set;

/**
 * Kaptcha as the RuoYi framework sets it up: blue arithmetic with a shadow on a graded ground with a green border,
 * drawn at 160x60, then scaled to the size wanted (aspect kept, centred on white).
 */
public final class RuoyiStyle implements Style {
    public static final List<String> FONTS = List.of("Arial", "Courier");
    public static final PictureSize DRAWN = new PictureSize(160, 60);
    private static final int FONT_SIZE = 35;
    private static final int SPACING = 3;
    private static final int TRIES = 200;
    private static final String KIND = "arith";

    private final Weighted<PictureSize> sizes;
    private final Difficulty.Range difficulty;
    private final Fonts fonts;
    private final JsonObject notes;
    private final GlyphTwins twins = new GlyphTwins();

    /**
     * RuoYi gives each character one of two fonts. A picture uses the pair of {@code usual}, or, with probability
     * {@code otherShare}, two of {@code other}'s.
     */
    public record Fonts(List<Face> usual, FaceChoice other, double otherShare) {
        List<Face> pair(Rng rng) {
            return other != null && rng.chance(otherShare) ? List.of(other.pick(rng), other.pick(rng)) : usual;
        }
    }

    public RuoyiStyle(Weighted<PictureSize> sizes, Difficulty.Range difficulty, Fonts fonts, JsonObject notes) {
        this.sizes = sizes;
        this.difficulty = difficulty;
        this.fonts = fonts;
        this.notes = notes;
    }

    @Override
    public String name() {
        return "ruoyi";
    }

    @Override
    public Picture draw(long index, Rng rng) {
        PictureSize size = sizes.pick(rng);
        Drawn drawn = drawUnscaled(rng);
        return new Picture(PngWriter.encode(Canvas.fitOnWhite(drawn.image, size)), "png", drawn.text, KIND, drawn.font,
                size, drawn.difficulty, drawn.ambiguous);
    }

    /** A picture of 160x60, before scaling. */
    public record Drawn(BufferedImage image, String text, String font, Difficulty difficulty, String ambiguous) {
    }

    public Drawn drawUnscaled(Rng rng) {
        Plan plan = plan(rng);
        TextLayout layout = plan.picture.layout();
        return new Drawn(plan.picture.paint(plan.distortion, properties()), layout.text(), names(layout.faces()),
                plan.difficulty, ambiguous(layout.text(), layout.faces()));
    }

    /** What is drawn and where, before a pixel is. */
    record Plan(Difficulty difficulty, Distortion distortion, WordPicture picture) {
    }

    Plan plan(Rng rng) {
        Difficulty hard = difficulty.pick(rng);
        int wanted = (int) Math.round(FONT_SIZE * hard.between(1.05, 1, 0.85));
        int spacing = SPACING + (int) Math.round(hard.between(3, 0, -3));
        for (int attempt = 0; attempt < TRIES; attempt++) {
            String text = RuoyiText.next(rng);
            List<Face> pair = fonts.pair(rng);
            List<Face> faces = new ArrayList<>();
            for (int i = 0; i < text.length(); i++) {
                faces.add(rng.pick(pair));
            }
            Distortion distortion = new ShadowDistortion(hard, rng);
            WordPicture picture = WordPicture.fit(text, faces, DRAWN, wanted, spacing, Color.BLUE, distortion, hard,
                    rng);
            if (picture != null) {
                return new Plan(hard, distortion, picture);
            }
        }
        throw new GeneratorException("none of the fonts fits five characters into " + DRAWN
                + "; name narrower --fonts");
    }

    private static String names(List<Face> faces) {
        Set<String> names = new LinkedHashSet<>();
        faces.stream().map(Face::name).sorted().forEach(names::add);
        return String.join(" + ", names);
    }

    private String ambiguous(String text, List<Face> faces) {
        Set<String> found = new LinkedHashSet<>();
        for (int i = 0; i < text.length(); i++) {
            found.add(twins.ambiguousIn(text.substring(i, i + 1), faces.get(i), RuoyiText.ALPHABET));
        }
        return String.join("", found);
    }

    private static Properties properties() {
        Properties properties = new Properties();
        properties.setProperty("kaptcha.border", "yes");
        properties.setProperty("kaptcha.border.color", "105,179,90");
        return properties;
    }

    @Override
    public JsonObject configuration() {
        JsonObject json = new JsonObject();
        json.addProperty("sizes", sizes.toString());
        json.addProperty("difficulty", difficulty.toString());
        json.addProperty("fonts", fonts.usual.toString());
        json.addProperty("other_fonts_share", fonts.otherShare);
        if (fonts.other != null) {
            json.add("other_fonts", fonts.other.configuration());
        }
        return json;
    }

    @Override
    public JsonObject notes() {
        return notes;
    }
}
