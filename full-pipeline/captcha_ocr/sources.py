"""Where pictures come from: files, folders and standard input, found without opening them."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from captcha_ocr.files import is_mac_note
from captcha_ocr.imaging import SUFFIXES, ImageError
from captcha_ocr.labels import (
    IMAGES_DIR,
    LABELS_FILE,
    ROOT_HINT,
    LabelError,
    read_labels,
    spellings,
)


@dataclass(frozen=True)
class NamedSource:
    """One picture to read: a name to show, what `open_image` opens, and its label if known."""

    name: str
    content: Path | BinaryIO | ImageError  # an error stands for what is not opened
    label: str | None = None


class PassedOver(Counter[str]):
    """Files of a folder that are no pictures by their names, counted by suffix."""

    def __str__(self) -> str:
        kinds = (
            f"{count:,} {suffix or 'without a suffix'}" for suffix, count in self.most_common()
        )
        return f"passed over, no pictures by their names: {', '.join(kinds)}"


def folder_sources(
    folder: Path,
    *,
    recursive: bool = False,
    labels: Mapping[str, str] | None = None,
    passed_over: PassedOver | None = None,
) -> Iterator[NamedSource]:
    """The pictures of a folder or a data set root, sorted: what has their suffix or a label.

    ``labels`` maps names relative to the picture folder (with ``/``) to texts; ``passed_over``
    counts the other files.

    Raises ImageError when there is none: an empty result would look like success.
    """
    root, labels = picture_folder(folder), labels or {}
    passed_over = PassedOver() if passed_over is None else passed_over
    empty = True
    for path in _walk(root, recursive):
        name = path.relative_to(root).as_posix()
        label = next((labels[one] for one in spellings(name) if one in labels), None)
        if label is None and not name.lower().endswith(SUFFIXES):
            if name != LABELS_FILE:
                passed_over[path.suffix.lower()] += 1
            continue
        empty = False
        yield NamedSource(str(path), _content(path), label)
    if empty:
        deeper = "" if recursive else ", or read its sub-folders with --recursive"
        there = f" ({passed_over})" if passed_over else ""
        raise ImageError(
            "missing",
            f"no pictures in {root}{there}; put {', '.join(SUFFIXES)} files there{deeper}",
        )


def _content(path: Path) -> Path | ImageError:
    """A pipe in a folder would be waited for without end; one that the user names is meant."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return path  # to open it says why
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return path
    return ImageError("missing", f"cannot open {path}: a pipe or a device, and no file")


def picture_folder(folder: Path) -> Path:
    """``folder``, or the ``images/`` of a data set root. Raises ImageError when it is none."""
    if not folder.is_dir():
        raise ImageError("missing", f"{folder} is no folder")
    is_root = (folder / LABELS_FILE).is_file() and (folder / IMAGES_DIR).is_dir()
    return folder / IMAGES_DIR if is_root else folder


def folder_labels(folder: Path) -> dict[str, str]:
    """File -> text from the ``labels.txt`` inside ``folder``, or beside it."""
    places = [folder / LABELS_FILE, folder.resolve().parent / LABELS_FILE]
    for path in places:
        if path.is_file():
            return {label.file: label.text for label in read_labels(path)}
    raise LabelError(places[0], 0, f"no such file, nor {places[1]}; {ROOT_HINT}")


def _walk(folder: Path, recursive: bool) -> Iterator[Path]:
    """Files in order of their names; links to folders are not followed, so it always ends."""
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            if recursive:
                yield from _walk(Path(entry.path), recursive)
        elif not is_mac_note(entry.name):
            yield Path(entry.path)
