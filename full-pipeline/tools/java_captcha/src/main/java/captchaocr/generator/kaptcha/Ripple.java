package captchaocr.generator.kaptcha;

import java.awt.image.BufferedImage;

/**
 * Two crossed sine waves: rows slide sideways, columns up and down, as jhlabs' RippleFilter does. The waves depend on
 * the row and on the column alone, so their sines are computed once a row and once a column.
 *
 * @param clamp  true repeats the edge beyond the picture, false leaves it transparent; then the picture also moves
 *               right and down by the whole part of the amplitudes, a habit of the filter that is part of its look
 */
record Ripple(float xAmplitude, float yAmplitude, float xWavelength, float yWavelength, boolean clamp) {
    BufferedImage apply(BufferedImage image) {
        int width = image.getWidth();
        int height = image.getHeight();
        int[] source = Argb.pixels(image);
        BufferedImage result = new BufferedImage(width, height, BufferedImage.TYPE_INT_ARGB);
        int[] target = Argb.pixels(result);
        float[] slideY = new float[width];
        for (int x = 0; x < width; x++) {
            slideY[x] = yAmplitude * (float) Math.sin((x - moveX()) / yWavelength);
        }
        for (int y = 0; y < height; y++) {
            int fromY = y - moveY();
            float slideX = xAmplitude * (float) Math.sin(fromY / xWavelength);
            for (int x = 0; x < width; x++) {
                target[y * width + x] = Argb.sample(source, width, height, x - moveX() + slideX, fromY + slideY[x],
                        clamp);
            }
        }
        return result;
    }

    private int moveX() {
        return clamp ? 0 : (int) xAmplitude;
    }

    private int moveY() {
        return clamp ? 0 : (int) yAmplitude;
    }

    Distortion.Reach reach() {
        return new Distortion.Reach(xAmplitude - moveX(), xAmplitude + moveX(), yAmplitude - moveY(),
                yAmplitude + moveY());
    }
}
