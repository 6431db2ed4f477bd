"""The benchmark's figures against cases counted by hand: texts, columns, quality, distortions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from benchmark_set import write_benchmark_set
from captcha_ocr.benchmarking.columns import COLUMNS, column_of, set_digest
from captcha_ocr.benchmarking.distortions import DISTORTIONS, Distortion
from captcha_ocr.benchmarking.folding import folded, strict
from captcha_ocr.benchmarking.overlap import find_equal
from captcha_ocr.benchmarking.quality import measure_quality
from captcha_ocr.benchmarking.robustness import (
    MemoryStore,
    balanced_indices,
    distort,
    measure_robustness,
)
from captcha_ocr.datasets.stores import Store, Subset, open_store
from captcha_ocr.datasets.styles import STYLES
from captcha_ocr.imaging import open_image
from captcha_ocr.merging.engines import SerialEngine
from captcha_ocr.metrics import wilson_interval
from captcha_ocr.predictor import load_predictors
from drawing import barcode, draw_barcode
from PIL import Image

# What counts as the same text


@pytest.mark.parametrize(
    ("text", "label", "arithmetic", "same"),
    [
        ("aB c\n", "Abc", False, True),  # case and white space
        ("ＡＢ１２", "ab12", False, True),  # full width
        ("3x4", "3*4", False, False),  # letters stay letters outside sums
        ("3x4", "3*4=?", True, True),
        ("3 × 4 =", "3x4=?", True, True),
        ("3X4＝？", "3*4=?", True, True),
        ("8÷2=?", "8/2=?", True, True),
        ("8−2", "8-2=?", True, True),
        ("8—2", "8-2=?", True, True),  # as PaddleOCR's and ddddocr's characters have it
        ("8一2=?", "8-2=?", True, True),
        ("3十9", "3+9=?", True, True),
        ("3十9", "3+9", False, False),
        ("3x4=7", "3x4=?", True, True),  # ? read as 7: what follows = is always the same
        ("3x4?", "3x4=?", True, True),
        ("3x47", "3x4=?", True, False),  # another sum
        ("a=b", "a", False, False),
        ("3+4", "3x4=?", True, False),
        ("34=?", "3x4=?", True, False),
        ("", "3x4=?", True, False),
        ("己", "已", False, False),  # like, and yet another character
    ],
)
def test_folding(text: str, label: str, arithmetic: bool, same: bool) -> None:
    assert (folded(text, arithmetic=arithmetic) == folded(label, arithmetic=arithmetic)) is same


def test_strict_ignores_white_space_alone() -> None:
    assert strict(" a B\n") == "aB" == strict("aB")
    assert strict("ab") != strict("aB")
    assert strict("Ａ") != strict("A")
    assert strict("e\u0301") == strict("é")  # one character, written two ways


# Parts and columns


def test_every_kind_of_a_measured_style_is_in_one_column() -> None:
    for style in {column.style for column in COLUMNS.values()}:
        for kind in STYLES[style].kinds:
            holders = [c.key for c in COLUMNS.values() if c.style == style and kind in c.kinds]
            assert holders == [column_of({"style": style, "kind": kind})]


def test_pictures_of_other_sets_are_refused(sample_set: Path, tiny_weights: Path) -> None:
    predictor = load_predictors(folder=tiny_weights)["vanilla_crnn"]
    with pytest.raises(ValueError, match=r"this is no benchmark set; scripts/make_benchmark\.py"):
        measure_quality(predictor, open_store(sample_set))


def test_columns_take_turns(benchmark_root: Path) -> None:
    store = open_store(benchmark_root)
    chosen = balanced_indices(store, 2, part="test")
    keys = [column_of(store.records[i]) for i in chosen]
    assert keys == [*COLUMNS, *COLUMNS]
    hard = balanced_indices(store, 1, part="difficulty", level=1.0)
    assert {store.records[i]["difficulty"] for i in hard} == {1.0}


def test_digest_changes_with_a_label_and_with_a_picture(
    benchmark_root: Path, tmp_path: Path
) -> None:
    copy = write_benchmark_set(tmp_path / "copy")
    assert set_digest(copy) == set_digest(benchmark_root)
    picture = copy / "images" / "test_easy-text_0.5_0.png"
    same = picture.read_bytes()
    picture.write_bytes((copy / "images" / "test_ctext_0.5_0.png").read_bytes())
    assert set_digest(copy) != set_digest(benchmark_root)
    picture.write_bytes(same)
    assert set_digest(copy) == set_digest(benchmark_root)
    labels = copy / "labels.txt"
    labels.write_text(labels.read_text(encoding="utf-8").replace("Ab12", "Ab13"), encoding="utf-8")
    assert set_digest(copy) != set_digest(benchmark_root)


def test_equal_pictures_are_found(tmp_path: Path) -> None:
    for name, text in (("a", "A1"), ("b", "B2"), ("again", "A1"), ("other", "A1"), ("c", "12")):
        draw_barcode(text).save(tmp_path / f"{name}.png")
    paths = {path.stem: path for path in tmp_path.iterdir()}
    own = [paths["a"], paths["b"], paths["again"], paths["c"]]
    assert find_equal(own, [], SerialEngine()) == {paths["again"]: paths["a"]}
    equal = find_equal(own, [paths["other"]], SerialEngine())
    assert set(equal) == {paths["a"], paths["again"]}


# Figures


def test_quality_counts_by_hand(benchmark_root: Path, tiny_weights: Path) -> None:
    """The tiny model reads every bar; one picture is replaced by another text of other case."""
    store = open_store(benchmark_root)
    replace_picture(store, "Ab12", "ab12")
    parts = measure_quality(load_predictors(folder=tiny_weights)["vanilla_crnn"], store)
    assert list(parts) == ["test", "heldout", "unrelated", "sizes"]
    text = parts["test"]["columns"]["easy-text"]
    assert (text["n"], text["exact_match"], text["exact_match_folded"]) == (2, 0.5, 1.0)
    assert text["cer"] == 1 / 8
    assert text["calibration_error"] == pytest.approx(0.5, abs=0.01)  # sure, and of the wrong case
    assert text["unambiguous"]["n"] == 1  # the other one holds an A, which its font draws twice
    assert parts["test"]["all"]["n"] == 10
    assert parts["test"]["all"]["exact_match"] == 0.9
    assert parts["heldout"]["all"]["exact_match"] == 1.0
    assert parts["unrelated"]["all"]["n"] == 5  # the other five hold a letter of Arimo
    assert parts["test"]["groups"]["length"]["5"]["n"] == 4


def test_intervals_of_unseen_fonts_are_over_families(
    benchmark_root: Path, tiny_weights: Path
) -> None:
    """One of the five pictures of Sora is misread, none of the five of Sora and Arimo: two
    families drawn are Sora alone, or both."""
    store = open_store(benchmark_root)
    wrong = next(i for i, x in enumerate(store.labels) if x.file == "heldout_easy-text_0.5_1.png")
    pictures = [barcode("aB12") if i == wrong else store.read(i) for i in range(len(store))]
    predictor = load_predictors(folder=tiny_weights)["vanilla_crnn"]
    parts = measure_quality(predictor, MemoryStore(store, pictures))
    unseen = parts["heldout"]["all"]
    assert unseen["families"] == 2
    assert unseen["exact_match_interval"] == pytest.approx([0.8, 0.9])
    assert unseen["exact_match_folded_interval"] == pytest.approx([0.8, 0.9])
    low, high = unseen["cer_interval"]
    assert 0 < low < high
    # One family says nothing of others; pictures of known fonts were drawn one by one.
    for figures, right in ((parts["unrelated"]["all"], 4), (parts["test"]["all"], 10)):
        assert "families" not in figures
        expected = wilson_interval(right, figures["n"])
        assert figures["exact_match_folded_interval"] == pytest.approx(expected)


def replace_picture(store: Store, label: str, text: str) -> None:
    """The first picture of a label shows another text from now on."""
    changed = store.labels.index(next(x for x in store.labels if x.text == label))
    read, picture = store.read, barcode(text)
    store.read = lambda index: picture if index == changed else read(index)  # type: ignore[method-assign]


@pytest.mark.parametrize("key", DISTORTIONS)
def test_distortions(key: str) -> None:
    """The first level changes nothing; a later one does, always in the same way."""
    distortion, picture = DISTORTIONS[key], draw_barcode("A1b2")

    def at(level: float) -> np.ndarray:
        return np.asarray(open_image(distortion.apply(picture, level, np.random.default_rng(3))))

    pixels = np.asarray(picture)
    np.testing.assert_array_equal(at(distortion.levels[0]), pixels)
    np.testing.assert_array_equal(at(distortion.levels[2]), at(distortion.levels[2]))
    strong = at(distortion.levels[-1])
    assert strong.shape != pixels.shape or (strong != pixels).any()


def test_noise_has_its_deviation() -> None:
    grey = open_image(np.full((200, 200, 3), 128, np.uint8))
    noisy = DISTORTIONS["noise"].apply(grey, 20, np.random.default_rng(0))
    assert abs(np.asarray(open_image(noisy)).std() - 20) < 0.5


def test_a_picture_is_scaled_to_a_share_of_both_sides() -> None:
    picture = open_image(np.zeros((60, 200, 3), np.uint8))
    for level, size in ((0.5, (100, 30)), (0.1, (20, 8))):  # eight pixels are the least
        scaled = DISTORTIONS["scale"].apply(picture, level, np.random.default_rng(0))
        assert open_image(scaled).size == size


def test_rotation_keeps_the_corners() -> None:
    picture = open_image(np.full((40, 120, 3), 255, np.uint8))
    turned = open_image(DISTORTIONS["rotation"].apply(picture, 10, np.random.default_rng(0)))
    assert turned.width > 120 and turned.height > 40
    assert (np.asarray(turned) == 255).all()  # filled with the picture's own background


def test_robustness_of_the_tiny_model(benchmark_root: Path, tiny_weights: Path) -> None:
    """It reads grey levels: bars survive the first step of each curve, strong noise they do not."""
    store = open_store(benchmark_root)
    replace_picture(store, "Ab12", "ab12")  # case does not count
    curves = measure_robustness(load_predictors(folder=tiny_weights), store, 2)
    found = curves["vanilla_crnn"]
    assert list(found) == [*DISTORTIONS, "difficulty"]
    assert all(curve["all"][0] == 1.0 and curve["n"][0] == 10 for curve in found.values())
    assert found["noise"]["all"][-1] < 0.5
    assert found["difficulty"]["levels"] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert set(found["noise"]["columns"]) == set(COLUMNS)


def test_a_picture_meets_the_same_chance_at_every_level(benchmark_root: Path) -> None:
    """So a curve compares like with like; other pictures and curves have a chance of their own."""
    store = Subset(open_store(benchmark_root), [0, 1])

    def drawn(key: str, level: float) -> list[bytes]:
        die = Distortion(key, (0, 1), lambda image, level, rng: rng.bytes(8))
        return distort(store, die, level).pictures

    assert drawn("noise", 0) == drawn("noise", 1)
    assert len({*drawn("noise", 0), *drawn("rotation", 0)}) == 4


def test_a_blur_grows_with_the_picture() -> None:
    small = Image.new("RGB", (60, 30), "white")
    small.paste("black", (0, 0, 30, 30))
    large = small.resize((240, 120), Image.Resampling.NEAREST)
    pair = (
        open_image(DISTORTIONS["blur"].apply(image, 2, np.random.default_rng(0)))
        for image in (small, large)
    )
    greys = [
        sum(30 < value < 225 for value in np.asarray(image)[15, :, 0].tolist()) for image in pair
    ]
    assert greys[1] == pytest.approx(4 * greys[0], rel=0.3)


def test_curves_are_of_the_test_part_and_fold_case(
    benchmark_root: Path, tiny_weights: Path
) -> None:
    store = open_store(benchmark_root)
    pictures = [store.read(i) for i in range(len(store))]
    first = next(i for i, x in enumerate(store.labels) if x.file == "test_easy-text_0.5_0.png")
    pictures[first] = barcode("ab12")
    predictors = load_predictors(folder=tiny_weights)
    curves = measure_robustness(predictors, MemoryStore(store, pictures), 5)["vanilla_crnn"]
    assert curves["scale"]["n"][0] == 10  # two of each column, although five are asked for
    assert curves["scale"]["columns"]["easy-text"][0] == 1.0


def test_pictures_are_turned_to_either_side() -> None:
    bar = Image.new("RGB", (120, 60), "white")
    bar.paste("black", (10, 28, 110, 32))
    rotation = DISTORTIONS["rotation"].apply
    turned = [
        np.asarray(open_image(rotation(bar, 15, np.random.default_rng(seed))).convert("L"))
        for seed in range(12)
    ]
    falls = {bool(np.argmin(half[:, 30]) < np.argmin(half[:, -30])) for half in turned}
    assert falls == {True, False}
