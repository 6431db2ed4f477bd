"""TorchScript, for programs that load it already. Legacy: torch.jit is deprecated since torch 2.10,
in favour of torch.export; nothing new should start from it."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import torch

from captcha_ocr.checkpoint import Checkpoint
from captcha_ocr.datasets.stores import Store
from captcha_ocr.exporting import Remark
from captcha_ocr.exporting.forms import free_width, two_widths
from captcha_ocr.files import write_bytes
from captcha_ocr.runtimes.torchscript import DEPRECATED


def convert(checkpoint: Checkpoint, path: Path, calibration: Store | None = None) -> Remark:
    """Write a traced, frozen module, for any batch size and width."""
    write_bytes(path, trace(checkpoint, batch=2, freeze=True))
    return {"kind": "legacy"}


def trace(checkpoint: Checkpoint, *, batch: int, freeze: bool) -> bytes:
    """A TorchScript file. Frozen: norms merged into kernels, weights no longer named."""
    image = checkpoint.image
    example = torch.zeros(batch, image.channels, image.height, two_widths(image)[0])
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", DEPRECATED)
        # What torch ignores by itself: checks of sizes inside its own layers.
        torch.jit.TracerWarning.ignore_lib_warnings()
        module = torch.jit.trace(free_width(checkpoint.build()), example, check_trace=False)
        torch.jit.save(torch.jit.freeze(module) if freeze else module, buffer)
    return buffer.getvalue()
