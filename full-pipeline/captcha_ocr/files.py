"""Files that appear whole or not at all: a crash, or a full disk, leaves what was there before."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, TextIO


@contextlib.contextmanager
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


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[TextIO]:
    """A text file to write to, in UTF-8 with ``\\n`` on every system."""
    with whole_file(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        yield file


def write_bytes(path: Path, data: bytes) -> None:
    with whole_file(path) as partial:
        partial.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=2) + "\n"
    # Of a file name that is no UTF-8 this leaves what JSON itself writes for such a character.
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def file_sha256(*paths: Path) -> str:
    """Of one file, or of several as if they were one."""
    digest = hashlib.sha256()
    for path in paths:
        with Path(path).open("rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    return digest.hexdigest()


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


def lock(file: BinaryIO) -> None:
    """Lock an open file until ``unlock``, or until the process ends, however it ends.

    Raises BlockingIOError where another has locked it, or has removed it since it was opened. Open
    it to append: in a folder of others it may be a link, whose target is not ours to empty.
    """
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError(*error.args) from None
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.fstat(file.fileno()).st_nlink:  # a third may have locked a new one in its place
            raise BlockingIOError(errno.EWOULDBLOCK, "the lock has just been removed")


def unlock(file: BinaryIO, path: Path) -> None:
    """Remove a locked file and give up its lock: in this order, or the next one could have locked
    what is removed then."""
    if sys.platform == "win32":  # it removes no file that is open: neither ours nor the next one's
        file.close()
    with contextlib.suppress(PermissionError):
        path.unlink(missing_ok=True)
    file.close()


def is_mac_note(name: str) -> bool:
    """On disks of others macOS keeps what it knows of ``a.png`` in ``._a.png``: no picture."""
    return name.startswith("._")


def find_files(folder: Path, pattern: str) -> list[Path]:
    """What ``folder.glob(pattern)`` finds, sorted, without the notes of macOS."""
    return sorted(path for path in folder.glob(pattern) if not is_mac_note(path.name))
