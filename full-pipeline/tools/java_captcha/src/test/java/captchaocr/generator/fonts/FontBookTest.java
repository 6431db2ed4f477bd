package captchaocr.generator.fonts;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import captchaocr.generator.core.ChiSquare;
import captchaocr.generator.core.GeneratorException;
import captchaocr.generator.core.Rng;
import com.wf.captcha.base.Captcha;
import java.awt.Font;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FontBookTest {
    @TempDir
    Path folder;

    private static String anInstalledFamily(FontBook book) throws Exception {
        return TestFonts.installed(book).get(0);
    }

    @Test
    void aFontThatIsNotInstalledIsReplacedByANamedOne() throws Exception {
        FontBook book = TestFonts.book();
        List<String> found = book.installedOrSubstituted(List.of("No Such Font At All"));
        assertEquals(1, found.size());
        assertEquals(found.get(0), book.notes().getAsJsonObject("fonts_substituted").get("No Such Font At All")
                .getAsString());
    }

    @Test
    void anInstalledFontIsTakenAsItIsWhateverItsCase() throws Exception {
        FontBook book = TestFonts.book();
        String family = anInstalledFamily(book);
        assertEquals(List.of(family), book.installedOrSubstituted(List.of(" " + family.toUpperCase() + " ")));
        assertFalse(book.notes().has("fonts_substituted"));
    }

    @Test
    void aCommaTooManyAddsNoFont() throws Exception {
        FontBook book = TestFonts.book();
        String family = anInstalledFamily(book);
        assertEquals(List.of(family), book.installedOrSubstituted(List.of(family, "", " ")));
        assertFalse(book.notes().has("fonts_substituted"));
    }

    @Test
    void familiesOfAListThatAreNotInstalledAreLeftOutAndNoted() throws Exception {
        String family = anInstalledFamily(TestFonts.book());
        FontBook book = TestFonts.book();
        Path list = Files.writeString(folder.resolve("list.txt"), "# a list\n" + family + "  # good\n\nNo Such Font\n");
        assertEquals(List.of(family), book.installedOf(list));
        assertEquals("[\"No Such Font\"]", book.notes().get("fonts_not_installed").toString());
    }

    @Test
    void aListMayBeginWithAByteOrderMarkAndMustBeUtf8() throws Exception {
        FontBook book = TestFonts.book();
        String family = anInstalledFamily(book);
        Path list = Files.writeString(folder.resolve("list.txt"), "\uFEFF" + family + "\r\n");
        assertEquals(List.of(family), book.installedOf(list));
        Files.write(list, new byte[] {(byte) 0xCB, (byte) 0xCE, '\n'}); // the first character of SimSun's name, in GBK
        GeneratorException e = assertThrows(GeneratorException.class, () -> book.installedOf(list));
        assertTrue(e.getMessage().contains("is not UTF-8"), e.getMessage());
    }

    @Test
    void aListOfNothingInstalledIsAnError() throws Exception {
        Path list = Files.writeString(folder.resolve("list.txt"), "No Such Font\n");
        FontBook book = TestFonts.book();
        assertThrows(GeneratorException.class, () -> book.installedOf(list));
        assertThrows(GeneratorException.class, () -> book.installedOf(folder.resolve("missing.txt")));
    }

    @Test
    void aFontThatLacksAGlyphIsNotUsed() throws Exception {
        FontBook book = TestFonts.book();
        book.add("actionj", builtin("actionj"));
        assertEquals(List.of("actionj"), book.ableToDraw(List.of("actionj"), Set.of(), "ABC123"));
        assertEquals(List.of(), book.ableToDraw(List.of("actionj"), Set.of(), "ABC中"));
        GeneratorException e = assertThrows(GeneratorException.class,
                () -> FaceChoice.of("kind cn", book, Map.of(List.of("actionj"), 1.0), FaceChoice.UPRIGHT, "中文"));
        assertTrue(e.getMessage().startsWith("kind cn: none of the fonts"), e.getMessage());
    }

    @Test
    void fontsAreDrawnByTheirWeights() throws Exception {
        FontBook book = TestFonts.book();
        book.add("actionj", builtin("actionj"));
        book.add("lexo", builtin("lexo"));
        FaceChoice choice = FaceChoice.of("test", book, Map.of(List.of("actionj"), 3.0, List.of("lexo"), 1.0),
                FaceChoice.UPRIGHT, "AB");
        Rng rng = new Rng(6);
        Map<String, Integer> counts = new TreeMap<>();
        for (int i = 0; i < 4000; i++) {
            counts.merge(choice.pick(rng).name(), 1, Integer::sum);
        }
        double[] weights = {3 * 0.6, 3 * 0.4, 0.6, 0.4};
        assertEquals(List.of("actionj", "actionj Bold", "lexo", "lexo Bold"), List.copyOf(counts.keySet()));
        assertTrue(ChiSquare.plausible(counts.values().stream().mapToLong(n -> n).toArray(),
                Arrays.stream(weights).map(weight -> 1000 * weight).toArray()), counts.toString());
    }

    /** DejaVu Sans has a glyph for U+F000; its bold file has none. */
    @Test
    void aFontThatLacksAGlyphInOneOfItsStylesIsNotUsed() throws Exception {
        FontBook book = TestFonts.book();
        List<String> family = List.of("DejaVu Sans");
        assertEquals(family, book.ableToDraw(family, Set.of(Font.PLAIN), "A\uF000"));
        assertEquals(List.of(), book.ableToDraw(family, Set.of(Font.PLAIN, Font.BOLD), "A\uF000"));
        assertEquals(family, book.ableToDraw(family, FaceChoice.MOSTLY_BOLD.keySet(), "AZaz09"));
    }

    /** Nor by standing in for a font that is not installed; only Noto Serif SC is that font, by its other name. */
    @Test
    void noHeldOutFontIsTrainedWith() throws Exception {
        Set<String> heldOut = names(Path.of("fonts-heldout.txt"));
        Set<String> training = names(TestFonts.TRAIN_LIST);
        Properties substitutes = new Properties();
        try (InputStream in = FontBook.class.getResourceAsStream("/captchaocr/generator/font-substitutes.properties")) {
            substitutes.load(in);
        }
        substitutes.remove("noto_serif_sc");
        for (Object names : substitutes.values()) {
            Arrays.stream(names.toString().split(",")).map(name -> name.trim().toLowerCase(Locale.ROOT))
                    .forEach(training::add);
        }
        training.retainAll(heldOut);
        assertTrue(heldOut.size() > 20 && training.isEmpty(), "trained with, and held out: " + training);
    }

    private static Set<String> names(Path list) throws Exception {
        Set<String> names = new TreeSet<>();
        for (String line : Files.readAllLines(list)) {
            names.add(line.replaceFirst("#.*", "").trim().toLowerCase(Locale.ROOT));
        }
        names.remove("");
        return names;
    }

    @Test
    void aSpaceIsNotAGlyph() throws Exception {
        FontBook book = TestFonts.book();
        Face face = book.face(anInstalledFamily(book), Font.PLAIN);
        assertTrue(face.draws('A'));
        assertFalse(face.draws(' '));
        assertFalse(face.drawsAll("A B"));
    }

    @Test
    void fontsOfAFolderCanBeNamed() throws Exception {
        Files.write(folder.resolve("scandal.ttf"), Captcha.class.getResourceAsStream("/scandal.ttf").readAllBytes());
        String family = builtin("scandal").getFamily();
        FontBook book = FontBook.open(folder);
        assertEquals(List.of(family), book.installedOrSubstituted(List.of(family)));
        assertFalse(book.notes().has("fonts_substituted"));
    }

    @Test
    void aFolderWithoutFontsOrWithABrokenOneIsAnError() throws Exception {
        assertThrows(GeneratorException.class, () -> FontBook.open(folder.resolve("none")));
        assertThrows(GeneratorException.class, () -> FontBook.open(folder));
        Files.writeString(folder.resolve("broken.ttf"), "not a font");
        assertThrows(GeneratorException.class, () -> FontBook.open(folder));
    }

    @Test
    void twinsAreFoundAndNeighboursAreNot() throws Exception {
        FontBook book = TestFonts.book();
        book.add("headache", builtin("headache"));
        assertEquals(Set.of('0', 'O'), GlyphTwins.twins(book.face("headache", Font.BOLD), "0123456789OQCGEF"));
        book.add("lexo", builtin("lexo"));
        assertEquals(new TreeSet<>(Set.of('a', 'A', 'w', 'W')),
                GlyphTwins.twins(book.face("lexo", Font.BOLD), "aAwW23"));
        Face sans = book.face("DejaVu Sans", Font.PLAIN);
        assertEquals(Set.of('I', 'l'), GlyphTwins.twins(sans, "IliOQ0CGEFosSwW"));
    }

    @Test
    void ambiguousCharactersAreNamedOnceInTheirOrder() throws Exception {
        FontBook book = TestFonts.book();
        book.add("lexo", builtin("lexo"));
        Face lexo = book.face("lexo", Font.BOLD);
        GlyphTwins twins = new GlyphTwins();
        assertEquals("wA", twins.ambiguousIn("w2AwA", lexo, "aAwW23"));
        assertEquals("", twins.ambiguousIn("WAW", lexo, "AW23"));
    }

    private static Font builtin(String name) throws Exception {
        try (InputStream in = Captcha.class.getResourceAsStream("/" + name + ".ttf")) {
            return Font.createFont(Font.TRUETYPE_FONT, in);
        }
    }
}
