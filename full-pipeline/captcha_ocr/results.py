"""What was read, file by file: as a table, as JSON lines, as CSV, and summed up."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from captcha_ocr.constraints import Constraint
from captcha_ocr.metrics import score
from captcha_ocr.predictor import Prediction
from captcha_ocr.tables import csv_writer, display_width, pad, printable, spreadsheet_cell

# Of the table, in columns of a terminal.
COLUMN_WIDTHS = {"text": 12, "confidence": 10, "answer": 6, "arch": 13, "label": 12}


@dataclass(frozen=True)
class Result:
    """One file under one model: what was read, or the error that stood in its way."""

    file: str
    arch: str
    reading: Prediction | ValueError
    label: str | None = None  # what is drawn, where that is known

    @property
    def text(self) -> str:
        """What was read; empty for a file that could not be read, which so counts as wrong."""
        return self.reading.text if isinstance(self.reading, Prediction) else ""

    def record(self) -> dict[str, Any]:
        """The JSON object: ``text``, or ``error`` in its place; probabilities to six digits."""
        read = self.reading
        if isinstance(read, Prediction):
            values = {
                "file": self.file,
                "text": read.text,
                "confidence": round(read.confidence, 6),
                "answer": read.answer,
                "arch": self.arch,
            }
            if len(read.readings) > 1:
                values["readings"] = [
                    {"text": other.text, "confidence": round(other.confidence, 6)}
                    for other in read.readings
                ]
        else:
            values = {"file": self.file, "error": str(read), "confidence": None, "answer": None}
            values["arch"] = self.arch
        if self.label is not None:
            values |= {"label": self.label, "correct": self.text == self.label}
        return values


class Tally:
    """Counts what was read, and keeps text and label of the pictures that have one."""

    def __init__(self, constraint: Constraint | None = None) -> None:
        """``constraint`` is the one that is read under."""
        self._constraint = constraint
        self.forbidden = 0  # labels
        self.unreadable = 0
        self.misread = 0  # of these, those with a label
        self.unlabelled = 0
        self.texts: list[str] = []
        self.targets: list[str] = []

    def add(self, result: Result) -> None:
        unread = isinstance(result.reading, ValueError)
        self.unreadable += unread
        self.misread += unread and result.label is not None
        self.unlabelled += result.label is None
        if result.label is not None:
            self.texts.append(result.text)
            self.targets.append(result.label)
            rule = self._constraint
            self.forbidden += rule is not None and not rule.accepts(result.label)

    def summary(self, labels: int) -> str:
        """EM and CER, and whatever was left out of them or counts as wrong."""
        notes = [
            (self.misread, "could not be read and count as wrong"),
            (self.forbidden, "have a label that the rule does not allow"),
            (self.unlabelled, "have no label and do not count"),
            (max(0, labels - len(self.targets)), "are labelled, but not among those read"),
        ]
        text = "no picture has a label"
        if self.targets:
            figures = score(self.texts, self.targets)
            low, high = figures.exact_match_interval
            text = (
                f"EM {figures.exact_match:.1%} (95 %: {low:.1%} to {high:.1%}), case folded "
                f"{figures.exact_match_folded:.1%}, CER {figures.cer:.2%}, {figures.n} pictures"
            )
        return "; ".join([text, *(f"{count} {what}" for count, what in notes if count)])


class Writer(ABC):
    """Writes results one at a time, so that a folder of any size streams through."""

    def __init__(self, out: TextIO, *, labels: bool = False) -> None:
        """``labels`` adds the columns ``label`` and ``correct``."""
        self.out = out
        self.columns = ["file", "text", "confidence", "answer", "arch"]
        self.columns += ["label", "correct"] if labels else []

    @abstractmethod
    def write(self, result: Result) -> None: ...


class JsonWriter(Writer):
    """One JSON object a line; nothing is escaped but what JSON itself demands."""

    def write(self, result: Result) -> None:
        self.out.write(json.dumps(result.record(), ensure_ascii=False) + "\n")


class CsvWriter(Writer):
    """Comma-separated with a header. Cells of text cannot become formulas (see tables.py)."""

    def __init__(self, out: TextIO, *, labels: bool = False) -> None:
        super().__init__(out, labels=labels)
        self.columns = [*self.columns, "error"]
        self.rows = csv_writer(out)
        self.rows.writerow(self.columns)

    def write(self, result: Result) -> None:
        record = result.record()
        cells = [record.get(column) for column in self.columns]
        self.rows.writerow([spreadsheet_cell(c) if isinstance(c, str) else c for c in cells])


class TableWriter(Writer):
    """Aligned text for people. Later readings stand in lines of their own below the first."""

    def __init__(self, out: TextIO, *, labels: bool = False, names: Sequence[str] = ()) -> None:
        """A stream has no widest row to look for: the first ``names`` set the first column's
        width, and a wider cell pushes its own row to the right."""
        super().__init__(out, labels=labels)
        widest = max((display_width(printable(name)) for name in names), default=0)
        self.widths = dict(COLUMN_WIDTHS, file=max(widest, 8))
        self._row({column: column for column in self.columns})

    def write(self, result: Result) -> None:
        record = result.record()
        if "error" in record:
            record["text"] = f"error: {record['error']}"
        readings = record.get("readings", [])
        for row in (record, *readings[1:]):
            self._row({column: _plain(row.get(column)) for column in self.columns})

    def _row(self, cells: dict[str, str]) -> None:
        shown = [
            pad(printable(cells[column]), self.widths.get(column, 0)) for column in self.columns
        ]
        self.out.write("  ".join(shown).rstrip() + "\n")


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}"
    return "" if value is None else str(value)
