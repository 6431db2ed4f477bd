"""Reading a data set root slice by slice: every picture decoded whole, every row kept or named."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from captcha_ocr.imaging import ImageError
from captcha_ocr.labels import IMAGES_DIR, LABELS_FILE, ROOT_HINT, LabelError, parse_label
from captcha_ocr.merging import keys
from captcha_ocr.merging.shards import SLICE_ROWS, PictureFolder


class ScanTask(NamedTuple):
    root: Path
    first_line: int
    lines: list[bytes]


class Picture(NamedTuple):
    """A labelled picture that can be read."""

    file: str
    line: int
    label: str
    size: tuple[int, int]  # (width, height), pixels
    suffix: str  # by the bytes
    key: bytes  # equal for equal pixels
    contrast: int  # between the brightest and the darkest value of a channel, 0 to 255


class Fault(NamedTuple):
    """A row that cannot be used. ``file`` is "" when not even its name could be read."""

    file: str
    line: int
    problem: str


class Scan(NamedTuple):
    pictures: list[Picture]
    faults: list[Fault]


def scan_tasks(root: Path) -> Iterator[ScanTask]:
    path = root / LABELS_FILE
    if not path.is_file():
        raise LabelError(path, 0, f"missing; {ROOT_HINT}")
    with path.open("rb") as file:
        for first in count(1, SLICE_ROWS):
            lines = list(islice(file, SLICE_ROWS))
            if not lines:
                return
            yield ScanTask(root, first, lines)


def scan_shard(task: ScanTask) -> Scan:
    folder = PictureFolder(task.root / IMAGES_DIR)
    pictures, faults = [], []
    for line, raw in enumerate(task.lines, start=task.first_line):
        name = ""
        try:
            label = parse_label(task.root / LABELS_FILE, line, raw)
            if label is None:
                continue
            name = label.file
            data = Path(folder.locate(name)[0]).read_bytes()
            image = keys.read_picture(data)
        except LabelError as error:
            faults.append(Fault("", line, error.problem))
        except (ImageError, ValueError, OSError) as error:
            faults.append(Fault(name, line, str(error)))
        else:
            key = keys.key(image.size, image.tobytes())
            contrast = int(np.ptp(np.asarray(image), axis=(0, 1)).max())
            suffix = keys.suffix_of(data)
            pictures.append(Picture(name, line, label.text, image.size, suffix, key, contrast))
    return Scan(pictures, faults)
