package captchaocr.generator.cli;

import captchaocr.generator.core.GeneratorException;
import captchaocr.generator.core.PictureSize;
import captchaocr.generator.core.Weighted;
import captchaocr.generator.fonts.FaceChoice;
import captchaocr.generator.fonts.FontBook;
import captchaocr.generator.kaptcha.CtextStyle;
import captchaocr.generator.kaptcha.CtextStyle.Choices;
import captchaocr.generator.kaptcha.CtextStyle.Kinds;
import captchaocr.generator.kaptcha.TextKind;
import java.io.IOException;
import java.text.Normalizer;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Behind {@code CalcAllStylesRunner}. */
@Command(name = "CalcAllStylesRunner", mixinStandardHelpOptions = true, synopsisSubcommandLabel = "COMMAND",
        description = "Draws Kaptcha text pictures: {water, shadow, fisheye} x {normal, wide, compact} x "
                + "{noise, nonoise}.")
public final class CtextCommand {
    private static final List<String> FONTS = List.of("Arial", "Helvetica", "Tahoma", "Verdana", "Microsoft YaHei",
            "SimSun", "SimHei", "Noto Sans CJK SC");
    private static final int MAX_LENGTH = 10;
    // Nothing to see; or NFC beside letters that it does not join, until chance puts it behind another.
    private static final String NO_SYMBOL = "[\\p{C}\\p{Z}\\p{M}\\p{InHangul_Jamo}]";

    public static int run(String... args) {
        return Cli.run(new CtextCommand(), args);
    }

    static final class TextOptions {
        @Option(names = "--charset", paramLabel = "CHARS", description = "Characters to draw from. Default: 0-9A-Za-z.")
        String charset = CtextStyle.CHARSET;

        @Option(names = "--palette", paramLabel = "#RRGGBB@WEIGHT,...",
                description = "Text colours and their weights. Default: ${DEFAULT-VALUE}.")
        String palette = CtextStyle.PALETTE;

        @Mixin
        FontOptions fonts;

        @Mixin
        RunOptions run;

        int draw(Kinds kinds, Weighted<PictureSize> sizes, Weighted<Integer> lengths, String out, long count)
                throws IOException {
            String characters = checkedCharset(charset);
            FontBook book = fonts.book();
            List<String> families = fonts.families(book, FONTS);
            FaceChoice faces = FaceChoice.of("--fonts", book, Map.of(families, 1.0), FaceChoice.MOSTLY_BOLD,
                    characters);
            Choices choices = new Choices(kinds, sizes, lengths, characters, CtextStyle.parsePalette(palette),
                    run.difficulty());
            return run.draw(new CtextStyle(choices, faces, book.notes()), out, count);
        }
    }

    private static String checkedCharset(String charset) {
        if (charset.indexOf('\uFFFD') >= 0) { // what Java makes of bytes that it cannot read; fonts draw it
            throw new GeneratorException("--charset came as '" + charset + "': without a UTF-8 locale Java cannot read "
                    + "such characters from the command line; set LC_ALL=C.UTF-8");
        }
        if (charset.isEmpty() || !Normalizer.isNormalized(charset, Normalizer.Form.NFC)
                || charset.chars().anyMatch(c -> Character.toString(c).matches(NO_SYMBOL))) {
            throw new GeneratorException("--charset '" + charset + "' is not allowed; give characters in NFC, without "
                    + "spaces, invisible characters, combining marks, Hangul jamo and any beyond U+FFFF");
        }
        return charset.chars().distinct().mapToObj(Character::toString).collect(Collectors.joining());
    }

    private static Weighted<Integer> lengths(String text) {
        return Weighted.parse("--len", text, ':', CtextCommand::length);
    }

    private static int length(String text) {
        if (!text.matches("\\d{1,3}") || Integer.parseInt(text) < 1 || Integer.parseInt(text) > MAX_LENGTH) {
            throw new GeneratorException("length '" + text + "' is not allowed; give 1 to " + MAX_LENGTH
                    + ", or weights such as " + CtextStyle.LENGTHS);
        }
        return Integer.parseInt(text);
    }

    @Command(name = "list", mixinStandardHelpOptions = true, description = "Lists the 18 kinds.")
    int list() {
        TextKind.ALL.forEach(kind -> System.out.println(kind));
        return 0;
    }

    @Command(name = "gen", mixinStandardHelpOptions = true, description = "Draws COUNT pictures of one kind and size.")
    int gen(@Parameters(paramLabel = "KIND") String kind, @Parameters(paramLabel = "OUT") String out,
            @Parameters(paramLabel = "COUNT") long count, @Parameters(paramLabel = "WIDTH") int width,
            @Parameters(paramLabel = "HEIGHT") int height,
            @Parameters(paramLabel = "LEN", description = "0 draws the length from " + CtextStyle.LENGTHS) int length,
            @Mixin TextOptions options) throws IOException {
        return options.draw(Kinds.only(TextKind.parse(kind)), Weighted.only(new PictureSize(width, height)),
                lengths(length == 0 ? CtextStyle.LENGTHS : String.valueOf(length)), out, count);
    }

    @Command(name = "all", mixinStandardHelpOptions = true,
            description = "Draws COUNT pictures of each of the 18 kinds, in one size.")
    int all(@Parameters(paramLabel = "OUT") String out, @Parameters(paramLabel = "COUNT") long count,
            @Parameters(paramLabel = "WIDTH") int width, @Parameters(paramLabel = "HEIGHT") int height,
            @Parameters(paramLabel = "LEN", description = "0 draws the length from " + CtextStyle.LENGTHS) int length,
            @Mixin TextOptions options) throws IOException {
        if (count > Long.MAX_VALUE / TextKind.ALL.size()) {
            throw new GeneratorException("count " + count + " is out of range; ask for fewer pictures of each kind");
        }
        return options.draw(Kinds.inTurn(), Weighted.only(new PictureSize(width, height)),
                lengths(length == 0 ? CtextStyle.LENGTHS : String.valueOf(length)), out, count * TextKind.ALL.size());
    }

    static final class Lengths {
        @Option(names = "--len", paramLabel = "N:WEIGHT,...",
                description = "Lengths and their weights. Default: " + CtextStyle.LENGTHS + ".")
        String weighted;

        @Option(names = "--fixed-len", paramLabel = "N", description = "One length for all.")
        Integer fixed;

        @Override
        public String toString() {
            return fixed != null ? fixed.toString() : weighted;
        }
    }

    @Command(name = "smart", mixinStandardHelpOptions = true,
            description = "Draws COUNT pictures of all kinds, sizes and lengths.")
    int smart(@Parameters(paramLabel = "OUT") String out, @Parameters(paramLabel = "COUNT") long count,
              @Option(names = "--sizes", paramLabel = "WxH:WEIGHT,...", defaultValue = PictureSize.USUAL,
                      description = "Sizes and their weights. Default: ${DEFAULT-VALUE}.") String sizes,
              @ArgGroup Lengths lengths, @Mixin TextOptions options) throws IOException {
        return options.draw(Kinds.random(), PictureSize.parseWeighted(sizes),
                lengths(lengths == null ? CtextStyle.LENGTHS : lengths.toString()), out, count);
    }
}
