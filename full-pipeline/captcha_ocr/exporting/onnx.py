"""ONNX: what the run itself writes, and what the servers and the browser read."""

from __future__ import annotations

from pathlib import Path

from captcha_ocr.checkpoint import Checkpoint
from captcha_ocr.datasets.stores import Store
from captcha_ocr.export import export_onnx
from captcha_ocr.exporting import Remark


def convert(checkpoint: Checkpoint, path: Path, calibration: Store | None = None) -> Remark:
    """Write one file for any batch size and width."""
    export_onnx(checkpoint, path.parent, path.stem)
    return {}
