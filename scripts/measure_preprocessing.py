"""What a picture's height and shape are worth: the same small CRNN, the same pictures.

    python scripts/measure_preprocessing.py --out DIR

It draws digits in the style `ctext` (JDK 17), trains one network a setting, and writes
docs/tutorial/preprocessing.json, which the tutorial's third chapter prints, and the curves that its
fourth explains. DIR keeps the pictures and the runs; what is there already is not done again.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import missing

with missing.in_one_line():
    from captcha_ocr.cli.common import Arguments, command
    from captcha_ocr.config import ImageConfig, TrainConfig
    from captcha_ocr.cores import usable_cores
    from captcha_ocr.datasets.stores import FolderStore
    from captcha_ocr.evaluation import evaluate
    from captcha_ocr.imaging import padded_width
    from captcha_ocr.labels import write_labels
    from captcha_ocr.runtimes.torch import TorchPredictor
    from captcha_ocr.training.finishing import finish
    from captcha_ocr.training.run_folder import RunFolder
    from experiments import trained
    from generators import REPOSITORY, build_tools, draw
    from PIL import Image

RESULT = REPOSITORY / "docs" / "tutorial" / "preprocessing.json"
ASSETS = REPOSITORY / "assets" / "tutorial"
SHOWN = "height 32"  # the run whose pictures the fourth chapter explains
CURVES = {
    "results.png": "training-enough.png",
    "confusion.png": "training-confusion.png",
    "reliability.png": "training-reliability.png",
}
SETS = {"train": (6_000, 31), "test": (1_000, 32)}  # pictures, seed
DIGITS = "0123456789"
PICTURE = (160, 60)  # the commonest size: what a setting makes of it is in the table


@dataclass(frozen=True)
class Setting:
    name: str
    height: int = 32  # pixels, what the network gets
    rows: int = 0  # scaled down to so many first; 0: from the picture as it is
    squashed: int = 0  # and to this width, whatever its shape was; 0: the aspect is kept

    @property
    def image(self) -> ImageConfig:
        return ImageConfig(height=self.height, max_width=4 * self.height)

    def before(self, size: tuple[int, int]) -> tuple[int, int]:
        """(width, height) that a picture of ``size`` is brought to before preprocessing."""
        rows = self.rows or size[1]
        return self.squashed or round(size[0] * rows / size[1]), rows


SETTINGS = [
    Setting("16 rows, enlarged to 32", rows=16),
    Setting("24 rows, enlarged to 32", rows=24),
    Setting("height 32"),
    Setting("height 48", height=48),
    Setting("height 60", height=60),
    Setting("height 32, squashed to 96 x 32", rows=32, squashed=96),
]


@command
def main(argv: Arguments = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    out = parser.parse_args(argv).out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    build_tools()
    for name, (count, seed) in SETS.items():
        draw("ctext", out, name, count, seed, usable_cores(), options=["--charset", DIGITS])
    rows = [measure(setting, out) for setting in SETTINGS]
    record = {"sets": {name: count for name, (count, _) in SETS.items()}, "rows": rows}
    draw_curves(out)
    RESULT.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(RESULT)
    return 0


def measure(setting: Setting, out: Path) -> dict[str, Any]:
    """One row of the table: exact match on the test set."""
    train, test = (changed(out / name, setting) for name in SETS)
    folder = run_of(setting, train, out / "runs")
    predictor = TorchPredictor.load(folder.best, "cpu")
    score = evaluate(predictor, FolderStore(test)).score()
    width = padded_width(setting.before(PICTURE), setting.image)
    return {
        "setting": setting.name,
        "pixels": width * setting.height,
        "columns": width // predictor.info.width_stride,
        "exact_match": score.exact_match,
        "exact_match_interval": score.exact_match_interval,
    }


def configured(setting: Setting, train: Path) -> TrainConfig:
    return TrainConfig(
        arch="vanilla_crnn",
        train_root=str(train),
        image=setting.image,
        model={"width": 0.25},
        epochs=2,
        batch=64,
        grow_steps=500,
        eval_every=1_000,
        cache=True,
        seed=1,
    )


def run_of(setting: Setting, train: Path, runs: Path) -> RunFolder:
    return trained(configured(setting, train), runs / setting.name.replace(" ", "-"))


def draw_curves(out: Path) -> None:
    """The pictures of the plain run, which the fourth chapter explains."""
    (setting,) = (setting for setting in SETTINGS if setting.name == SHOWN)
    config = configured(setting, out / "train")
    folder = run_of(setting, out / "train", out / "runs")
    finish(dataclasses.replace(config, val_root=str(out / "test")), folder)
    for name, target in CURVES.items():
        shutil.copyfile(folder.path / name, ASSETS / target)


def changed(root: Path, setting: Setting) -> Path:
    """The set itself, or a copy with the pictures scaled as the setting says."""
    store = FolderStore(root)
    if all(setting.before(size) == size for size in store.sizes):
        return root
    copy = root.with_name(f"{root.name}_{setting.squashed}x{setting.rows}")
    if not (copy / "labels.txt").is_file():
        (copy / "images").mkdir(parents=True, exist_ok=True)
        for i, label in enumerate(store.labels):
            picture = store.open(i)
            scaled = picture.resize(setting.before(picture.size), Image.Resampling.BILINEAR)
            scaled.save(copy / "images" / label.file)
        write_labels(copy / "labels.txt", store.labels)
    return copy


if __name__ == "__main__":
    sys.exit(main())
