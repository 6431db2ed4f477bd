"""Metrics against brute-force edit distance and textbook values."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest
from captcha_ocr.metrics import (
    Score,
    character_error_rate,
    confusions,
    edit_distance,
    exact_match,
    matches,
    score,
    score_by,
    wilson_interval,
)
from hypothesis import given, settings
from hypothesis import strategies as st

WORDS = st.text(alphabet="abAB中", max_size=6)
PAIRS = st.lists(st.tuples(WORDS, WORDS.filter(bool)), min_size=1, max_size=8)


def slow_distance(a: str, b: str) -> int:
    """The definition of Levenshtein's distance, as a recursion."""

    @cache
    def distance(i: int, j: int) -> int:
        if i == 0 or j == 0:
            return i + j
        same = distance(i - 1, j - 1) + (a[i - 1] != b[j - 1])
        return min(same, distance(i - 1, j) + 1, distance(i, j - 1) + 1)

    return distance(len(a), len(b))


@settings(max_examples=50, deadline=None)
@given(WORDS, WORDS)
def test_edit_distance_is_levenshtein(a: str, b: str) -> None:
    assert edit_distance(a, b) == slow_distance(a, b)


@settings(max_examples=50, deadline=None)
@given(PAIRS)
def test_cer_divides_all_edits_by_all_target_characters(pairs: list[tuple[str, str]]) -> None:
    texts, targets = zip(*pairs)
    edits = sum(slow_distance(a, b) for a, b in pairs)
    assert character_error_rate(texts, targets) == edits / len("".join(targets))


@settings(max_examples=50, deadline=None)
@given(PAIRS)
def test_confusions_account_for_every_edit(pairs: list[tuple[str, str]]) -> None:
    texts, targets = zip(*pairs)
    found = confusions(texts, targets)
    assert sum(found.values()) == sum(slow_distance(a, b) for a, b in pairs)
    assert all(true != read for true, read in found)
    # What was missed leaves the targets, what was made up joins the texts: the letters balance.
    letters = Counter("".join(targets))
    for (true, read), times in found.items():
        letters[true] -= times
        letters[read] += times
    del letters[""]
    assert +letters == Counter("".join(texts))


def test_confusions_name_true_then_read() -> None:
    assert confusions(["l00", "ab", "abx"], ["1o0", "abc", "ab"]) == {
        ("1", "l"): 1,
        ("o", "0"): 1,
        ("c", ""): 1,
        ("", "x"): 1,
    }
    assert confusions([], []) == Counter()


def test_each_text_is_right_or_not() -> None:
    assert matches(["aB3", "xyz", ""], ["ab3", "xyz", "a"]) == [False, True, False]
    assert matches(["aB3", "xyz", ""], ["ab3", "xyz", "a"], fold_case=True) == [True, True, False]
    assert matches([], []) == []
    with pytest.raises(ValueError, match="got 1 texts for 2 targets"):
        matches(["a"], ["a", "b"])


def test_exact_match_with_and_without_case() -> None:
    texts, targets = ["aB3", "xyz", "中文", "ß"], ["ab3", "xyz", "中天", "SS"]
    assert exact_match(texts, targets) == 1 / 4
    assert exact_match(texts, targets, fold_case=True) == 3 / 4


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [  # Newcombe, Statistics in Medicine 17 (1998), table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval(successes: int, n: int, low: float, high: float) -> None:
    assert wilson_interval(successes, n) == pytest.approx((low, high), abs=5e-5)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_holds_the_share(case: tuple[int, int]) -> None:
    successes, n = case
    low, high = wilson_interval(successes, n)
    assert 0 <= low <= successes / n <= high <= 1


@pytest.mark.parametrize(("successes", "n"), [(-1, 3), (4, 3), (0, 0)])
def test_wilson_interval_refuses_impossible_counts(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="successes"):
        wilson_interval(successes, n)


def test_score_puts_the_figures_together() -> None:
    got = score(["ab", "AB", "xb", ""], ["ab", "ab", "ab", "ab"])
    assert got.n == 4
    assert (got.exact_match, got.exact_match_folded) == (0.25, 0.5)
    assert got.cer == (2 + 1 + 2) / 8
    assert got.exact_match_interval == wilson_interval(1, 4)
    assert got.exact_match_folded_interval == wilson_interval(2, 4)
    low, high = got.cer_interval
    assert 0 <= low < got.cer < high


def test_cer_interval_by_hand() -> None:
    """Two errors in 10, 10 and 20 characters: the CER is 0.05, the residuals are 0.5, 0.5, -1."""
    targets = ["a" * 10, "a" * 10, "a" * 20]
    got = score(["b" + "a" * 9, "b" + "a" * 9, "a" * 20], targets)
    assert got.cer == pytest.approx(0.05)
    half = 1.96 * (1.5 * 3 / 2) ** 0.5 / 40
    assert got.cer_interval == pytest.approx((0.0, 0.05 + half), abs=1e-5)  # never below 0


def test_score_without_errors_still_has_an_upper_bound() -> None:
    got = score(["ab"] * 20, ["ab"] * 20)
    assert (got.exact_match, got.cer) == (1.0, 0.0)
    assert got.cer_interval == pytest.approx((0.0, 0.1611), abs=5e-5)


@settings(max_examples=50, deadline=None)
@given(PAIRS)
def test_cer_interval_holds_the_cer(pairs: list[tuple[str, str]]) -> None:
    texts, targets = zip(*pairs)
    got = score(texts, targets)
    assert 0 <= got.cer_interval[0] <= got.cer <= got.cer_interval[1]


def test_equal_errors_in_long_texts_leave_no_spread_by_rounding() -> None:
    target = "a" * 49  # 1 / 49 * 49 is a little less than 1
    assert score([target[1:]] * 3, [target] * 3).cer_interval == (1 / 49, 1.0)


def test_score_by_groups_in_order_of_appearance() -> None:
    texts, targets = ["a", "b", "c", "d"], ["a", "x", "c", "d"]
    got = score_by(texts, targets, ["ruoyi", "easy", "ruoyi", "easy"])
    assert list(got) == ["ruoyi", "easy"]
    assert got["ruoyi"] == score(["a", "c"], ["a", "c"])
    assert got["easy"] == score(["b", "d"], ["x", "d"])
    assert isinstance(score_by(texts, targets, [(160, 60)] * 4)[160, 60], Score)


def test_unequal_or_empty_lists_are_errors() -> None:
    with pytest.raises(ValueError, match="2 texts for 1 targets"):
        exact_match(["a", "b"], ["a"])
    with pytest.raises(ValueError, match="nothing to score"):
        score([], [])
    with pytest.raises(ValueError, match="1 keys for 2 targets"):
        score_by(["a", "b"], ["a", "b"], ["k"])
    with pytest.raises(ValueError, match="empty"):
        character_error_rate(["a"], [""])
