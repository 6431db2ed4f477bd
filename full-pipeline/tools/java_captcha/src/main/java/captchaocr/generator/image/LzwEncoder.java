package captchaocr.generator.image;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;

/** LZW with codes of growing length, as GIF89a wants it (appendix F). */
final class LzwEncoder {
    private static final int MOST_CODES = 4096;
    private static final int SLOTS = 1 << 13;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream(1 << 12);
    private final int codeSize;
    private final int clear;
    /** Strings known: {@code prefix << 8 | next byte}, and the code of each. */
    private final int[] keys = new int[SLOTS];
    private final short[] codes = new short[SLOTS];
    private int next;
    private int length;
    private int bits;
    private int bitCount;

    LzwEncoder(int codeSize) {
        this.codeSize = codeSize;
        clear = 1 << codeSize;
    }

    byte[] encode(byte[] pixels) {
        length = codeSize + 1;
        write(clear);
        reset();
        int prefix = pixels[0] & 0xFF;
        for (int i = 1; i < pixels.length; i++) {
            int pixel = pixels[i] & 0xFF;
            int key = prefix << 8 | pixel;
            int slot = slotOf(key);
            if (keys[slot] == key) {
                prefix = codes[slot];
                continue;
            }
            write(prefix);
            if (next == MOST_CODES) {
                write(clear);
                reset();
            } else {
                keys[slot] = key;
                codes[slot] = (short) next;
                // The decoder learns a code one step later, so the length grows one code after it is needed here.
                if (next++ == 1 << length) {
                    length++;
                }
            }
            prefix = pixel;
        }
        write(prefix);
        write(clear + 1);
        if (bitCount > 0) {
            out.write(bits);
        }
        return out.toByteArray();
    }

    private void reset() {
        Arrays.fill(keys, -1);
        next = clear + 2;
        length = codeSize + 1;
    }

    private int slotOf(int key) {
        int slot = (key * 0x9E3779B1) >>> 19;
        while (keys[slot] != key && keys[slot] != -1) {
            slot = (slot + 1) % SLOTS;
        }
        return slot;
    }

    private void write(int code) {
        bits |= code << bitCount;
        bitCount += length;
        while (bitCount >= 8) {
            out.write(bits);
            bits >>>= 8;
            bitCount -= 8;
        }
    }
}
