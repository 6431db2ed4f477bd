"""Draw the public benchmark: pictures of seeds, fonts and sizes that no training set has.

    python scripts/make_benchmark.py
    python scripts/make_benchmark.py --against full-pipeline/dataset/train

It fills benchmark/full; a fixed sample of it lies in benchmark/ and comes with the repository.
``--against`` leaves out what equals a picture of a training set. A JDK draws, with the fonts of
fonts-debian-packages.txt; with other fonts installed the pictures are others.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import missing

with missing.in_one_line():
    from captcha_ocr.benchmarking.columns import COLUMNS, LEVELS, Column
    from captcha_ocr.benchmarking.overlap import find_equal
    from captcha_ocr.cli.common import Arguments, command
    from captcha_ocr.config import ConfigError
    from captcha_ocr.cores import usable_cores
    from captcha_ocr.files import atomic_write
    from captcha_ocr.imaging import open_image
    from captcha_ocr.labels import (
        IMAGES_DIR,
        LABELS_FILE,
        MANIFEST_FILE,
        Label,
        read_labels,
        read_manifest,
        write_labels,
    )
    from captcha_ocr.merging.engines import process_engine
    from generators import EASY_CONFIG, FONTS, REPOSITORY, SIZES, TOOLS, build_tools, draw

HELDOUT_FONTS = TOOLS / "fonts-heldout.txt"
# EasyCaptcha's own size is 130x48. No training picture has one of these.
OTHER_SIZES = "130x48:20,111x36:20,100x30:20,150x50:20,220x70:10,300x90:10"
# Pictures of each column: in the full set, and of these in the sample.
COUNTS = {
    "test": dict.fromkeys(COLUMNS, 2000),
    "heldout": dict(zip(COLUMNS, (700, 300, 200, 800, 500))),
    "sizes": dict.fromkeys(COLUMNS, 300),
    "difficulty": dict.fromkeys(COLUMNS, 100),  # at each level
}
SAMPLE = {
    "test": dict(zip(COLUMNS, (360, 160, 150, 300, 160))),
    "heldout": dict(zip(COLUMNS, (70, 30, 20, 80, 50))),
    "sizes": dict.fromkeys(COLUMNS, 12),
    "difficulty": dict.fromkeys(COLUMNS, 8),
}
SPARE = 1.05  # drawn beyond what is asked for: equal pictures go
SEED = 9001  # of the first set; `make data` and the shipped models' training use others


@dataclass(frozen=True)
class Drawing:
    """One call of a generator."""

    part: str
    column: Column
    seed: int
    level: float

    @property
    def name(self) -> str:
        level = f"_{round(100 * self.level):03d}" if self.part == "difficulty" else ""
        return f"{self.part}_{self.column.key}{level}"


def drawings() -> Iterator[Drawing]:
    """Each part and column has a seed; the levels of the dial share one, and so their texts."""
    for number, part in enumerate(COUNTS):
        for place, column in enumerate(COLUMNS.values()):
            for level in LEVELS if part == "difficulty" else (0.5,):
                yield Drawing(part, column, SEED + len(COLUMNS) * number + place, level)


@command
def main(argv: Arguments = None) -> int:
    args = build_parser().parse_args(argv)
    out = args.out.resolve()
    for folder in filter(None, (out, args.sample)):
        keep_others(folder)
    raw = out / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    if not args.skip_drawing:
        build_tools()
        for drawing in drawings():
            draw_one(drawing, raw, args.threads)
    with process_engine(args.threads) as engine:
        own = pictures_of(raw / drawing.name for drawing in drawings())
        equal = find_equal(list(own), pictures_of(args.against), engine)
    print(f"{len(equal)} pictures left out: equal to a training picture or to an earlier one")
    rows = [row for drawing in drawings() for row in chosen(drawing, raw, equal, COUNTS)]
    write_set(rows, out)
    if args.sample:
        rows = [row for drawing in drawings() for row in chosen(drawing, raw, equal, SAMPLE)]
        write_set(rows, args.sample, shrink=True)
    return 0


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, default=REPOSITORY / "benchmark" / "full")
    parser.add_argument("--threads", type=int, default=usable_cores(), metavar="N")
    parser.add_argument(
        "--against",
        type=Path,
        action="append",
        default=[],
        metavar="ROOT",
        help="a training set: what equals one of its pictures is left out (may be repeated)",
    )
    parser.add_argument(
        "--sample", type=Path, metavar="DIR", help="also write the sample, as it is in benchmark/"
    )
    parser.add_argument(
        "--skip-drawing", action="store_true", help="everything was drawn before: only choose"
    )
    return parser


def draw_one(drawing: Drawing, raw: Path, threads: int) -> None:
    heldout = drawing.part == "heldout"
    options = ["--difficulty", str(drawing.level)]
    if drawing.column.style == "ruoyi" and heldout:
        options += ["--other-share", "1"]
    draw(
        drawing.column.style,
        raw,
        drawing.name,
        int(COUNTS[drawing.part][drawing.column.key] * SPARE) + 10,
        drawing.seed,
        threads,
        config=write_easy_config(drawing, raw),
        fonts=HELDOUT_FONTS if heldout else FONTS,
        sizes=OTHER_SIZES if drawing.part == "sizes" else SIZES,
        options=options,
    )


def write_easy_config(drawing: Drawing, raw: Path) -> Path:
    """EasyCaptcha's usual configuration, less the kinds of other columns."""
    config = json.loads(EASY_CONFIG.read_text(encoding="utf-8"))
    config["type_mix"] = {
        kind: weight for kind, weight in config["type_mix"].items() if kind in drawing.column.kinds
    }
    if drawing.part == "sizes":
        items = (item.split(":") for item in OTHER_SIZES.split(","))
        config["sizes"] = {size: int(weight) for size, weight in items}
    settings = [config["default"], *config["kinds"].values()]
    for setting in settings:
        fonts: Any = setting["fonts"]
        if drawing.part == "heldout":
            setting["fonts"] = f"file:{HELDOUT_FONTS}"
        elif isinstance(fonts, str):
            setting["fonts"] = absolute(fonts)
        else:
            setting["fonts"] = {absolute(name): weight for name, weight in fonts.items()}
    path = raw / f"{drawing.name}.json"
    path.write_text(json.dumps(config, ensure_ascii=False, indent=1), encoding="utf-8")
    return path


def absolute(fonts: str) -> str:
    """``file:`` names are relative to the configuration, which lies elsewhere now."""
    kind, _, name = fonts.partition(":")
    return f"file:{(EASY_CONFIG.parent / name).resolve()}" if kind == "file" else fonts


def pictures_of(roots: Iterable[Path]) -> Iterator[Path]:
    for root in roots:
        for label in read_labels(root / LABELS_FILE):
            yield root / IMAGES_DIR / label.file


@dataclass(frozen=True)
class Row:
    source: Path
    file: str
    label: str
    fields: dict[str, Any]


def chosen(
    drawing: Drawing, raw: Path, equal: dict[Path, Path], counts: dict[str, dict[str, int]]
) -> list[Row]:
    """The first pictures of a drawing that equal no other."""
    root, count = raw / drawing.name, counts[drawing.part][drawing.column.key]
    manifest = read_manifest(root / MANIFEST_FILE)
    rows = []
    for label in read_labels(root / LABELS_FILE):
        source = root / IMAGES_DIR / label.file
        if source not in equal:
            fields = {**manifest[label.file], "part": drawing.part}
            rows.append(Row(source, f"{drawing.name}_{label.file}", label.text, fields))
    if len(rows) < count:
        sys.exit(f"error: {drawing.name} has {len(rows)} pictures, {count} are needed")
    return rows[:count]


def keep_others(out: Path) -> None:
    """An earlier set will go; pictures of anything else stay, and are an error."""
    ours = tuple(f"{drawing.name}_" for drawing in drawings())
    for path in out.glob(f"{IMAGES_DIR}/*"):
        if not path.name.startswith((*ours, ".", "Thumbs.db")):  # the last are of file managers
            raise ConfigError(f"{path} is of no benchmark; name an empty folder or a new one")


def write_set(rows: list[Row], out: Path, *, shrink: bool = False) -> None:
    """A data set root. ``shrink`` packs PNG as WebP without loss, in two thirds of the room."""
    images = out / IMAGES_DIR
    shutil.rmtree(images, ignore_errors=True)
    images.mkdir(parents=True)
    labels, records = [], []
    for row in rows:
        target = images / row.file
        if shrink and target.suffix == ".png":
            target = target.with_suffix(".webp")
            open_image(row.source).save(target, lossless=True)
        else:
            shutil.copyfile(row.source, target)
        labels.append(Label(target.name, row.label))
        records.append({**row.fields, "file": target.name})
    write_labels(out / LABELS_FILE, labels)
    with atomic_write(out / MANIFEST_FILE) as file:
        file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    size = sum(path.stat().st_size for path in images.iterdir())
    print(f"{len(rows):,} pictures, {size / 1e6:.1f} MB in {out}")


if __name__ == "__main__":  # worker processes import this file again on Windows and macOS
    sys.exit(main())
