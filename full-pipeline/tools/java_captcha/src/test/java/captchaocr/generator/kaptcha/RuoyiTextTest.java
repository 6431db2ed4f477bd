package captchaocr.generator.kaptcha;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import captchaocr.generator.core.ChiSquare;
import captchaocr.generator.core.GeneratorException;
import captchaocr.generator.core.Rng;
import java.util.List;
import org.junit.jupiter.api.Test;

class RuoyiTextTest {
    @Test
    void everyTextHasAWholeAnswerThatIsNotNegative() {
        Rng rng = new Rng(1);
        long[] operators = new long[4];
        for (int i = 0; i < 20_000; i++) {
            String text = RuoyiText.next(rng);
            assertTrue(text.matches("\\d[-+*/]\\d=\\?"), text);
            int left = text.charAt(0) - '0';
            int right = text.charAt(2) - '0';
            assertTrue(text.charAt(1) != '-' || left >= right, text);
            assertTrue(text.charAt(1) != '/' || right != 0 && left % right == 0, text);
            operators["+-*/".indexOf(text.charAt(1))]++;
        }
        assertTrue(ChiSquare.plausible(operators, new double[] {5000, 5000, 5000, 5000}));
    }

    @Test
    void fileNamesGoBackToLabels() {
        Rng rng = new Rng(2);
        for (int i = 0; i < 1000; i++) {
            String text = RuoyiText.next(rng);
            String name = SafeName.of(text);
            assertTrue(name.matches("[^*/?]+"), name);
            assertEquals(text, SafeName.label(name + "_0a1b2c.jpg"));
            assertEquals(text, SafeName.label(name + ".png"));
        }
    }

    @Test
    void otherFileNamesAreAnError() {
        for (String bad : List.of("7x3=？_a.jpg", "readme.txt", "77×3=？_a.jpg", "7×3_a.jpg")) {
            assertThrows(GeneratorException.class, () -> SafeName.label(bad), bad);
        }
    }
}
