"""The simple conditions of a constraint: a length, an alphabet, a lexicon.

Each is an automaton whose states appear as they are asked for, so that an intersection makes only
the states it reaches. patterns.py has the fourth kind.
"""

from __future__ import annotations

import operator
import unicodedata
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, Literal, Protocol

from captcha_ocr.charset import Charset

MAX_TEXT_LENGTH = 256  # longer than any picture's text; bounds the automaton


# What can be wrong with a constraint. Messages may change; these words stay.
Kind = Literal[
    "unclosed",  # a ( or [
    "unopened",  # a ), ] or }
    "misplaced_repeat",  # behind nothing, or behind another one
    "bad_repeat",  # neither {3} nor {2,4}, or out of range
    "unknown_escape",
    "empty_class",
    "bad_range",  # a-z with its ends exchanged, or with a class as an end
    "meaningless",  # here: an anchor, or what (? begins elsewhere
    "too_large",  # a pattern: its length, its depth, or its repeats written out
    "too_many_states",  # of the automaton, or transitions
    "unknown_character",  # the charset lacks it, and no text is left
    "unknown_alphabet",  # the charset has none of it
    "no_text",  # meets all conditions
    "bad_condition",  # a length or a lexicon that is none
]


class ConstraintError(ValueError):
    """A constraint that cannot be built, or that no text satisfies.

    Attributes:
        kind: which mistake it is.
        position: the index of the wrong character in the pattern's NFC form; None when it is no
            single one.
    """

    def __init__(self, message: str, kind: Kind, position: int | None = None) -> None:
        super().__init__(message)
        self.kind, self.position = kind, position


class Language(Protocol):
    """A deterministic automaton over the charset's classes."""

    start: Any

    def arcs(self, state: Any) -> Mapping[int, Hashable]:
        """Class -> next state, for every class that may follow."""
        ...

    def accepts(self, state: Any) -> bool:
        """Whether a text may end here."""
        ...


class Length:
    """State: the number of characters so far."""

    start = 0

    def __init__(self, charset: Charset, length: int | tuple[int, int]) -> None:
        try:
            ends = length if isinstance(length, (tuple, list)) else (length, length)
            self.fewest, self.most = map(operator.index, ends)
            fits = 0 <= self.fewest <= self.most <= MAX_TEXT_LENGTH
        except (TypeError, ValueError):
            fits = False
        if not fits:
            raise ConstraintError(
                f"length is {length!r}; give a number or (fewest, most), "
                f"with 0 <= fewest <= most <= {MAX_TEXT_LENGTH}",
                "bad_condition",
            )
        self._classes = range(1, charset.num_classes)
        self._last: tuple[int, dict[int, int]] = (self.most, {})  # a state and its arcs

    def arcs(self, state: int) -> dict[int, int]:
        if state == self.most:
            return {}
        if state != self._last[0]:  # an intersection asks for one state thousands of times in a row
            self._last = state, dict.fromkeys(self._classes, state + 1)
        return self._last[1]

    def accepts(self, state: int) -> bool:
        return state >= self.fewest


class Alphabet:
    """One state: any number of the allowed characters."""

    start = 0

    def __init__(self, charset: Charset, alphabet: str) -> None:
        known = {c for c in alphabet + unicodedata.normalize("NFC", alphabet) if c in charset}
        if not known:
            raise ConstraintError(
                f"the alphabet {alphabet!r} holds none of the charset's "
                f"{len(charset.symbols)} symbols",
                "unknown_alphabet",
            )
        self.loop = dict.fromkeys(charset.encode("".join(sorted(known))), 0)

    def arcs(self, state: int) -> dict[int, int]:
        return self.loop

    def accepts(self, state: int) -> bool:
        return True


class Lexicon:
    """A trie; state: the number of a node."""

    start = 0

    def __init__(self, charset: Charset, lexicon: Iterable[str]) -> None:
        if isinstance(lexicon, str):
            raise ConstraintError(
                "the lexicon is one string; give a list of texts", "bad_condition"
            )
        self.nodes: list[dict[int, int]] = [{}]
        self.ends: set[int] = set()
        for word in lexicon:
            if len(word) > MAX_TEXT_LENGTH:
                raise ConstraintError(
                    f"the lexicon entry {word[:20]!r}… has {len(word)} characters; "
                    f"{MAX_TEXT_LENGTH} are allowed",
                    "bad_condition",
                )
            self._add(charset.encode(unicodedata.normalize("NFC", word)))

    def _add(self, labels: list[int]) -> None:
        node = 0
        for label in labels:
            following = self.nodes[node].setdefault(label, len(self.nodes))
            if following == len(self.nodes):
                self.nodes.append({})
            node = following
        self.ends.add(node)

    def arcs(self, state: int) -> dict[int, int]:
        return self.nodes[state]

    def accepts(self, state: int) -> bool:
        return state in self.ends
