"""Reading sources in slices: a slice is lines of labels.txt and manifest.jsonl, and its hashes."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple, TypeVar

from captcha_ocr.imaging import DEFAULT_LIMITS, ImageError
from captcha_ocr.labels import (
    IMAGES_DIR,
    LABELS_FILE,
    MANIFEST_FILE,
    Label,
    LabelError,
    as_on_disk,
    parse_label,
    parse_record,
    resolve_inside,
)
from captcha_ocr.merging import keys
from captcha_ocr.merging.config import Source
from captcha_ocr.merging.near import near_hash
from captcha_ocr.merging.rules import normalise_label

Item = TypeVar("Item")

OTHER_RECORD = "it has another record, too"
SLICE_ROWS = 500  # small enough that all cores stay busy to the end


class HashTask(NamedTuple):
    """One slice of a source. Whoever works on it must see the folder ``root``."""

    number: int  # of the source
    source: Source
    first_line: int  # line number of labels[0], and of records[0] in its own file
    labels: list[bytes]
    records: list[bytes]
    seed: int
    near: bool


class Row(NamedTuple):
    """What is known of a picture that can be used. The columns of keytable's ``rows``."""

    split: str
    source: int
    line: int
    file: str  # relative to the source's images/
    label: str
    changed: bool  # the label was normalised
    suffix: str  # by the bytes
    width: int
    height: int
    file_size: int  # bytes
    band: bytes
    near: bytes | None
    place: bytes  # sorts the pictures of a shuffled target
    fields: str | None  # its manifest record as JSON


class Bad(NamedTuple):
    """A row that cannot be used. The columns of keytable's ``bad``."""

    split: str
    source: int
    list: str  # labels.txt or manifest.jsonl
    line: int  # in that list
    file: str  # "" where the row names none
    problem: str


class Spare(NamedTuple):
    """A manifest record whose label stands in another slice, or nowhere."""

    source: int
    line: int  # in its manifest
    file: str
    fields: str


class Hashed(NamedTuple):
    rows: list[Row]
    bad: list[Bad]
    spare: list[Spare]


def slices(number: int, source: Source, *, seed: int, near: bool) -> Iterator[HashTask]:
    """The slices of a source, read as they are asked for: memory does not grow with the source.

    Generators write both files in one order, so that a slice holds most of its own records; what
    is left over is matched later.
    """
    path = source.root / LABELS_FILE
    if not path.is_file():
        raise LabelError(path, 0, "missing; a source holds images/ and labels.txt")
    manifest = source.root / MANIFEST_FILE
    with ExitStack() as files:
        labels = files.enter_context(path.open("rb"))
        records: Iterator[bytes] = iter(())
        if manifest.exists():  # it is welcome, not needed
            records = files.enter_context(manifest.open("rb"))
        for first in count(1, SLICE_ROWS):
            lines = list(islice(labels, SLICE_ROWS))
            own = list(islice(records, SLICE_ROWS))
            if not lines and not own:
                return
            yield HashTask(number, source, first, lines, own, seed, near)


def hash_shard(task: HashTask) -> Hashed:
    """Read, check and hash the pictures of a slice. A row that cannot be used stops nothing."""
    source = task.source
    folder = PictureFolder(source.root / IMAGES_DIR)
    records, bad = _records(task)
    rows = []
    for line, raw in enumerate(task.labels, start=task.first_line):
        label = None
        try:
            label = parse_label(source.root / LABELS_FILE, line, raw)
            if label is not None:
                record = records.pop(label.file, None)
                rows.append(_row(task, label, folder, record.fields if record else None))
        except LabelError as error:
            bad.append(_bad(task, LABELS_FILE, line, "", error.problem))
        except (ImageError, ValueError, OSError) as error:
            bad.append(_bad(task, LABELS_FILE, line, label.file if label else "", str(error)))
    return Hashed(rows, bad, list(records.values()))


class PictureFolder:
    """The pictures below one folder, found without following links out of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._checked = {""}  # parents of names that were resolved

    def locate(self, name: str) -> tuple[str, int]:
        """Path and size in bytes. ImageError when it is no file; ValueError when it is outside."""
        name = as_on_disk(self._folder, name)
        parent = name.rpartition("/")[0]
        if parent not in self._checked:
            resolve_inside(self._folder, parent)
            self._checked.add(parent)
        path = f"{self._folder}/{name}"
        try:
            found = os.lstat(path)
            if stat.S_ISLNK(found.st_mode):
                resolve_inside(self._folder, name)
                found = Path(path).stat()
        except OSError as error:
            raise ImageError("missing", f"cannot open {path}: {error.strerror}") from None
        if not stat.S_ISREG(found.st_mode):
            raise ImageError("missing", f"{path} is no file")
        if found.st_size > DEFAULT_LIMITS.max_bytes:
            raise ImageError("size", f"{path} is larger than {DEFAULT_LIMITS.max_bytes} bytes")
        return path, found.st_size


def read_bytes(path: str, size: int) -> bytes:
    """The bytes of a file that had ``size`` of them; one more if it has grown since.

    By the system's own calls: for small files ``open`` costs more than the reading.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        return os.read(handle, size + 1)
    finally:
        os.close(handle)


class PixelTask(NamedTuple):
    """Pictures that share a band key: row number and path of each."""

    pictures: list[tuple[int, str]]


def pixel_shard(task: PixelTask) -> list[tuple[bytes | None, str, int]]:
    """(pixel key, problem, row number) of each picture; the key is None when it is broken."""
    found: list[tuple[bytes | None, str, int]] = []
    for number, path in task.pictures:
        try:
            found.append((keys.pixel_key(Path(path).read_bytes()), "", number))
        except (ImageError, OSError) as error:
            found.append((None, str(error), number))
    return found


def chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Lists of SLICE_ROWS items, the last maybe shorter."""
    rest = iter(items)
    while chunk := list(islice(rest, SLICE_ROWS)):
        yield chunk


def _row(task: HashTask, label: Label, folder: PictureFolder, fields: str | None) -> Row:
    path, size = folder.locate(label.file)
    data = read_bytes(path, size)
    band = keys.read_band(data)
    band_key = keys.key(*band)
    text = normalise_label(label.text)
    place = b"%d\0%b\0" % (task.seed, band_key) + f"{label.file}\0{text}".encode()
    return Row(
        split=task.source.split,
        source=task.number,
        line=label.line,
        file=label.file,
        label=text,
        changed=text != label.text,
        suffix=keys.suffix_of(data),
        width=band.size[0],
        height=band.size[1],
        file_size=size,
        band=band_key,
        near=near_hash(keys.read_picture(data)) if task.near else None,
        # From what the picture is and not from where it lies: moving a source changes nothing.
        place=hashlib.blake2b(place, digest_size=8).digest(),
        fields=fields,
    )


def _records(task: HashTask) -> tuple[dict[str, Spare], list[Bad]]:
    """File -> its record, for the records of this slice; the first of several."""
    records: dict[str, Spare] = {}
    bad = []
    path = task.source.root / MANIFEST_FILE
    for line, raw in enumerate(task.records, start=task.first_line):
        try:
            record = parse_record(path, line, raw)
            if record is None:
                continue
            file, fields = record["file"], raw.decode("utf-8-sig").strip()
            first = records.setdefault(file, Spare(task.number, line, file, fields))
            if first.line != line and json.loads(first.fields) != record:
                bad.append(_bad(task, MANIFEST_FILE, line, file, OTHER_RECORD))
        except LabelError as error:
            bad.append(_bad(task, MANIFEST_FILE, line, "", error.problem))
    return records, bad


def _bad(task: HashTask, list_file: str, line: int, file: str, problem: str) -> Bad:
    return Bad(task.source.split, task.number, list_file, line, file, problem)
