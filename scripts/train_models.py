"""Reproduce the shipped weights from nothing: draw the pictures, merge them, train, ship.

    python scripts/train_models.py --arch vanilla_crnn
    python scripts/train_models.py --arch all --no-ship

A JDK (17 or newer), Maven and the fonts of fonts-debian-packages.txt draw. Killed half-way, the
same command goes on where it was. docs/recipe.md says how long it takes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from captcha_ocr.cli.merge import main as merge
from captcha_ocr.cli.train import main as train
from captcha_ocr.merging.engines import usable_cores
from captcha_ocr.models import MODELS
from generators import REPOSITORY, build_tools, draw
from ship_model import ship

# Pictures of each style, and the seed they are drawn with. dev chooses weights and temperature;
# the benchmark's pictures come from other seeds and take no part in this.
SETS = {
    "train": {"easy": (160_000, 101), "ctext": (100_000, 102), "ruoyi": (40_000, 103)},
    "dev": {"easy": (3_000, 201), "ctext": (2_000, 202), "ruoyi": (1_000, 203)},
}
RECIPE = (
    "--batch 128 --batch-start 16 --grow-steps 1500 --aug --cache --amp bf16 --eval-every 50000"
)
EPOCHS = {"vanilla_crnn": 3, "crnn_resnet34": 1.1, "svtr_tiny": 1.2}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--arch", choices=(*MODELS, "all"), default="vanilla_crnn")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "full-pipeline" / "shipped")
    parser.add_argument("--no-ship", action="store_true", help="leave the package as it is")
    args = parser.parse_args()
    out = args.out.resolve()
    draw_sets(out)
    for arch in MODELS if args.arch == "all" else (args.arch,):
        run = out / "runs" / arch
        code = train(train_arguments(arch, out, run))
        if code:
            return code
        if not args.no_ship:
            ship(run)
    return 0


def draw_sets(out: Path) -> None:
    if (out / "train").exists():  # the merge writes both roots whole or not at all
        return
    build_tools()
    arguments = ["--train-dest", str(out / "train"), "--test-dest", str(out / "dev")]
    for split, styles in SETS.items():
        for style, (count, seed) in styles.items():
            name = f"{style}_{split}"
            draw(style, out / "raw", name, count, seed, usable_cores())
            option = "--train-src" if split == "train" else "--test-src"
            arguments += [option, style, str(out / "raw" / name)]
    if merge([*arguments, "--copy-mode", "link", "--seed", "123"]):
        sys.exit("error: the sets could not be merged")


def train_arguments(arch: str, out: Path, run: Path) -> list[str]:
    if (run / "last.pt").exists():
        return ["--arch", arch, "--resume", str(run)]
    data = ["--train-root", str(out / "train"), "--val-root", str(out / "dev")]
    epochs = ["--select-on", "val", "--epochs", str(EPOCHS.get(arch, 1)), "--out", str(run.parent)]
    return ["--arch", arch, *data, *epochs, *RECIPE.split()]


if __name__ == "__main__":
    sys.exit(main())
