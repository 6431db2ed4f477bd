package captchaocr.generator.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import captchaocr.generator.core.Rng;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import org.junit.jupiter.api.Test;

class GifWriterTest {
    private static BufferedImage noise(Rng rng, int width, int height, int colours) {
        BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                image.setRGB(x, y, rng.nextInt(colours) * 0x10305 & 0xFFFFFF);
            }
        }
        return image;
    }

    private static int[] pixels(BufferedImage image) {
        return image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth());
    }

    private static ImageReader reader(byte[] gif) throws IOException {
        ImageReader reader = ImageIO.getImageReadersByFormatName("gif").next();
        reader.setInput(ImageIO.createImageInputStream(new ByteArrayInputStream(gif)));
        return reader;
    }

    @Test
    void upTo256ColoursComeBackExactly() throws IOException {
        Rng rng = new Rng(1);
        for (int colours : new int[] {1, 2, 17, 255, 256}) {
            // Large and noisy, so that the table of codes fills up and is cleared several times.
            BufferedImage[] frames = {noise(rng, 200, 150, colours), noise(rng, 200, 150, 2),
                    noise(rng, 200, 150, colours)};
            GifWriter writer = new GifWriter(200, 150, 10);
            for (BufferedImage frame : frames) {
                writer.add(frame);
            }
            ImageReader reader = reader(writer.finish());
            assertEquals(3, reader.getNumImages(true));
            for (int i = 0; i < 3; i++) {
                assertArrayEquals(pixels(frames[i]), pixels(reader.read(i)), colours + " colours, frame " + i);
            }
        }
    }

    @Test
    void everySizeOfTheLastCodeIsRead() throws IOException {
        Rng rng = new Rng(2);
        for (int width = 1; width < 120; width++) {
            BufferedImage frame = noise(rng, width, 7, 256);
            GifWriter writer = new GifWriter(width, 7, 10);
            writer.add(frame);
            assertArrayEquals(pixels(frame), pixels(reader(writer.finish()).read(0)), "width " + width);
        }
    }

    @Test
    void moreColoursAreRoundedAndWhiteStaysWhite() throws IOException {
        BufferedImage frame = noise(new Rng(3), 100, 50, 1 << 24);
        frame.setRGB(0, 0, 0xFFFFFF);
        frame.setRGB(1, 0, 0);
        GifWriter writer = new GifWriter(100, 50, 10);
        writer.add(frame);
        int[] before = pixels(frame);
        int[] after = pixels(reader(writer.finish()).read(0));
        assertEquals(0xFFFFFFFF, after[0]);
        assertEquals(0xFF000000, after[1]);
        for (int i = 0; i < before.length; i++) {
            for (int shift = 0; shift <= 16; shift += 8) {
                int difference = Math.abs((before[i] >> shift & 0xFF) - (after[i] >> shift & 0xFF));
                assertTrue(difference <= 43, "256 of all colours are six steps a channel at worst");
            }
        }
    }

    @Test
    void refusesFramesOfAnotherSize() {
        GifWriter writer = new GifWriter(10, 10, 10);
        assertThrows(IllegalArgumentException.class,
                () -> writer.add(new BufferedImage(11, 10, BufferedImage.TYPE_INT_RGB)));
    }
}
