package captchaocr.generator.cli;

import captchaocr.generator.core.Difficulty;
import captchaocr.generator.core.GenerationRun;
import captchaocr.generator.core.GeneratorException;
import captchaocr.generator.core.Style;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.Charset;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** What every command that draws a set accepts. */
final class RunOptions {
    @Option(names = "--threads", paramLabel = "N",
            description = "Threads that draw; the result is the same for any number. Default: one a processor.")
    int threads = Runtime.getRuntime().availableProcessors();

    @Option(names = "--seed", paramLabel = "N",
            description = "The same seed draws the same set. Default: ${DEFAULT-VALUE}.")
    long seed = 1;

    @Option(names = "--difficulty", paramLabel = "D",
            description = "0 clean print, 0.5 (default) as the library draws, 1 hardest; or a range: 0.2..0.8.")
    String difficulty = "0.5";

    @Option(names = "--out-root", paramLabel = "DIR", description = "Folder of the sets. Default: ${DEFAULT-VALUE}.")
    Path outRoot = Path.of("images");

    Difficulty.Range difficulty() {
        return Difficulty.Range.parse(difficulty);
    }

    int draw(Style style, String outName, long count) throws IOException {
        if (!outName.matches("[\\p{L}\\p{N}][\\p{L}\\p{N}._-]*")) {
            throw new GeneratorException("output name '" + outName + "' is not allowed; use letters, digits, . _ and "
                    + "-, and --out-root for another place");
        }
        return new GenerationRun(style, outRoot.resolve(outName), count, seed, threads, out()).run();
    }

    /** Standard output in the encoding that {@code -Dfile.encoding} asks for; Java 18+ would take the console's. */
    static PrintStream out() {
        return new PrintStream(System.out, true, Charset.defaultCharset());
    }
}
