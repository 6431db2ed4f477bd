package captchaocr.generator.kaptcha;

import captchaocr.generator.core.GeneratorException;

/**
 * The file names of the original jar. Windows forbids {@code * / ?} in file names, so the jar writes {@code × ÷ ？}
 * there; in the picture it draws the plain characters, and the plain ones are the label.
 */
public final class SafeName {
    private static final String DRAWN = "*/?";
    private static final String NAMED = "×÷？";

    private SafeName() {
    }

    public static String of(String label) {
        return translate(label, DRAWN, NAMED);
    }

    /** The label of {@code 7×3=？_HASH.jpg}: {@code 7*3=?}. */
    public static String label(String fileName) {
        String text = translate(fileName.replaceFirst("[_.].*", ""), NAMED, DRAWN);
        if (!text.matches("\\d[-+*/]\\d=\\?")) {
            throw new GeneratorException("'" + fileName + "' does not begin with an arithmetic text such as 7×3=？_; "
                    + "is --jar the RuoYi jar, and the file system able to hold such names?");
        }
        return text;
    }

    private static String translate(String text, String from, String to) {
        String result = text;
        for (int i = 0; i < from.length(); i++) {
            result = result.replace(from.charAt(i), to.charAt(i));
        }
        return result;
    }
}
