"""A run of seconds: its settings, and other labels for it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from captcha_ocr.config import ImageConfig, TrainConfig
from captcha_ocr.labels import Label, read_labels, write_labels
from captcha_ocr.models import MODELS

# Width; an architecture that is not here has its usual size.
SMALL = {"vanilla_crnn": 0.25, "crnn_resnet34": 0.25, "svtr_tiny": 0.5}


def config_for(root: Path, arch: str = "vanilla_crnn", **changes: object) -> TrainConfig:
    config = TrainConfig(
        arch=arch,
        train_root=str(root),
        image=ImageConfig(channels=MODELS[arch].in_channels),
        model={"width": SMALL[arch]} if arch in SMALL else {},
        epochs=2,
        batch=8,
        batch_start=4,
        grow_steps=4,
        val_fraction=0.2,
        device="cpu",
    )
    return dataclasses.replace(config, **changes)  # type: ignore[arg-type]


def write_a_new_symbol(root: Path) -> None:
    """Labels as before, with 零 for 0."""
    labels = read_labels(root / "labels.txt")
    changed = [Label(label.file, label.text.replace("0", "零")) for label in labels]
    write_labels(root / "labels.txt", changed)
