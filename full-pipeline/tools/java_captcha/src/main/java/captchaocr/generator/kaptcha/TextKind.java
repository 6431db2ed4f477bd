package captchaocr.generator.kaptcha;

import captchaocr.generator.core.GeneratorException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** One of the 18 text kinds, written {@code text:water:wide:nonoise}. */
public record TextKind(Warp warp, Spacing spacing, boolean noise) {
    /** Kaptcha's three distortions: WaterRipple, ShadowGimpy, FishEyeGimpy. */
    public enum Warp { WATER, SHADOW, FISHEYE }

    public enum Spacing {
        NORMAL(3), WIDE(6), COMPACT(1);

        /** Kaptcha's {@code textproducer.char.space}. */
        final int pixels;

        Spacing(int pixels) {
            this.pixels = pixels;
        }
    }

    public static final List<TextKind> ALL = all();

    private static List<TextKind> all() {
        List<TextKind> all = new ArrayList<>();
        for (Warp warp : Warp.values()) {
            for (Spacing spacing : Spacing.values()) {
                all.add(new TextKind(warp, spacing, true));
                all.add(new TextKind(warp, spacing, false));
            }
        }
        return List.copyOf(all);
    }

    public static TextKind parse(String text) {
        return ALL.stream().filter(kind -> kind.toString().equals(text.trim())).findFirst()
                .orElseThrow(() -> new GeneratorException("unknown kind '" + text + "'; write "
                        + "text:water|shadow|fisheye:normal|wide|compact:noise|nonoise"));
    }

    @Override
    public String toString() {
        return ("text:" + warp + ":" + spacing + ":" + (noise ? "noise" : "nonoise")).toLowerCase(Locale.ROOT);
    }
}
