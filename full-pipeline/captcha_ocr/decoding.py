"""From a model's logits to a text with confidences: one door for every program.

Logits are (T, C) for one picture: T columns from left to right, C classes, class 0 the blank.

* `greedy` takes the best class of each column (best path decoding, Graves et al. 2006, 3.2).
* `prefix_beam` searches over texts instead of paths, and obeys a `Constraint`.
* `decode` chooses between them.

All report the same confidence: P(text | picture), the sum over every alignment of the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from captcha_ocr.alignment import align, best_path, collapse, ctc_log_probs, path_runs
from captcha_ocr.charset import Charset
from captcha_ocr.constraints import Constraint
from captcha_ocr.constraints.search import NoAllowedTextError, prefix_search

__all__ = [
    "BEAM_WIDTH",
    "Character",
    "NoAllowedTextError",
    "Reading",
    "best_path",
    "collapse",
    "decode",
    "greedy",
    "greedy_batch",
    "log_softmax",
    "prefix_beam",
]

BEAM_WIDTH = 16  # prefixes kept after each column, where a caller does not say


@dataclass(frozen=True)
class Character:
    """One character of a reading.

    Attributes:
        char: the character.
        confidence: its highest probability, in [0, 1], in the columns that spell it. A local
            figure: it says how sure the model is of this glyph, not of its neighbours or of
            the number of characters. `Reading.confidence` says that.
        start: first column of its span on the time axis (0 <= start < end <= T). It need not stand
            over the character's ink: LSTMs and attention have read the whole picture by then.
        end: one past the last column.
    """

    char: str
    confidence: float
    start: int
    end: int


@dataclass(frozen=True)
class Reading:
    """A text, P(text | picture) in [0, 1] and the text's characters from left to right."""

    text: str
    confidence: float
    characters: tuple[Character, ...]


class LogitsError(ValueError):
    """Of a damaged model, or of numbers that 16 bits do not hold."""


def log_softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Logits (..., C) -> natural log-probabilities of the same shape, in float32 or float64.

    Logits of any other type become float32. A temperature above 1 makes the model less sure,
    below 1 more (see calibration.py); the best class of a column stays the best.

    Raises:
        ValueError: temperature <= 0.
        LogitsError: logits with NaN or infinity. Some of a column's may be -infinity: these
            classes are impossible there.
    """
    if not 0 < temperature < np.inf:
        raise ValueError(f"temperature is {temperature}; it must be a number above 0")
    logits = np.asarray(logits)
    if logits.dtype not in (np.float32, np.float64):
        logits = logits.astype(np.float32)
    # Python's float keeps the array's own type: float32 stays float32.
    with np.errstate(invalid="ignore"):  # infinity - infinity is NaN, and found below
        shifted = logits - logits.max(axis=-1, keepdims=True)
    if temperature != 1.0:
        shifted /= float(temperature)
    normaliser = np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    if not np.isfinite(normaliser).all():
        raise LogitsError("logits hold NaN or infinity: the model or its input is broken")
    return shifted - normaliser


def greedy(log_probs: np.ndarray, charset: Charset) -> Reading:
    """The text of the best path. ``log_probs`` is (T, C), from `log_softmax`."""
    return greedy_batch(log_probs[None], charset)[0]


def greedy_batch(log_probs: np.ndarray, charset: Charset) -> list[Reading]:
    """`greedy` for a batch (N, T, C); every reading is the same as alone, but sooner there.

    No alignment is searched: the best path is the best of all paths, so it is also the best
    of those that spell its text, and its runs are the characters' columns.
    """
    _check_shape(log_probs, charset, ndim=3)
    runs = [path_runs(path) for path in best_path(log_probs)]
    labels = [[label for label, _, _ in row] for row in runs]
    confidences = _probabilities(ctc_log_probs(log_probs, labels))
    peaks = log_probs.max(axis=-1)  # (N, T): on the best path, the peak is the character's own
    return [
        _reading(label, confidence, [run[1:] for run in row], peak, charset)
        for label, confidence, row, peak in zip(labels, confidences, runs, peaks)
    ]


def prefix_beam(
    log_probs: np.ndarray,
    charset: Charset,
    *,
    beam_width: int = BEAM_WIDTH,
    top_k: int = 1,
    constraint: Constraint | None = None,
) -> list[Reading]:
    """The most probable texts, best first (see search.py).

    Args:
        log_probs: (T, C), from `log_softmax`.
        beam_width: prefixes kept after each column; more is slower and misses less.
        top_k: readings wanted. Fewer come back when fewer are in the beam or allowed.
        constraint: only texts that it accepts are returned. Their confidence is still
            P(text | picture), not renormalised: a low one says that the picture does not
            look like anything allowed.

    Returns:
        At least one; the first is never less probable than the best (allowed) path's text.

    Raises:
        NoAllowedTextError: (a ValueError) T is too small for every allowed text.
        ValueError: arguments out of range.
    """
    _check_shape(log_probs, charset, ndim=2)
    if not 1 <= top_k <= beam_width:
        raise ValueError(f"top_k is {top_k}; choose 1 to beam_width ({beam_width})")
    if constraint is None:
        constraint = _anything(charset)
    elif constraint.symbols != charset.symbols:
        raise ValueError("the constraint was built for another charset; build it for this one")
    candidates = prefix_search(log_probs, constraint, beam_width)
    # The beam's own scores lack the alignments it pruned: rank by the exact probability.
    scores = ctc_log_probs(log_probs[None], candidates)
    best = np.argsort(-scores, kind="stable")[:top_k]
    confidences = _probabilities(scores)
    return [
        _aligned_reading(log_probs, candidates[i], confidences[i], charset) for i in best.tolist()
    ]


def decode(
    log_probs: np.ndarray,
    charset: Charset,
    *,
    constraint: Constraint | None = None,
    beam_width: int = BEAM_WIDTH,
    top_k: int = 1,
) -> list[Reading]:
    """What every program calls: `greedy` where that is enough, else `prefix_beam`."""
    if constraint is None and top_k == 1:
        return [greedy(log_probs, charset)]
    return prefix_beam(
        log_probs, charset, beam_width=beam_width, top_k=top_k, constraint=constraint
    )


@lru_cache(maxsize=8)
def _anything(charset: Charset) -> Constraint:
    return Constraint.build(charset)


def _check_shape(log_probs: np.ndarray, charset: Charset, ndim: int) -> None:
    classes = charset.num_classes
    if log_probs.ndim != ndim or log_probs.shape[-1] != classes or 0 in log_probs.shape[-2:]:
        wanted = ("N", "T", str(classes))[-ndim:]
        raise ValueError(
            f"log_probs has shape {log_probs.shape}; expected ({', '.join(wanted)}), "
            f"T >= 1 time steps and {classes} classes: the charset's symbols and the blank"
        )


def _probabilities(log_probs: np.ndarray) -> list[float]:
    """exp, kept in [0, 1] where rounding would leave 1.0000001."""
    return np.minimum(np.exp(log_probs), 1.0).tolist()


def _aligned_reading(
    log_probs: np.ndarray, labels: Sequence[int], confidence: float, charset: Charset
) -> Reading:
    spans = align(log_probs, labels)
    peak = np.full(len(log_probs), -np.inf)
    for label, (start, end) in zip(labels, spans):
        peak[start:end] = log_probs[start:end, label]
    return _reading(labels, confidence, spans, peak, charset)


def _reading(
    labels: Sequence[int],
    confidence: float,
    spans: Sequence[tuple[int, int]],
    peak: np.ndarray,
    charset: Charset,
) -> Reading:
    """``peak`` (T,) holds, in each character's span, that character's log-probability."""
    peaks = _probabilities(peak)
    text = charset.decode(labels)
    characters = tuple(
        Character(char, max(peaks[start:end]), start, end)
        for char, (start, end) in zip(text, spans)
    )
    return Reading(text, confidence, characters)
