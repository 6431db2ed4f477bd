import captchaocr.generator.cli.EasyCommand;

/** Draws EasyCaptcha pictures; see ../README.md. The work is done in lib/captcha-generators.jar. */
public final class EasyCaptchaRunner {
    public static void main(String[] args) {
        System.exit(EasyCommand.run(args));
    }
}
