"""Writing the roots: pictures, labels, manifest, charset, and what was left out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from captcha_ocr.charset import Charset
from captcha_ocr.files import atomic_write
from captcha_ocr.labels import (
    CHARSET_FILE,
    IMAGES_DIR,
    LABELS_FILE,
    MANIFEST_FILE,
    Label,
    write_labels,
)
from captcha_ocr.merging.config import TRAIN, MergeConfig
from captcha_ocr.merging.engines import Engine
from captcha_ocr.merging.keytable import KeyTable
from captcha_ocr.merging.place import Placement, PlaceTask, place_shard
from captcha_ocr.merging.report import LEFT_OUT_FILE
from captcha_ocr.merging.rules import CONFLICT
from captcha_ocr.merging.shards import chunks
from captcha_ocr.merging.summary import all_left_out, quarantined
from captcha_ocr.merging.target import note_emptied


def write_root(
    table: KeyTable,
    config: MergeConfig,
    engine: Engine,
    split: str,
    folder: Path,
    progress: Callable[[str, int], None],
) -> None:
    """Write a root into an empty folder (with an empty images/ in it)."""
    rows = table.staying(split, shuffle=config.shuffle)
    placements = (_placement(config, number, row) for number, row in enumerate(rows, start=1))
    tasks = (
        PlaceTask(str(folder / IMAGES_DIR), config.copy_mode, chunk) for chunk in chunks(placements)
    )
    with atomic_write(folder / MANIFEST_FILE) as manifest:

        def labels() -> Iterator[Label]:
            done = 0
            for placed in engine.map(place_shard, tasks):
                manifest.writelines(line + "\n" for line in placed.manifest)
                for file, text in placed.labels:
                    yield Label(file, text)
                done += len(placed.labels)
                progress(f"placed in {split}", done)

        write_labels(folder / LABELS_FILE, labels())
    if split == TRAIN:
        Charset.from_texts(table.characters(TRAIN)).write(folder / CHARSET_FILE)
        _write_left_out(table, config, folder)


def write_charset_copy(config: MergeConfig) -> None:
    """The charset of the finished training root, once more where --charset-out says."""
    if config.charset_out:
        config.charset_out.parent.mkdir(parents=True, exist_ok=True)
        text = (config.train_dest / CHARSET_FILE).read_text(encoding="utf-8")
        with atomic_write(config.charset_out) as file:
            file.write(text)


def remove_moved(table: KeyTable, config: MergeConfig, record: dict[str, Any]) -> None:
    """After ``--copy-mode move``: the pictures that stand in the targets leave their sources.

    Those that were left out stay where they are. Done last, when all is on the disk: a run that is
    killed before, or a power cut, loses nothing.
    """
    if config.copy_mode != "move":
        return
    for source, file in table.ask("SELECT source, file FROM rows WHERE fate IS NULL"):
        Path(config.sources[source].picture(file)).unlink(missing_ok=True)
    note_emptied(config, record)


def _placement(config: MergeConfig, number: int, row: tuple[Any, ...]) -> Placement:
    source_number, file, label, suffix, width, height, file_size, fields = row
    source = config.sources[source_number]
    folder = source.root.name
    if folder in ("", ".."):  # how it was given is not what it is called
        folder = source.root.resolve().name
    return Placement(
        path=source.picture(file),
        file=f"{source.style}_{number:07d}{suffix}",
        label=label,
        style=source.style,
        origin=f"{folder}/{file}",
        size=(width, height),
        file_size=file_size,
        fields=fields,
    )


def _write_left_out(table: KeyTable, config: MergeConfig, folder: Path) -> None:
    with atomic_write(folder / LEFT_OUT_FILE) as file:
        file.writelines(line + "\n" for line in all_left_out(table, config))
    for number, source, name, suffix in table.ask(
        "SELECT id, source, file, suffix FROM rows WHERE fate = ?", (CONFLICT,)
    ):
        target = folder / quarantined(number, suffix)
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(config.sources[source].picture(name), target)
