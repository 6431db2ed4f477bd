r"""The pattern language of constraints: its grammar and its parser (see patterns.py).

======================= =======================================================================
``a``                   the character itself; ``\`` before a special one: ``\?``
``.``                   any character of the charset
``\d`` ``\w``           a decimal digit; a letter, digit or ``_`` (Unicode, as in Python's re)
``[abc]`` ``[a-z\d]``   one of these; ``[^0-9]`` one of the charset's others
``(xy)`` ``x|y``        a group; one or the other
``x?`` ``x*`` ``x+``    none or one; any number; at least one
``x{3}`` ``x{2,4}``     three; two to four (at most `MAX_REPEAT`)
======================= =======================================================================

The whole text must match: there are no anchors, no back references and no look-around.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, Union

from captcha_ocr.charset import Charset
from captcha_ocr.constraints.languages import ConstraintError, Kind

MAX_PATTERN = 256  # characters
MAX_REPEAT = 64
MAX_DEPTH = 20  # groups inside groups


class PatternError(ConstraintError):
    """A malformed or too large pattern; the message names the position (from 0)."""


@dataclass(frozen=True)
class One:
    """One character out of a set of classes (an empty set matches nothing)."""

    classes: frozenset[int]


@dataclass(frozen=True)
class Sequence:
    """One part after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Choice:
    """One of the options."""

    options: tuple[Node, ...]


@dataclass(frozen=True)
class Repeat:
    """The part ``fewest`` to ``most`` times."""

    part: Node
    fewest: int
    most: int | None  # None: no limit


Node = Union[One, Sequence, Choice, Repeat]


class Parser:
    """Recursive descent: choice -> sequence -> repeat -> one character, class or group."""

    def __init__(self, pattern: str, charset: Charset) -> None:
        if len(pattern) > MAX_PATTERN:
            raise PatternError(
                f"the pattern has {len(pattern)} characters; {MAX_PATTERN} at most", "too_large"
            )
        # As labels are: what is typed on a Mac may have an accent apart.
        self.pattern, self.charset = unicodedata.normalize("NFC", pattern), charset
        self.at = 0
        self.missing: dict[str, int] = {}  # character -> where it first stands

    def parse(self) -> Node:
        node = self._choice(depth=0)
        if self.at < len(self.pattern):
            self._fail(self.at, "unopened", "')' closes nothing; write '\\)' for the character")
        return node

    def _fail(self, at: int, kind: Kind, problem: str) -> NoReturn:
        raise PatternError(f"pattern {self.pattern!r}, position {at}: {problem}", kind, at)

    def _peek(self) -> str:
        """The next character, or "" at the end."""
        return self.pattern[self.at : self.at + 1]

    def _take(self, expected: str) -> bool:
        if self._peek() != expected:
            return False
        self.at += 1
        return True

    def _choice(self, depth: int) -> Node:
        options = [self._sequence(depth)]
        while self._take("|"):
            options.append(self._sequence(depth))
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _sequence(self, depth: int) -> Node:
        parts = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._quantified(self._atom(depth)))
        return Sequence(tuple(parts))

    def _quantified(self, node: Node) -> Node:
        start = self.at
        if self._take("?"):
            node = Repeat(node, 0, 1)
        elif self._take("*"):
            node = Repeat(node, 0, None)
        elif self._take("+"):
            node = Repeat(node, 1, None)
        elif self._take("{"):
            node = Repeat(node, *self._bounds(start))
        if self.at > start and self._peek() in ("?", "*", "+", "{"):
            self._fail(self.at, "misplaced_repeat", "two repeats in a row; use a group: '(a+)?'")
        return node

    def _bounds(self, start: int) -> tuple[int, int]:
        body, closed, _ = self.pattern[self.at :].partition("}")
        numbers = body.split(",")
        # isascii: "²".isdigit() holds too.
        if not closed or len(numbers) > 2 or not all(n.isascii() and n.isdigit() for n in numbers):
            problem = "a repeat is {3} or {2,4}; write '\\{' for the character"
            self._fail(start, "bad_repeat", problem)
        self.at += len(body) + 1
        fewest, most = int(numbers[0]), int(numbers[-1])
        if not fewest <= most <= MAX_REPEAT:
            problem = f"{{{body}}} is out of range: fewest <= most <= {MAX_REPEAT}"
            self._fail(start, "bad_repeat", problem)
        return fewest, most

    def _atom(self, depth: int) -> Node:
        start, char = self.at, self._peek()
        self.at += 1
        if char == ".":
            return One(frozenset(range(1, self.charset.num_classes)))
        if char == "\\":
            return One(self._escape(start))
        if char == "[":
            return One(self._class(start))
        if char == "(":
            return self._group(start, depth + 1)
        if char in ("?", "*", "+", "{"):
            problem = f"nothing to repeat; write '\\{char}' for the character"
            self._fail(start, "misplaced_repeat", problem)
        if char in ("^", "$"):
            problem = f"the whole text is matched: leave out {char!r}, or write '\\{char}'"
            self._fail(start, "meaningless", problem)
        if char in ("]", "}"):
            problem = f"{char!r} closes nothing; write '\\{char}' for the character"
            self._fail(start, "unopened", problem)
        return One(self._literal(char))

    def _group(self, start: int, depth: int) -> Node:
        if depth > MAX_DEPTH:
            self._fail(start, "too_large", f"more than {MAX_DEPTH} groups inside each other")
        if self._peek() == "?":
            self._fail(self.at, "meaningless", "'(?' has no meaning here; a group is '(...)'")
        node = self._choice(depth)
        if not self._take(")"):
            self._fail(start, "unclosed", "this '(' is not closed")
        return node

    def _literal(self, char: str) -> frozenset[int]:
        if char not in self.charset:
            self.missing.setdefault(char, self.at - 1)  # it has been taken
        return self._known(char)

    def _known(self, char: str) -> frozenset[int]:
        return frozenset(self.charset.encode(char) if char in self.charset else ())

    def _escape(self, start: int) -> frozenset[int]:
        """What follows a backslash: a set of classes."""
        char = self._peek()
        self.at += 1
        if char == "d":
            return self._where(str.isdecimal)
        if char == "w":
            return self._where(lambda symbol: symbol.isalnum() or symbol == "_")
        if not char or char.isalnum():
            problem = f"unknown escape '\\{char}'; there are \\d, \\w and \\ before a sign"
            self._fail(start, "unknown_escape", problem)
        return self._literal(char)

    def _where(self, condition: Callable[[str], bool]) -> frozenset[int]:
        symbols = filter(condition, self.charset.symbols)
        return frozenset(self.charset.encode("".join(symbols)))

    def _class(self, start: int) -> frozenset[int]:
        """``[...]``, after its bracket; characters that the charset lacks are ignored in it."""
        negated = self._take("^")
        if self._peek() == "]":
            self._fail(start, "empty_class", "an empty class; write '[\\]]' for the character")
        classes: frozenset[int] = frozenset()
        while not self._take("]"):
            if not self._peek():
                self._fail(start, "unclosed", "this '[' is not closed")
            classes |= self._class_item()
        return frozenset(range(1, self.charset.num_classes)) - classes if negated else classes

    def _class_item(self) -> frozenset[int]:
        """One character, an escape, or a range ``a-z`` by code point."""
        start = self.at
        low, classes = self._class_char()
        if not self._take("-"):
            return classes
        if self._peek() in ("]", ""):  # a last '-' is the character
            return classes | self._known("-")
        high, _ = self._class_char()
        if not low or not high or high < low:
            problem = f"{self.pattern[start : self.at]!r} is no range of characters"
            self._fail(start, "bad_range", problem)
        return self._where(lambda symbol: low <= symbol <= high)

    def _class_char(self) -> tuple[str, frozenset[int]]:
        """A character, or "" for an escape that stands for several, and its classes."""
        start, char = self.at, self._peek()
        self.at += 1
        if char != "\\":
            return char, self._known(char)
        escaped = self._peek()
        return ("" if escaped in ("d", "w") else escaped), self._escape(start)
