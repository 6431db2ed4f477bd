package captchaocr.generator.cli;

import captchaocr.generator.core.GeneratorException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.InvalidPathException;
import picocli.CommandLine;

/** Runs a command: a user's mistake ends in one line and status 1, a mistake of ours in a stack trace. */
final class Cli {
    private static final int EXIT_MISTAKE = 1;
    private static final int EXIT_BUG = 70;

    private Cli() {
    }

    static int run(Object command, String... args) {
        // Before AWT starts: no screen is needed, nor looked for.
        System.setProperty("java.awt.headless", "true");
        return new CommandLine(command).setExecutionExceptionHandler((e, line, result) -> {
            if (e instanceof GeneratorException) {
                line.getErr().println("error: " + e.getMessage());
                return EXIT_MISTAKE;
            }
            if (e instanceof IOException || e instanceof UncheckedIOException) {
                line.getErr().println("error: cannot read or write: " + e);
                return EXIT_MISTAKE;
            }
            if (e instanceof InvalidPathException) {
                line.getErr().println("error: cannot name a file: " + e.getMessage() + "; without a UTF-8 locale Java "
                        + "can write ASCII names alone: set LC_ALL=C.UTF-8");
                return EXIT_MISTAKE;
            }
            e.printStackTrace(line.getErr());
            return EXIT_BUG;
        }).execute(args);
    }
}
