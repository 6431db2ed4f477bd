package captchaocr.generator.easy;

import captchaocr.generator.core.Difficulty;
import captchaocr.generator.core.GeneratorException;
import captchaocr.generator.core.Picture;
import captchaocr.generator.core.PictureSize;
import captchaocr.generator.core.Rng;
import captchaocr.generator.core.Style;
import captchaocr.generator.fonts.Face;
import captchaocr.generator.fonts.FaceChoice;
import captchaocr.generator.fonts.FontBook;
import captchaocr.generator.fonts.GlyphTwins;
import captchaocr.generator.text.TextLayout;
import com.google.gson.JsonObject;
import com.wf.captcha.base.Captcha;
import java.awt.Font;
import java.awt.FontFormatException;
import java.awt.geom.Rectangle2D;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Collections;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Pictures as EasyCaptcha 1.6.2 draws them. */
public final class EasyStyle implements Style {
    /** The fonts in the library's jar. */
    static final List<String> BUILTIN = List.of("actionj", "epilog", "fresnel", "headache", "lexo", "prefix", "progbot",
            "ransom", "robot", "scandal");
    private static final int TRIES = 200;
    /** Below this share of the size wanted, another text or font is tried. */
    private static final double SMALLEST_SHARE = 0.5;

    private final EasyConfig config;
    private final FontBook book;
    private final Difficulty.Range difficulty;
    private final Map<EasyKind, FaceChoice> faces = new EnumMap<>(EasyKind.class);
    private final GlyphTwins twins = new GlyphTwins();

    EasyStyle(EasyConfig config, FontBook book, List<String> families, Difficulty.Range difficulty)
            throws IOException {
        this.config = config;
        this.book = book;
        this.difficulty = difficulty;
        for (String name : BUILTIN) {
            book.add(name, builtin(name));
        }
        for (Map.Entry<EasyKind, EasyConfig.KindSettings> entry : config.kinds().entrySet()) {
            EasyKind kind = entry.getKey();
            faces.put(kind, FaceChoice.of("kind " + kind.id(), book,
                    families == null ? groups(entry.getValue().fonts()) : Map.of(families, 1.0),
                    kind.chinese() ? FaceChoice.UPRIGHT : FaceChoice.MOSTLY_BOLD, kind.alphabet()));
        }
    }

    /** {@code families}, if not null, stand in for the configuration's fonts, for every kind. */
    public static EasyStyle read(Path config, FontBook book, List<String> families, Difficulty.Range difficulty)
            throws IOException {
        return new EasyStyle(EasyConfig.read(config), book, families, difficulty);
    }

    /**
     * Of a stream Java makes a copy that goes when a signal comes, and the pictures then under way would be drawn in
     * another font without a word. Ours goes after all that runs at the end.
     */
    private static Font builtin(String name) throws IOException {
        Path copy = Files.createTempFile(name, ".ttf");
        copy.toFile().deleteOnExit();
        try (InputStream in = Captcha.class.getResourceAsStream("/" + name + ".ttf")) {
            Files.copy(in, copy, StandardCopyOption.REPLACE_EXISTING);
            return Font.createFont(Font.TRUETYPE_FONT, copy.toFile());
        } catch (FontFormatException e) {
            throw new IOException("the font " + name + " in easy-captcha's jar cannot be read", e);
        }
    }

    private Map<List<String>, Double> groups(Map<String, Double> asked) throws IOException {
        Map<List<String>, Double> groups = new LinkedHashMap<>();
        for (Map.Entry<String, Double> entry : asked.entrySet()) {
            if (entry.getValue() > 0) { // what is never drawn need not be installed
                groups.merge(families(entry.getKey()), entry.getValue(), Double::sum);
            }
        }
        return groups;
    }

    private List<String> families(String source) throws IOException {
        if (source.equals("builtin")) {
            return BUILTIN;
        }
        if (source.startsWith("builtin:")) {
            String name = source.substring("builtin:".length());
            if (!BUILTIN.contains(name)) {
                throw new GeneratorException("unknown built-in font '" + name + "'; choose from "
                        + String.join(", ", BUILTIN));
            }
            return List.of(name);
        }
        if (source.startsWith("file:")) {
            return book.installedOf(config.folder().resolve(source.substring("file:".length())));
        }
        return book.installedOrSubstituted(List.of(source));
    }

    @Override
    public String name() {
        return "easy";
    }

    @Override
    public Picture draw(long index, Rng rng) {
        Plan plan = plan(rng);
        EasyPainter painter = new EasyPainter(plan.kind.form, plan.canvas, plan.layout, plan.difficulty, rng);
        boolean gif = plan.kind.animated();
        String text = plan.layout.text();
        Face face = plan.layout.faces().get(0);
        return new Picture(gif ? painter.gif() : painter.png(), gif ? "gif" : "png", text, plan.kind.id(),
                face.name(), plan.canvas, plan.difficulty, twins.ambiguousIn(text, face, plan.kind.alphabet()));
    }

    /** What is drawn and where, before a pixel is. */
    record Plan(EasyKind kind, PictureSize canvas, Difficulty difficulty, TextLayout layout) {
    }

    Plan plan(Rng rng) {
        EasyKind kind = config.typeMix().pick(rng);
        PictureSize canvas = config.sizes().pick(rng);
        Difficulty hard = difficulty.pick(rng);
        for (int attempt = 0; attempt < TRIES; attempt++) {
            TextLayout layout = layout(kind, text(kind, rng), faces.get(kind).pick(rng), canvas, hard, rng);
            if (layout != null) {
                return new Plan(kind, canvas, hard, layout);
            }
        }
        throw new GeneratorException("no text of kind " + kind.id() + " fits into " + canvas + "; make the size "
                + "larger or len smaller");
    }

    private TextLayout layout(EasyKind kind, String text, Face face, PictureSize canvas, Difficulty hard, Rng rng) {
        // The library's 32 points on a canvas 48 high, and a little either way.
        double share = hard.between(0.72, 0.667, 0.58) * rng.between(0.92, 1.06);
        double most = Math.toRadians(hard.between(0, 0, 25));
        double[] angles = new double[text.length()];
        for (int i = 0; i < angles.length; i++) {
            angles[i] = most == 0 ? 0 : rng.between(-most, most);
        }
        List<Face> faces = Collections.nCopies(text.length(), face);
        Rectangle2D room = TextLayout.room(canvas);
        int wanted = (int) Math.round(canvas.height() * share);
        return TextLayout.fit(wanted, (int) Math.ceil(wanted * SMALLEST_SHARE),
                size -> asTheLibrary(text, faces, canvas, kind.form, size, angles), room, hard.between(0, 0.15, 0.25));
    }

    /** One character a cell, each as far from its cell's left edge as the reference character would be. */
    private static TextLayout asTheLibrary(String text, List<Face> faces, PictureSize canvas, EasyKind.Form form,
                                           int size, double[] angles) {
        Face face = faces.get(0);
        int cell = canvas.width() / text.length();
        int side = (cell - (int) face.advance(form.reference, size)) / 2;
        int[] x = new int[text.length()];
        for (int i = 0; i < x.length; i++) {
            x[i] = i * cell + side + form.offset;
        }
        int line = (int) face.lineHeight(size);
        int baseline = canvas.height() - ((canvas.height() - line) >> 1) - 3;
        return new TextLayout(text, faces, size, x, baseline, angles);
    }

    private String text(EasyKind kind, Rng rng) {
        EasyConfig.KindSettings settings = config.kinds().get(kind);
        return kind == EasyKind.ARITH ? arithmetic(settings.operands().pick(rng), rng)
                : rng.text(kind.alphabet(), settings.length().pick(rng));
    }

    /** As {@code ArithmeticCaptchaAbstract}: digits joined by +, - or the letter x. */
    private static String arithmetic(int operands, Rng rng) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < operands; i++) {
            text.append(i == 0 ? "" : String.valueOf("+-x".charAt(rng.nextInt(3)))).append(rng.nextInt(10));
        }
        return text.append("=?").toString();
    }

    @Override
    public JsonObject configuration() {
        JsonObject json = new JsonObject();
        json.addProperty("type_mix", config.typeMix().toString());
        json.addProperty("sizes", config.sizes().toString());
        json.addProperty("difficulty", difficulty.toString());
        JsonObject kinds = new JsonObject();
        faces.forEach((kind, choice) -> {
            JsonObject settings = new JsonObject();
            settings.addProperty("len", config.kinds().get(kind).length().toString());
            settings.addProperty("arith_len", config.kinds().get(kind).operands().toString());
            settings.add("fonts", choice.configuration());
            kinds.add(kind.id(), settings);
        });
        json.add("kinds", kinds);
        return json;
    }

    @Override
    public JsonObject notes() {
        return book.notes();
    }
}
