package captchaocr.generator.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import captchaocr.generator.core.OutputSet;
import captchaocr.generator.core.Row;
import java.awt.image.BufferedImage;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The documented command lines, word for word but for the counts, on what {@code mvn package} left. */
class SpecCommandsIT {
    private static final Pattern WORD = Pattern.compile("\"([^\"]*)\"|(\\S+)");

    @TempDir
    static Path folder;
    private static Path easy;
    private static Path calculate;

    @BeforeAll
    static void copyWhatTheBuildLeft() throws IOException {
        easy = folder.resolve("EasyCaptcha");
        calculate = folder.resolve("CalculateCaptch");
        copy(Path.of("EasyCaptcha"), easy);
        copy(Path.of("CalculateCaptch"), calculate);
        Files.copy(Path.of("fonts-train.txt"), folder.resolve("fonts-train.txt"));
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> paths = Files.walk(from)) {
            for (Path path : paths.filter(path -> !path.toString().contains("images")
                    && !path.toString().contains("datasets")).toList()) {
                Files.copy(path, to.resolve(from.relativize(path).toString()));
            }
        }
    }

    /** Runs a command line in {@code place} and returns what it printed; {@code ;} becomes this system's separator. */
    private static String run(Path place, String line) throws IOException, InterruptedException {
        List<String> words = new ArrayList<>();
        for (Matcher word = WORD.matcher(line); word.find(); ) {
            words.add(word.group(1) == null ? word.group(2) : word.group(1).replace(".;", "." + File.pathSeparator));
        }
        words.set(0, Path.of(System.getProperty("java.home"), "bin", words.get(0)).toString());
        Process process = new ProcessBuilder(words).directory(place.toFile()).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), line + "\n" + said);
        return said;
    }

    private static void assertSet(Path root, int count) throws IOException {
        List<String> labels = Files.readAllLines(root.resolve("labels.txt"));
        assertEquals(count, labels.size());
        List<Row> rows = new ArrayList<>();
        OutputSet.readManifest(root.resolve("manifest.jsonl"), rows::add);
        assertEquals(labels, rows.stream().map(row -> row.file() + "\t" + row.label()).toList());
        for (Row row : rows) {
            BufferedImage image = ImageIO.read(root.resolve("images").resolve(row.file()).toFile());
            assertEquals(row.size(), image.getWidth() + "x" + image.getHeight());
        }
        assertEquals(count, root.resolve("images").toFile().list().length);
        assertTrue(Files.exists(root.resolve("summary.json")));
    }

    @Test
    void easyCaptcha() throws Exception {
        run(easy, "javac -encoding UTF-8 -cp \".;lib/*\" EasyCaptchaRunner.java");
        String list = run(easy, "java -Dfile.encoding=UTF-8 -cp \".;lib/*\" EasyCaptchaRunner list");
        assertEquals(13, list.lines().count(), list);
        run(easy, "java -Dfile.encoding=UTF-8 -cp \".;lib/*\" EasyCaptchaRunner fromjson config.json easy_train 80 "
                + "--threads 8");
        assertSet(easy.resolve("images/easy_train"), 80);
    }

    @Test
    void calcAllStyles() throws Exception {
        run(calculate, "javac -encoding UTF-8 -cp \"CalculateCaptcha-1.1.jar\" CalcAllStylesRunner.java");
        run(calculate, "java -cp \".;CalculateCaptcha-1.1.jar\" CalcAllStylesRunner all out_all_text 2 160 60 0");
        assertSet(calculate.resolve("images/out_all_text"), 36);
        run(calculate, "java -cp \".;CalculateCaptcha-1.1.jar\" CalcAllStylesRunner smart ctext_train 60 "
                + "--fonts \"Arial,Microsoft YaHei,SimSun,Noto Sans CJK SC\" --threads 8");
        assertSet(calculate.resolve("images/ctext_train"), 60);
    }

    @Test
    void ruoyi() throws Exception {
        run(calculate, "javac -encoding UTF-8 RuoyiJarNormalizeSmart.java");
        run(calculate, "java -Dfile.encoding=UTF-8 -cp \".;CalculateCaptcha-1.1.jar\" RuoyiJarNormalizeSmart smart "
                + "ruoyi_train 60 --jar CalculateCaptcha-1.1.jar "
                + "--sizes \"160x60:40,180x64:20,200x64:15,256x64:10,120x40:10,96x32:5\" --threads 8");
        assertSet(calculate.resolve("images/ruoyi_train"), 60);
    }

    @Test
    void theJarHasTheOriginalsCommandLine() throws Exception {
        run(calculate, "java -Dsun.jnu.encoding=UTF-8 -jar CalculateCaptcha-1.1.jar -n 12 -p batch");
        String[] names = calculate.resolve("datasets/batch").toFile().list();
        assertEquals(12, names.length);
        for (String name : names) {
            assertTrue(name.matches("\\d[-+×÷]\\d=？_\\p{XDigit}+\\.jpg"), Arrays.toString(names));
        }
    }
}
