package captchaocr.generator.core;

import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;

/** A style without pictures: what a run does is visible in the bytes alone. */
class PlainStyle implements Style {
    private final String setting;

    PlainStyle(String setting) {
        this.setting = setting;
    }

    @Override
    public String name() {
        return "plain";
    }

    @Override
    public Picture draw(long index, Rng rng) {
        String label = rng.text("ab7*=?中文", 4);
        // Some pictures take longer than others, so that threads finish out of order.
        if (rng.chance(0.05)) {
            try {
                Thread.sleep(2);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        byte[] bytes = (label + " " + rng.nextLong()).getBytes(StandardCharsets.UTF_8);
        return new Picture(bytes, rng.chance(0.3) ? "gif" : "png", label, "k", "f", new PictureSize(160, 60),
                new Difficulty(0.5), "");
    }

    @Override
    public JsonObject configuration() {
        JsonObject json = new JsonObject();
        json.addProperty("setting", setting);
        return json;
    }

    @Override
    public JsonObject notes() {
        return new JsonObject();
    }
}
