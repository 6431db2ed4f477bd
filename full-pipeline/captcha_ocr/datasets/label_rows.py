"""Where people keep the labels of their pictures: in the file names, or in a table."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from captcha_ocr.labels import LabelError, check_name, not_utf8
from captcha_ocr.sources import PassedOver, folder_sources

LABEL_PATTERN = "([^_]+)(_.*)?"  # 7k3m_001.png is labelled 7k3m
FILE_COLUMNS, LABEL_COLUMNS = ("file", "filename", "image"), ("label", "text")


class Row(NamedTuple):
    """What was found, good or not: looking at the picture is for others."""

    where: str  # for messages: file:line of the table, or the picture
    file: str  # relative to the folder of pictures
    label: str
    problem: str = ""  # why the row cannot be used


def rows_of_names(
    folder: Path, pattern: re.Pattern[str], passed_over: PassedOver | None = None
) -> Iterator[Row]:
    """The pictures below ``folder``, by name; group 1 of ``pattern``, which fits the whole stem,
    is the label; other files are ``passed_over``. Raises ImageError when there is no picture."""
    for source in folder_sources(folder, recursive=True, passed_over=passed_over):
        path = Path(source.name)
        # Composed, as labels are: macOS may spell a Korean syllable in several characters.
        match = pattern.fullmatch(unicodedata.normalize("NFC", path.stem))
        label = (match[1] or "") if match else ""
        problem = (
            _stand_ins(label)
            if match
            else f"the name without its suffix does not fit {pattern.pattern!r}"
        )
        yield Row(source.name, path.relative_to(folder).as_posix(), label, problem)


def rows_of_table(table: Path, file_column: str = "", label_column: str = "") -> Iterator[Row]:
    """The rows of a CSV or TSV file whose first row names its columns.

    A column that is not named here is one of FILE_COLUMNS or LABEL_COLUMNS. Rows of empty cells
    are skipped: spreadsheets save them. Raises LabelError when the table cannot be read.
    """
    text = _decode(table)
    head = text.partition("\n")[0]
    delimiter = "\t" if table.suffix.lower() == ".tsv" else max(",;\t", key=head.count)
    # strict: a quote that is never closed would swallow the rows behind it.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = next(reader, [])
        file_at = _column(table, header, "file", file_column, FILE_COLUMNS)
        label_at = _column(table, header, "label", label_column, LABEL_COLUMNS)
        line = reader.line_num
        for cells in reader:
            first, line = line + 1, reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            # A table of Windows separates folders its own way.
            file = cells[file_at].strip().replace("\\", "/") if file_at < len(cells) else ""
            label = cells[label_at] if label_at < len(cells) else ""
            problem = _problem(file, cells[len(header) :])
            yield Row(f"{table}:{first}", file, label, problem)
    except csv.Error as error:
        raise LabelError(table, reader.line_num, f"no CSV: {error}") from None


def _decode(table: Path) -> str:
    data = table.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise not_utf8(table, data.count(b"\n", 0, error.start) + 1, error) from None


def _column(table: Path, header: list[str], what: str, name: str, usual: tuple[str, ...]) -> int:
    names = (name.strip().casefold(),) if name else usual
    found = [at for at, cell in enumerate(header) if cell.strip().casefold() in names]
    if len(found) == 1:
        return found[0]
    raise LabelError(
        table,
        1,
        f"{'two columns are' if found else 'no column is'} named {' or '.join(names)}; the columns "
        f"are {', '.join(header)[:200]!r}: name the right one with --{what}-column",
    )


def _stand_ins(label: str) -> str:
    """The generator of the original RuoYi tools names a picture of ``0*8=?`` ``0×8=？_….jpg``."""
    if "？" in label and not {"×", "÷"}.isdisjoint(label):
        return (
            f"the label {label!r} has × or ÷ beside a full-width ？: names cannot hold * / ?, and "
            "these may stand for them; give the labels, as they are drawn, with --table"
        )
    return ""


def _problem(file: str, surplus: list[str]) -> str:
    if any(cell.strip() for cell in surplus):  # a comma in a label, perhaps, and no quotes
        return f"{file!r} has more cells than the first row has columns"
    try:
        check_name(file)
    except ValueError as error:
        return str(error)
    return ""
