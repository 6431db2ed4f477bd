"""What torchrun starts in test_training.py: a short run with a model that has no batch norm.

Batch norm takes its statistics from a process's own share of a batch, so only a model without it
can be equal, and not just alike, for any number of processes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from captcha_ocr import models
from captcha_ocr.config import ImageConfig, TrainConfig
from captcha_ocr.models.base import CTCRecognizer, columns
from captcha_ocr.training.loop import fit
from captcha_ocr.training.run_folder import RunFolder
from torch import Tensor, nn


class Plain(CTCRecognizer):
    in_channels = 1
    width_stride = 4

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 16, 5, stride=4, padding=2)
        self.head = nn.Linear(16, num_classes)
        self.tap_dims = (16,)

    def forward_with_taps(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        sequence = columns(self.conv(images).relu())
        return self.head(sequence), [sequence]


def main(root: str, out: str) -> None:
    models.MODELS["plain"] = Plain
    config = TrainConfig(
        arch="plain",
        train_root=root,
        epochs=2,
        batch=6,
        batch_start=6,
        image=ImageConfig(),
        val_fraction=0.25,
        lr=0.01,
        device="cpu",
    )
    fit(config, RunFolder(Path(out)))


if __name__ == "__main__":
    main(*sys.argv[1:])
