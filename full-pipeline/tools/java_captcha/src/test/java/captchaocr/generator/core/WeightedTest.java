package captchaocr.generator.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class WeightedTest {
    private static final int DRAWS = 50_000;

    private static long[] draw(Weighted<Integer> choice) {
        long[] counts = new long[4];
        Rng rng = new Rng(99);
        for (int i = 0; i < DRAWS; i++) {
            counts[choice.pick(rng)]++;
        }
        return counts;
    }

    @Test
    void honoursItsWeights() {
        long[] counts = draw(Weighted.parse("w", "0:40, 1:0, 2:10, 3:0.5", ':', Integer::valueOf));
        double unit = DRAWS / 50.5;
        assertTrue(ChiSquare.plausible(counts, new double[] {40 * unit, 0, 10 * unit, 0.5 * unit}));
        assertFalse(ChiSquare.plausible(counts, new double[] {DRAWS / 3.0, 0, DRAWS / 3.0, DRAWS / 3.0}));
    }

    @Test
    void anEntryWithoutAWeightWeighsOne() {
        assertEquals(Map.of(0, 1.0, 1, 3.0), Weighted.parse("w", "0,1:3", ':', Integer::valueOf).weights());
    }

    @Test
    void listsOnlyWhatCanBeDrawn() {
        assertEquals(List.of(0), Weighted.parse("w", "0:1,1:0", ':', Integer::valueOf).items());
    }

    @Test
    void refusesBadWeights() {
        for (String bad : List.of("0:-1", "0:x", "0:0,1:0", "", "0:NaN", "0:Infinity", "0:1e308,1:1e308")) {
            assertThrows(GeneratorException.class, () -> Weighted.parse("w", bad, ':', Integer::valueOf), bad);
        }
    }
}
