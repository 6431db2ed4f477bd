"""Search for the most probable texts a `Constraint` allows: prefix beam and exact Viterbi.

Sources: prefix search, Graves et al. 2006, section 3.2; as a beam in log space, Hannun et al.,
"First-Pass Large Vocabulary Continuous Speech Recognition using Bi-Directional Recurrent DNNs",
2014, algorithm 1. Here every prefix also carries the state of the constraint's automaton.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .alignment import LOG_ZERO
from .charset import Charset
from .constraints import Constraint

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
    """Different allowed label lists, the most promising first; at least one, at most width + 1.

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
    # Grow: over each edge out of the prefix's state. The last label again needs a blank before.
    begin = constraint.first[beam.state]
    counts = constraint.first[beam.state + 1] - begin
    offset = np.cumsum(counts) - counts  # where each prefix's edges start in the arrays below
    parent = np.repeat(np.arange(len(counts)), counts)
    edge = np.arange(len(parent)) + np.repeat(begin - offset, counts)
    symbol = constraint.symbol[edge]
    doubled = symbol == beam.last[parent]
    grown = np.where(doubled, beam.ends_blank[parent], total[parent]) + column[symbol]
    grown[constraint.steps_after_edge[edge] > steps_left] = -np.inf
    # A prefix that grows into one already in the beam is the same text: add, do not repeat it.
    index = {prefix: i for i, prefix in enumerate(beam.prefixes)}
    for child, prefix in enumerate(beam.prefixes):
        origin = index.get(prefix[:-1]) if prefix else None
        if origin is not None:
            place = offset[origin] + beam.edge[child] - begin[origin]
            label[child] = np.logaddexp(label[child], grown[place])
            grown[place] = -np.inf
    kept = _best(np.concatenate([np.logaddexp(blank, label), grown]), width)
    stay, grow = kept[kept < len(blank)], kept[kept >= len(blank)] - len(blank)
    origins, edges = parent[grow], edge[grow]
    labels = symbol[grow]
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


def _best(scores: np.ndarray, width: int) -> np.ndarray:
    """Indices of the ``width`` best scores above -inf."""
    if len(scores) > width:
        kept = np.argpartition(-scores, width - 1)[:width]
    else:
        kept = np.arange(len(scores))
    return kept[scores[kept] > -np.inf]


def best_allowed(log_probs: np.ndarray, constraint: Constraint) -> list[int]:
    """The labels of the most probable allowed *path*: exact Viterbi, no beam.

    A path walks over two kinds of nodes: "blank, in automaton state q" (0 .. S-1) and "label of
    edge e" (S .. S+E-1). ``log_probs`` is (T, C), finite; T >= ``constraint.min_steps``.
    """
    if not len(constraint.symbol):
        return []  # only the empty text is allowed
    states, steps = constraint.num_states, len(log_probs)
    incoming = _Incoming(constraint)
    blank = np.full(states, -np.inf)
    blank[0] = log_probs[0, BLANK]
    label = np.where(constraint.source == 0, log_probs[0, constraint.symbol], -np.inf)
    nodes = np.arange(states + len(label))
    back = np.empty((steps, len(nodes)), dtype=np.intp)
    for t in range(1, steps):
        value, edge, other_value, other_edge = incoming.best_two(label)
        from_label = value > blank
        back[t, :states] = np.where(from_label, states + edge, nodes[:states])
        # Into an edge: stay on it, come from a blank, or from an edge with another label.
        same = constraint.symbol == constraint.symbol[edge[constraint.source]]
        moves = np.stack(
            [
                label,
                blank[constraint.source],
                np.where(same, other_value[constraint.source], value[constraint.source]),
            ]
        )
        origins = np.stack(
            [
                nodes[states:],
                constraint.source,
                states + np.where(same, other_edge[constraint.source], edge[constraint.source]),
            ]
        )
        choice = moves.argmax(axis=0)[None]
        back[t, states:] = np.take_along_axis(origins, choice, axis=0)[0]
        label = np.take_along_axis(moves, choice, axis=0)[0] + log_probs[t, constraint.symbol]
        blank = np.where(from_label, value, blank) + log_probs[t, BLANK]
    allowed = np.concatenate([constraint.accepting, constraint.accepting[constraint.target]])
    node = int(np.where(allowed, np.concatenate([blank, label]), -np.inf).argmax())
    return _trace(back, node, states, constraint.symbol)


def _trace(back: np.ndarray, node: int, states: int, symbol: np.ndarray) -> list[int]:
    """Follow the back pointers (T, nodes) from the last node; each visit to an edge is a label."""
    visits = [node]
    for t in range(len(back) - 1, 0, -1):
        node = int(back[t, node])
        if node != visits[-1]:
            visits.append(node)
    return [int(symbol[visit - states]) for visit in reversed(visits) if visit >= states]


class _Incoming:
    """For every state, the best score among the edges that lead into it."""

    def __init__(self, constraint: Constraint) -> None:
        self.symbol, self.target = constraint.symbol, constraint.target
        self.order = np.argsort(self.target, kind="stable")
        self.present, self.starts = np.unique(self.target[self.order], return_index=True)
        self.num_states = constraint.num_states

    def best_two(self, score: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Edge scores (E,) -> best value and edge a state, and the best with another label."""
        value, edge = self._best(score)
        other = np.where(self.symbol == self.symbol[edge[self.target]], -np.inf, score)
        return (value, edge, *self._best(other))

    def _best(self, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        value = np.full(self.num_states, -np.inf)
        value[self.present] = np.maximum.reduceat(score[self.order], self.starts)
        hits = np.flatnonzero(score == value[self.target])
        edge = np.zeros(self.num_states, dtype=np.intp)
        edge[self.target[hits]] = hits  # of equals, any one
        return value, edge
