package captchaocr.generator.fonts;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Fonts for tests: those of the training list that this machine has, and the Chinese one that the build fetches. */
public final class TestFonts {
    public static final Path TRAIN_LIST = Path.of("fonts-train.txt");

    private TestFonts() {
    }

    public static FontBook book() throws IOException {
        return FontBook.open(Path.of("EasyCaptcha", "lib", "fonts"));
    }

    public static List<String> installed(FontBook book) throws IOException {
        return book.installedOf(TRAIN_LIST);
    }
}
