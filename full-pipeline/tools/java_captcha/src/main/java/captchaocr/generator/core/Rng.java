package captchaocr.generator.core;

import java.util.List;

/**
 * SplitMix64 (Steele, Lea, Flood 2014). Written out here, and not taken from {@code java.util}, because a picture's
 * label must be the same on every JDK and because each picture owns one: no thread can disturb another's numbers.
 */
public final class Rng {
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;

    private long state;

    public Rng(long seed) {
        state = seed;
    }

    /** Seed of the picture with this index. Mixed twice, so that neighbouring runs do not share pictures. */
    public static long pictureSeed(long runSeed, long index) {
        return mix(mix(runSeed) + GOLDEN * (index + 1));
    }

    private static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    public long nextLong() {
        state += GOLDEN;
        return mix(state);
    }

    /** Uniform in [0, bound). The bias of multiply-and-shift is below bound / 2^32. */
    public int nextInt(int bound) {
        if (bound <= 0) {
            throw new IllegalArgumentException("bound must be positive, got " + bound);
        }
        return (int) (((nextLong() >>> 32) * bound) >>> 32);
    }

    /** Uniform in [low, high). */
    public int between(int low, int high) {
        return low + nextInt(high - low);
    }

    /** Uniform in [0, 1). */
    public double nextDouble() {
        return (nextLong() >>> 11) * 0x1.0p-53;
    }

    /** Uniform in [low, high). */
    public double between(double low, double high) {
        return low + nextDouble() * (high - low);
    }

    public boolean chance(double probability) {
        return nextDouble() < probability;
    }

    public <T> T pick(List<T> items) {
        return items.get(nextInt(items.size()));
    }

    /** {@code length} characters, each drawn from {@code alphabet} on its own. */
    public String text(String alphabet, int length) {
        StringBuilder text = new StringBuilder(length);
        for (int i = 0; i < length; i++) {
            text.append(alphabet.charAt(nextInt(alphabet.length())));
        }
        return text.toString();
    }
}
