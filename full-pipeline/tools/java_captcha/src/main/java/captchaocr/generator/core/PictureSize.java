package captchaocr.generator.core;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Width and height in pixels, written {@code 160x60}. */
public record PictureSize(int width, int height) {
    /** Sizes and weights the three styles use unless told otherwise. */
    public static final String USUAL = "160x60:40,180x64:20,200x64:15,256x64:10,120x40:10,96x32:5";

    private static final Pattern FORM = Pattern.compile("(\\d{1,5})[xX](\\d{1,5})");
    private static final int MIN_WIDTH = 48;
    private static final int MIN_HEIGHT = 24;
    private static final int MAX = 2000;
    /** The reader opens no picture that has more. */
    private static final int MAX_PIXELS = 1_000_000;

    public PictureSize {
        if (width < MIN_WIDTH || height < MIN_HEIGHT || width > MAX || height > MAX || width * height > MAX_PIXELS) {
            throw new GeneratorException("size " + width + "x" + height + " is out of range; allowed are widths "
                    + MIN_WIDTH + " to " + MAX + " and heights " + MIN_HEIGHT + " to " + MAX + ", with " + MAX_PIXELS
                    + " pixels in all or fewer");
        }
    }

    public static PictureSize parse(String text) {
        Matcher form = FORM.matcher(text.trim());
        if (!form.matches()) {
            throw new GeneratorException("'" + text + "' is not a size; write WIDTHxHEIGHT, for example 160x60");
        }
        return new PictureSize(Integer.parseInt(form.group(1)), Integer.parseInt(form.group(2)));
    }

    public static Weighted<PictureSize> parseWeighted(String text) {
        return Weighted.parse("--sizes", text, ':', PictureSize::parse);
    }

    @Override
    public String toString() {
        return width + "x" + height;
    }
}
