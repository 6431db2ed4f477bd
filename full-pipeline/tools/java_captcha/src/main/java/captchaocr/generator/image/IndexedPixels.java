package captchaocr.generator.image;

import java.util.Arrays;

/**
 * Pixels as numbers of colours of a table: {@code palette[pixels[i] & 0xFF]}, of which {@code count} are in use.
 * {@code dropped} bits of each channel were given up for that.
 */
record IndexedPixels(byte[] pixels, int[] palette, int count, int dropped) {
    private static final int SLOTS = 1024;

    /** {@code ROUNDED[d][v]}: channel value v to the nearest of 2^(8 - d) evenly spaced ones, 0 and 255 among them. */
    private static final int[][] ROUNDED = new int[8][256];

    static {
        for (int dropped = 0; dropped < 8; dropped++) {
            int top = (1 << (8 - dropped)) - 1;
            for (int value = 0; value < 256; value++) {
                int step = (value * top + 127) / 255;
                ROUNDED[dropped][value] = (step * 255 + top / 2) / top;
            }
        }
    }

    /** Gives up {@code dropped} bits of each channel, or as many more as it takes for {@code most} colours. */
    static IndexedPixels of(int[] rgb, int most, int dropped) {
        for (int bits = dropped; bits < ROUNDED.length; bits++) {
            IndexedPixels indexed = tryWith(rgb, most, bits);
            if (indexed != null) {
                return indexed;
            }
        }
        throw new AssertionError("one bit a channel makes eight colours");
    }

    /** Null when there are more than {@code most} colours. */
    private static IndexedPixels tryWith(int[] rgb, int most, int dropped) {
        int[] rounded = ROUNDED[dropped];
        int[] palette = new int[most];
        int[] keys = new int[SLOTS];
        byte[] numbers = new byte[SLOTS];
        Arrays.fill(keys, -1);
        byte[] pixels = new byte[rgb.length];
        int count = 0;
        for (int i = 0; i < rgb.length; i++) {
            if (i > 0 && rgb[i] == rgb[i - 1]) {
                pixels[i] = pixels[i - 1];
                continue;
            }
            int colour = rounded[rgb[i] >> 16 & 0xFF] << 16 | rounded[rgb[i] >> 8 & 0xFF] << 8 | rounded[rgb[i] & 0xFF];
            int slot = (colour * 0x9E3779B1) >>> 22;
            while (keys[slot] != colour && keys[slot] != -1) {
                slot = (slot + 1) % SLOTS;
            }
            if (keys[slot] == -1) {
                if (count == most) {
                    return null;
                }
                keys[slot] = colour;
                numbers[slot] = (byte) count;
                palette[count++] = colour;
            }
            pixels[i] = numbers[slot];
        }
        return new IndexedPixels(pixels, palette, count, dropped);
    }
}
