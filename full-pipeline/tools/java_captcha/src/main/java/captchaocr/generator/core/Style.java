package captchaocr.generator.core;

import com.google.gson.JsonObject;

/**
 * A way of drawing CAPTCHAs. A new style is one class that implements this and one row in the registry
 * (CONTRIBUTING shows both).
 */
public interface Style {
    /** As in the manifest: {@code easy}, {@code ctext}, {@code ruoyi}. */
    String name();

    /**
     * Draws the picture with this index. Called from many threads at once; all that is random comes from {@code rng},
     * so that a seed names a picture.
     */
    Picture draw(long index, Rng rng);

    /** All that decides what is drawn, fonts found included: a set is only continued under an equal configuration. */
    JsonObject configuration();

    /** What a reader of the summary should know: fonts asked for and not found, their substitutes. May be empty. */
    JsonObject notes();
}
