package captchaocr.generator.core;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The heap that is enough for few pictures is enough for any number: nothing grows with the set. */
class FlatMemoryIT {
    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(ints = {2_000, 60_000})
    void eightMegabytesAreEnough(int count) throws Exception {
        assertEquals(0, KilledRunIT.start(folder.resolve("set"), count, "-Xmx8m", "-XX:+UseSerialGC").waitFor());
    }
}
