package captchaocr.generator.core;

/** Pearson's test at a level of about one in ten thousand, so that a right generator never fails by chance. */
public final class ChiSquare {
    private static final double Z = 3.719;

    private ChiSquare() {
    }

    /** False when the counts are too far from what is expected. Cells that expect 0 must hold 0. */
    public static boolean plausible(long[] counts, double[] expected) {
        double statistic = 0;
        int freedom = -1;
        for (int i = 0; i < counts.length; i++) {
            if (expected[i] == 0) {
                if (counts[i] != 0) {
                    return false;
                }
                continue;
            }
            statistic += (counts[i] - expected[i]) * (counts[i] - expected[i]) / expected[i];
            freedom++;
        }
        return statistic <= criticalValue(freedom);
    }

    /** Wilson and Hilferty's approximation. */
    private static double criticalValue(int freedom) {
        double part = 2.0 / (9 * freedom);
        return freedom * Math.pow(1 - part + Z * Math.sqrt(part), 3);
    }
}
