package captchaocr.generator.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GenerationRunTest {
    private static final int COUNT = 300;

    @TempDir
    Path folder;
    private Path whole;
    private final ByteArrayOutputStream said = new ByteArrayOutputStream();

    private int run(Path root, int count, long seed, int threads, String setting) throws IOException {
        PrintStream out = new PrintStream(said, true, StandardCharsets.UTF_8);
        return new GenerationRun(new PlainStyle(setting), root, count, seed, threads, out).run();
    }

    @BeforeEach
    void drawAWholeSet() throws IOException {
        whole = folder.resolve("whole");
        assertEquals(0, run(whole, COUNT, 7, 1, "a"));
    }

    @Test
    void holdsWhatTheContractSays() throws IOException {
        List<String> labels = Files.readAllLines(whole.resolve("labels.txt"));
        List<String> rows = Files.readAllLines(whole.resolve("manifest.jsonl"));
        assertEquals(COUNT, labels.size());
        assertEquals(COUNT, rows.size());
        for (int i = 0; i < COUNT; i++) {
            Row row = Row.parse(rows.get(i));
            assertEquals(row.file() + "\t" + row.label(), labels.get(i));
            assertEquals(Rng.pictureSeed(7, i), row.seed());
            assertEquals(4, row.length());
            assertTrue(Files.readString(whole.resolve("images").resolve(row.file())).startsWith(row.label()));
        }
        byte[] bytes = Files.readAllBytes(whole.resolve("labels.txt"));
        assertEquals('0', bytes[0], "no byte order mark");
        assertFalse(new String(bytes, StandardCharsets.UTF_8).contains("\r"));
        String summary = Files.readString(whole.resolve("summary.json"));
        assertTrue(summary.contains("\"pictures\": 300"), summary);
        Map.of("kind", "k", "size", "160x60", "length", "4", "font", "f").forEach((key, value) -> assertTrue(
                summary.contains("\"by_" + key + "\": {\n    \"" + value + "\": 300\n"), summary));
    }

    @Test
    void doesNotDependOnTheNumberOfThreads() throws IOException {
        run(folder.resolve("eight"), COUNT, 7, 8, "a");
        assertEquals(SetFiles.read(whole), SetFiles.read(folder.resolve("eight")));
    }

    @Test
    void anotherSeedDrawsAnotherSet() throws IOException {
        run(folder.resolve("other"), COUNT, 8, 1, "a");
        assertNotEquals(SetFiles.read(whole), SetFiles.read(folder.resolve("other")));
    }

    @Test
    void goesOnAfterAKill() throws IOException {
        Map<String, String> expected = SetFiles.read(whole);
        // Rows cut in the middle, of different lengths; pictures without rows, one of them half written.
        List<String> rows = Files.readAllLines(whole.resolve("manifest.jsonl"));
        String last = Row.parse(rows.get(COUNT - 1)).file();
        truncate("labels.txt", Files.size(whole.resolve("labels.txt")) / 2 + 3);
        truncate("manifest.jsonl", Files.size(whole.resolve("manifest.jsonl")) / 3 + 5);
        Files.writeString(whole.resolve("images").resolve(last), "half");
        Files.delete(whole.resolve("summary.json"));
        assertEquals(0, run(whole, COUNT, 7, 2, "a"));
        assertEquals(expected, SetFiles.read(whole));
        assertTrue(said.toString(StandardCharsets.UTF_8).contains("going on from there"));
        assertTrue(Files.exists(whole.resolve("summary.json")));
    }

    @Test
    void drawsAgainWhatWasLost() throws IOException {
        Map<String, String> expected = SetFiles.read(whole);
        String lost = Row.parse(Files.readAllLines(whole.resolve("manifest.jsonl")).get(50)).file();
        Files.delete(whole.resolve("images").resolve(lost));
        assertEquals(0, run(whole, COUNT, 7, 2, "a"));
        assertEquals(expected, SetFiles.read(whole));
    }

    /** As a machine leaves it that loses its power: the rows reached the disk, of a picture only the name did. */
    @Test
    void drawsAgainWhatIsEmpty() throws IOException {
        Map<String, String> expected = SetFiles.read(whole);
        String emptied = Row.parse(Files.readAllLines(whole.resolve("manifest.jsonl")).get(50)).file();
        Files.write(whole.resolve("images").resolve(emptied), new byte[0]);
        assertEquals(0, run(whole, COUNT, 7, 2, "a"));
        assertEquals(expected, SetFiles.read(whole));
    }

    @Test
    void aSetThatLacksPicturesHasNoSummary() throws IOException {
        String lost = Row.parse(Files.readAllLines(whole.resolve("manifest.jsonl")).get(50)).file();
        Files.delete(whole.resolve("images").resolve(lost));
        Style broken = new PlainStyle("a") {
            @Override
            public Picture draw(long index, Rng rng) {
                throw new IllegalStateException("stopped half-way");
            }
        };
        PrintStream out = new PrintStream(said, true, StandardCharsets.UTF_8);
        assertThrows(IllegalStateException.class, () -> new GenerationRun(broken, whole, COUNT, 7, 1, out).run());
        assertEquals(50, Files.readAllLines(whole.resolve("labels.txt")).size());
        assertFalse(Files.exists(whole.resolve("summary.json")));
    }

    @Test
    void aCompleteSetIsLeftAlone() throws IOException {
        long before = Files.getLastModifiedTime(whole.resolve("manifest.jsonl")).toMillis();
        assertEquals(0, run(whole, COUNT, 7, 3, "a"));
        assertTrue(said.toString(StandardCharsets.UTF_8).contains("nothing to do"));
        assertEquals(before, Files.getLastModifiedTime(whole.resolve("manifest.jsonl")).toMillis());
    }

    @Test
    void otherSettingsAreAnError() {
        for (Object[] other : new Object[][] {{COUNT, 8L, "a", "seed was 7, now 8"},
                {COUNT + 1, 7L, "a", "count was 300, now 301"}, {COUNT, 7L, "b", "setting was \"a\", now \"b\""}}) {
            GeneratorException e = assertThrows(GeneratorException.class,
                    () -> run(whole, (Integer) other[0], (Long) other[1], 1, (String) other[2]));
            assertTrue(e.getMessage().contains("other settings (" + other[3] + ")"), e.getMessage());
        }
    }

    @Test
    void aFolderOfUnknownOriginIsAnError() throws IOException {
        Files.delete(whole.resolve("run.json"));
        assertThrows(GeneratorException.class, () -> run(whole, COUNT, 7, 1, "a"));
    }

    @Test
    void aDamagedRunFileIsAnError() throws IOException {
        for (String damaged : List.of("", "{\"format\"", "{\"format\": 1,}", "[1]")) {
            Files.writeString(whole.resolve("run.json"), damaged);
            GeneratorException e = assertThrows(GeneratorException.class, () -> run(whole, COUNT, 7, 1, "a"));
            assertTrue(e.getMessage().contains("run.json is damaged"), e.getMessage());
            assertEquals(1, e.getMessage().lines().count(), e.getMessage());
        }
    }

    @Test
    void doesNotDependOnTheLocale() throws IOException {
        Locale before = Locale.getDefault();
        Locale.setDefault(Locale.forLanguageTag("ar-EG"));
        try {
            assertEquals(0, run(folder.resolve("arabic"), COUNT, 7, 1, "a"));
        } finally {
            Locale.setDefault(before);
        }
        assertEquals(SetFiles.read(whole), SetFiles.read(folder.resolve("arabic")));
    }

    @Test
    void twoRunsCannotWriteOneSet() throws IOException {
        try (FileChannel channel = FileChannel.open(whole.resolve(".lock"), StandardOpenOption.WRITE)) {
            channel.lock();
            assertThrows(GeneratorException.class, () -> run(whole, COUNT, 7, 1, "a"));
        }
    }

    @Test
    void refusesNoPicturesAndNoThreads() {
        assertThrows(GeneratorException.class, () -> run(folder.resolve("x"), 0, 7, 1, "a"));
        assertThrows(GeneratorException.class, () -> run(folder.resolve("x"), 1, 7, 0, "a"));
        assertThrows(GeneratorException.class, () -> run(folder.resolve("x"), 1, 7, Integer.MAX_VALUE, "a"));
    }

    private void truncate(String name, long size) throws IOException {
        try (FileChannel channel = FileChannel.open(whole.resolve(name), StandardOpenOption.WRITE)) {
            channel.truncate(size);
        }
    }
}
