"""A pattern, compiled to a finite automaton: matching takes no more work than reading the text.

The language is in pattern_syntax.py. The automaton is built by the construction of Glushkov
("The abstract theory of automata", 1961): one position a character or class of the pattern, and
for each position the set of those that may follow it, kept as the bits of an integer. A state
is the set of positions the text may have reached.
"""

from __future__ import annotations

from dataclasses import dataclass

from captcha_ocr.charset import Charset
from captcha_ocr.constraints.pattern_syntax import (
    Choice,
    Node,
    One,
    Parser,
    PatternError,
    Repeat,
    Sequence,
)

MAX_POSITIONS = 512  # once repeats are written out: (a{9}){9} has 81
MAX_STATES = 4_000  # (a|b)*a.{20} alone would need a million
MAX_ARCS = 200_000  # of all states: beside a small alphabet, few of them become edges


@dataclass(frozen=True)
class _Fragment:
    """What Glushkov's construction knows of a part: can it be empty; its ends, as bit sets."""

    empty: bool
    first: int
    last: int


class Pattern:
    """A compiled pattern: a deterministic automaton whose states are sets of positions.

    Attributes:
        start: the first state.
        missing: characters that the pattern asks for and the charset lacks, and where each first
            stands; what needs them matches nothing.
    """

    def __init__(self, pattern: str, charset: Charset) -> None:
        parser = Parser(pattern, charset)
        root = parser.parse()
        self.missing = parser.missing
        self._pattern = pattern
        self._follow = [0]  # position 0 stands before the text
        self._matching = dict.fromkeys(range(1, charset.num_classes), 0)  # class -> positions
        self._work = 0
        whole = self._connect(root)
        self._follow[0] = whole.first
        self._last = whole.last | int(whole.empty)
        self.start = 1
        self._arcs: dict[int, dict[int, int]] = {}
        self._num_arcs = 0

    def arcs(self, state: int) -> dict[int, int]:
        """Class -> next state. Raises PatternError when there are too many states or arcs."""
        if state not in self._arcs:
            if len(self._arcs) == MAX_STATES or self._num_arcs > MAX_ARCS:
                raise PatternError(
                    f"pattern {self._pattern!r} needs more than {MAX_STATES} states or "
                    f"{MAX_ARCS:,} transitions: avoid long repeats behind a * or +",
                    "too_many_states",
                )
            following = 0
            for position, reachable in enumerate(self._follow):
                if state >> position & 1:
                    following |= reachable
            self._arcs[state] = {
                label: following & matching
                for label, matching in self._matching.items()
                if following & matching
            }
            self._num_arcs += len(self._arcs[state])
        return self._arcs[state]

    def accepts(self, state: int) -> bool:
        return bool(state & self._last)

    def _connect(self, node: Node) -> _Fragment:
        self._work += 1  # empty groups make no position, but repeating them is work all the same
        if self._work > 20 * MAX_POSITIONS or len(self._follow) > MAX_POSITIONS:
            raise PatternError(
                f"pattern {self._pattern!r} is too large: it may hold {MAX_POSITIONS} "
                "characters once its repeats are written out",
                "too_large",
            )
        if isinstance(node, One):
            return self._position(node.classes)
        if isinstance(node, Sequence):
            whole = _Fragment(True, 0, 0)
            for part in node.parts:
                whole = self._join(whole, self._connect(part))
            return whole
        if isinstance(node, Choice):
            options = [self._connect(option) for option in node.options]
            first = last = 0
            for option in options:
                first, last = first | option.first, last | option.last
            return _Fragment(any(option.empty for option in options), first, last)
        return self._repeat(node)

    def _position(self, classes: frozenset[int]) -> _Fragment:
        bit = 1 << len(self._follow)
        self._follow.append(0)
        for label in classes:
            self._matching[label] |= bit
        return _Fragment(False, bit, bit)

    def _join(self, left: _Fragment, right: _Fragment) -> _Fragment:
        """``left`` followed by ``right``."""
        self._link(left.last, right.first)
        return _Fragment(
            left.empty and right.empty,
            left.first | (right.first if left.empty else 0),
            right.last | (left.last if right.empty else 0),
        )

    def _link(self, before: int, after: int) -> None:
        for position in range(before.bit_length()):
            if before >> position & 1:
                self._follow[position] |= after

    def _repeat(self, node: Repeat) -> _Fragment:
        """``x{2,4}`` is written out as ``x x x? x?``, ``x+`` as ``x x*``."""
        whole = _Fragment(True, 0, 0)
        for _ in range(node.fewest):
            whole = self._join(whole, self._connect(node.part))
        optional = 1 if node.most is None else node.most - node.fewest
        for _ in range(optional):
            part = self._connect(node.part)
            if node.most is None:
                self._link(part.last, part.first)
            whole = self._join(whole, _Fragment(True, part.first, part.last))
        return whole
