"""NCNN, for phones and small boards: converted by pnnx, for any width."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from captcha_ocr.checkpoint import Checkpoint
from captcha_ocr.datasets.stores import Store
from captcha_ocr.exporting import Remark
from captcha_ocr.exporting.forms import two_widths
from captcha_ocr.exporting.torchscript import trace
from captcha_ocr.files import write_bytes
from captcha_ocr.model_info import ModelError


def convert(checkpoint: Checkpoint, path: Path, calibration: Store | None = None) -> Remark:
    """Write ``<name>.param`` and ``<name>.bin``.

    Weights are 32-bit: pnnx merges norms into kernels, which then need them.
    """
    import pnnx

    image = checkpoint.image
    # Two examples: what differs between them is free in the result.
    shapes = [(1, image.channels, image.height, width) for width in two_widths(image)]
    with tempfile.TemporaryDirectory() as folder:
        traced = Path(folder) / "model.pt"
        traced.write_bytes(trace(checkpoint, batch=1, freeze=False))
        inputs = [str(list(shape)).replace(" ", "") for shape in shapes]
        command = [pnnx.EXEC_PATH, traced.name, f"inputshape={inputs[0]}"]
        done = subprocess.run(
            [*command, f"inputshape2={inputs[1]}", "fp16=0"],
            cwd=folder,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        files = [traced.with_name(f"model.ncnn.{kind}") for kind in ("param", "bin")]
        if done.returncode or not all(file.is_file() for file in files):
            raise ModelError(f"pnnx cannot convert {checkpoint.arch}: {done.stderr[-500:]}")
        for file in files:
            write_bytes(path.with_suffix(file.suffix), file.read_bytes())
    return {}
