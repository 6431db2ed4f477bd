import captchaocr.generator.cli.CtextCommand;

/** Draws Kaptcha text pictures; see ../README.md. The work is done in CalculateCaptcha-1.1.jar. */
public final class CalcAllStylesRunner {
    public static void main(String[] args) {
        System.exit(CtextCommand.run(args));
    }
}
