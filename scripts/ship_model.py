"""Put the models of finished runs into the package.

    python scripts/ship_model.py RUN...

``weights/<arch>.onnx`` and ``.json`` read pictures; ``<arch>.safetensors`` is for fine-tuning.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import sys
from pathlib import Path

import missing

with missing.in_one_line():
    from captcha_ocr.checkpoint import load_checkpoint, save_checkpoint
    from captcha_ocr.cli.common import Arguments, command
    from captcha_ocr.exporting.measuring import verify
    from captcha_ocr.model_info import WEIGHTS_DIR, ModelError
    from captcha_ocr.predictor import OnnxPredictor
    from captcha_ocr.runtimes.torch import describe

LARGEST = 12_000_000  # bytes of one file
LARGEST_TOGETHER = 40_000_000  # bytes of all that is shipped


def ship(run: Path, folder: Path = WEIGHTS_DIR) -> None:
    """Copy a run's model, once its two forms are known to read alike and to be small enough."""
    best = run / "best.safetensors"
    checkpoint = load_checkpoint(best)
    arch = checkpoint.arch
    onnx = run / f"{arch}.onnx"
    model = checkpoint.build()
    try:
        verify(OnnxPredictor(onnx), model, describe(checkpoint, model))
    except ModelError as error:
        sys.exit(f"error: {onnx} is not the model of this run; export it again ({error})")
    if onnx.stat().st_size > LARGEST:
        sys.exit(f"error: {onnx} has {onnx.stat().st_size:,} bytes, more than {LARGEST:,}")
    description = onnx.with_suffix(".json")
    others = [file for file in folder.iterdir() if file.stem != arch]
    total = sum(file.stat().st_size for file in (*others, onnx, description, best))
    if total > LARGEST_TOGETHER:
        allowed = f"more than {LARGEST_TOGETHER:,}; train a narrower one"
        sys.exit(f"error: with {arch} the package has {total:,} bytes, {allowed}")
    for file in (onnx, description):
        shutil.copyfile(file, folder / file.name)
    # The names of the folders are a record, the way to them is this machine's.
    paths = ("train_root", "val_root", "out", "init_from", "distill_from")
    record = {**checkpoint.train_config}
    record.update({key: Path(record[key]).name for key in paths if key in record})
    shipped = dataclasses.replace(checkpoint, train_config=record)
    save_checkpoint(folder / f"{arch}.safetensors", shipped)
    print(f"{arch} is in {folder}, {total / 1e6:.1f} MB with the others")


@command
def main(argv: Arguments = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="a run's folder")
    for run in parser.parse_args(argv).runs:
        ship(run)
    return 0


if __name__ == "__main__":
    sys.exit(main())
