package captchaocr.generator.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class DifficultyTest {
    @Test
    void passesThroughItsThreePoints() {
        assertEquals(1, new Difficulty(0).between(1, 5, 7));
        assertEquals(5, new Difficulty(0.5).between(1, 5, 7));
        assertEquals(7, new Difficulty(1).between(1, 5, 7));
        assertEquals(3, new Difficulty(0.25).between(1, 5, 7));
    }

    @Test
    void wholeNumbersHaveTheRightMean() {
        Rng rng = new Rng(3);
        long sum = 0;
        for (int i = 0; i < 10_000; i++) {
            sum += new Difficulty(0.25).count(rng, 0, 1, 3);
        }
        assertEquals(0.5, sum / 10_000.0, 0.03);
    }

    @Test
    void aRangeIsDrawnFromAndRounded() {
        Rng rng = new Rng(4);
        Difficulty.Range range = Difficulty.Range.parse("0.2..0.8");
        Set<Double> values = new HashSet<>();
        for (int i = 0; i < 1000; i++) {
            double value = range.pick(rng).value();
            assertTrue(value >= 0.2 && value <= 0.8);
            assertEquals(Math.rint(value * 1000) / 1000, value);
            values.add(value);
        }
        assertTrue(values.size() > 300, values.toString());
    }

    @Test
    void refusesWhatIsOutOfRange() {
        for (String bad : List.of("-0.1", "1.1", "0.8..0.2", "hard", "", "NaN", "0..2")) {
            assertThrows(GeneratorException.class, () -> Difficulty.Range.parse(bad), bad);
        }
    }
}
