"""Data set roots made of pictures and the rows of ``label_rows``.

When two pictures are the same, how one is copied, and how a root appears whole or not at all:
that is a merge's business, and done by its functions.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import NamedTuple

from captcha_ocr.datasets.label_rows import Row
from captcha_ocr.imaging import SUFFIXES
from captcha_ocr.labels import IMAGES_DIR, LABELS_FILE, Label, parse_row, write_labels
from captcha_ocr.merging.config import DataError
from captcha_ocr.merging.engines import Engine
from captcha_ocr.merging.keys import suffix_of
from captcha_ocr.merging.place import put
from captcha_ocr.merging.rules import normalise_label
from captcha_ocr.merging.shards import PictureFolder, PixelTask, chunks, pixel_shard, read_bytes
from captcha_ocr.merging.target import ROOT, appear, building

# What a file name may not hold on some system, and halves of characters, which UTF-8 lacks.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|\ud800-\udfff]')
# Devices to Windows, whatever suffix follows.
_DEVICE = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9¹²³]) *(\.|$)", re.IGNORECASE)


class Picture(NamedTuple):
    """A row whose label and file can be used."""

    where: str
    file: str  # its name among the sources
    label: str
    path: str
    size: int  # bytes


Groups = dict[bytes, list[Picture]]  # pixel key -> the files that hold this picture


def usable(rows: Iterable[Row], folder: Path, engine: Engine) -> tuple[Groups, list[str]]:
    """What can be used, each file once, and what is wrong with every other row, in their order."""
    found, bad = _look_up(rows, PictureFolder(folder))
    keyed: dict[bytes, list[int]] = defaultdict(list)
    paths = ((number, picture.path) for number, picture in found.items())
    for done in engine.map(pixel_shard, map(PixelTask, chunks(paths))):
        for key, problem, number in done:
            if key is None:
                one = found[number]
                bad[number] = f"{one.where}: {one.file!r} cannot be read: {problem}"
            else:
                keyed[key].append(number)
    groups: Groups = {}
    for key, numbers in keyed.items():
        labels = {found[number].label: found[number] for number in numbers}
        if len(labels) == 1:
            groups[key] = list({found[number].path: found[number] for number in numbers}.values())
            continue
        for number in numbers:  # one label is wrong at least, and nobody knows which
            one = found[number]
            other = next(labels[text] for text in labels if text != one.label)
            bad[number] = (
                f"{one.where}: {one.file!r} is labelled {one.label!r}, and the same picture is "
                f"labelled {other.label!r} at {other.where}"
            )
    return groups, [bad[number] for number in sorted(bad)]


def _look_up(
    rows: Iterable[Row], places: PictureFolder
) -> tuple[dict[int, Picture], dict[int, str]]:
    """By number of the row: its picture, not opened yet, or what is wrong with it."""
    found, bad = {}, {}
    for number, row in enumerate(rows):
        try:
            if row.problem:
                raise ValueError(row.problem)
            _, label = parse_row(f"{safe_name(row.file)}\t{row.label.strip()}")
            path, size = places.locate(row.file)
            found[number] = Picture(row.where, row.file, normalise_label(label), path, size)
        except (ValueError, OSError) as error:
            bad[number] = f"{row.where}: {error}"
    return found, bad


def divide(groups: Groups, shares: Mapping[Path, float], seed: int) -> dict[Path, list[Picture]]:
    """Root -> its pictures: to each its share of all, to the last the rest.

    Which these are depends on what the pictures are, not on their names, and equal ones stay
    together. Raises DataError when nothing is left for a root.
    """
    parts: dict[Path, list[Picture]] = {root: [] for root in shares}
    *first, last = parts
    total = sum(map(len, groups.values()))
    for key in sorted(groups, key=lambda key: random.Random(b"%d %b" % (seed, key)).random()):
        short = (root for root in first if len(parts[root]) < shares[root] * total)
        parts[next(short, last)] += groups[key]
    empty = [f"no picture is left for {root}" for root, part in parts.items() if not part]
    if empty:
        raise DataError(empty)
    return {root: sorted(part, key=lambda one: one.file) for root, part in parts.items()}


def write_roots(parts: Mapping[Path, list[Picture]], copy_mode: str) -> list[str]:
    """Write all roots or none; returns the pictures that got another name, as sentences."""
    renamed: list[str] = []
    with ExitStack() as stack:
        folders = {root: stack.enter_context(building(root)) / ROOT for root in parts}
        for root, folder in folders.items():
            labels = []
            for picture, name in zip(parts[root], _new_names(parts[root])):
                put(picture.path, picture.size, f"{folder / IMAGES_DIR}/{name}", copy_mode)
                labels.append(Label(name, picture.label))
                if name != picture.file.rpartition("/")[2]:
                    renamed.append(f"{picture.file} is {name} in {root}")
            write_labels(folder / LABELS_FILE, labels)
        for root, folder in folders.items():
            appear(folder, root)
    return renamed


def safe_name(file: str) -> str:
    """The last part of a name, as it can stand on every system."""
    name = _UNSAFE.sub("_", file.rpartition("/")[2]).strip() or "_"
    return f"_{name}" if _DEVICE.match(name) else name


def _new_names(pictures: Iterable[Picture]) -> Iterator[str]:
    """A name of its own for each, also where case or the way to write accents make none."""
    taken: set[str] = set()
    for picture in pictures:
        name = safe_name(picture.file)
        if not name.lower().endswith(SUFFIXES):
            name += suffix_of(read_bytes(picture.path, picture.size))
        stem, suffix = Path(name).stem, Path(name).suffix
        numbered = (f"{stem}-{number}{suffix}" for number in count(2))
        while (key := unicodedata.normalize("NFC", name).casefold()) in taken:
            name = next(numbered)
        taken.add(key)
        yield name
