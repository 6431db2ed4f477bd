package captchaocr.generator.kaptcha;

import java.awt.image.BufferedImage;
import java.awt.image.DataBufferInt;

/** Sampling and blending of ARGB pixels (not premultiplied, as everywhere in Kaptcha). */
final class Argb {
    private Argb() {
    }

    static int[] pixels(BufferedImage image) {
        return ((DataBufferInt) image.getRaster().getDataBuffer()).getData();
    }

    /**
     * The colour at a point between pixels, channel by channel. Transparent pixels are black here, which gives
     * coloured text its dark rim: part of Kaptcha's look.
     */
    static int sample(int[] pixels, int width, int height, float x, float y, boolean clamp) {
        int left = (int) Math.floor(x);
        int top = (int) Math.floor(y);
        int nw = at(pixels, width, height, left, top, clamp);
        int ne = at(pixels, width, height, left + 1, top, clamp);
        int sw = at(pixels, width, height, left, top + 1, clamp);
        int se = at(pixels, width, height, left + 1, top + 1, clamp);
        if ((nw | ne | sw | se) == 0) {
            return 0;
        }
        float fx = x - left;
        float fy = y - top;
        int colour = 0;
        for (int shift = 24; shift >= 0; shift -= 8) {
            float upper = (1 - fx) * (nw >>> shift & 0xFF) + fx * (ne >>> shift & 0xFF);
            float lower = (1 - fx) * (sw >>> shift & 0xFF) + fx * (se >>> shift & 0xFF);
            colour |= (int) ((1 - fy) * upper + fy * lower) << shift;
        }
        return colour;
    }

    private static int at(int[] pixels, int width, int height, int x, int y, boolean clamp) {
        if (x >= 0 && x < width && y >= 0 && y < height) {
            return pixels[y * width + x];
        }
        return clamp ? pixels[Math.max(0, Math.min(height - 1, y)) * width + Math.max(0, Math.min(width - 1, x))] : 0;
    }
}
