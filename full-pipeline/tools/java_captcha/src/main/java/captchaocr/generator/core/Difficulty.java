package captchaocr.generator.core;

/**
 * One dial for noise, distortion, spacing and letter size: 0 is clean print, {@link #USUAL} the look the library has
 * by itself, 1 about as hard as a person can still read.
 */
public record Difficulty(double value) {
    public static final double USUAL = 0.5;

    public Difficulty {
        if (!(value >= 0 && value <= 1)) {
            throw new GeneratorException("difficulty " + value + " is out of range; give 0 to 1, 0.5 is usual");
        }
    }

    /** Linear between the three points 0, 0.5 and 1. */
    public double between(double easy, double usual, double hard) {
        return value <= USUAL
                ? easy + (usual - easy) * (value / USUAL)
                : usual + (hard - usual) * ((value - USUAL) / (1 - USUAL));
    }

    /** A whole number whose average is {@link #between}: 2.3 is 2 in seven pictures of ten, 3 in three. */
    public int count(Rng rng, double easy, double usual, double hard) {
        double mean = between(easy, usual, hard);
        int floor = (int) Math.floor(mean);
        return floor + (rng.chance(mean - floor) ? 1 : 0);
    }

    /** {@code 0.5} or a range {@code 0.2..0.8} from which each picture draws its own. */
    public record Range(double low, double high) {
        public static final Range USUAL_LOOK = new Range(USUAL, USUAL);

        public Range {
            new Difficulty(low);
            new Difficulty(high);
            if (low > high) {
                throw new GeneratorException("difficulty " + low + ".." + high + " runs backwards; write LOW..HIGH");
            }
        }

        public static Range parse(String text) {
            String[] ends = text.split("\\.\\.", 2);
            try {
                double low = Double.parseDouble(ends[0].trim());
                return new Range(low, ends.length == 1 ? low : Double.parseDouble(ends[1].trim()));
            } catch (NumberFormatException e) {
                throw new GeneratorException(
                        "'" + text + "' is not a difficulty; give 0 to 1, or a range such as 0.2..0.8");
            }
        }

        /** Rounded to three digits, so that the manifest holds exactly what was drawn. */
        public Difficulty pick(Rng rng) {
            return new Difficulty(low == high ? low : Math.round(rng.between(low, high) * 1000) / 1000.0);
        }

        @Override
        public String toString() {
            return low == high ? String.valueOf(low) : low + ".." + high;
        }
    }
}
