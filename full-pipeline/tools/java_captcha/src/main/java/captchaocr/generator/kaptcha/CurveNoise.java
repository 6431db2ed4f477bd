package captchaocr.generator.kaptcha;

import captchaocr.generator.core.Rng;
import com.google.code.kaptcha.NoiseProducer;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.CubicCurve2D;
import java.awt.geom.PathIterator;
import java.awt.image.BufferedImage;

/** Kaptcha's DefaultNoise from a seed: an angular curve that starts thick and gets thinner over its first pieces. */
final class CurveNoise implements NoiseProducer {
    private static final double FLATNESS = 2;
    private static final int THINNING_PIECES = 3;

    private final Color color;
    private final Rng rng;

    CurveNoise(Color color, Rng rng) {
        this.color = color;
        this.rng = rng;
    }

    @Override
    public void makeNoise(BufferedImage image, float one, float two, float three, float four) {
        float width = image.getWidth();
        Graphics2D graphics = image.createGraphics();
        graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        graphics.setColor(color);
        CubicCurve2D curve = new CubicCurve2D.Float(width * one, height(image), width * two, height(image),
                width * three, height(image), width * four, height(image));
        float[] point = new float[6];
        float fromX = 0;
        float fromY = 0;
        int pieces = 0;
        for (PathIterator path = curve.getPathIterator(null, FLATNESS); !path.isDone(); path.next()) {
            if (path.currentSegment(point) == PathIterator.SEG_LINETO) {
                if (pieces < THINNING_PIECES) {
                    graphics.setStroke(new BasicStroke(0.9f * (THINNING_PIECES + 1 - pieces++)));
                }
                graphics.drawLine((int) fromX, (int) fromY, (int) point[0], (int) point[1]);
            }
            fromX = point[0];
            fromY = point[1];
        }
        graphics.dispose();
    }

    private float height(BufferedImage image) {
        return (float) (image.getHeight() * rng.nextDouble());
    }
}
