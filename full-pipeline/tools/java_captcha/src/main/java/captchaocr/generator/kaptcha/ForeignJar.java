package captchaocr.generator.kaptcha;

import captchaocr.generator.core.Difficulty;
import captchaocr.generator.core.GeneratorException;
import captchaocr.generator.core.Picture;
import captchaocr.generator.core.PictureSize;
import captchaocr.generator.core.Rng;
import captchaocr.generator.core.Style;
import captchaocr.generator.core.Weighted;
import captchaocr.generator.image.Canvas;
import captchaocr.generator.image.PngWriter;
import com.google.gson.JsonObject;
import java.awt.image.BufferedImage;
import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.jar.JarFile;
import java.util.stream.Stream;
import java.util.zip.ZipException;
import javax.imageio.ImageIO;

/**
 * RuoYi pictures of another jar, which is run as {@code java -jar JAR -n COUNT -p PREFIX} and leaves them, named by
 * their text, in {@code datasets/PREFIX} or {@code PREFIX}. It draws without a seed: of such a set only the sizes can
 * be repeated, and its fonts are not known.
 */
public final class ForeignJar implements Style, Closeable {
    private static final int BATCH = 1000;
    private static final String PREFIX = "batch";

    private final Path jar;
    private final Weighted<PictureSize> sizes;
    private final Path folder;
    private final Deque<Path> drawn = new ArrayDeque<>();

    public ForeignJar(Path jar, Weighted<PictureSize> sizes) throws IOException {
        this.jar = jar.toAbsolutePath();
        this.sizes = sizes;
        folder = Files.createTempDirectory("ruoyi-jar");
    }

    /** True for the jar this project builds: its pictures can be drawn without leaving this process. */
    public static boolean isOurs(Path jar) throws IOException {
        if (!Files.isRegularFile(jar)) {
            throw new GeneratorException("--jar " + jar.toAbsolutePath() + " does not exist; build this project's with "
                    + "'mvn package', give another one, or leave --jar out");
        }
        try (JarFile content = new JarFile(jar.toFile())) {
            return content.getEntry(ForeignJar.class.getName().replace('.', '/') + ".class") != null;
        } catch (ZipException e) {
            throw new GeneratorException("--jar " + jar.toAbsolutePath() + " is no jar (" + e.getMessage() + "); give "
                    + "another one, or leave --jar out");
        }
    }

    @Override
    public String name() {
        return "ruoyi";
    }

    @Override
    public Picture draw(long index, Rng rng) {
        PictureSize size = sizes.pick(rng);
        try {
            Path file = next();
            String label = SafeName.label(file.getFileName().toString());
            BufferedImage image = ImageIO.read(file.toFile());
            if (image == null) {
                throw new GeneratorException(file.getFileName() + " of " + jar + " is not a picture");
            }
            Files.delete(file);
            return new Picture(PngWriter.encode(Canvas.fitOnWhite(image, size)), "png", label, "arith", "unknown", size,
                    new Difficulty(Difficulty.USUAL), "");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private synchronized Path next() throws IOException {
        if (drawn.isEmpty()) {
            drawBatch();
        }
        return drawn.remove();
    }

    private void drawBatch() throws IOException {
        Path java = Path.of(System.getProperty("java.home"), "bin", "java");
        // UTF-8 in file names and output, whatever the locale: the names are the labels.
        Process process = new ProcessBuilder(java.toString(), "-Dfile.encoding=UTF-8", "-Dsun.jnu.encoding=UTF-8",
                "-Djava.awt.headless=true", "-jar", jar.toString(), "-n", String.valueOf(BATCH), "-p", PREFIX)
                .directory(folder.toFile()).redirectErrorStream(true)
                .redirectOutput(folder.resolve("output.txt").toFile()).start();
        int status = waitFor(process);
        List<Path> found = new ArrayList<>();
        for (Path place : List.of(folder.resolve("datasets").resolve(PREFIX), folder.resolve(PREFIX))) {
            if (Files.isDirectory(place)) {
                try (Stream<Path> files = Files.list(place)) {
                    files.filter(Files::isRegularFile).sorted().forEach(found::add);
                }
            }
        }
        // In the order of their names, which are their texts, a set that is no whole batch would lack the later ones.
        Collections.shuffle(found, new Random(1));
        drawn.addAll(found);
        if (status != 0 || drawn.isEmpty()) {
            throw new GeneratorException(jar + " ended with status " + status + " and left " + drawn.size()
                    + " pictures in datasets/" + PREFIX + "; it said: "
                    + Files.readString(folder.resolve("output.txt")).strip());
        }
    }

    private static int waitFor(Process process) throws IOException {
        try {
            return process.waitFor();
        } catch (InterruptedException e) {
            process.destroy();
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while the jar was drawing", e);
        }
    }

    @Override
    public JsonObject configuration() {
        JsonObject json = new JsonObject();
        json.addProperty("jar", jar.getFileName().toString());
        json.addProperty("sizes", sizes.toString());
        return json;
    }

    @Override
    public JsonObject notes() {
        JsonObject notes = new JsonObject();
        notes.addProperty("not_reproducible", jar.getFileName() + " draws without a seed");
        return notes;
    }

    @Override
    public void close() throws IOException {
        try (Stream<Path> paths = Files.walk(folder)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }
}
