"""The only reader and writer of ``labels.txt``: UTF-8, one ``file<TAB>label`` a line.

A bad row is never skipped: reading stops with the file, the line and what to do.
"""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from captcha_ocr.charset import unprintable
from captcha_ocr.files import atomic_write

LABELS_FILE = "labels.txt"
IMAGES_DIR = "images"
MANIFEST_FILE = "manifest.jsonl"
CHARSET_FILE = "charset.txt"
ROOT_HINT = (
    "a root holds images/ and labels.txt; of labels in file names or a table, captcha-ocr data "
    "import makes one"
)
MAX_DEPTH = 100  # of lists and objects in a manifest record


class LabelError(ValueError):
    """A label file that cannot be used; the message starts with ``file:line``.

    Line 0 is the whole file, and is not named.
    """

    def __init__(self, path: Path, line: int, problem: str) -> None:
        super().__init__(f"{path}:{line}: {problem}" if line else f"{path}: {problem}")
        self.path, self.line, self.problem = path, line, problem


@dataclass(frozen=True)
class Label:
    """One row: a picture's name relative to ``images/``, its text, and where that was written."""

    file: str
    text: str
    line: int = 0


def check_name(name: str) -> str:
    """Return ``name`` when it is a relative path that stays inside its folder on every system.

    Raises ValueError for an absolute path, ``..``, a drive letter, a backslash or a control
    character: a label file comes from anywhere, and its names are joined to a folder of ours.
    """
    if not name or name != name.strip():
        raise ValueError(f"the file name {name!r} is empty or has spaces around it")
    if re.search(r"[\x00-\x1f\x7f\\]", name):
        raise ValueError(f"the file name {name!r} holds a control character or a backslash")
    parts = name.split("/")
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        raise ValueError(
            f"the file name {name!r} is absolute; give it relative to the pictures' folder"
        )
    if any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"the file name {name!r} holds an empty, '.' or '..' part")
    return name


def resolve_inside(folder: Path, name: str) -> Path:
    """``folder / name``, as it is spelled there, once links are followed; ValueError when that
    leaves ``folder``."""
    try:
        root = folder.resolve()
        path = (root / as_on_disk(root, check_name(name))).resolve()
    except RuntimeError:  # before Python 3.13; since then, whoever opens the path is told
        raise ValueError(f"the file name {name!r} leads in a circle through links") from None
    if not path.is_relative_to(root):
        raise ValueError(f"the file name {name!r} leads outside {folder} through a link")
    return path


def spellings(name: str) -> tuple[str, ...]:
    """``name`` as it may stand elsewhere: for an accent or a Korean syllable macOS may have several
    characters where a list has one. To other systems these are different names."""
    return name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)


def as_on_disk(folder: Path, name: str) -> str:
    """That spelling of ``name`` which ``folder`` has; ``name`` where it has none."""
    if name.isascii():
        return name
    return next((one for one in spellings(name) if os.path.lexists(f"{folder}/{one}")), name)


def parse_row(row: str) -> tuple[str, str]:
    """Split one row (without its line end) into name and text; ValueError says what is wrong."""
    name, tab, text = row.partition("\t")
    if not tab:
        raise ValueError(f"no tab in {row[:80]!r}; a row is: file name, one tab, label")
    check_name(name)
    if not text.strip():
        raise ValueError(f"the label of {name!r} is empty")
    if "\t" in text:
        raise ValueError(f"the label of {name!r} holds a tab; a row has exactly one")
    bad = unprintable(text)
    if bad:
        raise ValueError(f"the label of {name!r} holds control or invisible characters: {bad}")
    return name, unicodedata.normalize("NFC", text)


def iter_labels(path: Path) -> Iterator[Label]:
    """Rows of a label file in order, one at a time. Blank lines and a BOM are tolerated.

    Raises LabelError (file, line, problem) at the first bad row.
    """
    path = Path(path)
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            label = parse_label(path, number, raw)
            if label is not None:
                yield label


def not_utf8(path: Path, number: int, error: UnicodeDecodeError) -> LabelError:
    return LabelError(path, number, f"not UTF-8: {error.reason}; save the file as UTF-8")


def parse_label(path: Path, number: int, raw: bytes) -> Label | None:
    """One line of a label file, as bytes; None for a blank one. Raises LabelError.

    For readers that deal lines out to several processes; ``iter_labels`` reads a whole file.
    """
    try:
        row = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise not_utf8(path, number, error) from None
    if not row:
        return None
    try:
        name, text = parse_row(row)
    except ValueError as error:
        raise LabelError(path, number, str(error)) from None
    return Label(name, text, number)


def read_labels(path: Path) -> list[Label]:
    """All rows of a label file. A name that stands twice, or no row at all, is an error."""
    path = Path(path)
    labels: list[Label] = []
    seen: dict[str, int] = {}
    for label in iter_labels(path):
        if label.file in seen:
            first = seen[label.file]
            raise LabelError(path, label.line, f"{label.file!r} stands at line {first} already")
        seen[label.file] = label.line
        labels.append(label)
    if not labels:
        raise LabelError(path, 0, "no labels in the file")
    return labels


def write_labels(path: Path, labels: Iterable[Label]) -> None:
    """Write a label file whole or not at all."""
    with atomic_write(path) as file:
        for label in labels:
            row = f"{label.file}\t{label.text}"
            parse_row(row)
            file.write(row + "\n")


def read_manifest(path: Path) -> dict[str, dict[str, Any]]:
    """``manifest.jsonl`` as file name -> fields; ``{}`` when there is none.

    Raises LabelError for a line that is no record, and for a second one of a file that differs.
    """
    path = Path(path)
    records: dict[str, dict[str, Any]] = {}
    if not path.is_file():
        return records
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            record = parse_record(path, number, raw)
            if record is None:
                continue
            if records.setdefault(record["file"], record) != record:
                raise LabelError(path, number, f"{record['file']!r} has another record above")
    return records


def parse_record(path: Path, number: int, raw: bytes) -> dict[str, Any] | None:
    """One line of a manifest, as bytes; None for a blank one. Raises LabelError.

    Where Python's own limit on nesting lies depends on who calls; with one of ours, what is read
    here can be read, written and sent to other processes everywhere.
    """
    if not raw.strip():
        return None
    try:
        record = json.loads(raw.decode("utf-8-sig" if number == 1 else "utf-8"))
        if not isinstance(record["file"], str):
            raise TypeError("'file' is no text")
        if _depth(record) > MAX_DEPTH:
            raise ValueError(f"lists and objects are nested deeper than {MAX_DEPTH} levels")
        if b"\\u" in raw:  # JSON can spell half a surrogate pair, which UTF-8 cannot write
            json.dumps(record, ensure_ascii=False).encode()
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise LabelError(path, number, f"no JSON object with 'file': {error}") from None
    return record


def _depth(value: Any) -> int:
    """How deep lists and objects are nested: 0 for a text, 1 for a flat object."""
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, (dict, list))]:
        depth += 1
        level = [
            inner for item in level for inner in (item.values() if isinstance(item, dict) else item)
        ]
    return depth
