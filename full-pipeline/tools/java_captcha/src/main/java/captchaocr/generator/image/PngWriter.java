package captchaocr.generator.image;

import java.awt.image.BufferedImage;
import java.awt.image.DataBufferInt;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import java.util.zip.Deflater;

/**
 * A PNG encoder for small RGB pictures (PNG, third edition: 8-bit truecolour, no interlace). Several times faster
 * than {@code ImageIO}, which tries five filters a row and sets up its machinery anew for each picture. No filter and
 * zlib's level 3: on these pictures filters make files larger, and higher levels cost more time than they save bytes.
 */
public final class PngWriter {
    private static final byte[] SIGNATURE = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    private static final int NO_FILTER = 0;
    private static final int LEVEL = 3;

    private static final ThreadLocal<Deflater> DEFLATER = ThreadLocal.withInitial(() -> new Deflater(LEVEL));

    private PngWriter() {
    }

    /** {@code image} must be {@code TYPE_INT_RGB}. */
    public static byte[] encode(BufferedImage image) {
        if (image.getType() != BufferedImage.TYPE_INT_RGB) {
            throw new IllegalArgumentException("image type " + image.getType() + ", want TYPE_INT_RGB");
        }
        int[] pixels = ((DataBufferInt) image.getRaster().getDataBuffer()).getData();
        int width = image.getWidth();
        int height = image.getHeight();
        byte[] rows = rows(pixels, width, height);
        ByteArrayOutputStream out = new ByteArrayOutputStream(rows.length / 4 + 128);
        out.writeBytes(SIGNATURE);
        writeChunk(out, "IHDR", header(width, height), 13);
        writeDeflated(out, rows);
        writeChunk(out, "IEND", new byte[0], 0);
        return out.toByteArray();
    }

    private static byte[] header(int width, int height) {
        byte[] header = new byte[13];
        putInt(header, 0, width);
        putInt(header, 4, height);
        header[8] = 8; // bits a sample
        header[9] = 2; // truecolour
        return header;
    }

    private static byte[] rows(int[] pixels, int width, int height) {
        byte[] rows = new byte[height * (1 + 3 * width)];
        int at = 0;
        for (int i = 0; i < pixels.length; i++) {
            if (i % width == 0) {
                rows[at++] = NO_FILTER;
            }
            rows[at++] = (byte) (pixels[i] >> 16);
            rows[at++] = (byte) (pixels[i] >> 8);
            rows[at++] = (byte) pixels[i];
        }
        return rows;
    }

    private static void writeDeflated(ByteArrayOutputStream out, byte[] rows) {
        Deflater deflater = DEFLATER.get();
        deflater.reset();
        deflater.setInput(rows);
        deflater.finish();
        byte[] data = new byte[rows.length + rows.length / 1000 + 64];
        int length = deflater.deflate(data);
        if (!deflater.finished()) {
            throw new IllegalStateException("zlib's output is longer than its bound");
        }
        writeChunk(out, "IDAT", data, length);
    }

    private static void writeChunk(ByteArrayOutputStream out, String type, byte[] data, int length) {
        byte[] number = new byte[4];
        putInt(number, 0, length);
        out.writeBytes(number);
        byte[] name = type.getBytes(StandardCharsets.US_ASCII);
        out.writeBytes(name);
        out.write(data, 0, length);
        CRC32 crc = new CRC32();
        crc.update(name);
        crc.update(data, 0, length);
        putInt(number, 0, (int) crc.getValue());
        out.writeBytes(number);
    }

    private static void putInt(byte[] bytes, int at, int value) {
        bytes[at] = (byte) (value >> 24);
        bytes[at + 1] = (byte) (value >> 16);
        bytes[at + 2] = (byte) (value >> 8);
        bytes[at + 3] = (byte) value;
    }
}
