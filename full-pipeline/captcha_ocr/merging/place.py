"""Writing a slice of a target: each picture once, under its new name, with its manifest line."""

from __future__ import annotations

import errno
import io
import json
import os
from pathlib import Path
from typing import NamedTuple

from captcha_ocr.merging.shards import read_bytes

_to_json = json.JSONEncoder(ensure_ascii=False).encode  # dumps() would build it each time


class Placement(NamedTuple):
    """One picture on its way."""

    path: str  # where it is
    file: str  # its new name, relative to images/
    label: str
    style: str
    origin: str  # "<source folder's name>/<old name>", for the manifest
    size: tuple[int, int]  # (width, height), pixels
    file_size: int  # bytes that the file had when it was hashed
    fields: str | None  # its old manifest record as JSON


class PlaceTask(NamedTuple):
    images: str  # the folder that takes the pictures
    copy_mode: str
    placements: list[Placement]


class Placed(NamedTuple):
    """Names, labels and manifest lines in the order of the task."""

    labels: list[tuple[str, str]]
    manifest: list[str]


def place_shard(task: PlaceTask) -> Placed:
    for placement in task.placements:
        target = f"{task.images}/{placement.file}"
        put(placement.path, placement.file_size, target, task.copy_mode)
    return Placed(
        [(placement.file, placement.label) for placement in task.placements],
        [manifest_line(placement) for placement in task.placements],
    )


def put(path: str, size: int, target: str, copy_mode: str) -> None:
    """Copy or link a picture that had ``size`` bytes when it was hashed. The target must not exist:
    nothing is ever overwritten.

    ``move`` links too, where it can; the sources go when the target is complete.
    """
    if copy_mode != "copy":
        try:
            os.link(_file_behind(path), target)
        except OSError as error:
            if copy_mode == "link":
                raise OSError(
                    f"cannot link {path} into {Path(target).parent} "
                    f"({error.strerror}); links need one file system: use --copy-mode copy"
                ) from None
        else:
            _check_size(path, size, Path(target).stat().st_size)
            return
    data = read_bytes(path, size)
    _check_size(path, size, len(data))
    with io.FileIO(target, "x") as file:  # unbuffered: one write
        if file.write(data) < len(data):  # of a disk that becomes full, the rest is no error yet
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), target)


def _file_behind(path: str) -> str:
    """``os.link`` may link a symbolic link itself, which from the target leads nowhere or out."""
    return os.path.realpath(path) if Path(path).is_symlink() else path


def _check_size(path: str, then: int, now: int) -> None:
    if now != then:
        raise OSError(
            f"{path} had {then} bytes when it was hashed, {now} now; let whatever writes it "
            "finish, then merge again"
        )


def manifest_line(placement: Placement) -> str:
    """What the merge itself knows, and what else an old record holds: a label may have been
    corrected since that was written, and a picture scaled."""
    old = json.loads(placement.fields) if placement.fields else {}
    known = {
        "file": placement.file,
        "label": placement.label,
        "size": "{}x{}".format(*placement.size),
        "length": len(placement.label),
    }
    return _to_json({**known, **old, **known, "style": placement.style, "origin": placement.origin})
