"""Put a finished run's model into the package: ``python scripts/ship_model.py RUN...``

``weights/<arch>.onnx`` and ``.json`` read pictures; ``<arch>.safetensors`` is for fine-tuning.
"""

from __future__ import annotations

import dataclasses
import shutil
import sys
from pathlib import Path

import numpy as np
from captcha_ocr.checkpoint import load_checkpoint, save_checkpoint
from captcha_ocr.model_info import WEIGHTS_DIR
from captcha_ocr.predictor import OnnxPredictor
from captcha_ocr.torch_predictor import TorchPredictor

LARGEST = 12_000_000  # bytes of one file


def ship(run: Path, folder: Path = WEIGHTS_DIR) -> None:
    """Copy a run's model, once its two forms are known to read alike and to be small enough."""
    checkpoint = load_checkpoint(run / "best.safetensors")
    arch = checkpoint.arch
    onnx = run / f"{arch}.onnx"
    image = checkpoint.image
    noise = np.random.default_rng(0).uniform(-1, 1, (image.channels, image.height, 96))
    arrays = [noise.astype(np.float32)]
    exported = OnnxPredictor(onnx).logits(arrays)[0]
    trained = TorchPredictor.load(run / "best.safetensors", "cpu").logits(arrays)[0]
    if not np.allclose(exported, trained, atol=1e-3):
        sys.exit(f"error: {onnx} is not the model of {run / 'best.safetensors'}; export it again")
    if onnx.stat().st_size > LARGEST:
        sys.exit(f"error: {onnx} has {onnx.stat().st_size:,} bytes, more than {LARGEST:,}")
    for file in (onnx, onnx.with_suffix(".json")):
        shutil.copyfile(file, folder / file.name)
    # The names of the folders are a record, the way to them is this machine's.
    paths = ("train_root", "val_root", "out", "init_from")
    record = {**checkpoint.train_config}
    record.update({key: Path(record[key]).name for key in paths})
    shipped = dataclasses.replace(checkpoint, train_config=record)
    save_checkpoint(folder / f"{arch}.safetensors", shipped)
    print(f"{arch} is in {folder}")


if __name__ == "__main__":
    for run in sys.argv[1:] or sys.exit(__doc__):
        ship(Path(run))
