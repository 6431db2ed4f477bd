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
import captchaocr.generator.image.PngWriter;
import com.google.code.kaptcha.GimpyEngine;
import com.google.gson.JsonObject;
import java.awt.Color;
import java.awt.image.BufferedImage;
import java.util.Collections;
import java.util.Properties;

/** Kaptcha text pictures: 18 kinds of distortion, spacing and noise on a light ground. */
public final class CtextStyle implements Style {
    public static final String CHARSET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    public static final String LENGTHS = "4:50,5:25,6:25";
    public static final String PALETTE =
            "#000000@40,#1C5BD5@15,#228B22@10,#8B0000@8,#4B0082@8,#D2691E@8,#008080@6,#2F4F4F@5";
    private static final double USUAL_HEIGHT = 60;
    private static final int TRIES = 200;

    /** All the choices of a run. */
    public record Choices(Kinds kinds, Weighted<PictureSize> sizes, Weighted<Integer> lengths,
                          String charset, Weighted<Color> palette, Difficulty.Range difficulty) {
    }

    /** How a picture gets its kind. */
    public interface Kinds {
        TextKind at(long index, Rng rng);

        /** All 18, evenly, by chance. */
        static Kinds random() {
            return named("random", (index, rng) -> rng.pick(TextKind.ALL));
        }

        /** All 18 one after the other: each exactly as often as the others. */
        static Kinds inTurn() {
            return named("in turn", (index, rng) -> TextKind.ALL.get((int) (index % TextKind.ALL.size())));
        }

        static Kinds only(TextKind kind) {
            return named(kind.toString(), (index, rng) -> kind);
        }

        private static Kinds named(String name, Kinds kinds) {
            return new Kinds() {
                @Override
                public TextKind at(long index, Rng rng) {
                    return kinds.at(index, rng);
                }

                @Override
                public String toString() {
                    return name;
                }
            };
        }
    }

    private final Choices choices;
    private final FaceChoice faces;
    private final JsonObject notes;
    private final GlyphTwins twins = new GlyphTwins();

    public CtextStyle(Choices choices, FaceChoice faces, JsonObject notes) {
        this.choices = choices;
        this.faces = faces;
        this.notes = notes;
    }

    public static Weighted<Color> parsePalette(String text) {
        return Weighted.parse("--palette", text, '@', hex -> {
            // Color.decode alone would read the web's #FFF as a blue, and drop the first digit of a seventh.
            if (!hex.matches("#\\p{XDigit}{6}")) {
                throw new GeneratorException("'" + hex + "' is not a colour; write #RRGGBB, for example #1C5BD5@15");
            }
            return Color.decode(hex);
        });
    }

    @Override
    public String name() {
        return "ctext";
    }

    @Override
    public Picture draw(long index, Rng rng) {
        Plan plan = plan(index, rng);
        BufferedImage image = plan.picture.paint(withNoise(plan, rng), ground());
        String text = plan.picture.layout().text();
        return new Picture(PngWriter.encode(image), "png", text, plan.kind.toString(), plan.face.name(),
                plan.picture.canvas(), plan.difficulty, twins.ambiguousIn(text, plan.face, choices.charset()));
    }

    /** What is drawn and where, before a pixel is. */
    record Plan(TextKind kind, Difficulty difficulty, Face face, Distortion distortion, WordPicture picture) {
    }

    Plan plan(long index, Rng rng) {
        TextKind kind = choices.kinds().at(index, rng);
        PictureSize canvas = choices.sizes().pick(rng);
        int length = choices.lengths().pick(rng);
        Difficulty difficulty = choices.difficulty().pick(rng);
        for (int attempt = 0; attempt < 2 * TRIES; attempt++) {
            if (attempt >= TRIES) { // a long text, and the smallest of many sizes
                canvas = choices.sizes().pick(rng);
            }
            int spacing = kind.spacing().pixels
                    + (int) Math.round(difficulty.between(3, 0, -3) * canvas.height() / USUAL_HEIGHT);
            String text = rng.text(choices.charset(), length);
            Face face = faces.pick(rng);
            Distortion distortion = distortion(kind, canvas, difficulty, rng);
            double share = difficulty.between(0.76, 0.72, 0.6) * rng.between(0.9, 1.03);
            int wanted = (int) Math.round(canvas.height() * share);
            WordPicture picture = WordPicture.fit(text, Collections.nCopies(length, face), canvas, wanted, spacing,
                    choices.palette().pick(rng), distortion, difficulty, rng);
            if (picture != null) {
                return new Plan(kind, difficulty, face, distortion, picture);
            }
        }
        throw new GeneratorException("no text of " + length + " characters fits into "
                + choices.sizes().items() + "; ask for a larger size or fewer characters");
    }

    private static Distortion distortion(TextKind kind, PictureSize canvas, Difficulty difficulty, Rng rng) {
        return switch (kind.warp()) {
            case WATER -> new WaterDistortion(difficulty);
            case SHADOW -> new ShadowDistortion(difficulty, rng);
            case FISHEYE -> new FishEyeDistortion(canvas.width(), difficulty, rng);
        };
    }

    /** Kaptcha's fish-eye asks for no noise, so its two noise kinds look alike there; the grid is its noise. */
    private static GimpyEngine withNoise(Plan plan, Rng rng) {
        Distortion distortion = plan.distortion;
        if (!plan.kind.noise() || plan.kind.warp() == TextKind.Warp.FISHEYE) {
            return distortion;
        }
        CurveNoise noise = new CurveNoise(Color.BLACK, rng);
        int curves = plan.difficulty.count(rng, 0, 2, 4);
        return image -> {
            BufferedImage distorted = distortion.getDistortedImage(image);
            for (int i = 0; i < curves; i++) {
                // Kaptcha's two: a short hook on the left, a long one across.
                if (i % 2 == 0) {
                    noise.makeNoise(distorted, .1f, .1f, .25f, .25f);
                } else {
                    noise.makeNoise(distorted, .1f, .25f, .5f, .9f);
                }
            }
            return distorted;
        };
    }

    private static Properties ground() {
        Properties properties = new Properties();
        properties.setProperty("kaptcha.border", "no");
        properties.setProperty("kaptcha.background.clear.from", "255,255,255");
        properties.setProperty("kaptcha.background.clear.to", "233,238,243");
        return properties;
    }

    @Override
    public JsonObject configuration() {
        JsonObject json = new JsonObject();
        json.addProperty("kinds", choices.kinds().toString());
        json.addProperty("sizes", choices.sizes().toString());
        json.addProperty("len", choices.lengths().toString());
        json.addProperty("charset", choices.charset());
        json.addProperty("palette", choices.palette().toString());
        json.addProperty("difficulty", choices.difficulty().toString());
        json.add("fonts", faces.configuration());
        return json;
    }

    @Override
    public JsonObject notes() {
        return notes;
    }
}
