package captchaocr.generator.easy;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import captchaocr.generator.core.ChiSquare;
import captchaocr.generator.core.Difficulty;
import captchaocr.generator.core.GeneratorException;
import captchaocr.generator.core.Picture;
import captchaocr.generator.core.Rng;
import captchaocr.generator.fonts.FontBook;
import captchaocr.generator.fonts.TestFonts;
import captchaocr.generator.text.Ink;
import captchaocr.generator.text.TextLayout;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.wf.captcha.ArithmeticCaptcha;
import com.wf.captcha.SpecCaptcha;
import com.wf.captcha.base.Captcha;
import java.awt.Rectangle;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EasyStyleTest {
    private static final String LATIN = """
            {"type_mix": {"spec": 5, "spec_num": 1, "spec_numlower": 3, "gif_numlower": 0, "arith": 2},
             "sizes": {"160x60": 4, "96x32": 1, "256x64": 0},
             "default": {"len": {"4": 3, "6": 1}, "arith_len": [2, 3],
                         "fonts": {"builtin": 1, "file:fonts-train.txt": 1}}}
            """;

    /** One for all: measuring the glyphs of every font takes longer than the tests. */
    private static FontBook book;

    @BeforeAll
    static void openTheBook() throws IOException {
        book = TestFonts.book();
    }

    private static EasyStyle style(String json, String difficulty) throws IOException {
        JsonObject config = JsonParser.parseString(json).getAsJsonObject();
        return new EasyStyle(EasyConfig.of(config, Path.of("").toAbsolutePath()), book, null,
                Difficulty.Range.parse(difficulty));
    }

    private static EasyStyle only(EasyKind kind, String difficulty) throws IOException {
        return style("""
                {"type_mix": "%s", "sizes": ["96x32", "120x40", "160x60", "256x64"],
                 "default": {"len": [4, 5, 6], "arith_len": [2, 3], "fonts": {"builtin": 1, "file:fonts-train.txt": 2}}}
                """.formatted(kind.id()), difficulty);
    }

    private static Rng rng(long index) {
        return new Rng(Rng.pictureSeed(42, index));
    }

    @Test
    void weightsAreHonouredAndLabelsDoNotDependOnSizes() throws IOException {
        EasyStyle style = style(LATIN, "0.5");
        int draws = 4000;
        Map<String, Long> kinds = new TreeMap<>();
        Map<String, Long> sizes = new TreeMap<>();
        Map<String, Long> firstDigitLow = new TreeMap<>();
        long nums = 0;
        for (long index = 0; index < draws; index++) {
            EasyStyle.Plan plan = style.plan(rng(index));
            kinds.merge(plan.kind().id(), 1L, Long::sum);
            sizes.merge(plan.canvas().toString(), 1L, Long::sum);
            if (plan.kind() == EasyKind.SPEC_NUM) {
                nums++;
                firstDigitLow.merge(plan.canvas() + (plan.layout().text().charAt(0) < '6' ? " low" : " high"), 1L,
                        Long::sum);
            }
        }
        assertCounts(kinds, draws, Map.of("spec", 5.0, "spec_num", 1.0, "spec_numlower", 3.0, "arith", 2.0));
        assertCounts(sizes, draws, Map.of("160x60", 4.0, "96x32", 1.0));
        assertCounts(firstDigitLow, nums,
                Map.of("160x60 low", 4.0, "160x60 high", 4.0, "96x32 low", 1.0, "96x32 high", 1.0));
    }

    private static void assertCounts(Map<String, Long> counts, long total, Map<String, Double> weights) {
        assertEquals(new TreeSet<>(weights.keySet()), new TreeSet<>(counts.keySet()));
        double sum = weights.values().stream().mapToDouble(w -> w).sum();
        List<String> keys = new ArrayList<>(counts.keySet());
        long[] seen = keys.stream().mapToLong(counts::get).toArray();
        double[] expected = keys.stream().mapToDouble(key -> weights.get(key) * total / sum).toArray();
        assertTrue(ChiSquare.plausible(seen, expected), counts + " against " + weights);
    }

    @Test
    void everyCharacterLiesInsideTheCanvas() throws IOException {
        for (String difficulty : List.of("0", "0.5", "1")) {
            for (EasyKind kind : EasyKind.values()) {
                EasyStyle style = only(kind, difficulty);
                for (long index = 0; index < 120; index++) {
                    EasyStyle.Plan plan = style.plan(rng(index));
                    Rectangle box = Ink.of(plan.layout(), plan.canvas().width(), plan.canvas().height());
                    assertTrue(Ink.inside(box, plan.canvas().width(), plan.canvas().height()),
                            plan + " leaves its canvas: " + box);
                }
            }
        }
    }

    @Test
    void alphabetsAreTheLibrarys() {
        Map<EasyKind, Integer> types = Map.of(EasyKind.SPEC, Captcha.TYPE_DEFAULT, EasyKind.SPEC_NUM,
                Captcha.TYPE_ONLY_NUMBER, EasyKind.SPEC_CHAR, Captcha.TYPE_ONLY_CHAR, EasyKind.SPEC_UPPER,
                Captcha.TYPE_ONLY_UPPER, EasyKind.SPEC_LOWER, Captcha.TYPE_ONLY_LOWER, EasyKind.SPEC_NUMUPPER,
                Captcha.TYPE_NUM_AND_UPPER);
        types.forEach((kind, type) -> {
            SpecCaptcha library = new SpecCaptcha(160, 60, 5000);
            library.setCharType(type);
            assertEquals(letters(library.text()), letters(kind.alphabet()), kind.id());
        });
    }

    @Test
    void digitsAndLowerCaseAreNothingElse() throws IOException {
        for (EasyKind kind : List.of(EasyKind.SPEC_NUMLOWER, EasyKind.GIF_NUMLOWER)) {
            assertEquals(letters(EasyKind.SPEC_NUM.alphabet() + EasyKind.SPEC_LOWER.alphabet()),
                    letters(kind.alphabet()));
            EasyStyle style = only(kind, "0.5");
            for (long index = 0; index < 300; index++) {
                String text = style.plan(rng(index)).layout().text();
                assertEquals(text.toLowerCase(Locale.ROOT), text);
            }
        }
    }

    private static TreeSet<Character> letters(String text) {
        TreeSet<Character> letters = new TreeSet<>();
        text.chars().forEach(c -> letters.add((char) c));
        return letters;
    }

    @Test
    void arithmeticIsWrittenAsTheLibraryWritesIt() throws IOException {
        String form = "\\d([-+x]\\d){1,2}=\\?";
        for (int operands = 2; operands <= 3; operands++) {
            ArithmeticCaptcha library = new ArithmeticCaptcha(160, 60, operands);
            assertTrue(library.getArithmeticString().matches(form), library.getArithmeticString());
        }
        EasyStyle style = only(EasyKind.ARITH, "0.5");
        StringBuilder all = new StringBuilder();
        for (long index = 0; index < 300; index++) {
            String text = style.plan(rng(index)).layout().text();
            assertTrue(text.matches(form), text);
            all.append(text);
        }
        assertEquals(letters(EasyKind.ARITH.alphabet()), letters(all.toString()));
    }

    @Test
    void gifsHaveAFrameForEachCharacterAndShowTheWholeLabel() throws IOException {
        EasyStyle style = only(EasyKind.GIF, "0.5");
        for (long index = 0; index < 20; index++) {
            Picture picture = style.draw(index, rng(index));
            TextLayout layout = style.plan(rng(index)).layout();
            assertEquals("gif", picture.extension());
            List<BufferedImage> frames = frames(picture.bytes());
            assertEquals(picture.label().length(), frames.size());
            for (int i = 0; i < frames.size(); i++) {
                // Solid in the frame where its step reaches 1, missing from the next.
                int n = frames.size();
                BufferedImage solid = frames.get(Math.floorMod(n - 1 - i, n));
                BufferedImage missing = frames.get(Math.floorMod(-i, n));
                Rectangle box = layout.inkOf(i).getBounds();
                assertTrue(darkness(solid, box) > darkness(missing, box) + 0.02,
                        picture.label() + ": character " + i + " is not drawn");
            }
        }
    }

    /** Share of non-white in a box, 0 to 1. */
    private static double darkness(BufferedImage image, Rectangle box) {
        long sum = 0;
        for (int y = box.y; y < box.y + box.height; y++) {
            for (int x = box.x; x < box.x + box.width; x++) {
                int rgb = image.getRGB(x, y);
                sum += 765 - (rgb >> 16 & 0xFF) - (rgb >> 8 & 0xFF) - (rgb & 0xFF);
            }
        }
        return sum / (765.0 * box.width * box.height);
    }

    private static List<BufferedImage> frames(byte[] gif) throws IOException {
        ImageReader reader = ImageIO.getImageReadersByFormatName("gif").next();
        reader.setInput(ImageIO.createImageInputStream(new ByteArrayInputStream(gif)));
        List<BufferedImage> frames = new ArrayList<>();
        for (int i = 0; i < reader.getNumImages(true); i++) {
            frames.add(reader.read(i));
        }
        return frames;
    }

    @Test
    void aSeedNamesAPicture() throws IOException {
        EasyStyle one = style(LATIN, "0.2..0.9");
        EasyStyle two = style(LATIN, "0.2..0.9");
        for (long index = 0; index < 100; index++) {
            Picture a = one.draw(index, rng(index));
            Picture b = two.draw(index, rng(index));
            assertEquals(a.label() + a.font() + a.difficulty(), b.label() + b.font() + b.difficulty());
            assertArrayEquals(a.bytes(), b.bytes());
        }
    }

    @Test
    void chineseWithoutAChineseFontIsAnError() {
        GeneratorException e = assertThrows(GeneratorException.class, () -> style("""
                {"type_mix": "cn", "sizes": "160x60", "default": {"len": 4, "arith_len": 2, "fonts": "builtin"}}
                """, "0.5"));
        assertTrue(e.getMessage().contains("kind cn"), e.getMessage());
    }

    @Test
    void mistakesInTheConfigurationAreErrors() {
        Map<String, String> mistakes = Map.of(
                "{\"type_mx\": {}}", "unknown key 'type_mx'",
                "{\"type_mix\": {\"spec_lowernum\": 1}}", "unknown kind 'spec_lowernum'",
                "{\"type_mix\": {\"spec\": \"much\"}}", "not a weight",
                "{\"type_mix\": \"spec\", \"sizes\": \"160*60\"}", "not a size",
                "{\"type_mix\": \"spec\", \"sizes\": \"160x60\"}", "len is missing",
                "{\"type_mix\": \"spec\", \"sizes\": \"160x60\", \"kinds\": {\"spce\": {}}}", "unknown kind 'spce'",
                "{\"type_mix\": \"spec\", \"sizes\": null}", "sizes is missing",
                "{\"type_mix\": [{\"spec\": 1}]}", "type_mix: {\"spec\":1} in a list is not allowed",
                "{\"type_mix\": [[\"spec\", \"gif\"]]}", "in a list is not allowed",
                "{\"type_mix\": \"spec\", \"sizes\": \"160x60\", \"default\": {\"len\": 99}}", "'99' is not allowed");
        mistakes.forEach((json, message) -> {
            GeneratorException e = assertThrows(GeneratorException.class, () -> style(json, "0.5"), json);
            assertTrue(e.getMessage().contains(message), e.getMessage());
        });
    }

    @Test
    void aMistakeIsToldInOneLineWithItsFileAndItsField(@TempDir Path folder) throws IOException {
        Map<String, String> mistakes = Map.of(
                "\"len\": 11", "kinds.spec.len '11' is not allowed; give 2 to 10",
                "\"arith_len\": 4", "kinds.spec.arith_len '4' is not allowed; give 2 to 3",
                "\"fonts\": {\"builtin\": -1}", "kinds.spec.fonts: the weight of 'builtin' is -1.0",
                "\"lenght\": 4", "unknown key 'lenght' in kinds.spec",
                "\"len\": null", "kinds.spec.len is missing",
                "\"len\": 4,", "is not a JSON object");
        for (Map.Entry<String, String> mistake : mistakes.entrySet()) {
            Path config = Files.writeString(folder.resolve("mine.json"), """
                    {"type_mix": "spec", "sizes": "160x60", "default": {"len": 4, "arith_len": 2, "fonts": "builtin"},
                     "kinds": {"spec": {%s}}}""".formatted(mistake.getKey()));
            String said = assertThrows(GeneratorException.class, () -> EasyConfig.read(config)).getMessage();
            assertTrue(said.startsWith(config.toString()) && said.contains(mistake.getValue()), said);
            assertEquals(1, said.lines().count(), said);
        }
    }

    @Test
    void fontsOfWeightZeroNeedNotBeThere() throws IOException {
        EasyStyle style = style("""
                {"type_mix": "spec", "sizes": "160x60",
                 "default": {"len": 4, "arith_len": 2, "fonts": {"builtin": 1, "file:no-such-list.txt": 0}}}""", "0.5");
        String font = style.draw(0, rng(0)).font();
        assertTrue(EasyStyle.BUILTIN.contains(font.split(" ")[0]), font);
    }

    @Test
    void builtInFontsThatKnowNoLowerCaseAreMarked() throws IOException {
        for (String font : List.of("actionj", "fresnel", "lexo", "scandal")) {
            EasyStyle style = style("""
                    {"type_mix": "spec", "sizes": "160x60",
                     "default": {"len": 4, "arith_len": 2, "fonts": "builtin:%s"}}""".formatted(font), "0.5");
            for (long index = 0; index < 50; index++) {
                Picture picture = style.draw(index, rng(index));
                // scandal's f is the one exception: it is not its F.
                for (char c : picture.label().replaceAll("[fF]", "").toCharArray()) {
                    assertEquals(Character.isLetter(c), picture.ambiguous().indexOf(c) >= 0,
                            font + " " + picture.label() + " " + picture.ambiguous());
                }
            }
        }
    }

    @Test
    void oneCaseAloneIsNotAmbiguous() throws IOException {
        EasyStyle style = style("""
                {"type_mix": "spec_upper", "sizes": "160x60",
                 "default": {"len": 4, "arith_len": 2, "fonts": "builtin:actionj"}}""", "0.5");
        for (long index = 0; index < 50; index++) {
            assertEquals("", style.draw(index, rng(index)).ambiguous());
        }
    }

    @Test
    void theShippedConfigurationIsReadAndHasAllKinds() throws IOException {
        EasyConfig config = EasyConfig.read(Path.of("EasyCaptcha/config.json"));
        assertEquals(EasyKind.values().length, config.typeMix().items().size());
        assertFalse(config.sizes().items().isEmpty());
    }
}
