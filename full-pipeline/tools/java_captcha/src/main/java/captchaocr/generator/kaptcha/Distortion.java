package captchaocr.generator.kaptcha;

import captchaocr.generator.core.PictureSize;
import captchaocr.generator.text.TextLayout;
import com.google.code.kaptcha.GimpyEngine;
import java.awt.geom.Rectangle2D;

/** A Kaptcha distortion with its random numbers already drawn, which knows how far it can move ink. */
interface Distortion extends GimpyEngine {
    /** How many pixels ink can move to the left, right, up and down. */
    Reach reach();

    record Reach(double left, double right, double up, double down) {
        /** What a canvas leaves for undistorted text. */
        Rectangle2D room(PictureSize canvas) {
            Rectangle2D all = TextLayout.room(canvas);
            return new Rectangle2D.Double(all.getX() + left, all.getY() + up, all.getWidth() - left - right,
                    all.getHeight() - up - down);
        }
    }
}
