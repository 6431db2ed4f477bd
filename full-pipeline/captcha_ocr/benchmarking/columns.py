"""What the benchmark set is made of: parts, and in each the columns of the tables."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from captcha_ocr.config import ConfigError
from captcha_ocr.datasets.styles import STYLES
from captcha_ocr.labels import IMAGES_DIR, LABELS_FILE, read_labels

# test: as training pictures are drawn, from other seeds. heldout: fonts that no training picture
# uses. sizes: sizes that none has. difficulty: the generators' dial, the same texts at each level.
PARTS = ("test", "heldout", "sizes", "difficulty")
LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the dial; 0.5 is the libraries' own look
# Held-out families near a family of the training list: designs of Liberation's, or other cuts,
# weights or widths of its AR PL SungtiL GB, AR PL UKai, Gentium Basic, Cantarell, Open Sans and
# PT Sans Narrow. Readers of these have seen their like.
RELATIVES = (
    "Arimo",
    "Tinos",
    "Cousine",
    "BabelStone Han",
    "AR PL KaitiM GB",
    "Gentium Book Basic",
    "Cantarell Extra Bold",
    "Open Sans Condensed",
    "PT Sans",
)
ARITHMETIC = "arith"  # the kind whose pictures are sums, in every style


@dataclass(frozen=True)
class Column:
    """A group of pictures that gets figures of its own."""

    key: str  # in JSON and in file names
    style: str
    kinds: tuple[str, ...]


_EASY = STYLES["easy"].kinds
_CHINESE = tuple(kind for kind in _EASY if kind.startswith("cn"))

COLUMNS = {
    column.key: column
    for column in (
        Column(
            "easy-text",
            "easy",
            tuple(kind for kind in _EASY if kind not in (*_CHINESE, ARITHMETIC)),
        ),
        Column("easy-cn", "easy", _CHINESE),
        Column("easy-arith", "easy", (ARITHMETIC,)),
        Column("ctext", "ctext", STYLES["ctext"].kinds),
        Column("ruoyi", "ruoyi", STYLES["ruoyi"].kinds),
    )
}


def column_of(record: Mapping[str, Any]) -> str:
    """The key of the column that a manifest record belongs to; ConfigError when there is none."""
    for column in COLUMNS.values():
        if record.get("style") == column.style and record.get("kind") in column.kinds:
            return column.key
    raise ConfigError(
        f"{record.get('file')!r}: style {record.get('style')!r} with kind {record.get('kind')!r} "
        f"is in no column; the columns are {', '.join(COLUMNS)}"
    )


def part_of(record: Mapping[str, Any]) -> str:
    """The part that a manifest record belongs to; ConfigError when it is of no benchmark set."""
    part = record.get("part")
    if part not in PARTS:
        raise ConfigError(
            f"{record.get('file')!r} is of the part {part!r}, not of {', '.join(PARTS)}: this is "
            "no benchmark set; scripts/make_benchmark.py draws one"
        )
    return part


def unrelated(record: Mapping[str, Any]) -> bool:
    """Whether no font of the picture is in RELATIVES."""
    return not any(family in (record.get("font") or "") for family in RELATIVES)


def set_digest(root: Path) -> str:
    """Stands for a set: equal where the same names have the same labels and the same bytes."""
    rows = []
    for label in read_labels(root / LABELS_FILE):
        picture = hashlib.sha256((root / IMAGES_DIR / label.file).read_bytes()).hexdigest()
        rows.append(f"{label.file}\t{label.text}\t{picture}\n")
    return hashlib.sha256("".join(sorted(rows)).encode()).hexdigest()[:16]
