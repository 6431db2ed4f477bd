package captchaocr.generator.cli;

import captchaocr.generator.fonts.FontBook;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import picocli.CommandLine.Option;

/** Where fonts come from. */
final class FontOptions {
    /** Where the build puts a Chinese font, seen from the folder EasyCaptchaRunner runs in. */
    private static final Path BUILT = Path.of("lib", "fonts");

    @Option(names = "--fonts", split = ",", paramLabel = "NAME",
            description = "Font families by name, separated by commas. One that is not installed is replaced by a "
                    + "named substitute, and the summary says so.")
    List<String> names = new ArrayList<>();

    @Option(names = "--fonts-file", paramLabel = "FILE",
            description = "A list of families, one a line; those installed are used.")
    List<Path> files = new ArrayList<>();

    @Option(names = "--font-dir", paramLabel = "DIR",
            description = "A folder of .ttf, .otf or .ttc files whose families can be named as if installed. "
                    + "Default: lib/fonts, if there is one.")
    Path folder;

    FontBook book() throws IOException {
        return FontBook.open(folder == null && Files.isDirectory(BUILT) ? BUILT : folder);
    }

    boolean given() {
        return !names.isEmpty() || !files.isEmpty();
    }

    /** The families asked for, or {@code usual} when none was. */
    List<String> families(FontBook book, List<String> usual) throws IOException {
        Set<String> families = new LinkedHashSet<>(listed(book));
        if (!names.isEmpty() || files.isEmpty()) {
            families.addAll(book.installedOrSubstituted(names.isEmpty() ? usual : names));
        }
        return List.copyOf(families);
    }

    /** The families of the list files alone. */
    List<String> listed(FontBook book) throws IOException {
        Set<String> families = new LinkedHashSet<>();
        for (Path file : files) {
            families.addAll(book.installedOf(file));
        }
        return List.copyOf(families);
    }
}
