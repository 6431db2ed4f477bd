package captchaocr.generator.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import captchaocr.generator.core.Rng;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;

class PngWriterTest {
    private static void roundTrip(BufferedImage image) throws IOException {
        BufferedImage read = ImageIO.read(new ByteArrayInputStream(PngWriter.encode(image)));
        int width = image.getWidth();
        int height = image.getHeight();
        assertEquals(width, read.getWidth());
        assertEquals(height, read.getHeight());
        assertArrayEquals(image.getRGB(0, 0, width, height, null, 0, width),
                read.getRGB(0, 0, width, height, null, 0, width));
    }

    @Test
    void everyPixelComesBack() throws IOException {
        Rng rng = new Rng(1);
        for (int trial = 0; trial < 60; trial++) {
            BufferedImage image = new BufferedImage(rng.between(1, 70), rng.between(1, 40), BufferedImage.TYPE_INT_RGB);
            // From one colour to as many as pixels, so that both the short and the incompressible case occur.
            int colours = 1 << rng.nextInt(25);
            for (int y = 0; y < image.getHeight(); y++) {
                for (int x = 0; x < image.getWidth(); x++) {
                    image.setRGB(x, y, rng.nextInt(colours) * 0x10F0F);
                }
            }
            roundTrip(image);
        }
    }

    @Test
    void onlyTakesRgb() {
        assertThrows(IllegalArgumentException.class,
                () -> PngWriter.encode(new BufferedImage(4, 4, BufferedImage.TYPE_INT_ARGB)));
    }
}
