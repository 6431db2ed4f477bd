package captchaocr.generator.kaptcha;

import captchaocr.generator.core.Difficulty;
import captchaocr.generator.core.Rng;
import java.awt.image.BufferedImage;

/**
 * Kaptcha's ShadowGimpy: a strong ripple, then a blurred shadow below. The shadow is black, so that only its opacity
 * has to be blurred, a quarter of the work of the general filter.
 */
final class ShadowDistortion implements Distortion {
    private static final int RADIUS = 10;
    private static final int DROP = 5;
    private static final float[] KERNEL = kernel();

    private final Ripple ripple;

    ShadowDistortion(Difficulty difficulty, Rng rng) {
        float strength = (float) difficulty.between(0.2, 1, 1.3);
        ripple = new Ripple(7.6f * strength, (float) rng.between(1.0, 2.0) * strength, rng.between(8, 15),
                rng.between(2, 5), true);
    }

    @Override
    public Reach reach() {
        return ripple.reach();
    }

    @Override
    public BufferedImage getDistortedImage(BufferedImage image) {
        BufferedImage result = withoutShadow(image);
        addShadow(Argb.pixels(result), result.getWidth(), result.getHeight());
        return result;
    }

    /** The ripple alone: what tests measure ink by. */
    BufferedImage withoutShadow(BufferedImage image) {
        return ripple.apply(image);
    }

    static void addShadow(int[] pixels, int width, int height) {
        int[] alpha = new int[pixels.length];
        for (int i = 0; i < alpha.length; i++) {
            alpha[i] = pixels[i] >>> 24;
        }
        // Twice along the rows, each time writing columns: first across, then down.
        int[] shadow = blurTransposed(blurTransposed(alpha, width, height), height, width);
        for (int y = DROP; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int at = y * width + x;
                pixels[at] = overBlack(pixels[at], shadow[at - DROP * width]);
            }
        }
    }

    /** Blurs the rows of {@code in} and returns the result with rows and columns swapped. */
    private static int[] blurTransposed(int[] in, int width, int height) {
        int[] out = new int[in.length];
        float[] row = new float[width + 2 * RADIUS];
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < row.length; x++) {
                row[x] = in[y * width + Math.max(0, Math.min(width - 1, x - RADIUS))];
            }
            for (int x = 0; x < width; x++) {
                float sum = 0;
                for (int k = 0; k < KERNEL.length; k++) {
                    sum += KERNEL[k] * row[x + k];
                }
                out[x * height + y] = (int) (sum + 0.5f);
            }
        }
        return out;
    }

    /** {@code colour} drawn over black of opacity {@code shadow}. */
    private static int overBlack(int colour, int shadow) {
        int alpha = colour >>> 24;
        if (shadow == 0 || alpha == 255) {
            return colour;
        }
        int total = alpha + (shadow * (255 - alpha) + 127) / 255;
        if (alpha == 0) {
            return total << 24;
        }
        int result = total << 24;
        for (int shift = 16; shift >= 0; shift -= 8) {
            result |= ((colour >>> shift & 0xFF) * alpha + total / 2) / total << shift;
        }
        return result;
    }

    private static float[] kernel() {
        float[] kernel = new float[2 * RADIUS + 1];
        float sigma = RADIUS / 3f;
        float total = 0;
        for (int i = 0; i < kernel.length; i++) {
            int distance = i - RADIUS;
            kernel[i] = (float) Math.exp(-distance * distance / (2 * sigma * sigma));
            total += kernel[i];
        }
        for (int i = 0; i < kernel.length; i++) {
            kernel[i] /= total;
        }
        return kernel;
    }
}
