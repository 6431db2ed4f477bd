package captchaocr.generator.kaptcha;

import captchaocr.generator.core.Difficulty;
import captchaocr.generator.core.Rng;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;

/** Kaptcha's FishEyeGimpy: a grid of lines over the text, then a lens in the middle. */
final class FishEyeDistortion implements Distortion {
    /** Largest value of s - bulge(s) for s in [0, 1], at s = 1/3. */
    private static final double MOST = 1.0 / 9;

    private final int radius;
    private final double strength;
    private final int gap;

    FishEyeDistortion(int width, Difficulty difficulty, Rng rng) {
        radius = rng.between(width / 4, width / 3 + 1);
        strength = difficulty.between(0.3, 1, 1.2);
        gap = (int) Math.round(difficulty.between(16, 7, 5));
    }

    @Override
    public Reach reach() {
        // Outwards from the middle only, by at most this; one pixel more because the lens rounds to whole pixels.
        double most = MOST * strength * radius + 1;
        return new Reach(most, most, most, most);
    }

    @Override
    public BufferedImage getDistortedImage(BufferedImage image) {
        drawGrid(image);
        bulge(image);
        return image;
    }

    private void drawGrid(BufferedImage image) {
        int width = image.getWidth();
        int height = image.getHeight();
        Graphics2D graphics = image.createGraphics();
        int step = height / (height / gap + 1);
        graphics.setColor(Color.BLUE);
        for (int y = step; y < height; y += step) {
            graphics.drawLine(0, y, width, y);
        }
        step = width / (width / gap + 1);
        graphics.setColor(Color.RED);
        for (int x = step; x < width; x += step) {
            graphics.drawLine(x, 0, x, height);
        }
        graphics.dispose();
    }

    /** The lens alone, without the grid: what tests look through. */
    void bulge(BufferedImage image) {
        int width = image.getWidth();
        int height = image.getHeight();
        int[] target = Argb.pixels(image);
        int[] source = target.clone();
        int midX = width / 2;
        int midY = height / 2;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int dx = x - midX;
                int dy = y - midY;
                double distance = Math.sqrt(dx * dx + dy * dy);
                if (distance > 0 && distance < radius) {
                    double scale = lens(distance / radius) * radius / distance;
                    target[y * width + x] = source[(midY + (int) (scale * dy)) * width + midX + (int) (scale * dx)];
                }
            }
        }
    }

    /** Where a point at {@code s} of the radius takes its colour from: nearer to the middle. */
    private double lens(double s) {
        double bulge = -0.75 * s * s * s + 1.5 * s * s + 0.25 * s;
        return s + strength * (bulge - s);
    }
}
