package captchaocr.generator.cli;

import captchaocr.generator.core.Difficulty;
import captchaocr.generator.core.GeneratorException;
import captchaocr.generator.core.Rng;
import captchaocr.generator.core.Weighted;
import captchaocr.generator.kaptcha.RuoyiStyle;
import captchaocr.generator.kaptcha.RuoyiStyle.Drawn;
import captchaocr.generator.kaptcha.SafeName;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import javax.imageio.ImageIO;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * {@code java -jar CalculateCaptcha-1.1.jar -n COUNT -p PREFIX}: RuoYi pictures of 160x60 as
 * {@code datasets/PREFIX/7×3=？_HASH.jpg}, the command line and the file names of the original jar.
 */
@Command(name = "CalculateCaptcha", mixinStandardHelpOptions = true,
        description = "Draws RuoYi pictures into datasets/PREFIX, each named by its text.")
public final class RuoyiJarMain implements Callable<Integer> {
    @Option(names = "-n", paramLabel = "COUNT", required = true, description = "How many pictures.")
    private int count;

    @Option(names = "-p", paramLabel = "PREFIX", required = true, description = "Folder under datasets/.")
    private String prefix;

    @Mixin
    private FontOptions fonts;

    @Option(names = "--seed", paramLabel = "N", defaultValue = "1",
            description = "The same seed draws the same pictures. Default: ${DEFAULT-VALUE}.")
    private long seed;

    public static void main(String[] args) {
        System.exit(Cli.run(new RuoyiJarMain(), args));
    }

    @Override
    public Integer call() throws IOException {
        if (count < 1 || !prefix.matches("[\\p{L}\\p{N}][\\p{L}\\p{N}._-]*")) {
            throw new GeneratorException("-n " + count + " -p '" + prefix + "': give a count of 1 or more and a folder "
                    + "name of letters, digits, . _ and -");
        }
        RuoyiStyle style = RuoyiCommand.ownStyle(Weighted.only(RuoyiStyle.DRAWN), 0, fonts,
                Difficulty.Range.USUAL_LOOK);
        Path folder = Files.createDirectories(Path.of("datasets").resolve(prefix));
        for (long index = 0; index < count; index++) {
            long pictureSeed = Rng.pictureSeed(seed, index);
            Drawn drawn = style.drawUnscaled(new Rng(pictureSeed));
            Path file = folder.resolve(SafeName.of(drawn.text()) + "_" + Long.toHexString(pictureSeed) + ".jpg");
            ImageIO.write(drawn.image(), "jpg", file.toFile());
        }
        System.out.println(count + " pictures in " + folder);
        return 0;
    }
}
