"""Calibration against data whose true probabilities are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from captcha_ocr.alignment import collapse, ctc_log_prob
from captcha_ocr.calibration import (
    HIGHEST,
    LOWEST,
    TextConfidences,
    _minimise,
    accuracy_at_coverage,
    expected_calibration_error,
    fit_temperature,
    reliability_bins,
)
from captcha_ocr.charset import Charset
from captcha_ocr.decoding import greedy, log_softmax
from hypothesis import given, settings
from hypothesis import strategies as st

CHARSET = Charset(("a", "b", "c", "d"))
CONFIDENCES = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40)


def calibrated_pictures(count: int, seed: int) -> tuple[list[np.ndarray], list[str], list[str]]:
    """Logits, greedy texts and targets; a target is *drawn* from the model's own distribution.

    So the probability that a text is right is exactly the model's, at temperature 1.
    """
    rng = np.random.default_rng(seed)
    logits, texts, targets = [], [], []
    for _ in range(count):
        picture = rng.normal(0, 3, (int(rng.integers(3, 8)), CHARSET.num_classes))
        probabilities = np.exp(log_softmax(picture))
        path = [int(rng.choice(len(p), p=p / p.sum())) for p in probabilities]
        logits.append(picture.astype(np.float32))
        texts.append(greedy(log_softmax(picture), CHARSET).text)
        targets.append(CHARSET.decode(collapse(path)))
    return logits, texts, targets


def test_confidences_are_the_decoders_for_mixed_widths_and_lengths() -> None:
    logits, texts, _ = calibrated_pictures(40, seed=0)
    texts[0] = ""
    confidences = TextConfidences(logits, texts, CHARSET)
    for temperature in (0.5, 1.0, 2.0):
        expected = [
            math.exp(ctc_log_prob(log_softmax(picture, temperature), CHARSET.encode(text)))
            for picture, text in zip(logits, texts)
        ]
        np.testing.assert_allclose(confidences.at(temperature), expected, rtol=1e-4)


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.5])
def test_the_fit_undoes_a_scaling_of_the_logits(factor: float) -> None:
    logits, texts, targets = calibrated_pictures(1000, seed=1)
    scaled = [factor * picture for picture in logits]
    fitted = fit_temperature(scaled, texts, targets, CHARSET)
    assert fitted == pytest.approx(factor, rel=0.1)
    confidences = TextConfidences(scaled, texts, CHARSET)
    right = [text == target for text, target in zip(texts, targets)]
    before, after = (expected_calibration_error(confidences.at(t), right) for t in (1.0, fitted))
    assert after < 0.06
    if factor == 2.5:
        assert before > 2 * after


def test_the_temperature_leaves_the_logits_alone() -> None:
    logits, texts, targets = calibrated_pictures(20, seed=2)
    before = [picture.copy() for picture in logits]
    fit_temperature(logits, texts, targets, CHARSET)
    for a, b in zip(before, logits):
        np.testing.assert_array_equal(a, b)


def test_a_perfect_or_hopeless_validation_set_does_not_break_the_fit() -> None:
    logits, texts, _ = calibrated_pictures(30, seed=3)
    sure = fit_temperature(logits, texts, texts, CHARSET)
    lost = fit_temperature(logits, texts, ["abcdabcd"] * 30, CHARSET)
    assert LOWEST <= sure < 1 < lost < HIGHEST - 2  # not as if none could ever be right


def test_targets_may_hold_characters_that_the_charset_lacks() -> None:
    logits, texts, _ = calibrated_pictures(30, seed=4)
    unknown = fit_temperature(logits, texts, ["中"] * 30, CHARSET)
    assert unknown == fit_temperature(logits, texts, ["abcdabcd"] * 30, CHARSET)


@settings(max_examples=50, deadline=None)
@given(CONFIDENCES, st.integers(1, 20))
def test_bins_hold_every_picture_once(pairs: list[tuple[float, bool]], bins: int) -> None:
    confidences, correct = zip(*pairs)
    slots = reliability_bins(confidences, correct, bins)
    assert sum(slot.count for slot in slots) == len(pairs)
    assert sum(slot.count * slot.accuracy for slot in slots) == pytest.approx(sum(correct))
    for slot in slots:
        assert slot.upper - slot.lower == pytest.approx(1 / bins)
        assert slot.lower - 1e-9 <= slot.confidence <= slot.upper + 1e-9
    error = expected_calibration_error(confidences, correct, bins)
    assert 0 <= error <= 1
    # Fewer bins hide gaps, never add them; with one bin only the means count.
    assert error >= abs(np.mean(confidences) - np.mean(correct)) - 1e-9


def test_expected_calibration_error_by_hand() -> None:
    confidences = [0.1, 0.1, 0.9, 0.9, 0.9, 0.9]
    correct = [False, True, True, True, True, False]
    # first bin: |0.5 - 0.1| over two pictures; last: |0.75 - 0.9| over four
    assert expected_calibration_error(confidences, correct, 5) == pytest.approx(
        (2 * 0.4 + 4 * 0.15) / 6
    )
    assert expected_calibration_error([0.0, 1.0], [False, True]) == 0.0


def test_a_confidence_on_an_edge_belongs_to_the_bin_below() -> None:
    slots = reliability_bins([0.0, 0.5, 0.75], [False, True, True], 2)
    assert [(slot.upper, slot.count) for slot in slots] == [(0.5, 2), (1.0, 1)]


def test_accuracy_at_coverage() -> None:
    confidences = [0.9, 0.8, 0.7, 0.6, 0.1]
    correct = [True, True, False, True, False]
    assert accuracy_at_coverage(confidences, correct, 0.4) == 1.0
    assert accuracy_at_coverage(confidences, correct, 0.8) == 0.75
    assert accuracy_at_coverage(confidences, correct, 1.0) == 0.6
    assert accuracy_at_coverage(confidences, correct, 0.01) == 1.0
    # Two of four: the surest, and a third of each of those that tie.
    tied = accuracy_at_coverage([0.9, 0.5, 0.5, 0.5], [True, True, False, False], 0.5)
    assert tied == pytest.approx((1 + 1 / 3) / 2)
    # 0.07 * 100 is a little more than 7, and means 7.
    falling = [1 - number / 200 for number in range(100)]
    assert accuracy_at_coverage(falling, [number < 7 for number in range(100)], 0.07) == 1.0


@settings(max_examples=50, deadline=None)
@given(CONFIDENCES, st.floats(0.01, 1.0), st.randoms())
def test_accuracy_at_coverage_ignores_the_order(pairs: list, coverage: float, rng: object) -> None:
    shuffled = list(pairs)
    rng.shuffle(shuffled)
    got = [accuracy_at_coverage(*zip(*rows), coverage) for rows in (pairs, shuffled)]
    assert got[0] == pytest.approx(got[1])
    assert 0 <= got[0] <= 1


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="2 confidences for 1 results"):
        reliability_bins([0.1, 0.2], [True])
    with pytest.raises(ValueError, match="at least one"):
        expected_calibration_error([], [])
    for bad in (1.5, -0.1, float("nan")):
        with pytest.raises(ValueError, match="outside"):
            accuracy_at_coverage([bad], [True])
    with pytest.raises(ValueError, match="coverage"):
        accuracy_at_coverage([0.5], [True], 0.0)
    with pytest.raises(ValueError, match="bins"):
        reliability_bins([0.5], [True], 0)
    with pytest.raises(ValueError, match="0 texts"):
        fit_temperature([], [], [], CHARSET)
    with pytest.raises(ValueError, match="1 texts for 2 targets"):
        fit_temperature([np.zeros((2, 5))], ["a"], ["a", "b"], CHARSET)


def test_the_best_of_several_valleys_is_found() -> None:
    def two(x: float) -> float:  # the wider valley is the shallower one
        return min(abs(x + 0.9), 0.2 + 0.1 * abs(x - 1.2))

    assert _minimise(two, -1.4, 2.1) == pytest.approx(-0.9, abs=0.01)
