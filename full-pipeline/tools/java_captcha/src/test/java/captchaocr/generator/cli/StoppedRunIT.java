package captchaocr.generator.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import captchaocr.generator.core.SetFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** A process that SIGTERM stops again and again: the pictures then under way are drawn like all others. */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "a process is stopped there by killing it")
class StoppedRunIT {
    private static final int COUNT = 3000;
    private static final int STOPS = 3;
    private static final int SIGTERM_STATUS = 128 + 15;

    @TempDir
    Path folder;

    public static void main(String[] args) {
        System.exit(EasyCommand.run(args));
    }

    @Test
    void theSetIsTheSameAsIfNothingHadHappened() throws Exception {
        Path config = Files.writeString(folder.resolve("config.json"), """
                {"type_mix": ["spec", "gif_numlower", "arith"], "sizes": ["160x60", "96x32"],
                 "default": {"len": [4, 5], "arith_len": 2, "fonts": "builtin"}}""");
        assertEquals(0, start(config, "whole").waitFor());
        for (int stop = 1; stop <= STOPS; stop++) {
            Process process = start(config, "stopped");
            while (pictures("stopped") < COUNT * stop / (STOPS + 1)) {
                assertTrue(process.isAlive(), "ended by itself");
                Thread.sleep(20);
            }
            process.destroy();
            assertEquals(SIGTERM_STATUS, process.waitFor());
        }
        assertTrue(pictures("stopped") < COUNT, "no stop came before the end: the test proves nothing");
        assertEquals(0, start(config, "stopped").waitFor());
        Map<String, String> whole = SetFiles.read(folder.resolve("whole"));
        Map<String, String> stopped = SetFiles.read(folder.resolve("stopped"));
        assertEquals(whole.keySet(), stopped.keySet());
        stopped.entrySet().removeAll(whole.entrySet());
        assertEquals(Set.of(), stopped.keySet(), "these files differ");
    }

    private long pictures(String set) throws IOException {
        Path images = folder.resolve(set).resolve("images");
        if (!Files.isDirectory(images)) {
            return 0;
        }
        try (Stream<Path> files = Files.list(images)) {
            return files.count();
        }
    }

    private Process start(Path config, String set) throws IOException {
        return new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp", System.getProperty("java.class.path"), StoppedRunIT.class.getName(),
                "fromjson", config.toString(), set, String.valueOf(COUNT), "--threads", "4",
                "--out-root", folder.toString())
                .redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
    }
}
