package captchaocr.generator.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class RngTest {
    @Test
    void isSplitMix64() {
        // The reference implementation's first numbers for this seed.
        Rng rng = new Rng(1234567);
        assertEquals(6457827717110365317L, rng.nextLong());
        assertEquals(3203168211198807973L, rng.nextLong());
        assertEquals(Long.parseUnsignedLong("9817491932198370423"), rng.nextLong());
    }

    @Test
    void neighbouringRunsShareNoPicture() {
        Set<Long> seeds = new HashSet<>();
        for (long run = 0; run < 20; run++) {
            for (long index = 0; index < 1000; index++) {
                seeds.add(Rng.pictureSeed(run, index));
            }
        }
        assertEquals(20_000, seeds.size());
    }

    @Test
    void integersAreUniform() {
        long[] counts = new long[7];
        Rng rng = new Rng(5);
        for (int i = 0; i < 70_000; i++) {
            counts[rng.nextInt(7)]++;
        }
        double[] expected = new double[7];
        Arrays.fill(expected, 10_000);
        assertTrue(ChiSquare.plausible(counts, expected));
    }
}
