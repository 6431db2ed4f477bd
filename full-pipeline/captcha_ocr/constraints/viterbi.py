"""The most probable path among those whose text a `Constraint` allows: exact, no beam.

Viterbi's algorithm over the product of the automaton and CTC. A path walks over two kinds of
nodes: "blank, in state q" (numbers 0 to S-1) and "the label of edge e" (numbers S to S+E-1).
"""

from __future__ import annotations

import numpy as np

from captcha_ocr.alignment import best_path, collapse
from captcha_ocr.charset import Charset
from captcha_ocr.constraints.automaton import Constraint

BLANK = Charset.BLANK


def best_allowed(log_probs: np.ndarray, constraint: Constraint) -> list[int]:
    """The labels of that path; ``log_probs`` (T, C) is finite, T >= ``constraint.min_steps``."""
    greedy = collapse(best_path(log_probs))
    if constraint.accepts_labels(greedy):
        return greedy  # the best of all paths is allowed
    if not len(constraint.symbol):
        return []  # nothing is allowed but the empty text
    return _Viterbi(constraint).run(log_probs)


class _Viterbi:
    """Scores of the best paths that end in each node, advanced a column at a time."""

    def __init__(self, constraint: Constraint) -> None:
        self.accepting = constraint.accepting
        self.source = constraint.source
        self.symbol = constraint.symbol
        self.target = constraint.target
        self.states = constraint.num_states
        self.nodes = np.arange(self.states + len(self.symbol))
        self.by_target = np.argsort(self.target, kind="stable")
        # The states that edges lead into, and where each one's edges start in that order.
        self.entered, self.starts = np.unique(self.target[self.by_target], return_index=True)

    def run(self, log_probs: np.ndarray) -> list[int]:
        steps = len(log_probs)
        blank = np.full(self.states, -np.inf)  # (S,)
        blank[0] = log_probs[0, BLANK]
        label = np.where(self.source == 0, log_probs[0, self.symbol], -np.inf)  # (E,)
        back = np.empty((steps, len(self.nodes)), dtype=np.int32)  # half the memory of int64
        for t in range(1, steps):
            blank, label, back[t] = self._advance(blank, label)
            blank = blank + log_probs[t, BLANK]
            label = label + log_probs[t, self.symbol]
        allowed = np.concatenate([self.accepting, self.accepting[self.target]])
        last = np.where(allowed, np.concatenate([blank, label]), -np.inf).argmax()
        return self._labels(back, int(last))

    def _advance(
        self, blank: np.ndarray, label: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Best predecessors: scores for blanks (S,) and edges (E,), and their nodes (S + E,)."""
        blanks, edges = self.nodes[: self.states], self.nodes[self.states :]
        best, edge = self._best_into(label)
        # Equal labels need a blank between: an edge whose label is that of the best edge into
        # its source comes from the best one with another label.
        clash = self.symbol == self.symbol[edge[self.target]]
        other, other_edge = self._best_into(np.where(clash, -np.inf, label))
        same = self.symbol == self.symbol[edge[self.source]]
        before = np.where(same, other[self.source], best[self.source])
        before_edge = np.where(same, other_edge[self.source], edge[self.source])
        moves = np.stack([label, blank[self.source], before])  # stay, after a blank, after an edge
        origins = np.stack([edges, self.source, self.states + before_edge])
        choice = moves.argmax(axis=0)
        rows = edges - self.states
        to_blank = np.where(best > blank, self.states + edge, blanks)
        back = np.concatenate([to_blank, origins[choice, rows]])
        return np.maximum(best, blank), moves[choice, rows], back

    def _best_into(self, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For every state the best score among the edges into it, and one such edge: (S,), (S,)."""
        best = np.full(self.states, -np.inf)
        best[self.entered] = np.maximum.reduceat(label[self.by_target], self.starts)
        hits = np.flatnonzero(label == best[self.target])
        edge = np.zeros(self.states, dtype=np.intp)
        edge[self.target[hits]] = hits
        return best, edge

    def _labels(self, back: np.ndarray, node: int) -> list[int]:
        """Follow the predecessors (T, S + E) from the last node; each edge visited is a label."""
        visits = [node]
        for column in back[:0:-1]:
            node = int(column[node])
            if node != visits[-1]:
                visits.append(node)
        edges = [visit - self.states for visit in reversed(visits) if visit >= self.states]
        return self.symbol[edges].tolist()
