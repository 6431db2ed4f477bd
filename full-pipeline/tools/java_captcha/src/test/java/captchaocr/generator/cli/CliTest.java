package captchaocr.generator.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import captchaocr.generator.core.PictureSize;
import captchaocr.generator.core.SetFiles;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.ToIntFunction;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine.Command;
import picocli.CommandLine.Unmatched;

/** The commands as a user types them, in this process. */
class CliTest {
    @TempDir
    Path folder;
    private String err;

    private int run(ToIntFunction<String[]> command, String... args) {
        List<String> all = new ArrayList<>(List.of(args));
        if (!List.of("list", "dryrun").contains(args[0])) {
            all.addAll(List.of("--out-root", folder.toString()));
        }
        PrintStream before = System.err;
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        System.setErr(new PrintStream(said, true, StandardCharsets.UTF_8));
        try {
            return command.applyAsInt(all.toArray(new String[0]));
        } finally {
            System.setErr(before);
            err = said.toString(StandardCharsets.UTF_8);
        }
    }

    private Map<String, String> set(String name) throws IOException {
        return SetFiles.read(folder.resolve(name));
    }

    private Path latinConfig() throws IOException {
        return Files.writeString(folder.resolve("config.json"), """
                {"type_mix": ["spec", "gif_numlower", "arith"], "sizes": ["160x60", "96x32"],
                 "default": {"len": [4, 5], "arith_len": 2, "fonts": "builtin"}}""");
    }

    @Test
    void easyDrawsTheSameWithOneThreadAndWithEight() throws IOException {
        String config = latinConfig().toString();
        assertEquals(0, run(EasyCommand::run, "fromjson", config, "one", "60", "--seed", "7", "--threads", "1"));
        assertEquals(0, run(EasyCommand::run, "fromjson", config, "eight", "60", "--seed", "7", "--threads", "8"));
        assertEquals(set("one"), set("eight"));
    }

    @Test
    void ctextDrawsTheSameWithOneThreadAndWithEight() throws IOException {
        String fonts = "Arial,Microsoft YaHei,SimSun,Noto Sans CJK SC";
        for (String threads : List.of("1", "8")) {
            assertEquals(0,
                    run(CtextCommand::run, "smart", "t" + threads, "60", "--fonts", fonts, "--threads", threads));
        }
        assertEquals(set("t1"), set("t8"));
    }

    @Test
    void ruoyiDrawsTheSameWithOneThreadAndWithEight() throws IOException {
        for (String threads : List.of("1", "8")) {
            assertEquals(0, run(RuoyiCommand::run, "smart", "t" + threads, "60", "--threads", threads,
                    "--fonts-file", "fonts-train.txt"));
        }
        assertEquals(set("t1"), set("t8"));
    }

    @Test
    void allDrawsEachKindAndGenOne() throws IOException {
        assertEquals(0, run(CtextCommand::run, "all", "all", "2", "160", "60", "0"));
        List<String> labels = Files.readAllLines(folder.resolve("all/labels.txt"));
        assertEquals(36, labels.size());
        assertEquals(0, run(CtextCommand::run, "gen", "text:water:wide:nonoise", "gen", "5", "200", "64", "6"));
        for (String row : Files.readAllLines(folder.resolve("gen/manifest.jsonl"))) {
            assertTrue(row.contains("\"kind\":\"text:water:wide:nonoise\"") && row.contains("\"size\":\"200x64\"")
                    && row.contains("\"length\":6"), row);
        }
    }

    @Test
    void listsAndDryRunsWriteNothing() throws IOException {
        Path config = latinConfig();
        assertEquals(0, run(EasyCommand::run, "list"));
        assertEquals(0, run(CtextCommand::run, "list"));
        assertEquals(0, run(EasyCommand::run, "dryrun", config.toString(), "20"));
        assertEquals(1, folder.toFile().list().length);
    }

    @Test
    void mistakesEndInOneLineAndAStatus() throws IOException {
        String config = latinConfig().toString();
        assertMistake("does not exist", EasyCommand::run, "fromjson", "none.json", "x", "5");
        Path gbk = Files.write(folder.resolve("gbk.json"), "{\"comment\": \"中文\"}".getBytes("GBK"));
        assertMistake("is not UTF-8", EasyCommand::run, "fromjson", gbk.toString(), "x", "5");
        assertMistake("output name", EasyCommand::run, "fromjson", config, "../x", "5");
        assertMistake("count 0", EasyCommand::run, "fromjson", config, "x", "0");
        assertMistake("count 0", EasyCommand::run, "dryrun", config, "0");
        assertMistake("--threads 0", CtextCommand::run, "smart", "x", "5", "--threads", "0");
        assertMistake("difficulty", CtextCommand::run, "smart", "x", "5", "--difficulty", "2");
        assertMistake("not a size", CtextCommand::run, "smart", "x", "5", "--sizes", "160by60");
        assertMistake("out of range", CtextCommand::run, "smart", "x", "5", "--sizes", "9x9");
        assertMistake("1000000 pixels", CtextCommand::run, "smart", "x", "5", "--sizes", "2000x501");
        assertEquals(500, PictureSize.parse("2000x500").height());
        for (String colour : List.of("bluish", "#FFF", "#1234567", "7")) {
            assertMistake("'" + colour + "' is not a colour", CtextCommand::run, "smart", "x", "5", "--palette",
                    colour);
        }
        assertMistake("write ITEM@NUMBER", CtextCommand::run, "smart", "x", "5", "--palette", "#000000@much");
        String many = String.valueOf(Long.MAX_VALUE / 9);
        assertMistake("count " + many, CtextCommand::run, "all", "x", many, "160", "60", "0");
        assertMistake("--charset", CtextCommand::run, "smart", "x", "5", "--charset", "a b");
        for (String charset : List.of("q\u0301e", "a\u00adb", "\u1161\u1100", "a\u00a0b", "a\uD83D\uDE00")) {
            assertMistake("is not allowed", CtextCommand::run, "smart", "x", "5", "--charset", charset);
        }
        assertMistake("set LC_ALL=C.UTF-8", CtextCommand::run, "smart", "x", "5", "--charset", "7\uFFFD");
        assertMistake("length '11'", CtextCommand::run, "smart", "x", "5", "--fixed-len", "11");
        assertMistake("unknown kind", CtextCommand::run, "gen", "text:fire:wide:noise", "x", "5", "160", "60", "4");
        assertMistake("does not exist", RuoyiCommand::run, "smart", "x", "5", "--jar", "none.jar");
        assertMistake("gbk.json is no jar", RuoyiCommand::run, "smart", "x", "5", "--jar", gbk.toString());
        assertMistake("is no folder", RuoyiCommand::run, "smart", "x", "5", "--font-dir", gbk.toString());
        assertMistake("--other-share", RuoyiCommand::run, "smart", "x", "5", "--other-share", "7");
    }

    /** A set whose pictures were drawn in two ways would say of half of them what is not so. */
    @Test
    void noOptionThatDecidesWhatIsDrawnMayChangeHalfWay() throws IOException {
        String[][] ctext = {{"--charset", "AB"}, {"--palette", "#000000"}, {"--sizes", "160x60"}, {"--len", "4:1,5:2"},
                {"--difficulty", "0.4"}, {"--fonts", "DejaVu Sans Mono"}};
        assertNotContinued(ctext, CtextCommand::run, "smart", "ctext", "2");
        String[][] ruoyi = {{"--sizes", "160x60"}, {"--difficulty", "0.4"}, {"--fonts", "DejaVu Sans Mono"},
                {"--other-share", "0.4"}};
        assertNotContinued(ruoyi, RuoyiCommand::run, "smart", "ruoyi", "2", "--fonts-file", "fonts-train.txt");
        String config = latinConfig().toString();
        String[][] easy = {{"--difficulty", "0.4"}, {"--fonts", "DejaVu Sans Mono"}};
        assertNotContinued(easy, EasyCommand::run, "fromjson", config, "easy", "2");
        for (String[] change : new String[][] {{"\"spec\"", "\"spec_num\""}, {"96x32", "120x40"}, {"[4, 5]", "4"},
                {"\"arith_len\": 2", "\"arith_len\": 3"}, {"\"builtin\"", "\"builtin:lexo\""},
                {"[4, 5]", "{\"4\": 1, \"5\": 2}"}}) {
            Path other = latinConfig();
            Files.writeString(other, Files.readString(other).replace(change[0], change[1]));
            assertMistake("other settings", EasyCommand::run, "fromjson", other.toString(), "easy", "2");
        }
    }

    private void assertNotContinued(String[][] options, ToIntFunction<String[]> command, String... args) {
        assertEquals(0, run(command, args), err);
        for (String[] option : options) {
            List<String> changed = new ArrayList<>(List.of(args));
            changed.addAll(List.of(option));
            assertMistake("other settings", command, changed.toArray(new String[0]));
        }
    }

    @Test
    void whatDoesNotReachAnotherJarIsAMistake() throws IOException {
        Path jar = folder.resolve("other.jar");
        new JarOutputStream(Files.newOutputStream(jar), new Manifest()).close();
        for (String[] option : new String[][] {{"--difficulty", "0.9"}, {"--fonts", "Arial"},
                {"--fonts-file", "fonts-heldout.txt"}, {"--font-dir", "."}}) {
            assertMistake("do not reach", RuoyiCommand::run, "smart", "x", "5", "--jar", jar.toString(), option[0],
                    option[1]);
        }
    }

    private void assertMistake(String message, ToIntFunction<String[]> command, String... args) {
        assertEquals(1, run(command, args), err);
        assertTrue(err.startsWith("error: ") && err.contains(message), err);
        assertEquals(1, err.lines().count(), err);
    }

    /** A damaged picture of another jar, met in a thread; a name with × where no locale can write it. */
    @Test
    void whatNoCommandCanHelpEndsInOneLineToo() {
        Map<String, RuntimeException> failures = Map.of(
                "cannot read or write", new UncheckedIOException(new IOException("damaged")),
                "set LC_ALL=C.UTF-8", new InvalidPathException("7×3=？.jpg", "unmappable characters"));
        failures.forEach((message, e) -> assertMistake(message, args -> Cli.run(new Failing(e), args), "x"));
    }

    @Command
    private static final class Failing implements Runnable {
        private final RuntimeException failure;
        @Unmatched
        private List<String> ignored;

        Failing(RuntimeException failure) {
            this.failure = failure;
        }

        @Override
        public void run() {
            throw failure;
        }
    }

    @Test
    void everyCommandHasHelp() {
        Map<ToIntFunction<String[]>, List<String>> commands = Map.of(
                EasyCommand::run, List.of("list", "fromjson", "dryrun"),
                CtextCommand::run, List.of("list", "gen", "all", "smart"),
                RuoyiCommand::run, List.of("smart"));
        commands.forEach((command, names) -> names.forEach(name -> {
            assertEquals(0, command.applyAsInt(new String[] {name, "--help"}), name);
            assertEquals(0, command.applyAsInt(new String[] {name, "-h"}), name);
        }));
    }

    @Test
    void unknownOptionsAreAnError() {
        assertEquals(2, run(CtextCommand::run, "smart", "x", "5", "--theads", "2"));
        assertEquals(2, run(CtextCommand::run, "smart", "x", "many"));
        assertEquals(2, run(CtextCommand::run, "smart", "x", "5", "--len", "4:1", "--fixed-len", "4"));
    }
}
