"""Text that lines up in a terminal, rows in order, and cells that a spreadsheet does not run."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Sequence
from typing import Any, TextIO

# A spreadsheet takes a cell that starts with one of these for a formula; the full-width forms
# count where the input language is Chinese or Japanese.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# Many languages have Excel cut rows at semicolons, and LibreOffice at tabs too, where a quote only
# protects a cell that begins with it.
_WITHIN = re.compile(rf'([;\t\r\n][ \t\r\n"]*)(?=[{re.escape("".join(FORMULA_STARTS))}])')


def spreadsheet_cell(value: str) -> str:
    """``value`` so that Excel, LibreOffice and Sheets show it as text: ``=cmd()`` -> ``'=cmd()``,
    and ``a;=cmd()``, which may become two cells, -> ``a;'=cmd()``.

    For cells that hold text from elsewhere (file names, readings, labels). Numbers stay
    numbers: write them without this.
    """
    value = _WITHIN.sub(r"\1'", value)
    return f"'{value}" if value.startswith(FORMULA_STARTS) else value


def csv_writer(file: TextIO) -> Any:
    """A ``csv.writer`` of rows that end in a line feed, where a carriage return ends none.

    A spreadsheet starts a row after either, with what may be a formula. Python before 3.13 quotes
    a cell only for what ends its own rows; so they end in both, until they are written.
    """

    class Lines:
        def write(self, row: str) -> None:
            file.write(row[:-2] + "\n")

    return csv.writer(Lines(), lineterminator="\r\n")


def display_width(text: str) -> int:
    """Columns of a terminal that ``text`` takes: Chinese characters take two, accents none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def printable(text: str) -> str:
    """``text`` with control characters as escapes: a file name must not steer the terminal."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def pad(text: str, width: int) -> str:
    """``text`` followed by blanks up to ``width`` columns; longer text stays whole."""
    return text + " " * (width - display_width(text))


def aligned(rows: Sequence[Sequence[str]], names: int = 1) -> list[str]:
    """Cells in columns: the first ``names`` of them to the left, figures to the right."""
    widths = [max(map(display_width, column)) for column in zip(*rows)]
    return [
        "  ".join(
            pad(cell, width) if place < names else " " * (width - display_width(cell)) + cell
            for place, (cell, width) in enumerate(zip(row, widths))
        )
        for row in rows
    ]


def natural(name: object) -> list[tuple[int, float, str]]:
    """A sort key that puts 4 before 10, 0.25 before 0.5 and 96x32 before 160x60."""
    parts = re.split(r"([0-9]+(?:\.[0-9]+)?)", str(name))  # every second one is a number
    return [
        (0, float(part), "") if place % 2 else (1, 0.0, part)
        for place, part in enumerate(parts)
        if part
    ]
