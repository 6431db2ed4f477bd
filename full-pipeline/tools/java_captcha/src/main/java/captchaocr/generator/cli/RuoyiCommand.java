package captchaocr.generator.cli;

import captchaocr.generator.core.Difficulty;
import captchaocr.generator.core.GeneratorException;
import captchaocr.generator.core.PictureSize;
import captchaocr.generator.core.Weighted;
import captchaocr.generator.fonts.FaceChoice;
import captchaocr.generator.fonts.FontBook;
import captchaocr.generator.kaptcha.ForeignJar;
import captchaocr.generator.kaptcha.RuoyiStyle;
import captchaocr.generator.kaptcha.RuoyiText;
import java.awt.Font;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Behind {@code RuoyiJarNormalizeSmart}. */
@Command(name = "RuoyiJarNormalizeSmart", mixinStandardHelpOptions = true, synopsisSubcommandLabel = "COMMAND",
        description = "Draws RuoYi's arithmetic, scaled to the sizes asked for.")
public final class RuoyiCommand {
    public static int run(String... args) {
        return Cli.run(new RuoyiCommand(), args);
    }

    @Command(name = "smart", mixinStandardHelpOptions = true, description = "Draws COUNT pictures.")
    int smart(@Parameters(paramLabel = "OUT") String out, @Parameters(paramLabel = "COUNT") long count,
              @Option(names = "--jar", paramLabel = "JAR", description = "The jar that draws. This project's draws "
                      + "in this process; another one is run with -n and -p, and its pictures are taken over.")
              Path jar,
              @Option(names = "--sizes", paramLabel = "WxH:WEIGHT,...", defaultValue = PictureSize.USUAL,
                      description = "Sizes and their weights. Default: ${DEFAULT-VALUE}.") String sizes,
              @Option(names = "--other-share", paramLabel = "P", defaultValue = "0.5",
                      description = "With --fonts-file: share of the pictures drawn with two of its fonts. "
                              + "Default: ${DEFAULT-VALUE}.") double otherShare,
              @Mixin FontOptions fonts, @Mixin RunOptions run) throws IOException {
        Weighted<PictureSize> canvases = PictureSize.parseWeighted(sizes);
        if (jar == null || ForeignJar.isOurs(jar)) {
            return run.draw(ownStyle(canvases, otherShare, fonts, run.difficulty()), out, count);
        }
        if (fonts.given() || fonts.folder != null || !run.difficulty().equals(Difficulty.Range.USUAL_LOOK)) {
            throw new GeneratorException("--fonts, --fonts-file, --font-dir and --difficulty do not reach " + jar
                    + ", which draws by itself; leave them out, or --jar");
        }
        try (ForeignJar foreign = new ForeignJar(jar, canvases)) {
            return run.draw(foreign, out, count);
        }
    }

    static RuoyiStyle ownStyle(Weighted<PictureSize> sizes, double otherShare, FontOptions fonts,
                               Difficulty.Range difficulty) throws IOException {
        if (!(otherShare >= 0 && otherShare <= 1)) {
            throw new GeneratorException("--other-share " + otherShare + " is out of range; give 0 to 1");
        }
        FontBook book = fonts.book();
        List<String> asked = fonts.names.isEmpty() ? RuoyiStyle.FONTS : fonts.names;
        List<String> usual = book.ableToDraw(book.installedOrSubstituted(asked), Set.of(Font.BOLD),
                RuoyiText.ALPHABET);
        if (usual.isEmpty()) {
            throw new GeneratorException("--fonts: none draws all of " + RuoyiText.ALPHABET + "; name another font");
        }
        FaceChoice other = fonts.files.isEmpty() ? null : FaceChoice.of("--fonts-file", book,
                Map.of(fonts.listed(book), 1.0), FaceChoice.MOSTLY_BOLD, RuoyiText.ALPHABET);
        RuoyiStyle.Fonts choice = new RuoyiStyle.Fonts(
                usual.stream().map(family -> book.face(family, Font.BOLD)).toList(), other, otherShare);
        return new RuoyiStyle(sizes, difficulty, choice, book.notes());
    }
}
