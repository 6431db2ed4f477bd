"""What a text may be: a length, an alphabet, a lexicon, a pattern, or several at once.

`Constraint.build` turns them into one deterministic automaton over the charset's classes (their
intersection). It also knows, for every state, how many columns an allowed text still needs; the
search drops what cannot be completed any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from captcha_ocr.charset import Charset
from captcha_ocr.constraints.languages import (
    Alphabet,
    ConstraintError,
    Language,
    Length,
    Lexicon,
)
from captcha_ocr.constraints.patterns import Pattern

MAX_EDGES = 200_000  # some 40,000 words of a lexicon; keeps one decoding under a second
_NEVER = np.iinfo(np.int32).max // 2  # more steps than any picture has; adding 1 cannot overflow


@dataclass(frozen=True, eq=False)
class Constraint:
    """A deterministic automaton with S states and E edges; state 0 is the start.

    From every state an accepting one can be reached. The edges are sorted by source: those out
    of state q are ``first[q]`` to ``first[q + 1]``.
    """

    symbols: tuple[str, ...]  # the charset it was built for
    accepting: np.ndarray  # (S,) bool
    first: np.ndarray  # (S + 1,)
    source: np.ndarray  # (E,) state
    symbol: np.ndarray  # (E,) class, 1 .. C-1
    target: np.ndarray  # (E,) state
    steps_from_state: np.ndarray  # (S,) columns an allowed text still needs, after a blank
    steps_after_edge: np.ndarray  # (E,) the same right after the edge's label, blanks counted

    @classmethod
    def build(
        cls,
        charset: Charset,
        *,
        length: int | tuple[int, int] | None = None,
        alphabet: str | None = None,
        lexicon: Iterable[str] | None = None,
        pattern: str | None = None,
    ) -> Constraint:
        """The texts that meet every condition given; all texts when none is.

        Args:
            length: characters, exactly or (fewest, most), at most `languages.MAX_TEXT_LENGTH`.
            alphabet: the characters allowed. Those the charset lacks cannot be read anyway.
            lexicon: the texts allowed. One that the charset cannot write is an error.
            pattern: see pattern_syntax.py, for example ``[0-9][+\\-*/][0-9]=\\?``.

        Raises:
            ConstraintError: a condition out of range, or no text meets all of them.
            PatternError: (a ConstraintError) the pattern is malformed or too large.
            CharsetError: the charset cannot write a lexicon entry.
        """
        languages: list[Language] = []
        if length is not None:
            languages.append(Length(charset, length))
        if alphabet is not None:
            languages.append(Alphabet(charset, alphabet))
        if lexicon is not None:
            languages.append(Lexicon(charset, lexicon))
        compiled = None if pattern is None else Pattern(pattern, charset)
        if compiled is not None:
            languages.append(compiled)
        constraint = cls._compile(charset, languages)
        if not constraint.num_states:
            missing = compiled.missing if compiled is not None else {}
            raise ConstraintError(
                f"no text meets length={length!r}, alphabet={alphabet!r}, pattern={pattern!r}"
                f"{'' if lexicon is None else ' and the lexicon'} together"
                f"{f'; the charset lacks {sorted(missing)}' if missing else ''}",
                "unknown_character" if missing else "no_text",
                min(missing.values(), default=None),
            )
        return constraint

    @classmethod
    def _compile(cls, charset: Charset, languages: list[Language]) -> Constraint:
        """The intersection; without any state when no text is in it."""
        everything = Alphabet(charset, "".join(charset.symbols))
        accepting, edges = _trim(*_intersect(languages or [everything]))
        source, symbol, target = edges.T
        first = np.searchsorted(source, np.arange(len(accepting) + 1))
        steps = _steps_to_accept(accepting, first, source, symbol, target)
        return cls(charset.symbols, accepting, first, source, symbol, target, *steps)

    @property
    def num_states(self) -> int:
        return len(self.accepting)

    @property
    def min_steps(self) -> int:
        """The fewest columns any allowed text needs, blanks between doubles included."""
        return int(self.steps_from_state[0])

    def accepts(self, text: str) -> bool:
        """Whether ``text`` is allowed."""
        number = {symbol: label for label, symbol in enumerate(self.symbols, start=1)}
        return self.accepts_labels([number.get(char, Charset.BLANK) for char in text])

    def accepts_labels(self, labels: Sequence[int]) -> bool:
        """The same for class numbers."""
        state = 0
        for label in labels:
            out = slice(self.first[state], self.first[state + 1])
            hits = np.flatnonzero(self.symbol[out] == label)
            if not len(hits):
                return False
            state = int(self.target[out][hits[0]])
        return bool(self.accepting[state])


def _intersect(languages: list[Language]) -> tuple[np.ndarray, np.ndarray]:
    """Walk all languages side by side: accepting (S,) and edges (E, 3), sorted by source.

    A state of the product is a tuple of their states; only those that can be reached are made.
    """
    states: list[tuple[Any, ...]] = [tuple(language.start for language in languages)]
    number = {states[0]: 0}
    edges: list[tuple[int, int, int]] = []
    for source, state in enumerate(states):  # grows while it is walked
        arcs = [language.arcs(part) for language, part in zip(languages, state)]
        for symbol in min(arcs, key=len):
            if all(symbol in arc for arc in arcs):
                target = tuple(arc[symbol] for arc in arcs)
                if number.setdefault(target, len(states)) == len(states):
                    states.append(target)
                edges.append((source, symbol, number[target]))
        if len(edges) > MAX_EDGES:
            raise ConstraintError(
                f"the constraint needs more than {MAX_EDGES:,} transitions: use a shorter "
                "length, a smaller lexicon or alphabet, or a simpler pattern",
                "too_many_states",
            )
    ends = [all(lang.accepts(part) for lang, part in zip(languages, state)) for state in states]
    return np.array(ends), np.array(edges, dtype=np.intp).reshape(-1, 3)


def _trim(accepting: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Drop the states from which no text can end; both results are empty when 0 is one."""
    source, _, target = edges.T
    live, before = accepting.copy(), -1
    while live.sum() != before:
        before = live.sum()
        live[source[live[target]]] = True
    if not live[0]:
        return accepting[:0], edges[:0]
    renumbered = np.cumsum(live) - 1
    edges = edges[live[source] & live[target]]
    edges[:, [0, 2]] = renumbered[edges[:, [0, 2]]]
    return accepting[live], edges


def _steps_to_accept(
    accepting: np.ndarray,
    first: np.ndarray,
    source: np.ndarray,
    symbol: np.ndarray,
    target: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """(S,) and (E,): the fewest columns to an accepting state, after a blank or a label.

    After label c the cheapest edge may carry c again and cost one blank more; then the cheapest
    edge with another label competes. Repeated until nothing changes (Bellman and Ford).
    """
    after = np.where(accepting[target], 0, _NEVER)  # (E,)
    rows = np.flatnonzero(np.diff(first))  # states with edges
    while True:
        best, other = np.full((2, len(accepting)), _NEVER)
        cheapest = np.zeros(len(accepting), dtype=np.intp)  # the label of the best edge
        if len(rows):
            cost = after + 1
            best[rows] = np.minimum.reduceat(cost, first[rows])
            hits = np.flatnonzero(cost == best[source])
            cheapest[source[hits]] = symbol[hits]
            cost[symbol == cheapest[source]] = _NEVER
            other[rows] = np.minimum.reduceat(cost, first[rows])
        best[accepting] = 0
        doubled = (symbol == cheapest[target]) & ~accepting[target]
        update = np.where(doubled, np.minimum(best[target] + 1, other[target]), best[target])
        update = np.minimum(update, _NEVER)
        if np.array_equal(update, after):
            return best, after
        after = update
