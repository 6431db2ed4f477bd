"""Intervals over font families, against every draw there is and against a closed form."""

from __future__ import annotations

import json
import math
from itertools import accumulate, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from captcha_ocr.benchmarking import quality
from captcha_ocr.benchmarking.families import families_of, family_interval
from captcha_ocr.benchmarking.quality import measure_quality
from captcha_ocr.benchmarking.robustness import MemoryStore
from captcha_ocr.datasets.stores import open_store
from captcha_ocr.metrics import wilson_interval
from captcha_ocr.predictor import load_predictors
from drawing import barcode

REPOSITORY = Path(__file__).parents[1]
HELDOUT_FONTS = REPOSITORY / "full-pipeline/tools/java_captcha/fonts-heldout.txt"


@pytest.mark.parametrize(
    ("font", "families"),
    [
        ("Arimo", {"Arimo"}),
        ("Sora ExtraBold Bold Italic", {"Sora"}),
        ("Cantarell Extra Bold", {"Cantarell"}),  # both are one font, the second made bolder
        ("Cantarell Extra Bold Bold", {"Cantarell"}),
        ("Smiley Sans Oblique Italic", {"Smiley Sans Oblique"}),
        ("Sora Bold + Tinos Italic", {"Sora", "Tinos"}),
        ("Sora + Sora Italic", {"Sora"}),
    ],
)
def test_families_of_a_picture(font: str, families: set[str]) -> None:
    assert families_of({"font": font}) == families


def test_the_shipped_pictures_are_of_the_listed_families() -> None:
    """No style that the generators write is taken for a family."""
    listed = HELDOUT_FONTS.read_text(encoding="utf-8").splitlines()
    names = [name for name in listed if name and not name.startswith("#")]
    expected = {family for name in names for family in families_of({"font": name})}
    lines = (REPOSITORY / "benchmark/manifest.jsonl").read_text(encoding="utf-8").splitlines()
    records = [record for record in map(json.loads, lines) if record["part"] == "heldout"]
    assert {family for record in records for family in families_of(record)} == expected
    assert len(expected) == 28


def test_interval_against_every_draw() -> None:
    """Four families of unequal size, drawn in all 256 ways; two pictures are of two families."""
    pictures = [*map(frozenset, "aaaaaabbbccccccccd"), frozenset("ab"), frozenset("cd")]
    parts = [1, 0, 1, 1, 2, 1, 0, 3, 0, 4, 4, 3, 4, 2, 4, 3, 4, 0, 1, 4]
    wholes = [4, 5] * 10
    shares = []
    for drawn in product("abcd", repeat=4):
        times = [math.prod(drawn.count(name) for name in of) for of in pictures]
        shares.append(np.dot(times, parts) / np.dot(times, wholes))
    expected = np.percentile(shares, (2.5, 97.5))
    low, high = family_interval(parts, wholes, pictures)
    assert (low, high) == pytest.approx(expected, abs=0.005)
    assert low < sum(parts) / sum(wholes) < high


def test_families_of_one_picture_are_drawn_as_pictures_are() -> None:
    """The ordinary bootstrap of a share, whose draws are binomial."""
    n, right = 100, 85
    share = right / n
    chances = [math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(n + 1)]
    below = [*accumulate(chances)]
    expected = [next(k for k in range(n + 1) if below[k] >= q) / n for q in (0.025, 0.975)]
    single = [frozenset({f"{i:03d}"}) for i in range(n)]
    alone = family_interval([int(i < right) for i in range(n)], [1] * n, single)
    assert alone == pytest.approx(expected, abs=1.01 / n)  # a draw of 10,000 may miss by one
    # Twenty pictures of each family that are read alike tell no more than one of each.
    many = [int(i < right) for i in range(n) for _ in range(20)]
    alike = [of for of in single for _ in range(20)]
    assert family_interval(many, [1] * len(many), alike) == alone
    low, high = wilson_interval(sum(many), len(many))
    assert alone[0] < low - 0.03 and high + 0.03 < alone[1]


def test_the_interval_is_always_the_same() -> None:
    parts, families = [1, 0, 1, 1, 0, 1], [*map(frozenset, ("a", "a", "b", "c", "c", "bc"))]
    first = family_interval(parts, [1] * 6, families)
    assert family_interval(parts, [1] * 6, families) == first
    assert family_interval(parts[::-1], [1] * 6, families[::-1]) == first


def test_a_draw_without_pictures_does_not_count() -> None:
    """Of a picture of two families, one drawn twice leaves nothing to divide by."""
    pair = frozenset("ab")
    assert family_interval([1, 0], [1, 1], [pair, pair]) == [0.5, 0.5]


@pytest.fixture
def misread(benchmark_root: Path, tiny_weights: Path) -> Any:
    """What `measure_quality` finds when pictures show other texts than their labels."""

    def measure(shown):
        store = open_store(benchmark_root)
        names = [label.file for label in store.labels]
        pictures = [
            barcode(shown[name]) if name in shown else store.read(i) for i, name in enumerate(names)
        ]
        predictor = load_predictors(folder=tiny_weights)["vanilla_crnn"]
        return measure_quality(predictor, MemoryStore(store, pictures))

    return measure


def test_what_is_sure_is_right_but_for_case(misread: Any) -> None:
    text = misread({"test_easy-text_0.5_0.png": "ab12"})["test"]["columns"]["easy-text"]
    assert text["accuracy_at_90_coverage"] == 1.0
    assert text["exact_match"] == 0.5


def test_families_are_asked_with_case_and_without(misread: Any) -> None:
    """Of five pictures of Sora one is misread, and one more but for case."""
    shown = {"heldout_easy-text_0.5_1.png": "aB12", "heldout_ctext_0.5_1.png": "b3A4"}
    found = misread(shown)["heldout"]["all"]
    assert found["exact_match_interval"] == pytest.approx([0.6, 0.8])
    assert found["exact_match_folded_interval"] == pytest.approx([0.8, 0.9])


def test_a_figure_that_no_family_spoils_is_told_by_pictures(misread: Any) -> None:
    """But for case all is right: of that, families would say that it is certain."""
    found = misread({"heldout_ctext_0.5_1.png": "b3A4"})["heldout"]["all"]
    assert "families" not in found
    assert found["exact_match_folded_interval"] == pytest.approx(wilson_interval(10, 10))


def test_unrelated_fonts_are_families_too(misread: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "unrelated", lambda record: True)
    found = misread({"heldout_easy-text_0.5_1.png": "aB12"})
    assert found["unrelated"]["all"]["families"] == 2
