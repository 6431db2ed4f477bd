"""TFLite, run by LiteRT on phones and in browsers: converted by litert-torch, at fixed widths.

litert-torch has pins of its own (0.10 wants torch < 2.15), so it may live in another environment:
``convert`` starts this module there.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

from captcha_ocr.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from captcha_ocr.datasets.stores import Store
from captcha_ocr.exporting import Remark
from captcha_ocr.exporting.forms import FixedWidth, free_width, two_widths
from captcha_ocr.files import write_bytes
from captcha_ocr.model_info import ModelError

ENVIRONMENT = Path(".venv-tflite")  # of `make exports`, in the current folder
VARIABLE = "LITERT_TORCH_PYTHON"  # names another Python that has litert-torch


def convert(checkpoint: Checkpoint, path: Path, calibration: Store | None = None) -> Remark:
    """Write ``<name>.tflite`` with one signature for each of two_widths."""
    python = find_python()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "model.safetensors", Path(folder) / "model.tflite"
        save_checkpoint(source, checkpoint)
        done = subprocess.run(
            [python, "-m", __name__, str(source), str(target)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if done.returncode or not target.is_file():
            raise ModelError(f"litert-torch cannot convert {checkpoint.arch}: {done.stderr[-800:]}")
        write_bytes(path, target.read_bytes())
    return {"kind": "widths", "widths": two_widths(checkpoint.image)}


def check() -> None:
    """ModelError where nothing can convert: known before the first format is written."""
    find_python()


def find_python() -> str:
    """An interpreter that has litert-torch: this one, or that of VARIABLE or ENVIRONMENT."""
    if VARIABLE in os.environ:
        python = shutil.which(os.environ[VARIABLE])
        if python is None:
            named = f"{VARIABLE} is {os.environ[VARIABLE]!r}"
            raise ModelError(f"{named}, which is no program; name a Python that has litert-torch")
        return python
    if importlib.util.find_spec("litert_torch"):
        return sys.executable
    for name in ("bin/python", "Scripts/python.exe"):
        if (ENVIRONMENT / name).is_file():
            return str(ENVIRONMENT / name)
    own = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    raise ModelError(
        "tflite needs litert-torch, which wants an older torch than this environment has; give it "
        f"one of its own: python -m venv {ENVIRONMENT}, then {own} -m pip "
        f'install -e ".[export-tflite]" (or name a Python that has it in {VARIABLE})'
    )


def write(source: Path, target: Path) -> None:
    """The conversion itself, where litert-torch is installed."""
    import litert_torch

    checkpoint = load_checkpoint(source)
    image = checkpoint.image
    form = FixedWidth(free_width(checkpoint.build())).eval()
    converter = litert_torch
    for width in two_widths(image):
        example = torch.zeros(1, image.channels, image.height, width)
        converter = converter.signature(f"width_{width}", form, (example,))
    converter.convert().export(str(target))


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
