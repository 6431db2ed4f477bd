package captchaocr.generator.image;

import java.awt.image.BufferedImage;
import java.awt.image.DataBufferInt;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * An encoder for animated GIFs (GIF89a) that repeat for ever: whole frames, a colour table of 256 each. Where a frame
 * has more colours, the lowest bits of its channels are given up until it does not, and those of the frames after it.
 */
public final class GifWriter {
    private static final int COLOURS = 256;
    private static final int CODE_SIZE = 8;
    private static final int BLOCK = 255;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream(1 << 13);
    private final int width;
    private final int height;
    private final int delay;
    /** Frames of one picture are alike: what the last one gave up, the next one will have to. */
    private int dropped;

    /** {@code delay} of each frame in hundredths of a second. */
    public GifWriter(int width, int height, int delay) {
        this.width = width;
        this.height = height;
        this.delay = delay;
        ascii("GIF89a");
        number(width);
        number(height);
        bytes(0x70, 0, 0); // no global table, eight bits a channel; background 0; square pixels
        bytes(0x21, 0xFF, 11); // application extension: repeat
        ascii("NETSCAPE2.0");
        bytes(3, 1, 0, 0, 0);
    }

    /** {@code frame} must be {@code TYPE_INT_RGB} and of the size given. */
    public void add(BufferedImage frame) {
        if (frame.getType() != BufferedImage.TYPE_INT_RGB || frame.getWidth() != width || frame.getHeight() != height) {
            throw new IllegalArgumentException("want a TYPE_INT_RGB frame of " + width + "x" + height);
        }
        IndexedPixels indexed = IndexedPixels.of(((DataBufferInt) frame.getRaster().getDataBuffer()).getData(), COLOURS,
                dropped);
        dropped = indexed.dropped();
        bytes(0x21, 0xF9, 4, 0); // graphic control: no transparency, leave the frame in place
        number(delay);
        bytes(0, 0);
        out.write(0x2C);
        number(0);
        number(0);
        number(width);
        number(height);
        out.write(0x87); // a table of 256 of its own
        for (int i = 0; i < COLOURS; i++) {
            int colour = i < indexed.count() ? indexed.palette()[i] : 0;
            bytes(colour >> 16 & 0xFF, colour >> 8 & 0xFF, colour & 0xFF);
        }
        compress(indexed.pixels());
    }

    public byte[] finish() {
        out.write(0x3B);
        return out.toByteArray();
    }

    private void compress(byte[] pixels) {
        out.write(CODE_SIZE);
        byte[] codes = new LzwEncoder(CODE_SIZE).encode(pixels);
        for (int at = 0; at < codes.length; at += BLOCK) {
            int length = Math.min(BLOCK, codes.length - at);
            out.write(length);
            out.write(codes, at, length);
        }
        out.write(0);
    }

    private void ascii(String text) {
        out.writeBytes(text.getBytes(StandardCharsets.US_ASCII));
    }

    /** Sixteen bits, the lower byte first. */
    private void number(int value) {
        bytes(value & 0xFF, value >> 8);
    }

    private void bytes(int... values) {
        for (int value : values) {
            out.write(value);
        }
    }
}
