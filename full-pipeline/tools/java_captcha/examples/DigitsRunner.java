import captchaocr.generator.core.Difficulty;
import captchaocr.generator.core.GenerationRun;
import captchaocr.generator.core.Picture;
import captchaocr.generator.core.PictureSize;
import captchaocr.generator.core.Rng;
import captchaocr.generator.core.Style;
import captchaocr.generator.fonts.Face;
import captchaocr.generator.fonts.FaceChoice;
import captchaocr.generator.fonts.FontBook;
import captchaocr.generator.image.PngWriter;
import captchaocr.generator.text.TextLayout;
import com.google.gson.JsonObject;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** A whole style of its own: five white digits on blue. CONTRIBUTING says how to run it. */
public final class DigitsRunner implements Style {
    private static final String ALPHABET = "0123456789";
    private static final PictureSize SIZE = new PictureSize(160, 60);

    private final FontBook book = FontBook.open(null);
    private final FaceChoice faces = FaceChoice.of("digits", book,
            Map.of(book.installedOrSubstituted(List.of("Arial", "Courier")), 1.0), FaceChoice.UPRIGHT, ALPHABET);

    private DigitsRunner() throws IOException {
    }

    public static void main(String[] args) throws IOException {
        System.setProperty("java.awt.headless", "true");
        Path root = Path.of("images", args[0]);
        System.exit(new GenerationRun(new DigitsRunner(), root, Long.parseLong(args[1]), 1, 2, System.out).run());
    }

    @Override
    public String name() {
        return "digits";
    }

    @Override
    public Picture draw(long index, Rng rng) {
        String label = rng.text(ALPHABET, 5);
        Face face = faces.pick(rng);
        TextLayout text = TextLayout.fit(40, 16, size -> inARow(label, face, size), TextLayout.room(SIZE), 0);
        BufferedImage image = new BufferedImage(SIZE.width(), SIZE.height(), BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = image.createGraphics();
        graphics.setColor(new Color(30, 60, 140));
        graphics.fillRect(0, 0, SIZE.width(), SIZE.height());
        graphics.setColor(Color.WHITE);
        for (int i = 0; i < label.length(); i++) {
            text.draw(graphics, i);
        }
        return new Picture(PngWriter.encode(image), "png", label, "digits", face.name(), SIZE,
                new Difficulty(Difficulty.USUAL), "");
    }

    private static TextLayout inARow(String text, Face face, int size) {
        int[] x = new int[text.length()];
        for (int i = 1; i < x.length; i++) {
            x[i] = x[i - 1] + (int) Math.ceil(face.advance(text.charAt(i - 1), size));
        }
        return new TextLayout(text, Collections.nCopies(x.length, face), size, x, SIZE.height() * 2 / 3,
                new double[x.length]);
    }

    @Override
    public JsonObject configuration() {
        return faces.configuration();
    }

    @Override
    public JsonObject notes() {
        return book.notes();
    }
}
