"""The checks of a data set, one function each: pictures in, a finding with every case out."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from captcha_ocr.charset import Charset
from captcha_ocr.data_report.scan import Fault, Picture
from captcha_ocr.imaging import JPEG_SUFFIXES
from captcha_ocr.labels import CHARSET_FILE, IMAGES_DIR, spellings
from captcha_ocr.merging.rules import normalise_label

ERROR, WARNING = "error", "warning"
FAINT = 8  # a picture of less contrast, of 255, shows nobody anything
RARE = 10  # a character that fewer pictures show is hardly learnt
_SAME_SUFFIX = dict.fromkeys(JPEG_SUFFIXES, JPEG_SUFFIXES[0])


@dataclass(frozen=True)
class Item:
    """One case, in words; ``file`` is the picture to show beside it, "" for none."""

    text: str
    file: str = ""


@dataclass(frozen=True)
class Finding:
    """One kind of problem and every case of it."""

    name: str
    severity: str  # error: training or its figures suffer; warning: worth a look
    advice: str
    items: tuple[Item, ...]


def faults(found: Sequence[Fault]) -> Finding:
    return Finding(
        "rows that cannot be used",
        ERROR,
        "mend or remove the row; the picture is missing, damaged, or badly named",
        tuple(Item(f"line {fault.line}: {fault.file} {fault.problem}") for fault in found),
    )


def conflicts(pictures: Sequence[Picture]) -> Finding:
    """One picture, several labels."""
    items = []
    for group in equal_pictures(pictures):
        labels = {picture.label for picture in group}
        if len(labels) > 1:
            said = ", ".join(f"{picture.file} {picture.label!r}" for picture in group)
            items.append(Item(said, group[0].file))
    return Finding("the same picture with two labels", ERROR, "at least one is wrong", tuple(items))


def blank(pictures: Sequence[Picture]) -> Finding:
    """Pictures in which nothing is to be seen, which have a label all the same."""
    return Finding(
        "pictures with nothing on them",
        ERROR,
        "remove them; white text on transparency is white on white, as every picture is read",
        tuple(
            Item(f"{picture.file} {picture.label!r}", picture.file)
            for picture in pictures
            if picture.contrast < FAINT
        ),
    )


def leaks(pictures: Sequence[Picture], others: Sequence[Picture], against: str) -> Finding:
    """Pictures that another root holds too."""
    elsewhere = {picture.key: picture for picture in others}
    items = []
    for picture in pictures:
        other = elsewhere.get(picture.key)
        if other:
            labels = repr(picture.label)
            if other.label != picture.label:
                labels += f" there {other.label!r}"
            items.append(Item(f"{picture.file} is {other.file} there, {labels}", picture.file))
    return Finding(
        f"pictures that {against} holds too",
        ERROR,
        "figures on pictures seen in training are too good; merge again with merge_datasets.py",
        tuple(items),
    )


def disagreements(pictures: Sequence[Picture], records: Mapping[str, Mapping[str, Any]]) -> Finding:
    """What the manifest says against what the picture and the label file say."""
    items = []
    for picture in pictures:
        record = records.get(picture.file, {})
        facts = {"label": picture.label, "size": size_name(picture), "length": len(picture.label)}
        for name, fact in facts.items():
            if record.get(name, fact) != fact:
                text = f"{picture.file}: {name} is {fact!r}, the manifest says {record[name]!r}"
                items.append(Item(text, picture.file))
    if records:
        missing = [picture.file for picture in pictures if picture.file not in records]
        items += [Item(f"{file} has no line in the manifest") for file in missing]
    return Finding(
        "the manifest says something else",
        ERROR,
        "reports by style and size go wrong",
        tuple(items),
    )


def outside_charset(pictures: Sequence[Picture], root: Path) -> Finding:
    """Labels with characters that charset.txt lacks."""
    items: list[Item] = []
    if (root / CHARSET_FILE).is_file():
        charset = Charset.read(root / CHARSET_FILE)
        for picture in pictures:
            unknown = charset.unknown(picture.label)
            if unknown:
                items.append(Item(f"{picture.file} {picture.label!r}: {unknown}", picture.file))
    return Finding(
        "characters that charset.txt lacks",
        ERROR,
        "rebuild the charset from the labels",
        tuple(items),
    )


def repeated_names(pictures: Sequence[Picture]) -> Finding:
    lines = defaultdict(list)
    for picture in pictures:
        lines[picture.file].append(picture.line)
    return Finding(
        "files named in two rows",
        ERROR,
        "training refuses such a label file; keep one row",
        tuple(Item(f"{file} in lines {found}") for file, found in lines.items() if len(found) > 1),
    )


def repeated_pictures(pictures: Sequence[Picture]) -> Finding:
    items = []
    for group in equal_pictures(pictures):
        files = sorted({picture.file for picture in group})
        if len(files) > 1:
            items.append(Item(f"{len(files)} files: {', '.join(files)}", files[0]))
    return Finding(
        "the same picture more than once",
        WARNING,
        "it counts twice in training; merge_datasets.py --dedupe keeps one",
        tuple(items),
    )


def unlabelled(pictures: Sequence[Picture], found: Sequence[Fault], root: Path) -> Finding:
    """Files in images/ that no row names."""
    named = {picture.file for picture in pictures} | {fault.file for fault in found}
    return Finding(
        "files without a label",
        WARNING,
        "training does not see them; label or remove them",
        tuple(
            Item(name)
            for name in _files(root / IMAGES_DIR)
            if not named.intersection(spellings(name))
        ),
    )


def wrong_suffixes(pictures: Sequence[Picture]) -> Finding:
    items = []
    for picture in pictures:
        suffix = Path(picture.file).suffix.lower()
        if _SAME_SUFFIX.get(suffix, suffix) != picture.suffix:
            items.append(Item(f"{picture.file} is a {picture.suffix} by its bytes"))
    return Finding(
        "suffixes that do not fit", WARNING, "other programs may refuse the file", tuple(items)
    )


def odd_labels(pictures: Sequence[Picture]) -> Finding:
    """Labels that are written differently from what is drawn, most likely."""
    items = []
    characters = character_counts(pictures)
    # A full-width ａ among labels that write a, and the like.
    other = {char: unicodedata.normalize("NFKC", char) for char in characters}
    twins = str.maketrans({char: plain for char, plain in other.items() if plain in characters})
    for picture in pictures:
        meant = normalise_label(picture.label).translate(twins)
        if meant != picture.label:
            text = f"{picture.file}: {picture.label!r} should be {meant!r}"
            items.append(Item(text, picture.file))
        elif picture.label != picture.label.strip() or "  " in picture.label:
            items.append(Item(f"{picture.file}: spaces in {picture.label!r}", picture.file))
    return Finding(
        "labels written oddly",
        WARNING,
        "one character in two spellings is two classes",
        tuple(items),
    )


def one_label(pictures: Sequence[Picture]) -> Finding:
    """Names that were cut in the wrong place, most likely."""
    same = len(pictures) > 1 and len({picture.label for picture in pictures}) == 1
    items = [Item(f"{pictures[0].label!r} {len(pictures):,} times", pictures[0].file)] * same
    return Finding("one label for all", WARNING, "nothing is learned from these", tuple(items))


def rare_characters(characters: Mapping[str, int]) -> Finding:
    """``characters``: character -> number of pictures that show it."""
    rare = sorted((count, char) for char, count in characters.items() if count < RARE)
    return Finding(
        f"characters in fewer than {RARE} pictures",
        WARNING,
        "a model hardly learns them; draw more of their kind",
        tuple(Item(f"{char!r} in {count}") for count, char in rare),
    )


def character_counts(pictures: Iterable[Picture]) -> dict[str, int]:
    """Character -> pictures that show it, most frequent first."""
    counts = Counter(char for picture in pictures for char in set(picture.label))
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def equal_pictures(pictures: Sequence[Picture]) -> list[list[Picture]]:
    groups = defaultdict(list)
    for picture in pictures:
        groups[picture.key].append(picture)
    return [group for group in groups.values() if len(group) > 1]


def size_name(picture: Picture) -> str:
    return "{}x{}".format(*picture.size)


def _files(folder: Path) -> Iterator[str]:
    """Names relative to ``folder``, with ``/``, sorted; hidden files are none of ours."""
    for base, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            if not name.startswith("."):
                yield (Path(base) / name).relative_to(folder).as_posix()
