"""The characters a model can write, and their class numbers. Class 0 is CTC's blank."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

# Control, format, surrogate, private use, unassigned; line and paragraph separators.
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


class CharsetError(ValueError):
    """A character set that cannot be built, or a text it cannot write."""


def unprintable(text: str) -> list[str]:
    """The characters of ``text`` that show nothing, or nothing certain: no symbol, and so no
    label, may hold one."""
    return [char for char in text if unicodedata.category(char) in _UNPRINTABLE]


@dataclass(frozen=True)
class Charset:
    """An ordered set of symbols. Symbol ``i`` of ``symbols`` is class ``i + 1``."""

    symbols: tuple[str, ...]

    BLANK: ClassVar[int] = 0

    def __post_init__(self) -> None:
        if not self.symbols:
            raise CharsetError("a charset needs at least one symbol")
        bad = [s for s in self.symbols if len(s) != 1 or unprintable(s)]
        if bad:
            raise CharsetError(f"charset symbols must be single printable characters, not {bad}")
        if len(set(self.symbols)) != len(self.symbols):
            twice = sorted(s for s, count in Counter(self.symbols).items() if count > 1)
            raise CharsetError(f"charset symbols stand twice: {twice}")

    @classmethod
    def from_texts(cls, texts: Iterable[str]) -> Charset:
        """The sorted characters of the *training* texts; never pass it test texts."""
        return cls(tuple(sorted({char for text in texts for char in text})))

    @classmethod
    def read(cls, path: Path) -> Charset:
        """Read ``charset.txt``: UTF-8, one symbol a line, in class order. Raises CharsetError that
        names the file."""
        try:
            text = Path(path).read_text(encoding="utf-8-sig")
            return cls(tuple(text.removesuffix("\n").split("\n")))
        except ValueError as error:  # UnicodeDecodeError is one too
            raise CharsetError(f"{path}: {error}; it holds one symbol a line, in UTF-8") from None

    def write(self, path: Path) -> None:
        with Path(path).open("w", encoding="utf-8", newline="\n") as file:
            file.write("\n".join(self.symbols) + "\n")

    @property
    def num_classes(self) -> int:
        """Classes of the model's head: the symbols and the blank."""
        return len(self.symbols) + 1

    @cached_property
    def _index(self) -> dict[str, int]:
        return {symbol: number for number, symbol in enumerate(self.symbols, start=1)}

    def __contains__(self, char: str) -> bool:
        return char in self._index

    def unknown(self, text: str) -> list[str]:
        """The characters of ``text`` that have no class, sorted."""
        return sorted({char for char in text if char not in self._index})

    def encode(self, text: str) -> list[int]:
        """Class numbers of ``text``. Raises CharsetError for a character without a class."""
        try:
            return [self._index[char] for char in text]
        except KeyError:
            raise CharsetError(
                f"{text!r} holds {self.unknown(text)}, not in the charset of "
                f"{len(self.symbols)} symbols"
            ) from None

    def decode(self, indices: Sequence[int]) -> str:
        """Text of class numbers in 1..num_classes-1. It collapses nothing: see decoding.py."""
        for index in indices:
            if not 1 <= index <= len(self.symbols):
                raise CharsetError(f"class {index} is no symbol; 1 to {len(self.symbols)} are")
        return "".join(self.symbols[index - 1] for index in indices)

    def extended(self, other: Charset) -> Charset:
        """This charset with the new symbols of ``other`` behind it: old classes keep numbers."""
        return Charset(self.symbols + tuple(s for s in other.symbols if s not in self._index))
