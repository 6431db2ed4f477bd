package captchaocr.generator.core;

/**
 * One drawn picture, encoded, with everything known about it.
 *
 * @param bytes      the whole PNG or GIF file
 * @param extension  {@code png} or {@code gif}
 * @param label      exactly the glyphs drawn, NFC
 * @param kind       the style's own name for the variant, such as {@code spec_numlower}
 * @param font       the font really used, with its face: {@code Liberation Sans Bold}
 * @param ambiguous  the label's characters that this font draws like another character of the kind
 */
public record Picture(byte[] bytes, String extension, String label, String kind, String font, PictureSize size,
                      Difficulty difficulty, String ambiguous) {
}
