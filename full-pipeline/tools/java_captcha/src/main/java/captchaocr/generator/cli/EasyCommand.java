package captchaocr.generator.cli;

import captchaocr.generator.core.GeneratorException;
import captchaocr.generator.core.Picture;
import captchaocr.generator.core.Rng;
import captchaocr.generator.core.Style;
import captchaocr.generator.easy.EasyKind;
import captchaocr.generator.easy.EasyStyle;
import captchaocr.generator.fonts.FontBook;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Behind {@code EasyCaptchaRunner}. */
@Command(name = "EasyCaptchaRunner", mixinStandardHelpOptions = true, synopsisSubcommandLabel = "COMMAND",
        description = "Draws pictures as EasyCaptcha 1.6.2 does: 13 kinds, ten fonts of its own and those installed.")
public final class EasyCommand {
    private static final int SHOWN = 20;

    public static int run(String... args) {
        return Cli.run(new EasyCommand(), args);
    }

    @Command(name = "list", mixinStandardHelpOptions = true,
            description = "Lists the 13 kinds and the characters each draws.")
    int list() {
        PrintStream out = RunOptions.out();
        for (EasyKind kind : EasyKind.values()) {
            String characters = kind.alphabet();
            out.printf(Locale.ROOT, "%-14s %-4s %3d characters  %s%n", kind.id(), kind.animated() ? "gif" : "png",
                    characters.length(), characters.length() > 60 ? characters.substring(0, 30) + "..." : characters);
        }
        return 0;
    }

    @Command(name = "fromjson", mixinStandardHelpOptions = true,
            description = "Draws COUNT pictures as a config.json says.")
    int fromJson(@Parameters(paramLabel = "CONFIG") Path config, @Parameters(paramLabel = "OUT") String out,
                 @Parameters(paramLabel = "COUNT") long count, @Mixin FontOptions fonts, @Mixin RunOptions run)
            throws IOException {
        return run.draw(style(config, fonts, run), out, count);
    }

    @Command(name = "dryrun", mixinStandardHelpOptions = true,
            description = "Says what fromjson would draw, from COUNT pictures (1000 unless given) "
            + "drawn and not written.")
    int dryRun(@Parameters(paramLabel = "CONFIG") Path config,
               @Parameters(paramLabel = "COUNT", arity = "0..1", defaultValue = "1000") long count,
               @Mixin FontOptions fonts, @Mixin RunOptions run) throws IOException {
        if (count < 1) {
            throw new GeneratorException("count " + count + " is out of range; ask for at least 1 picture");
        }
        Style style = style(config, fonts, run);
        Map<String, Map<String, Long>> counts = new LinkedHashMap<>();
        PrintStream out = RunOptions.out();
        for (long index = 0; index < count; index++) {
            Picture picture = style.draw(index, new Rng(Rng.pictureSeed(run.seed, index)));
            count(counts, "kind", picture.kind());
            count(counts, "size", picture.size().toString());
            count(counts, "font", picture.font());
            if (index < SHOWN) {
                out.printf("%-14s %-8s %-28s %s%n", picture.kind(), picture.size(), picture.font(), picture.label());
            }
        }
        counts.forEach((key, values) -> values.forEach((value, n) ->
                out.printf(Locale.ROOT, "%-5s %-36s %7d  %5.1f%%%n", key, value, n, 100.0 * n / count)));
        out.println("notes: " + style.notes());
        return 0;
    }

    private static void count(Map<String, Map<String, Long>> counts, String key, String value) {
        counts.computeIfAbsent(key, unused -> new TreeMap<>()).merge(value, 1L, Long::sum);
    }

    private static EasyStyle style(Path config, FontOptions fonts, RunOptions run) throws IOException {
        FontBook book = fonts.book();
        List<String> families = fonts.given() ? fonts.families(book, List.of()) : null;
        return EasyStyle.read(config, book, families, run.difficulty());
    }
}
