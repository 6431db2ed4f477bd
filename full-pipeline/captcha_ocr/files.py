"""Files that appear whole or not at all: a crash, or a full disk, leaves what was there before."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A name beside ``path`` to write to. The file takes its place, synced, when all went well.

    ``/dev/null`` and other things that are no files are written to: root could replace them.
    """
    path = Path(path)
    if path.exists() and not (path.is_file() or path.is_dir()):
        yield path
        return
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        take_place(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def atomic_write(path: Path) -> Iterator[TextIO]:
    """A text file to write to, in UTF-8 with ``\\n`` on every system."""
    with whole_file(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        yield file


def write_bytes(path: Path, data: bytes) -> None:
    with whole_file(path) as partial:
        partial.write_bytes(data)


def take_place(partial: Path, path: Path) -> None:
    """Rename a finished file, over an old one, or a finished folder.

    Windows refuses that while a program has the old file open, or one in the folder: a virus
    scanner does for a moment, and is waited for.
    """
    for pause in (0.1, 0.4, 1.5):  # seconds
        try:
            partial.replace(path)
            return
        except PermissionError:
            time.sleep(pause)
    partial.replace(path)
