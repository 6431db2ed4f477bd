package captchaocr.generator.kaptcha;

import com.google.code.kaptcha.GimpyEngine;
import java.awt.geom.Rectangle2D;

/** A Kaptcha distortion with its random numbers already drawn, which knows how far it can move ink. */
interface Distortion extends GimpyEngine {
    /** How many pixels ink can move to the left, right, up and down. */
    Reach reach();

    record Reach(double left, double right, double up, double down) {
        /** What {@code canvas} leaves for undistorted text. */
        Rectangle2D room(int width, int height, double margin) {
            return new Rectangle2D.Double(left + margin, up + margin, width - left - right - 2 * margin,
                    height - up - down - 2 * margin);
        }
    }
}
