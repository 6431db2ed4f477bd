"""A target appears whole or not at all: it is built beside its place and renamed at the end."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from captcha_ocr.config import ConfigError
from captcha_ocr.files import file_sha256, lock, take_place, unlock, write_json
from captcha_ocr.labels import IMAGES_DIR, LABELS_FILE, MANIFEST_FILE
from captcha_ocr.merging.config import MergeConfig, TargetError

RECORD_FILE = "merge.json"
EMPTIED = "sources_emptied"  # in that record
ROOT = "root"  # inside the folder that building() yields: what becomes the target


def describe_inputs(config: MergeConfig) -> list[dict[str, Any]]:
    """What the sources hold, cheaply: hashes of their lists; number, bytes and age of the files.

    A picture that is changed without changing any of these goes unnoticed; `touch` it.
    """
    return [
        {
            "split": source.split,
            "style": source.style,
            "root": source.root.as_posix(),
            LABELS_FILE: _file_hash(source.root / LABELS_FILE),
            MANIFEST_FILE: _file_hash(source.root / MANIFEST_FILE),
            IMAGES_DIR: _folder_state(source.root / IMAGES_DIR),
        }
        for source in config.sources
    ]


def same_merge(target: Path, record: dict[str, Any]) -> bool:
    """Whether ``target`` holds the result of the same merge.

    Raises TargetError when it holds anything else (two merges never mix), ConfigError when it is
    a folder that cannot be replaced.
    """
    if is_free(target):
        return False
    try:
        found = json.loads((target / RECORD_FILE).read_text(encoding="utf-8"))
        differences = _differences(found, record)
    # The last three: JSON, but not of the shape that a merge writes.
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        raise TargetError(
            f"{target} exists and no merge made it; remove it or choose another folder"
        ) from None
    if differences:
        raise TargetError(
            f"{target} holds another merge ({', '.join(differences)} differ); remove it or choose "
            "another folder"
        )
    return True


def note_emptied(config: MergeConfig, record: dict[str, Any]) -> None:
    """After a move: what a source holds from now on was not left there."""
    write_json(config.train_dest / RECORD_FILE, {**record, EMPTIED: True})


def not_removed(config: MergeConfig, record: dict[str, Any]) -> int:
    """How many pictures of a ``--copy-mode move`` its sources hold still: its run was killed."""
    if config.copy_mode != "move":
        return 0
    found = json.loads((config.train_dest / RECORD_FILE).read_text(encoding="utf-8"))
    if found.get(EMPTIED):
        return 0
    moved = sum(source["kept"] for source in found["report"]["sources"])
    return max(0, moved - (_pictures(found) - _pictures(record)))


def _pictures(record: dict[str, Any]) -> int:
    return sum(source[IMAGES_DIR]["files"] for source in record["inputs"])


def is_free(target: Path) -> bool:
    """Whether a finished folder can take the name: nothing has it, or an empty folder.

    Raises ConfigError when that is a folder that cannot be replaced.
    """
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        return False
    _check_replaceable(target)
    return True


def _check_replaceable(target: Path) -> None:
    """The finished folder takes the place of an empty one: not of the one we stand in, where
    relative paths would lead nowhere from then on, and not of a whole disk, which has no name."""
    place = target.resolve()
    if not place.name or (place.exists() and place.samefile(".")):
        raise ConfigError(
            f"the target '{target}' is the current folder or a whole disk, which cannot be "
            f"replaced; name a folder in it: {target / 'merged'}"
        )


def _differences(found: dict[str, Any], record: dict[str, Any]) -> list[str]:
    before, now = dict(found.get("config", {})), record["config"]
    names = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    if _inputs(found, now["copy_mode"]) != _inputs(record, now["copy_mode"]):
        names.append("the sources")
    return names


def _inputs(record: dict[str, Any], copy_mode: str) -> list[dict[str, Any]]:
    """The inputs as compared: wherever they lie; after a move their pictures are gone."""
    skipped = {"root", IMAGES_DIR} if copy_mode == "move" else {"root"}
    return [
        {name: value for name, value in source.items() if name not in skipped}
        for source in record.get("inputs", [])
    ]


@contextmanager
def building(target: Path) -> Iterator[Path]:
    """A folder beside ``target`` for us alone, removed at the end; what is built goes to ``root/``.

    A run that was killed leaves such a folder, but no lock on it: the next one removes it.
    """
    folder, lock_path = _places_beside(target)
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock_file = lock_path.open("ab")
    try:
        lock(lock_file)
    except BlockingIOError:
        lock_file.close()
        raise TargetError(
            f"another merge is writing {folder}; wait for it or choose another folder"
        ) from None
    try:
        if folder.exists():
            shutil.rmtree(folder)
        (folder / ROOT / IMAGES_DIR).mkdir(parents=True)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        unlock(lock_file, lock_path)


def sweep(target: Path) -> None:
    """Remove what a run left that was killed once its target had appeared."""
    _, lock_path = _places_beside(target)
    if lock_path.exists():
        with building(target):
            pass


def _places_beside(target: Path) -> tuple[Path, Path]:
    """The folder in which a target is built, and its lock."""
    target = target.resolve()  # a/b/.. has no name to put a dot before
    folder = target.with_name(f".{target.name}.merging")
    return folder, folder.with_name(folder.name + ".lock")


def appear(folder: Path, target: Path, record: dict[str, Any] | None = None) -> None:
    """Give a finished folder its name; a merge's record goes into it."""
    target = target.resolve()  # as building() did
    if record is not None:
        write_json(folder / RECORD_FILE, record)
    if hasattr(os, "sync"):  # the pictures may be in memory still, and a power cut empty them
        os.sync()
    if target.is_dir():
        target.rmdir()  # it was empty, or this fails
    take_place(folder, target)
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut, where folders can be synced."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _file_hash(path: Path) -> str | None:
    return file_sha256(path) if path.is_file() else None


def _folder_state(folder: Path) -> dict[str, int]:
    files = size = newest = 0
    folders = [folder] if folder.is_dir() else []
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
                    continue
                found = entry.stat(follow_symlinks=False)
                files, size = files + 1, size + found.st_size
                newest = max(newest, found.st_mtime_ns)
    return {"files": files, "bytes": size, "newest_ns": newest}
