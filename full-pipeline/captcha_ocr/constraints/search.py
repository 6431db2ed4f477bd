"""Prefix beam search for the most probable texts that a `Constraint` allows.

Source: prefix search, Graves et al. 2006, section 3.2; as a beam in log space, Hannun et al.,
"First-Pass Large Vocabulary Continuous Speech Recognition using Bi-Directional Recurrent DNNs",
2014, algorithm 1. Here every prefix also carries the state of the constraint's automaton.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from captcha_ocr.alignment import LOG_ZERO
from captcha_ocr.charset import Charset
from captcha_ocr.constraints.automaton import Constraint
from captcha_ocr.constraints.viterbi import best_allowed

BLANK = Charset.BLANK


class NoAllowedTextError(ValueError):
    """The picture has fewer time steps than the shortest allowed text needs."""


@dataclass(frozen=True)
class _Beam:
    """B prefixes. A text's probability is the sum of its paths that end blank and that do not."""

    prefixes: list[tuple[int, ...]]
    ends_blank: np.ndarray  # (B,) log-probability of the paths that end in a blank
    ends_label: np.ndarray  # (B,) and of those that end in the prefix's last label
    state: np.ndarray  # (B,) the automaton's state after the prefix
    edge: np.ndarray  # (B,) the edge that led there; -1 for the empty prefix
    last: np.ndarray  # (B,) the last label; BLANK for the empty prefix
    need: np.ndarray  # (B,) time steps to an allowed text when the path ends in `last`


def prefix_search(log_probs: np.ndarray, constraint: Constraint, width: int) -> list[list[int]]:
    """Different allowed label lists, in no order; at least one, at most width + 1.

    ``log_probs`` is (T, C). A prefix that cannot become an allowed text in the columns left is
    dropped at once, so whatever survives is allowed. The beam may still lose the best text
    early; the text of the best allowed path stands in at the end, when it is not among them.

    Raises:
        NoAllowedTextError: no allowed text fits into T.
    """
    steps = len(log_probs)
    if constraint.min_steps > steps:
        raise NoAllowedTextError(
            f"the shortest allowed text needs {constraint.min_steps} time steps and the picture "
            f"gives {steps}: allow shorter texts, or use a wider picture"
        )
    # Impossible columns must not end the search: an allowed text is promised.
    log_probs = np.maximum(log_probs, LOG_ZERO).astype(np.float64)
    beam = _Beam(
        prefixes=[()],
        ends_blank=np.zeros(1),
        ends_label=np.full(1, -np.inf),
        state=np.zeros(1, dtype=np.intp),
        edge=np.full(1, -1, dtype=np.intp),
        last=np.full(1, BLANK, dtype=np.intp),
        need=np.zeros(1, dtype=np.intp),
    )
    for t in range(steps):
        beam = _advance(beam, log_probs[t], constraint, width, steps_left=steps - 1 - t)
    found = [list(prefix) for prefix in beam.prefixes]
    best = best_allowed(log_probs, constraint)
    return found if best in found else [*found, best]


def _advance(
    beam: _Beam, column: np.ndarray, constraint: Constraint, width: int, steps_left: int
) -> _Beam:
    """One column (C,): every prefix stays or grows by one label; the best ``width`` are kept."""
    total = np.logaddexp(beam.ends_blank, beam.ends_label)
    # Stay: a blank after anything, or the last label once more.
    blank = total + column[BLANK]
    label = beam.ends_label + column[beam.last]
    blank[constraint.steps_from_state[beam.state] > steps_left] = -np.inf
    label[beam.need > steps_left] = -np.inf
    # Grow: the last label again needs a blank before.
    parent, edge = _edges_out(beam.state, constraint)
    symbol = constraint.symbol[edge]
    doubled = symbol == beam.last[parent]
    grown = np.where(doubled, beam.ends_blank[parent], total[parent]) + column[symbol]
    grown[constraint.steps_after_edge[edge] > steps_left] = -np.inf
    _merge(beam, constraint, label, grown)
    kept = _best(np.concatenate([np.logaddexp(blank, label), grown]), width)
    stay, grow = kept[kept < len(blank)], kept[kept >= len(blank)] - len(blank)
    origins, edges, labels = parent[grow], edge[grow], symbol[grow]
    return _Beam(
        prefixes=[beam.prefixes[i] for i in stay.tolist()]
        + [(*beam.prefixes[i], c) for i, c in zip(origins.tolist(), labels.tolist())],
        ends_blank=np.concatenate([blank[stay], np.full(len(grow), -np.inf)]),
        ends_label=np.concatenate([label[stay], grown[grow]]),
        state=np.concatenate([beam.state[stay], constraint.target[edges]]),
        edge=np.concatenate([beam.edge[stay], edges]),
        last=np.concatenate([beam.last[stay], labels]),
        need=np.concatenate([beam.need[stay], constraint.steps_after_edge[edges]]),
    )


def _edges_out(state: np.ndarray, constraint: Constraint) -> tuple[np.ndarray, np.ndarray]:
    """All edges out of each prefix's state, one prefix after the other: (prefix, edge)."""
    begin = constraint.first[state]
    counts = constraint.first[state + 1] - begin
    parent = np.repeat(np.arange(len(state)), counts)
    before = np.cumsum(counts) - counts  # edges of the prefixes before
    return parent, np.arange(len(parent)) + np.repeat(begin - before, counts)


def _merge(beam: _Beam, constraint: Constraint, label: np.ndarray, grown: np.ndarray) -> None:
    """A prefix that grows into one already in the beam is the same text: add it there.

    Changes ``label`` (B,) and ``grown`` (as `_edges_out`) in place.
    """
    index = {prefix: i for i, prefix in enumerate(beam.prefixes)}
    begin = constraint.first[beam.state]
    counts = constraint.first[beam.state + 1] - begin
    shift = np.cumsum(counts) - counts - begin  # from an edge to its place in `grown`
    for child, prefix in enumerate(beam.prefixes):
        origin = index.get(prefix[:-1]) if prefix else None
        if origin is not None:
            place = shift[origin] + beam.edge[child]
            label[child] = np.logaddexp(label[child], grown[place])
            grown[place] = -np.inf


def _best(scores: np.ndarray, width: int) -> np.ndarray:
    """Indices of the ``width`` best scores above -inf."""
    if len(scores) > width:
        kept = np.argpartition(-scores, width - 1)[:width]
    else:
        kept = np.arange(len(scores))
    return kept[scores[kept] > -np.inf]
