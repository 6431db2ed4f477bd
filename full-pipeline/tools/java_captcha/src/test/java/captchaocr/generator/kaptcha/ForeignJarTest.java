package captchaocr.generator.kaptcha;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import captchaocr.generator.core.GenerationRun;
import captchaocr.generator.core.GeneratorException;
import captchaocr.generator.core.PictureSize;
import captchaocr.generator.core.Rng;
import captchaocr.generator.core.Row;
import captchaocr.generator.core.Weighted;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import javax.imageio.ImageIO;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against a jar that behaves as the original does: names its pictures by their text, with × ÷ ？. */
class ForeignJarTest {
    private static final String SOURCE = """
            import java.awt.image.BufferedImage;
            import java.io.File;
            import javax.imageio.ImageIO;

            public class Original {
                public static void main(String[] args) throws Exception {
                    String[] texts = {"7\\u00d73=\\uff1f", "8\\u00f72=\\uff1f", "1+2=\\uff1f", "9-4=\\uff1f"};
                    File folder = new File("datasets", args[3]);
                    folder.mkdirs();
                    for (int i = 0; i < Integer.parseInt(args[1]); i++) {
                        ImageIO.write(new BufferedImage(160, 60, BufferedImage.TYPE_INT_RGB), "jpg",
                                new File(folder, texts[i % 4] + "_" + i + ".jpg"));
                    }
                }
            }
            """;

    @TempDir
    Path folder;

    private Path jar() throws IOException {
        Path source = Files.writeString(folder.resolve("Original.java"), SOURCE);
        assertEquals(0, ToolProvider.getSystemJavaCompiler().run(null, null, null, source.toString()));
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().put(Attributes.Name.MAIN_CLASS, "Original");
        Path jar = folder.resolve("original.jar");
        try (OutputStream file = Files.newOutputStream(jar);
             JarOutputStream out = new JarOutputStream(file, manifest)) {
            out.putNextEntry(new JarEntry("Original.class"));
            out.write(Files.readAllBytes(folder.resolve("Original.class")));
        }
        return jar;
    }

    @Test
    void itsPicturesAreScaledAndItsNamesBecomeWhatIsDrawn() throws IOException {
        Path jar = jar();
        assertFalse(ForeignJar.isOurs(jar));
        Path root = folder.resolve("set");
        try (ForeignJar foreign = new ForeignJar(jar, Weighted.only(new PictureSize(120, 40)))) {
            PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream());
            assertEquals(0, new GenerationRun(foreign, root, 40, 1, 2, nowhere).run());
        }
        List<String> rows = Files.readAllLines(root.resolve("manifest.jsonl"));
        assertEquals(40, rows.size());
        for (String line : rows) {
            Row row = Row.parse(line);
            assertTrue(List.of("7*3=?", "8/2=?", "1+2=?", "9-4=?").contains(row.label()), row.label());
            BufferedImage image = ImageIO.read(root.resolve("images").resolve(row.file()).toFile());
            assertEquals(120, image.getWidth());
            assertEquals(40, image.getHeight());
        }
        long texts = rows.stream().map(line -> Row.parse(line).label()).distinct().count();
        assertEquals(4, texts, "a part of a batch has all the texts of the batch");
    }

    @Test
    void aJarThatIsNotThereOrDrawsNothingIsAnError() throws IOException {
        assertThrows(GeneratorException.class, () -> ForeignJar.isOurs(folder.resolve("none.jar")));
        Path broken = Files.writeString(folder.resolve("broken.jar"), "not a jar");
        assertThrows(GeneratorException.class, () -> ForeignJar.isOurs(broken));
        try (ForeignJar foreign = new ForeignJar(broken, Weighted.only(new PictureSize(120, 40)))) {
            assertThrows(GeneratorException.class, () -> foreign.draw(0, new Rng(1)));
        }
    }
}
