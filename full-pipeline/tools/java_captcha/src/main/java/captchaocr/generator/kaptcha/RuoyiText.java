package captchaocr.generator.kaptcha;

import captchaocr.generator.core.Rng;

/** Arithmetic as RuoYi asks it: two digits and + - * or /, never a negative difference, never a remainder. */
public final class RuoyiText {
    /** Every glyph such a text can have. */
    public static final String ALPHABET = "0123456789+-*/=?";

    private RuoyiText() {
    }

    /** For example {@code 7*3=?}. The four operators are equally likely. */
    public static String next(Rng rng) {
        char operator = "+-*/".charAt(rng.nextInt(4));
        int left = rng.nextInt(10);
        int right = rng.nextInt(10);
        if (operator == '-' && left < right) {
            return right + "-" + left + "=?";
        }
        while (operator == '/' && (right == 0 || left % right != 0)) {
            left = rng.nextInt(10);
            right = rng.nextInt(10);
        }
        return left + String.valueOf(operator) + right + "=?";
    }
}
