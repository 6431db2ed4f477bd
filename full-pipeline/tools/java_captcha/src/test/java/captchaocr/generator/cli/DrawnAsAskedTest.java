package captchaocr.generator.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import captchaocr.generator.core.Row;
import captchaocr.generator.core.SetFiles;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.ToIntFunction;
import java.util.stream.Collectors;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the options and the configuration ask for is what is drawn, and what is drawn is what the manifest says. */
class DrawnAsAskedTest {
    private static final String GOLDEN = "[U6cp, 1+7=?, 7+4=?, Wgje, 1+8=?, 3+2=?]";

    @TempDir
    Path folder;

    private List<Row> draw(ToIntFunction<String[]> command, String name, String... args) throws IOException {
        List<String> all = new ArrayList<>(List.of(args));
        all.addAll(List.of("--out-root", folder.toString()));
        assertEquals(0, command.applyAsInt(all.toArray(new String[0])));
        return Files.readAllLines(folder.resolve(name).resolve("manifest.jsonl")).stream().map(Row::parse).toList();
    }

    private Path config(String kinds, String settings) throws IOException {
        return Files.writeString(folder.resolve("config.json"), """
                {"type_mix": %s, "sizes": "160x60", "default": {"len": 4, "arith_len": 2, "fonts": "builtin"},
                 "kinds": {%s}}""".formatted(kinds, settings));
    }

    private BufferedImage picture(String set, Row row) throws IOException {
        return ImageIO.read(folder.resolve(set).resolve("images").resolve(row.file()).toFile());
    }

    private static Set<Object> values(List<Row> rows, Function<Row, Object> of) {
        return rows.stream().map(of).collect(Collectors.toSet());
    }

    /** Of all pixels of the columns from..to, the share that is darker than the ground. */
    private static double ink(BufferedImage image, int from, int to) {
        long dark = 0;
        for (int y = 0; y < image.getHeight(); y++) {
            for (int x = from; x < to; x++) {
                int rgb = image.getRGB(x, y);
                dark += (rgb >> 16 & 0xFF) + (rgb >> 8 & 0xFF) + (rgb & 0xFF) < 600 ? 1 : 0;
            }
        }
        return (double) dark / image.getHeight() / (to - from);
    }

    /** Clean print (difficulty 0): each quarter of a text of four has ink of its character. */
    @Test
    void everyCharacterOfAStillPictureIsDrawn() throws IOException {
        String config = config("\"spec\"", "").toString();
        for (Row row : draw(EasyCommand::run, "easy", "fromjson", config, "easy", "30", "--difficulty", "0")) {
            for (int i = 0; i < 4; i++) {
                assertTrue(ink(picture("easy", row), 40 * i, 40 * i + 40) > 0.02, row + ": character " + i);
            }
        }
    }

    /** A text of one character is on the picture. */
    @Test
    void everyCharacterOfAKaptchaPictureIsDrawn() throws IOException {
        List<Row> rows = draw(CtextCommand::run, "one", "gen", "text:water:normal:nonoise", "one", "20", "160", "60",
                "1", "--difficulty", "0", "--palette", "#000000", "--charset", "ABCDEFGH");
        for (Row row : rows) {
            assertTrue(ink(picture("one", row), 0, 160) > 0.005, row.toString());
        }
    }

    @Test
    void lengthsAndOperandsAreThoseOfTheConfiguration() throws IOException {
        Path config = config("[\"spec\", \"arith\"]",
                "\"spec\": {\"len\": [2, 10]}, \"arith\": {\"arith_len\": {\"2\": 1, \"3\": 2}}");
        List<Row> rows = draw(EasyCommand::run, "set", "fromjson", config.toString(), "set", "80");
        assertEquals(Set.of("spec 2", "spec 10", "arith 5", "arith 7"),
                values(rows, row -> row.kind() + " " + row.label().length()));
    }

    /** With a black text, only noise makes pictures of one seed differ. */
    @Test
    void noiseIsOnThePicturesWhoseKindSaysSo() throws IOException {
        double[] ink = new double[2];
        for (String kind : List.of("noise", "nonoise")) {
            for (Row row : draw(CtextCommand::run, kind, "gen", "text:water:normal:" + kind, kind, "40", "160", "60",
                    "4", "--palette", "#000000", "--fonts", "DejaVu Sans")) {
                ink[kind.equals("noise") ? 0 : 1] += ink(picture(kind, row), 0, 160);
            }
        }
        assertTrue(ink[0] > ink[1] * 1.02, Arrays.toString(ink));
    }

    @Test
    void wideTextIsWiderThanCompactText() throws IOException {
        long[] width = new long[2];
        for (String kind : List.of("wide", "compact")) {
            for (Row row : draw(CtextCommand::run, kind, "gen", "text:water:" + kind + ":nonoise", kind, "20", "256",
                    "64", "5", "--palette", "#000000", "--fonts", "DejaVu Sans")) {
                BufferedImage image = picture(kind, row);
                int left = 0;
                int right = 256;
                while (ink(image, left, left + 1) == 0) {
                    left++;
                }
                while (ink(image, right - 1, right) == 0) {
                    right--;
                }
                width[kind.equals("wide") ? 0 : 1] += right - left;
            }
        }
        assertTrue(width[0] > width[1] + 20 * 12, Arrays.toString(width));
    }

    @Test
    void thePaletteGivesTheColours() throws IOException {
        int reddish = 0;
        for (Row row : draw(CtextCommand::run, "red", "gen", "text:water:normal:nonoise", "red", "20", "160", "60", "4",
                "--palette", "#FF0000@1,#0000FF@1")) {
            BufferedImage image = picture("red", row);
            int red = 0;
            int blue = 0;
            for (int at = 0; at < 160 * 60; at++) {
                int rgb = image.getRGB(at % 160, at / 160);
                red += (rgb >> 16 & 0xFF) > 2 * (rgb & 0xFF) ? 1 : 0;
                blue += (rgb & 0xFF) > 2 * (rgb >> 16 & 0xFF) ? 1 : 0;
            }
            reddish += red > blue ? 1 : 0;
        }
        assertTrue(reddish > 2 && reddish < 18, reddish + " of 20 are red");
    }

    /** I and l are alike in the font, but a set without l has no such pair; nor is B a twin of itself. */
    @Test
    void theCharsetIsWhatIsDrawn() throws IOException {
        List<Row> rows = draw(CtextCommand::run, "set", "smart", "set", "20", "--charset", "IABB", "--fonts",
                "DejaVu Sans", "--len", "4");
        for (Row row : rows) {
            assertTrue(row.label().matches("[IAB]{4}"), row.label());
            assertEquals("", row.ambiguous(), row.toString());
        }
    }

    /** The dial moves the noise, and the texts stay. */
    @Test
    void difficultyChangesThePictureAndNotTheText() throws IOException {
        String config = config("\"spec\"", "").toString();
        List<List<String>> labels = new ArrayList<>();
        double[] ink = new double[3];
        String[] dial = {"0", "0.5", "0.7"};
        for (int i = 0; i < 3; i++) {
            List<Row> rows = draw(EasyCommand::run, "d" + i, "fromjson", config, "d" + i, "40", "--difficulty",
                    dial[i]);
            labels.add(rows.stream().map(Row::label).toList());
            for (Row row : rows) {
                assertEquals(Double.parseDouble(dial[i]), row.difficulty());
                // The lowest and the highest rows hold noise alone, or nothing.
                ink[i] += ink(picture("d" + i, row).getSubimage(0, 0, 160, 8), 0, 160)
                        + ink(picture("d" + i, row).getSubimage(0, 52, 160, 8), 0, 160);
            }
        }
        assertTrue(ink[0] < ink[1] && ink[1] < ink[2], Arrays.toString(ink));
        int same = 0;
        for (int i = 0; i < 40; i++) {
            int at = i;
            same += labels.stream().map(list -> list.get(at)).distinct().count() == 1 ? 1 : 0;
        }
        assertTrue(same >= 30, labels.toString());
    }

    /** The fonts of a list are the only ones; a held-out list would else be mixed with trained fonts. */
    @Test
    void fontsThatAreAskedForAreTheOnlyOnes() throws IOException {
        Path list = Files.writeString(folder.resolve("list.txt"), "DejaVu Sans Mono\n");
        String config = config("\"spec\"", "").toString();
        for (String[] options : new String[][] {{"--fonts-file", list.toString()}, {"--fonts", "DejaVu Sans Mono"}}) {
            String name = options[0].substring(2);
            List<Row> rows = new ArrayList<>(draw(CtextCommand::run, "c" + name, "smart", "c" + name, "20", options[0],
                    options[1]));
            rows.addAll(draw(EasyCommand::run, "e" + name, "fromjson", config, "e" + name, "20", options[0],
                    options[1]));
            rows.addAll(draw(RuoyiCommand::run, "r" + name, "smart", "r" + name, "20", options[0], options[1],
                    "--other-share", "1"));
            for (Row row : rows) {
                assertTrue(row.font().startsWith("DejaVu Sans Mono"), row.toString());
            }
        }
    }

    @Test
    void fontsByNameAreTakenBesideThoseOfAList() throws IOException {
        Path list = Files.writeString(folder.resolve("list.txt"), "DejaVu Sans Mono\n");
        List<Row> rows = draw(CtextCommand::run, "set", "smart", "set", "30", "--fonts-file", list.toString(),
                "--fonts", "DejaVu Serif");
        assertEquals(Set.of("DejaVu Sans Mono", "DejaVu Serif"),
                values(rows, row -> row.font().replaceAll(" (Bold|Italic)", "")));
    }

    /** What EasyCaptchaRunner prints. */
    private String said(String... args) {
        PrintStream before = System.out;
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        System.setOut(new PrintStream(said, true, StandardCharsets.UTF_8));
        try {
            assertEquals(0, EasyCommand.run(args));
        } finally {
            System.setOut(before);
        }
        return said.toString(StandardCharsets.UTF_8);
    }

    @Test
    void aDryRunShowsWhatIsDrawn() throws IOException {
        String config = config("\"spec\"", "").toString();
        List<Row> rows = draw(EasyCommand::run, "set", "fromjson", config, "set", "5", "--seed", "3");
        List<String> said = said("dryrun", config, "5", "--seed", "3").lines().toList();
        for (int i = 0; i < 5; i++) {
            assertTrue(said.get(i).endsWith(" " + rows.get(i).label()), said.get(i));
        }
        assertTrue(said.get(5).matches("kind +spec +5 +100\\.0%"), said.get(5));
        for (Row row : rows) {
            assertTrue(said.stream().anyMatch(line -> line.startsWith("font  " + row.font() + " ")), said.toString());
        }
    }

    @Test
    void theListSaysWhichKindsAreAnimations() {
        for (String line : said("list").lines().toList()) {
            String[] words = line.split(" +");
            assertEquals(words[0].contains("gif") ? "gif" : "png", words[1], line);
        }
    }

    @Test
    void ruoyiNamesBothOfItsFontsAndMixesInTheShareAskedFor() throws IOException {
        Path list = Files.writeString(folder.resolve("list.txt"), "DejaVu Sans Mono\n");
        List<Row> rows = draw(RuoyiCommand::run, "r0", "smart", "r0", "60", "--fonts", "DejaVu Sans,DejaVu Serif",
                "--fonts-file", list.toString(), "--other-share", "0");
        for (Row row : rows) {
            assertTrue(row.font().matches("DejaVu (Sans|Serif) Bold( \\+ DejaVu Serif Bold)?"), row.font());
        }
        // Five characters, each of one of the two: 1 text of 16 has one font alone.
        assertTrue(rows.stream().filter(row -> row.font().contains(" + ")).count() > 40);
    }

    @Test
    void theSummaryCountsAndNames() throws IOException {
        String config = config("\"spec_upper\"", "\"spec_upper\": {\"fonts\": [\"builtin:actionj\", \"No Such Font\"]}")
                .toString();
        List<Row> rows = draw(EasyCommand::run, "set", "fromjson", config, "set", "30");
        String summary = Files.readString(folder.resolve("set/summary.json"));
        long ambiguous = rows.stream().filter(row -> !row.ambiguous().isEmpty()).count();
        assertNotEquals(30 - ambiguous, ambiguous);
        assertTrue(summary.contains("\"with_ambiguous_characters\": " + ambiguous + ","), summary);
        assertTrue(summary.contains("\"No Such Font\""), summary);
    }

    @Test
    void theTableAndTheSummaryHoldCountsAndShares() throws IOException {
        String config = config("\"spec\"", "\"spec\": {\"len\": {\"4\": 3, \"5\": 1}}").toString();
        String table = said("fromjson", config, "set", "40", "--out-root", folder.toString());
        Map<Integer, Long> lengths = Files.readAllLines(folder.resolve("set/manifest.jsonl")).stream().map(Row::parse)
                .collect(Collectors.groupingBy(Row::length, Collectors.counting()));
        assertEquals(2, lengths.size());
        lengths.forEach((length, n) -> assertTrue(table.lines().anyMatch(
                line -> line.matches(" +length +" + length + " +" + n + " +" + n / 0.4 + "%")), table));
    }

    /** Killed between the last row and the summary. */
    @Test
    void aSetWithoutItsSummaryGetsOne() throws IOException {
        String config = config("\"spec\"", "").toString();
        draw(EasyCommand::run, "set", "fromjson", config, "set", "10");
        Files.delete(folder.resolve("set/summary.json"));
        draw(EasyCommand::run, "set", "fromjson", config, "set", "10");
        assertTrue(Files.exists(folder.resolve("set/summary.json")));
    }

    /** Rows that were taken out, or changed, by hand in the middle are drawn again. */
    @Test
    void rowsThatWereTakenOutAreDrawnAgain() throws IOException {
        String config = config("\"spec\"", "").toString();
        draw(EasyCommand::run, "set", "fromjson", config, "set", "20");
        var whole = SetFiles.read(folder.resolve("set"));
        for (String name : List.of("labels.txt", "manifest.jsonl")) {
            Path file = folder.resolve("set").resolve(name);
            List<String> lines = new ArrayList<>(Files.readAllLines(file));
            lines.remove(7);
            Files.writeString(file, String.join("\n", lines) + "\n");
        }
        draw(EasyCommand::run, "set", "fromjson", config, "set", "20");
        assertEquals(whole, SetFiles.read(folder.resolve("set")));
        Path labels = folder.resolve("set/labels.txt");
        Files.writeString(labels, Files.readString(labels).replaceFirst("00000003.png\t....", "00000003.png\tzzzz"));
        draw(EasyCommand::run, "set", "fromjson", config, "set", "20");
        assertEquals(whole, SetFiles.read(folder.resolve("set")));
    }

    /** A length of 0 draws 4, 5 and 6. */
    @Test
    void noLengthMeansTheUsualOnes() throws IOException {
        List<Row> rows = draw(CtextCommand::run, "all", "all", "all", "3", "160", "60", "0");
        assertEquals(Set.of(4, 5, 6), values(rows, Row::length));
        rows = draw(CtextCommand::run, "gen", "gen", "text:water:normal:noise", "gen", "30", "160", "60", "0");
        assertEquals(Set.of(4, 5, 6), values(rows, Row::length));
    }

    @Test
    void theGreatestLengthIsDrawn() throws IOException {
        List<Row> rows = draw(CtextCommand::run, "set", "smart", "set", "3", "--fixed-len", "10", "--sizes", "320x64");
        assertEquals(Set.of(10), values(rows, Row::length));
    }

    /** A set of today and of tomorrow. Built-in fonts alone, so it is the same everywhere. */
    @Test
    void theSeedDrawsTheSetItAlwaysDrew() throws IOException {
        String config = config("[\"spec\", \"arith\"]", "").toString();
        List<Row> rows = draw(EasyCommand::run, "set", "fromjson", config, "set", "6");
        assertEquals(GOLDEN, rows.stream().map(Row::label).toList().toString());
    }
}
