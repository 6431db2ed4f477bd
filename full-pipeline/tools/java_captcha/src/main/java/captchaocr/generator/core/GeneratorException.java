package captchaocr.generator.core;

/** A mistake the user can mend; its message says what came, what is allowed and what to do next. */
public final class GeneratorException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public GeneratorException(String message) {
        super(message);
    }

    /** What another library's error says in its first line: Gson's have a second one, with an address. */
    public static String firstLine(Exception e) {
        return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    }
}
