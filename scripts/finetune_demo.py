"""Teach a shipped model an alphabet it has never seen, from 500 pictures, and time it.

    python scripts/finetune_demo.py

It draws one CAPTCHA as an owner would have it, one kind and one size, in Cyrillic: 500 pictures to
learn from, 500 others to measure on. It trains from the shipped weights and from random ones, and
prints both; the settings are the same, but for the auxiliary heads. JDK and Maven draw.
docs/training.md says how long it takes.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import missing

with missing.in_one_line():
    from captcha_ocr.cli.common import Arguments, command
    from captcha_ocr.cli.main import main as captcha_ocr
    from captcha_ocr.model_info import WEIGHTS_DIR, ModelInfo, find_models
    from generators import build_tools, run_generator

ALPHABET = "БГДЖИЛПФЦЧШЩЭЮЯ23456789"  # none that looks like a Latin letter or, as З does, a digit
KIND, FONT = "text:water:normal:noise", "DejaVu Serif"
PICTURES, EPOCHS = 500, 40
# Small batches: from so few pictures, more steps read more. One evaluation, at the end: the 25
# pictures set apart cannot tell which weights are best, and an early lucky one would be kept.
RECIPE = (
    f"--epochs {EPOCHS} --batch 4 --batch-start 4 --lr 1e-3 --flat 0.1 "
    f"--eval-every {EPOCHS * PICTURES} --aug --cache --amp auto"
)


@command
def main(argv: Arguments = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--arch", choices=find_models(), default="vanilla_crnn")
    arch = parser.parse_args(argv).arch
    # The height that the shipped weights know: another one has to be learned first.
    image = ModelInfo.load(WEIGHTS_DIR / f"{arch}.json").image
    size = ["--imgH", str(image.height), "--imgW", str(image.max_width)]
    build_tools()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        draw_sets(root)
        # Auxiliary heads lead random weights off the plateau; trained ones they would disturb.
        trained = ["--init-from", arch, "--aux-weight", "0"]
        for name, start in (("shipped weights", trained), ("random weights", [])):
            started = time.monotonic()
            data = ["--train-root", str(root / "train"), "--val-root", str(root / "test")]
            out = root / name.replace(" ", "_")
            settings = [*data, *start, *size, *RECIPE.split(), "--out", str(out)]
            if captcha_ocr(["train", "--arch", arch, *settings]):
                return 1
            description = (out / arch / f"{arch}.json").read_text(encoding="utf-8")
            figures = json.loads(description)["metrics"]["test"]
            print(
                f"{arch} from {name}: {figures['exact_match']:.1%} exact match on {figures['n']} "
                f"new pictures after {(time.monotonic() - started) / 60:.1f} minutes\n"
            )
    return 0


def draw_sets(root: Path) -> None:
    arguments = ["--train-dest", str(root / "train"), "--test-dest", str(root / "test")]
    for split, seed in (("train", 301), ("test", 302)):
        wanted = ["gen", KIND, f"{split}_raw", str(PICTURES), "160", "60", "4", "--fonts", FONT]
        options = ["--charset", ALPHABET, "--seed", str(seed), "--out-root", str(root)]
        run_generator("ctext", [*wanted, *options])
        arguments += [f"--{split}-src", "cyrillic", str(root / f"{split}_raw")]
    if captcha_ocr(["merge", *arguments]):
        sys.exit("error: the sets could not be merged")


if __name__ == "__main__":
    sys.exit(main())
