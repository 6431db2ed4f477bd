"""Confidences that mean what they say: of the texts read with 0.8, four in five are right.

The confidence of a reading is P(text | picture), see decoding.py. A network trained for long is
too sure of itself (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017). Their
remedy, section 4.2, is one number: divide the logits by a temperature, fitted on pictures the
network did not learn from. The best class of a column stays the best, so greedy texts stay too.

**What is minimised.** Guo et al. minimise the negative log-likelihood of the true class. Under CTC
that would be the likelihood of the true text, which answers another question: how much
probability the model gives to texts it did *not* report, dominated by the few pictures it read
badly wrong, and undefined for a target that holds a character the model lacks. What a user sees
is the probability of the reported text, so that is what is fitted: the negative log-likelihood of
the event "this text is right" (cross-entropy of confidence against right or wrong). It is a proper
scoring rule: its minimum is at the true probabilities. The expected calibration error is reported
but not minimised: it jumps with the bins, and an uninformative confidence can make it zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from captcha_ocr.alignment import extended_states, forward
from captcha_ocr.charset import Charset
from captcha_ocr.metrics import matches

LOWEST, HIGHEST = 0.25, 8.0  # temperatures tried; a fit at either end deserves a look at the data
_CHUNK = 256  # pictures whose forward variables are held at once
_MARGIN = 1e-6  # bounds the loss of a wrong text with confidence 1


@dataclass(frozen=True)
class ReliabilityBin:
    """One bar of a reliability figure: the pictures with lower < confidence <= upper."""

    lower: float
    upper: float
    count: int
    confidence: float  # mean over the bin
    accuracy: float  # fraction of the bin that is right


def reliability_bins(
    confidences: Sequence[float] | np.ndarray,
    correct: Sequence[bool] | np.ndarray,
    bins: int = 15,
) -> list[ReliabilityBin]:
    """Equal slices of [0, 1], empty ones left out; a confidence of 0 belongs to the first.

    Raises:
        ValueError: nothing given, lengths differ, or a confidence outside [0, 1].
    """
    confidence, right = _checked(confidences, correct)
    if bins < 1:
        raise ValueError(f"bins is {bins}; at least 1 is needed")
    number = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    members = [number == i for i in range(bins)]
    return [
        ReliabilityBin(
            lower=i / bins,
            upper=(i + 1) / bins,
            count=int(inside.sum()),
            confidence=float(confidence[inside].mean()),
            accuracy=float(right[inside].mean()),
        )
        for i, inside in enumerate(members)
        if inside.any()
    ]


def expected_calibration_error(
    confidences: Sequence[float] | np.ndarray,
    correct: Sequence[bool] | np.ndarray,
    bins: int = 15,
) -> float:
    """Mean gap between confidence and accuracy, weighted by bin (Guo et al., equation 3)."""
    return calibration_error(reliability_bins(confidences, correct, bins))


def calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    """The same of bins that are there already, one at least."""
    return sum(b.count * abs(b.accuracy - b.confidence) for b in bins) / sum(b.count for b in bins)


def accuracy_at_coverage(
    confidences: Sequence[float] | np.ndarray,
    correct: Sequence[bool] | np.ndarray,
    coverage: float = 0.9,
) -> float:
    """Accuracy on the most confident fraction of the pictures: what refusing the rest buys.

    At least one picture is kept. Of pictures that tie at the threshold each counts in part, so
    the order they come in does not matter.
    """
    confidence, right = _checked(confidences, correct)
    if not 0 < coverage <= 1:
        raise ValueError(f"coverage is {coverage}; it must be in (0, 1]")
    # The small amount undoes rounding: 0.07 * 100 is a little more than 7.
    kept = max(1, math.ceil(coverage * len(right) - 1e-9))
    threshold = np.sort(confidence)[-kept]
    above, tied = confidence > threshold, confidence == threshold
    return float((right[above].sum() + right[tied].mean() * (kept - above.sum())) / kept)


def fit_temperature(
    logits: Sequence[np.ndarray],
    texts: Sequence[str],
    targets: Sequence[str],
    charset: Charset,
) -> float:
    """The temperature at which the confidences fit best, LOWEST to HIGHEST.

    Args:
        logits: (T, C) for each picture of a validation set: none the network learned from.
        texts: what was read in them, greedily.
        targets: what is drawn in them.
        charset: the model's.

    Raises:
        ValueError: no pictures, or lists of different length.
    """
    goal = _platt_targets(np.array(matches(texts, targets)))
    pictures = TextConfidences(logits, texts, charset)

    def loss(log_temperature: float) -> float:
        return _cross_entropy(pictures.at(math.exp(log_temperature)), goal)

    return math.exp(_minimise(loss, math.log(LOWEST), math.log(HIGHEST)))


class TextConfidences:
    """P(text | picture) of pictures with logits (T, C), where T may differ, at any temperature.

    Holds what does not change with it. Only the columns of the text's own classes go through the
    CTC recursion; the other classes matter through the normaliser alone.
    """

    def __init__(
        self, logits: Sequence[np.ndarray], texts: Sequence[str], charset: Charset
    ) -> None:
        if len(logits) != len(texts) or not texts:
            raise ValueError(f"got logits of {len(logits)} pictures for {len(texts)} texts")
        self.logits = [np.asarray(picture, dtype=np.float32) for picture in logits]
        labels = [charset.encode(text) for text in texts]
        self.states = extended_states(labels)  # (N, S)
        self.lengths = np.array([len(row) for row in labels], dtype=np.intp)
        self.steps = np.array([len(picture) for picture in self.logits], dtype=np.intp)
        self.peaks = [picture.max(axis=-1, keepdims=True) for picture in self.logits]  # (T, 1)
        # (N, longest T, S): the logits of the states' classes, less their column's largest.
        self.gathered = np.zeros((len(texts), self.steps.max(), self.states.shape[1]))
        for out, picture, peak, states in zip(self.gathered, self.logits, self.peaks, self.states):
            out[: len(picture)] = (picture - peak)[:, states]

    def at(self, temperature: float) -> np.ndarray:
        """(N,) in [0, 1]."""
        normaliser = np.zeros(self.gathered.shape[:2])  # (N, longest T)
        for out, picture, peak in zip(normaliser, self.logits, self.peaks):
            scaled = picture - peak
            scaled *= 1.0 / temperature
            out[: len(picture)] = np.log(np.exp(scaled, out=scaled).sum(axis=-1))
        log_probs = np.empty(len(self.states))
        for first in range(0, len(log_probs), _CHUNK):
            i = slice(first, first + _CHUNK)
            emissions = self.gathered[i] / temperature - normaliser[i, :, None]  # (n, T, S)
            log_probs[i] = forward(emissions, self.states[i], self.lengths[i], self.steps[i])
        return np.minimum(np.exp(log_probs), 1.0)


def _cross_entropy(confidences: np.ndarray, goal: np.ndarray) -> float:
    p = np.clip(confidences, _MARGIN, 1 - _MARGIN)
    return float(-(goal * np.log(p) + (1 - goal) * np.log1p(-p)).mean())


def _platt_targets(right: np.ndarray) -> np.ndarray:
    """Goals a little inside (0, 1): a perfect set must not ask for certainty (Platt 1999)."""
    positives = right.sum()
    negatives = len(right) - positives
    return np.where(right, (positives + 1) / (positives + 2), 1 / (negatives + 2))


def _minimise(function: Callable[[float], float], low: float, high: float) -> float:
    """A grid, for the loss may have several valleys; then golden section in the best cell."""
    grid = np.linspace(low, high, 9).tolist()
    values = [function(x) for x in grid]
    best = int(np.argmin(values))
    a, b = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    ratio = (math.sqrt(5) - 1) / 2
    left, right = b - ratio * (b - a), a + ratio * (b - a)
    at_left, at_right = function(left), function(right)
    while b - a > 0.01:  # one per cent of temperature
        if at_left <= at_right:
            b, right, at_right = right, left, at_left
            left = b - ratio * (b - a)
            at_left = function(left)
        else:
            a, left, at_left = left, right, at_right
            right = a + ratio * (b - a)
            at_right = function(right)
    return (a + b) / 2


def _checked(
    confidences: Sequence[float] | np.ndarray, correct: Sequence[bool] | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    confidence = np.asarray(confidences, dtype=np.float64)
    right = np.asarray(correct, dtype=np.float64)
    if confidence.shape != right.shape or confidence.ndim != 1 or not len(right):
        got = f"{confidence.size} confidences for {right.size} results"
        raise ValueError(f"got {got}; give both for every picture, at least one")
    if not ((confidence >= 0) & (confidence <= 1)).all():
        raise ValueError("a confidence is outside [0, 1]")
    return confidence, right
