package captchaocr.generator.core;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** The files of a set that must not change from run to run: pictures, labels, manifest. */
public final class SetFiles {
    private SetFiles() {
    }

    /** Content by name, relative to {@code root}. */
    public static Map<String, String> read(Path root) throws IOException {
        Map<String, String> content = new TreeMap<>();
        try (Stream<Path> paths = Files.walk(root)) {
            for (Path path : paths.filter(Files::isRegularFile).toList()) {
                String name = root.relativize(path).toString();
                if (!List.of("summary.json", ".lock").contains(name)) {
                    content.put(name, Base64.getEncoder().encodeToString(Files.readAllBytes(path)));
                }
            }
        }
        return content;
    }
}
