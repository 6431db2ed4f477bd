/**
 * Draws RuoYi pictures; see ../README.md. The work is done in CalculateCaptcha-1.1.jar, which is looked up by name
 * because this file is compiled without a class path.
 */
public final class RuoyiJarNormalizeSmart {
    public static void main(String[] args) throws ReflectiveOperationException {
        Object status = Class.forName("captchaocr.generator.cli.RuoyiCommand").getMethod("run", String[].class)
                .invoke(null, (Object) args);
        System.exit((Integer) status);
    }
}
