"""Connectionist temporal classification: the probability of a text, and where it stands.

Source: Graves et al., "Connectionist Temporal Classification", ICML 2006, sections 3 and 4.1.

A model gives one distribution over C classes for each of T columns. A *path* picks one class a
column; merging repeats and dropping blanks turns it into a text, so many paths spell one text.
For labels ``l1 l2`` the paths run through the states ``- l1 - l2 -`` (S = 2L + 1, ``-`` is the
blank). A step stays, moves on by one, or skips the blank between two *different* labels: equal
neighbours need the blank, or they would be merged.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from captcha_ocr.charset import Charset

BLANK = Charset.BLANK
# Stands for log(0) where a path must exist even through impossible columns. Finite, so that
# such a path still beats a forbidden one (-inf); small enough to leave the rest its digits.
LOG_ZERO = -1e6


def best_path(log_probs: np.ndarray) -> np.ndarray:
    """(..., T, C) -> (..., T): the best class of each column, blanks and repeats included."""
    return log_probs.argmax(axis=-1)


def collapse(path: Sequence[int] | np.ndarray) -> list[int]:
    """Merge repeats, then drop blanks: ``[0, 7, 7, 0, 7, 2]`` -> ``[7, 7, 2]``."""
    return [label for label, _, _ in path_runs(np.asarray(path))]


def path_runs(path: np.ndarray) -> list[tuple[int, int, int]]:
    """The non-blank runs of a path (T,) as (label, start, end)."""
    if not len(path):
        return []
    edges = np.flatnonzero(path[1:] != path[:-1]) + 1
    starts = [0, *edges.tolist()]
    ends = [*starts[1:], len(path)]
    labels = path[starts].tolist()
    return [run for run in zip(labels, starts, ends) if run[0] != BLANK]


def required_steps(labels: Sequence[int]) -> int:
    """The fewest columns that can spell ``labels``: one each, one blank inside each double."""
    return len(labels) + sum(a == b for a, b in zip(labels, labels[1:]))


def ctc_log_prob(log_probs: np.ndarray, labels: Sequence[int]) -> float:
    """log P(labels | picture), summed over all alignments; ``-inf`` when none fits into T.

    ``log_probs`` is (T, C), natural logarithms of normalised probabilities.
    """
    return float(ctc_log_probs(log_probs[None], [labels])[0])


def ctc_log_probs(log_probs: np.ndarray, labels: Sequence[Sequence[int]]) -> np.ndarray:
    """The same for a batch: ``log_probs`` (N, T, C) or (1, T, C), N label lists -> (N,)."""
    states = extended_states(labels)  # (N, S)
    emissions = np.take_along_axis(log_probs, states[:, None, :], axis=2)  # (N, T, S)
    lengths = np.array([len(row) for row in labels], dtype=np.intp)
    return forward(emissions, states, lengths)


def extended_states(labels: Sequence[Sequence[int]]) -> np.ndarray:
    """Labels with a blank before, between and after, padded with blanks: (N, 2 * longest + 1)."""
    longest = max((len(row) for row in labels), default=0)
    states = np.full((len(labels), 2 * longest + 1), BLANK, dtype=np.intp)
    for row, out in zip(labels, states):
        out[1 : 2 * len(row) : 2] = row
    return states


def forward(
    emissions: np.ndarray,
    states: np.ndarray,
    lengths: np.ndarray,
    steps: np.ndarray | None = None,
) -> np.ndarray:
    """The forward variables of section 4.1, in logarithms, for N pictures at once.

    Args:
        emissions: (N, T, S) log-probabilities, gathered for the classes in ``states``.
        states: (N, S) from `extended_states`.
        lengths: (N,) labels in each row.
        steps: (N,) columns of each picture where they differ; the rest of a row is ignored.

    Returns:
        (N,) log-probabilities.
    """
    count, total_steps, width = emissions.shape
    rows = np.arange(count)
    skip = _skip_penalty(states)
    # Two columns of -inf on the left stand for "the state before the first".
    alpha = np.full((total_steps, count, width + 2), -np.inf)
    alpha[0, :, 2:4] = emissions[:, 0, :2]  # a path starts on the first blank or the first label
    for t in range(1, total_steps):
        before, now = alpha[t - 1], alpha[t, :, 2:]
        np.logaddexp(before[:, 2:], before[:, 1:-1], out=now)  # stay, or move on by one
        np.logaddexp(now, before[:, :-2] + skip, out=now)  # skip a blank
        now += emissions[:, t]
    last = total_steps - 1 if steps is None else np.asarray(steps) - 1
    ends = 2 * np.asarray(lengths) + 2  # the last blank, in alpha's shifted columns
    # The state before is the last label, or one of the -inf columns when there is no label.
    return np.logaddexp(alpha[last, rows, ends], alpha[last, rows, ends - 1])  # (N,)


def _skip_penalty(states: np.ndarray) -> np.ndarray:
    """(N, S): 0 where a state may be entered from two before, -inf elsewhere."""
    penalty = np.full(states.shape, -np.inf)
    here, two_before = states[:, 2:], states[:, :-2]
    penalty[:, 2:][(here != BLANK) & (here != two_before)] = 0.0
    return penalty


def align(log_probs: np.ndarray, labels: Sequence[int]) -> list[tuple[int, int]]:
    """Where each label stands: columns ``[start, end)`` on the most probable path (Viterbi).

    ``log_probs`` is (T, C). Spans never overlap; the columns between them are blank.

    Raises:
        ValueError: T is smaller than `required_steps`.
    """
    needed, total_steps = required_steps(labels), len(log_probs)
    if needed > total_steps:
        raise ValueError(f"{len(labels)} labels need {needed} time steps, got {total_steps}")
    path = _viterbi(log_probs, extended_states([labels]))
    spans = []
    for state in range(1, 2 * len(labels), 2):
        columns = np.flatnonzero(path == state)
        spans.append((int(columns[0]), int(columns[-1]) + 1))
    return spans


def _viterbi(log_probs: np.ndarray, states: np.ndarray) -> np.ndarray:
    """The best path's state in each column, (T,), for one row of `extended_states`."""
    emissions = np.maximum(log_probs[:, states[0]], LOG_ZERO).astype(np.float64)  # (T, S)
    total_steps, width = emissions.shape
    skip = _skip_penalty(states)[0]
    back = np.zeros((total_steps, width), dtype=np.intp)  # how many states each step advanced
    score = np.full(width, -np.inf)
    score[:2] = emissions[0, :2]
    for t in range(1, total_steps):
        moves = np.full((3, width), -np.inf)
        moves[0] = score
        moves[1, 1:] = score[:-1]
        moves[2, 2:] = score[:-2] + skip[2:]
        back[t] = moves.argmax(axis=0)
        score = moves.max(axis=0) + emissions[t]
    path = np.empty(total_steps, dtype=np.intp)
    path[-1] = width - 1 if width == 1 or score[-1] >= score[-2] else width - 2
    for t in range(total_steps - 1, 0, -1):
        path[t - 1] = path[t] - back[t, path[t]]
    return path
