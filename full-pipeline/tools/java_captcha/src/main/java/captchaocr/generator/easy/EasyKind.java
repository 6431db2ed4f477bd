package captchaocr.generator.easy;

import captchaocr.generator.core.GeneratorException;
import com.wf.captcha.base.ChineseCaptchaAbstract;
import com.wf.captcha.base.Randoms;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * EasyCaptcha's 13 kinds. The alphabets are the library's own: without 0, 1, I, L, O, i, l and o. It has no type for
 * digits and lower case; {@link #SPEC_NUMLOWER} and {@link #GIF_NUMLOWER} take theirs from the same table.
 */
public enum EasyKind {
    SPEC(Form.SPEC, 0, 54),
    SPEC_NUM(Form.SPEC, 0, 8),
    SPEC_CHAR(Form.SPEC, 8, 54),
    SPEC_UPPER(Form.SPEC, 8, 31),
    SPEC_LOWER(Form.SPEC, 31, 54),
    SPEC_NUMUPPER(Form.SPEC, 0, 31),
    SPEC_NUMLOWER(Form.SPEC, digits() + library(31, 54)),
    GIF(Form.GIF, 0, 54),
    GIF_NUMUPPER(Form.GIF, 0, 31),
    GIF_NUMLOWER(Form.GIF, digits() + library(31, 54)),
    CN(Form.CN, distinct(ChineseCaptchaAbstract.DELTA)),
    CN_GIF(Form.CN_GIF, distinct(ChineseCaptchaAbstract.DELTA)),
    ARITH(Form.ARITH, "0123456789+-x=?");

    /** How the library lays the picture out; the numbers are those of its five drawing methods. */
    enum Form {
        SPEC(2, 2f, 3, 'W', false, false),
        GIF(2, 1.2f, 3, 'W', false, true),
        CN(3, 1.2f, 3, '王', true, false),
        CN_GIF(2, 1.2f, -3, '王', true, true),
        ARITH(2, 0f, 3, '8', false, false);

        final int ovals;
        /** Width of the curve; 0 is no curve. */
        final float stroke;
        /** Added to each character's x. */
        final int offset;
        /** The character whose width centres all others in their cells. */
        final char reference;
        final boolean chinese;
        final boolean animated;

        Form(int ovals, float stroke, int offset, char reference, boolean chinese, boolean animated) {
            this.ovals = ovals;
            this.stroke = stroke;
            this.offset = offset;
            this.reference = reference;
            this.chinese = chinese;
            this.animated = animated;
        }
    }

    final Form form;
    private final String alphabet;

    EasyKind(Form form, int from, int to) {
        this(form, library(from, to));
    }

    EasyKind(Form form, String alphabet) {
        this.form = form;
        this.alphabet = alphabet;
    }

    /** Every character this kind can draw, each once. */
    public String alphabet() {
        return alphabet;
    }

    public boolean animated() {
        return form.animated;
    }

    public boolean chinese() {
        return form.chinese;
    }

    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }

    @Override
    public String toString() {
        return id();
    }

    public static EasyKind byId(String id) {
        return Arrays.stream(values()).filter(kind -> kind.id().equals(id)).findFirst()
                .orElseThrow(() -> new GeneratorException("unknown kind '" + id + "'; choose from " + ids()));
    }

    public static String ids() {
        return Arrays.stream(values()).map(EasyKind::id).collect(Collectors.joining(", "));
    }

    private static String digits() {
        return library(0, 8);
    }

    private static String library(int from, int to) {
        return new String(Randoms.ALPHA, from, to - from);
    }

    /** The library's list of Chinese characters has a few twice. */
    private static String distinct(String characters) {
        return characters.chars().distinct().mapToObj(Character::toString).collect(Collectors.joining());
    }
}
