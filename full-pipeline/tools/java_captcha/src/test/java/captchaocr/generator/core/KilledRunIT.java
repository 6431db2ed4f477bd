package captchaocr.generator.core;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A process killed (SIGKILL on Unix) at random moments, twenty times, then left to finish. */
class KilledRunIT {
    private static final int COUNT = 20_000;
    private static final int KILLS = 20;

    @TempDir
    Path folder;

    /** The process: draws {@code args[1]} pictures into {@code args[0]}. */
    public static void main(String[] args) throws IOException {
        System.exit(draw(Path.of(args[0]), Integer.parseInt(args[1])));
    }

    private static int draw(Path root, int count) throws IOException {
        PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream());
        return new GenerationRun(new PlainStyle("a"), root, count, 7, 4, nowhere).run();
    }

    @Test
    void theSetIsTheSameAsIfNothingHadHappened() throws Exception {
        Path whole = folder.resolve("whole");
        draw(whole, COUNT);
        Path killed = folder.resolve("killed");
        Rng moments = new Rng(System.nanoTime());
        for (int kill = 0; kill < KILLS; kill++) {
            Process process = start(killed, COUNT);
            // From before its first picture to somewhere in the middle.
            if (!process.waitFor(150 + moments.nextInt(600), TimeUnit.MILLISECONDS)) {
                process.destroyForcibly().waitFor();
            }
        }
        assertEquals(0, start(killed, COUNT).waitFor());
        assertEquals(SetFiles.read(whole), SetFiles.read(killed));
    }

    /** {@code options} are Java's own. */
    static Process start(Path root, int count, String... options) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp",
                System.getProperty("java.class.path")));
        command.addAll(List.of(options));
        command.addAll(List.of(KilledRunIT.class.getName(), root.toString(), String.valueOf(count)));
        return new ProcessBuilder(command).redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
    }
}
