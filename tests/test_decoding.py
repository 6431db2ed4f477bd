"""Greedy, beam and alignment against brute force over every path, and against torch's CTC loss."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from captcha_ocr.alignment import align, ctc_log_prob, ctc_log_probs, required_steps
from captcha_ocr.charset import Charset
from captcha_ocr.constraints import Constraint
from captcha_ocr.decoding import (
    best_path,
    collapse,
    decode,
    greedy,
    greedy_batch,
    log_softmax,
    prefix_beam,
)
from hypothesis import given, settings
from hypothesis import strategies as st

CHARSET = Charset(("a", "b", "c"))
WIDE_BEAM = 500  # more than there are texts of five columns: nothing is pruned

EXAMPLES = settings(max_examples=40, deadline=None)


@st.composite
def pictures(draw: st.DrawFn, charset: Charset = CHARSET, most_steps: int = 5) -> np.ndarray:
    """Log-probabilities (T, C), from flat to nearly one-hot."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    steps = draw(st.integers(1, most_steps))
    sharpness = draw(st.sampled_from([0.3, 2.0, 8.0]))
    return log_softmax(rng.normal(0.0, sharpness, (steps, charset.num_classes)))


def all_texts(log_probs: np.ndarray) -> tuple[dict[tuple[int, ...], float], dict]:
    """Every text's probability, and the probability of its best path, from all C**T paths."""
    total: dict[tuple[int, ...], float] = {}
    best: dict[tuple[int, ...], float] = {}
    steps, classes = log_probs.shape
    for path in itertools.product(range(classes), repeat=steps):
        merged = [label for label, _ in itertools.groupby(path)]
        text = tuple(label for label in merged if label)
        probability = math.exp(sum(log_probs[t, label] for t, label in enumerate(path)))
        total[text] = total.get(text, 0.0) + probability
        best[text] = max(best.get(text, 0.0), probability)
    return total, best


def span_log_prob(log_probs: np.ndarray, labels: list[int], spans: list[tuple[int, int]]) -> float:
    """The path that an alignment describes."""
    path = np.zeros(len(log_probs), dtype=int)
    for label, (start, end) in zip(labels, spans):
        path[start:end] = label
    assert collapse(path) == list(labels)
    return float(log_probs[np.arange(len(path)), path].sum())


# --- log_softmax


def test_log_softmax_normalises_and_keeps_float32() -> None:
    logits = np.random.default_rng(0).normal(0, 50, (7, 9)).astype(np.float32)
    log_probs = log_softmax(logits)
    assert log_probs.dtype == np.float32
    np.testing.assert_allclose(np.exp(log_probs).sum(-1), 1.0, rtol=1e-5)
    expected = torch.log_softmax(torch.from_numpy(logits) / 2.5, -1)
    np.testing.assert_allclose(log_softmax(logits, 2.5), expected, rtol=1e-5, atol=1e-5)
    half = log_softmax(logits.astype(np.float16))  # as an exported model may give them
    assert half.dtype == np.float32
    np.testing.assert_allclose(np.exp(half).sum(-1), 1.0, rtol=1e-5)


def test_log_softmax_leaves_its_input_alone() -> None:
    logits = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    before = logits.copy()
    log_softmax(logits, 3.0)
    np.testing.assert_array_equal(logits, before)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
def test_log_softmax_refuses_a_senseless_temperature(temperature: float) -> None:
    with pytest.raises(ValueError, match="temperature"):
        log_softmax(np.zeros((1, 2), np.float32), temperature)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_log_softmax_refuses_what_no_model_means(bad: float) -> None:
    logits = np.zeros((2, 3), np.float32)
    logits[1, 2] = bad
    with pytest.raises(ValueError, match="NaN or infinity"):
        log_softmax(logits)


# --- collapse, required steps


@pytest.mark.parametrize(
    ("path", "labels"),
    [
        ([], []),
        ([0, 0], []),
        ([1, 1, 1], [1]),
        ([1, 0, 1], [1, 1]),
        ([0, 2, 2, 0, 2, 1, 0], [2, 2, 1]),
    ],
)
def test_collapse_merges_repeats_then_drops_blanks(path: list[int], labels: list[int]) -> None:
    assert collapse(path) == labels


@pytest.mark.parametrize(
    ("labels", "steps"), [([], 0), ([1], 1), ([1, 2], 2), ([1, 1], 3), ([1, 1, 1, 2, 2], 8)]
)
def test_required_steps_count_the_blank_inside_doubles(labels: list[int], steps: int) -> None:
    assert required_steps(labels) == steps


# --- the forward algorithm


@EXAMPLES
@given(pictures())
def test_ctc_log_prob_is_the_sum_over_all_paths(log_probs: np.ndarray) -> None:
    total, _ = all_texts(log_probs)
    texts = list(total)
    got = ctc_log_probs(log_probs[None], texts)  # different lengths in one batch
    np.testing.assert_allclose(np.exp(got), [total[text] for text in texts], rtol=1e-5)
    assert math.isclose(math.fsum(np.exp(got)), 1.0, rel_tol=1e-5)


def test_ctc_log_prob_of_what_does_not_fit_is_minus_infinity() -> None:
    log_probs = log_softmax(np.zeros((2, 4)))
    assert ctc_log_prob(log_probs, [1, 1]) == -math.inf
    assert ctc_log_prob(log_probs, [1, 2, 3]) == -math.inf
    assert ctc_log_prob(log_probs, []) == pytest.approx(2 * math.log(1 / 4))


@EXAMPLES
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(0, 6))
def test_ctc_log_prob_agrees_with_torch(seed: int, steps: int, length: int) -> None:
    rng = np.random.default_rng(seed)
    log_probs = log_softmax(rng.normal(0, 3, (steps, 5)))
    labels = rng.integers(1, 3, length).tolist()  # two symbols only: many doubles
    loss = torch.nn.functional.ctc_loss(
        torch.from_numpy(log_probs)[:, None],
        torch.tensor([labels], dtype=torch.long),
        torch.tensor([steps]),
        torch.tensor([length]),
        reduction="none",
    )
    np.testing.assert_allclose(-ctc_log_prob(log_probs, labels), loss.item(), rtol=1e-6)


# --- alignment


@EXAMPLES
@given(pictures(), st.lists(st.integers(1, 3), max_size=4))
def test_align_finds_the_best_path_of_its_text(log_probs: np.ndarray, labels: list[int]) -> None:
    if required_steps(labels) > len(log_probs):
        with pytest.raises(ValueError, match="time steps"):
            align(log_probs, labels)
        return
    spans = align(log_probs, labels)
    _, best = all_texts(log_probs)
    assert span_log_prob(log_probs, labels, spans) == pytest.approx(math.log(best[tuple(labels)]))


def test_align_works_through_impossible_columns() -> None:
    log_probs = np.array([[0.0, -np.inf], [0.0, -np.inf]])
    (span,) = align(log_probs, [1])
    assert span in [(0, 1), (1, 2), (0, 2)]


# --- greedy


@EXAMPLES
@given(pictures())
def test_greedy_reads_the_best_path_and_reports_the_posterior(log_probs: np.ndarray) -> None:
    total, best = all_texts(log_probs)
    reading = greedy(log_probs, CHARSET)
    labels = CHARSET.encode(reading.text)
    assert best[tuple(labels)] == pytest.approx(max(best.values()))
    assert reading.confidence == pytest.approx(total[tuple(labels)], rel=1e-5)
    spans = [(c.start, c.end) for c in reading.characters]
    assert math.exp(span_log_prob(log_probs, labels, spans)) == pytest.approx(max(best.values()))
    for label, character in zip(labels, reading.characters):
        peak = np.exp(log_probs[character.start : character.end, label]).max()
        assert character.confidence == pytest.approx(peak)
    assert reading.text == CHARSET.decode(collapse(best_path(log_probs)))


def test_greedy_batch_equals_one_by_one() -> None:
    logits = np.random.default_rng(3).normal(0, 2, (20, 11, 4)).astype(np.float32)
    log_probs = log_softmax(logits)
    assert greedy_batch(log_probs, CHARSET) == [greedy(row, CHARSET) for row in log_probs]
    assert greedy_batch(log_probs[:0], CHARSET) == []


def test_an_empty_picture_reads_as_empty_text() -> None:
    log_probs = log_softmax(np.array([[9.0, 0, 0, 0]] * 3))
    reading = greedy(log_probs, CHARSET)
    assert (reading.text, reading.characters) == ("", ())
    assert reading.confidence == pytest.approx(math.exp(log_probs[:, 0].sum()))


def test_rounding_makes_nothing_surer_than_sure() -> None:
    log_probs = np.full((3, 4), -30.0)
    log_probs[:, 1] = 1e-7
    reading = greedy(log_probs, CHARSET)
    assert (reading.confidence, reading.characters[0].confidence) == (1.0, 1.0)


@pytest.mark.parametrize("shape", [(4,), (4, 5), (0, 4), (2, 3, 4)])
def test_a_wrong_shape_is_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="shape"):
        prefix_beam(np.zeros(shape), CHARSET)


# --- prefix beam


@EXAMPLES
@given(pictures())
def test_a_wide_beam_ranks_all_texts_as_brute_force_does(log_probs: np.ndarray) -> None:
    total, _ = all_texts(log_probs)
    readings = prefix_beam(log_probs, CHARSET, beam_width=WIDE_BEAM, top_k=WIDE_BEAM)
    assert len(readings) == len(total) == len({r.text for r in readings})
    for reading in readings:
        labels = tuple(CHARSET.encode(reading.text))
        assert reading.confidence == pytest.approx(total[labels], rel=1e-5)
        for label, character in zip(labels, reading.characters):
            peak = np.exp(log_probs[character.start : character.end, label]).max()
            assert character.confidence == pytest.approx(peak)
    confidences = [r.confidence for r in readings]
    assert confidences == sorted(confidences, reverse=True)


@EXAMPLES
@given(pictures(most_steps=8), st.integers(1, 4))
def test_a_narrow_beam_is_never_worse_than_greedy(log_probs: np.ndarray, width: int) -> None:
    (reading,) = prefix_beam(log_probs, CHARSET, beam_width=width)
    best = greedy(log_probs, CHARSET)
    assert reading.confidence >= best.confidence - 1e-12
    if reading.text == best.text:
        assert reading.confidence == pytest.approx(best.confidence, rel=1e-5)


def test_the_best_text_need_not_be_the_best_path() -> None:
    # Two columns, blank 0.6 and a 0.4: the best path is blank, blank (0.36), but three paths
    # spell "a" (0.64): why greedy decoding is only an approximation.
    log_probs = np.log(np.array([[0.6, 0.4 - 2e-9, 1e-9, 1e-9]] * 2))
    assert greedy(log_probs, CHARSET).text == ""
    (reading,) = prefix_beam(log_probs, CHARSET, beam_width=2)  # the right two are kept
    assert reading.text == "a"
    assert reading.confidence == pytest.approx(0.64, abs=1e-6)


@pytest.mark.parametrize("top_k", [0, 17])
def test_top_k_must_fit_into_the_beam(top_k: int) -> None:
    with pytest.raises(ValueError, match="top_k"):
        prefix_beam(log_softmax(np.zeros((2, 4))), CHARSET, top_k=top_k)


def test_decode_chooses_the_search() -> None:
    log_probs = log_softmax(np.random.default_rng(1).normal(0, 2, (6, 4)))
    assert decode(log_probs, CHARSET) == [greedy(log_probs, CHARSET)]
    assert decode(log_probs, CHARSET, top_k=3) == prefix_beam(log_probs, CHARSET, top_k=3)
    with pytest.raises(ValueError, match="top_k is 3; choose 1 to beam_width"):
        decode(log_probs, CHARSET, top_k=3, beam_width=2)
    only = Constraint.build(CHARSET, lexicon=["cab"])
    assert [r.text for r in decode(log_probs, CHARSET, constraint=only, top_k=3)] == ["cab"]
