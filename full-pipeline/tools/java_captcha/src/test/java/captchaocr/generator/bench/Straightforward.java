package captchaocr.generator.bench;

import com.google.code.kaptcha.impl.DefaultKaptcha;
import com.google.code.kaptcha.util.Config;
import com.wf.captcha.ArithmeticCaptcha;
import com.wf.captcha.ChineseCaptcha;
import com.wf.captcha.GifCaptcha;
import com.wf.captcha.SpecCaptcha;
import com.wf.captcha.base.Captcha;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import javax.imageio.ImageIO;

/**
 * What {@link SpeedBenchmark} compares with: the libraries used as their documentation shows, one {@code ImageIO.write}
 * with default settings a picture, RuoYi through a temporary JPEG file. Fonts are loaded once, which the libraries'
 * own {@code setFont(int)} does not do: it would be slower still.
 */
final class Straightforward {
    private static final String ALL = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    private final String what;
    private final Path images;
    private final Font font;
    private final Font chinese;

    private Straightforward(String what, Path images) throws Exception {
        this.what = what;
        this.images = images;
        try (InputStream in = Captcha.class.getResourceAsStream("/epilog.ttf")) {
            font = Font.createFont(Font.TRUETYPE_FONT, in).deriveFont(Font.BOLD, 40);
        }
        chinese = Font.createFont(Font.TRUETYPE_FONT, new File("EasyCaptcha/lib/fonts/WenQuanZhengHei.ttf"))
                .deriveFont(40f);
    }

    public static void main(String[] args) throws Exception {
        System.setProperty("java.awt.headless", "true");
        Straightforward way = new Straightforward(args[0], Files.createDirectories(Path.of(args[1]).resolve("images")));
        int count = Integer.parseInt(args[2]);
        ExecutorService pool = Executors.newFixedThreadPool(Integer.parseInt(args[3]));
        List<Future<String>> rows = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int index = i;
            rows.add(pool.submit(() -> way.draw(index)));
        }
        StringBuilder labels = new StringBuilder();
        for (Future<String> row : rows) {
            labels.append(row.get()).append('\n');
        }
        pool.shutdown();
        Files.writeString(Path.of(args[1]).resolve("labels.txt"), labels);
        ProcessorTime.print();
    }

    private String draw(int index) throws IOException {
        Path file = images.resolve(String.format("%08d.%s", index, what.equals("gif") ? "gif" : "png"));
        String label = switch (what) {
            case "spec" -> easy(new SpecCaptcha(160, 60, 5), font, file);
            case "gif" -> easy(new GifCaptcha(160, 60, 5), font, file);
            case "cn" -> easy(new ChineseCaptcha(160, 60, 4), chinese, file);
            case "arith" -> easy(new ArithmeticCaptcha(160, 60, 2), font, file);
            case "ctext" -> ctext(file);
            case "ruoyi" -> ruoyi(file);
            default -> throw new IllegalArgumentException(what);
        };
        return file.getFileName() + "\t" + label;
    }

    private static String easy(Captcha captcha, Font font, Path file) throws IOException {
        captcha.setFont(font);
        String text = captcha.text();
        captcha.out(Files.newOutputStream(file));
        return captcha instanceof ArithmeticCaptcha arithmetic ? arithmetic.getArithmeticString() : text;
    }

    private static String ctext(Path file) throws IOException {
        Properties properties = new Properties();
        String[] distortions = {"WaterRipple", "ShadowGimpy", "FishEyeGimpy"};
        ThreadLocalRandom random = ThreadLocalRandom.current();
        properties.setProperty("kaptcha.obscurificator.impl",
                "com.google.code.kaptcha.impl." + distortions[random.nextInt(3)]);
        if (random.nextBoolean()) {
            properties.setProperty("kaptcha.noise.impl", "com.google.code.kaptcha.impl.NoNoise");
        }
        properties.setProperty("kaptcha.border", "no");
        properties.setProperty("kaptcha.background.clear.from", "255,255,255");
        properties.setProperty("kaptcha.background.clear.to", "233,238,243");
        properties.setProperty("kaptcha.textproducer.char.string", ALL);
        properties.setProperty("kaptcha.textproducer.font.size", "43");
        String text = new DefaultKaptchaOf(properties, 160, 60).createText();
        ImageIO.write(new DefaultKaptchaOf(properties, 160, 60).createImage(text), "png", file.toFile());
        return text;
    }

    private static String ruoyi(Path file) throws IOException {
        Properties properties = new Properties();
        properties.setProperty("kaptcha.obscurificator.impl", "com.google.code.kaptcha.impl.ShadowGimpy");
        properties.setProperty("kaptcha.noise.impl", "com.google.code.kaptcha.impl.NoNoise");
        properties.setProperty("kaptcha.border.color", "105,179,90");
        properties.setProperty("kaptcha.textproducer.font.color", "blue");
        properties.setProperty("kaptcha.textproducer.font.size", "35");
        properties.setProperty("kaptcha.textproducer.font.names", "Arial,Courier");
        ThreadLocalRandom random = ThreadLocalRandom.current();
        String text = random.nextInt(10) + "+" + random.nextInt(10) + "=?";
        Path temporary = Files.createTempFile("ruoyi", ".jpg");
        ImageIO.write(new DefaultKaptchaOf(properties, 160, 60).createImage(text), "jpg", temporary.toFile());
        ImageIO.write(scaled(ImageIO.read(temporary.toFile())), "png", file.toFile());
        Files.delete(temporary);
        return text;
    }

    private static BufferedImage scaled(BufferedImage image) {
        BufferedImage canvas = new BufferedImage(180, 64, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = canvas.createGraphics();
        graphics.setColor(Color.WHITE);
        graphics.fillRect(0, 0, 180, 64);
        graphics.setRenderingHint(RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BICUBIC);
        graphics.setRenderingHint(RenderingHints.KEY_RENDERING, RenderingHints.VALUE_RENDER_QUALITY);
        graphics.drawImage(image, 5, 0, 171, 64, null);
        graphics.dispose();
        return canvas;
    }

    private static final class DefaultKaptchaOf extends DefaultKaptcha {
        DefaultKaptchaOf(Properties properties, int width, int height) {
            properties.setProperty("kaptcha.image.width", String.valueOf(width));
            properties.setProperty("kaptcha.image.height", String.valueOf(height));
            setConfig(new Config(properties));
        }
    }
}
