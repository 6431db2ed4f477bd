package captchaocr.generator.kaptcha;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import captchaocr.generator.core.ChiSquare;
import captchaocr.generator.core.Difficulty;
import captchaocr.generator.core.GeneratorException;
import captchaocr.generator.core.Picture;
import captchaocr.generator.core.PictureSize;
import captchaocr.generator.core.Rng;
import captchaocr.generator.core.Weighted;
import captchaocr.generator.fonts.Face;
import captchaocr.generator.fonts.FaceChoice;
import captchaocr.generator.fonts.FontBook;
import captchaocr.generator.fonts.TestFonts;
import captchaocr.generator.kaptcha.CtextStyle.Choices;
import captchaocr.generator.kaptcha.CtextStyle.Kinds;
import captchaocr.generator.text.Ink;
import com.google.gson.JsonObject;
import java.awt.Font;
import java.awt.Rectangle;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;

class KaptchaStylesTest {
    private static final String SIZES = "160x60:4,96x32:2,256x64:1";

    private static CtextStyle ctext(Kinds kinds, String sizes, String lengths, String difficulty) throws IOException {
        FontBook book = TestFonts.book();
        FaceChoice faces = FaceChoice.of("test", book, Map.of(TestFonts.installed(book), 1.0), FaceChoice.MOSTLY_BOLD,
                CtextStyle.CHARSET);
        return new CtextStyle(new Choices(kinds, PictureSize.parseWeighted(sizes),
                Weighted.parse("len", lengths, ':', Integer::valueOf), CtextStyle.CHARSET,
                CtextStyle.parsePalette(CtextStyle.PALETTE), Difficulty.Range.parse(difficulty)), faces,
                new JsonObject());
    }

    private static RuoyiStyle ruoyi(String sizes, double otherShare, String difficulty) throws IOException {
        FontBook book = TestFonts.book();
        List<Face> usual = book.installedOrSubstituted(RuoyiStyle.FONTS).stream()
                .map(family -> book.face(family, Font.BOLD)).toList();
        FaceChoice other = FaceChoice.of("test", book, Map.of(TestFonts.installed(book), 1.0), FaceChoice.MOSTLY_BOLD,
                RuoyiText.ALPHABET);
        return new RuoyiStyle(PictureSize.parseWeighted(sizes), Difficulty.Range.parse(difficulty),
                new RuoyiStyle.Fonts(usual, other, otherShare), new JsonObject());
    }

    private static Rng rng(long index) {
        return new Rng(Rng.pictureSeed(42, index));
    }

    /** The word alone, as drawn and as distorted, without noise, grid or ground. */
    private static void assertInside(WordPicture picture, Distortion distortion) {
        int width = picture.canvas().width();
        int height = picture.canvas().height();
        Rectangle drawn = Ink.of(picture.layout(), width, height);
        assertTrue(Ink.inside(drawn, width, height), picture + " leaves its canvas before distortion: " + drawn);
        BufferedImage word = picture.word();
        if (distortion instanceof FishEyeDistortion eye) {
            eye.bulge(word);
        } else if (distortion instanceof ShadowDistortion shadow) {
            word = shadow.withoutShadow(word);
        } else {
            word = distortion.getDistortedImage(word);
        }
        Rectangle distorted = Ink.boxOf(word);
        assertTrue(Ink.inside(distorted, width, height), picture + " leaves its canvas: " + distorted);
    }

    @Test
    void everyCharacterOfCtextLiesInsideTheCanvas() throws IOException {
        for (String difficulty : List.of("0", "0.5", "1")) {
            CtextStyle style = ctext(Kinds.inTurn(), "160x60,96x32,120x40,256x64", "4,5,6", difficulty);
            for (long index = 0; index < 600; index++) {
                CtextStyle.Plan plan = style.plan(index, rng(index));
                assertInside(plan.picture(), plan.distortion());
            }
        }
    }

    @Test
    void everyCharacterOfRuoyiLiesInsideTheCanvas() throws IOException {
        for (String difficulty : List.of("0", "0.5", "1")) {
            RuoyiStyle style = ruoyi(SIZES, 0.7, difficulty);
            for (long index = 0; index < 200; index++) {
                RuoyiStyle.Plan plan = style.plan(rng(index));
                assertInside(plan.picture(), plan.distortion());
            }
        }
    }

    @Test
    void distortionsMoveInkNoFurtherThanTheySay() throws IOException {
        CtextStyle style = ctext(Kinds.inTurn(), "160x60,256x64", "4", "0..1");
        for (long index = 0; index < 300; index++) {
            CtextStyle.Plan plan = style.plan(index, rng(index));
            if (plan.distortion() instanceof FishEyeDistortion) {
                continue; // The grid is ink too; what the lens moves is tested above.
            }
            Rectangle before = Ink.boxOf(plan.picture().word());
            BufferedImage word = plan.picture().word();
            Rectangle after = Ink.boxOf(plan.distortion() instanceof ShadowDistortion shadow
                    ? shadow.withoutShadow(word) : plan.distortion().getDistortedImage(word));
            Distortion.Reach reach = plan.distortion().reach();
            // A pixel has a width: two more than its centre moves.
            assertTrue(before.getMinX() - after.getMinX() <= reach.left() + 2
                    && after.getMaxX() - before.getMaxX() <= reach.right() + 2
                    && before.getMinY() - after.getMinY() <= reach.up() + 2
                    && after.getMaxY() - before.getMaxY() <= reach.down() + 2,
                    plan.kind() + " " + before + " " + after);
        }
    }

    @Test
    void kindsSizesAndLengthsAreDrawnByWeight() throws IOException {
        CtextStyle style = ctext(Kinds.random(), SIZES, "4:2,6:1", "0.5");
        int draws = 3600;
        long[] kinds = new long[18];
        Map<String, Long> cells = new HashMap<>();
        for (long index = 0; index < draws; index++) {
            CtextStyle.Plan plan = style.plan(index, rng(index));
            kinds[TextKind.ALL.indexOf(plan.kind())]++;
            cells.merge(plan.picture().canvas() + " " + plan.picture().layout().text().length(), 1L, Long::sum);
        }
        double[] even = new double[18];
        Arrays.fill(even, draws / 18.0);
        assertTrue(ChiSquare.plausible(kinds, even), Arrays.toString(kinds));
        // Size and length together: so they do not depend on each other either.
        String[] names = {"160x60 4", "160x60 6", "96x32 4", "96x32 6", "256x64 4", "256x64 6"};
        double unit = draws / 21.0;
        assertTrue(ChiSquare.plausible(Arrays.stream(names).mapToLong(name -> cells.getOrDefault(name, 0L)).toArray(),
                new double[] {8 * unit, 4 * unit, 4 * unit, 2 * unit, 2 * unit, unit}), cells.toString());
    }

    @Test
    void inTurnMeansEachKindAsOftenAsTheOthers() throws IOException {
        CtextStyle style = ctext(Kinds.inTurn(), SIZES, "4", "0.5");
        for (long index = 0; index < 36; index++) {
            assertEquals(TextKind.ALL.get((int) index % 18), style.plan(index, rng(index)).kind());
        }
    }

    @Test
    void thereAre18KindsAndTheirNamesAreRead() {
        assertEquals(18, TextKind.ALL.stream().distinct().count());
        TextKind.ALL.forEach(kind -> assertEquals(kind, TextKind.parse(kind.toString())));
        assertTrue(TextKind.ALL.contains(TextKind.parse("text:water:wide:nonoise")));
        assertThrows(GeneratorException.class, () -> TextKind.parse("text:water:wide"));
    }

    @Test
    void ruoyiPicturesHaveTheSizeAskedForAndKeepTheirAspect() throws IOException {
        RuoyiStyle style = ruoyi("256x64", 0, "0.5");
        Picture picture = style.draw(0, rng(0));
        BufferedImage image = ImageIO.read(new ByteArrayInputStream(picture.bytes()));
        assertEquals(256, image.getWidth());
        assertEquals(64, image.getHeight());
        // 160x60 becomes 171x64: 42 or 43 columns of white on either side, then the border.
        for (int y = 0; y < 64; y++) {
            assertEquals(0xFFFFFFFF, image.getRGB(41, y));
            assertEquals(0xFFFFFFFF, image.getRGB(214, y));
        }
        assertFalse(image.getRGB(60, 20) == 0xFFFFFFFF);
        assertTrue(picture.label().matches("\\d[-+*/]\\d=\\?"));
    }

    @Test
    void aSeedNamesAPicture() throws IOException {
        CtextStyle ctext = ctext(Kinds.random(), SIZES, "4,5", "0..1");
        RuoyiStyle ruoyi = ruoyi(SIZES, 0.5, "0..1");
        for (long index = 0; index < 60; index++) {
            assertArrayEquals(ctext.draw(index, rng(index)).bytes(), ctext.draw(index, rng(index)).bytes());
            assertArrayEquals(ruoyi.draw(index, rng(index)).bytes(), ruoyi.draw(index, rng(index)).bytes());
        }
    }

    @Test
    void aTextTooLongForItsCanvasIsAnError() throws IOException {
        CtextStyle style = ctext(Kinds.random(), "48x24", "10", "0.5");
        assertThrows(GeneratorException.class, () -> style.plan(0, rng(0)));
    }

    /** One such picture in a million must not end a run. */
    @Test
    void aTextTooLongForOneOfTheSizesGoesIntoAnother() throws IOException {
        CtextStyle style = ctext(Kinds.random(), "48x24:9,320x80:1", "10", "0.5");
        for (long index = 0; index < 20; index++) {
            CtextStyle.Plan plan = style.plan(index, rng(index));
            assertInside(plan.picture(), plan.distortion());
        }
    }
}
