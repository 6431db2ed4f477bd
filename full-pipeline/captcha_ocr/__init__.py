"""CAPTCHA OCR: the shared core of the tutorial. Importing it imports nothing heavy.

    captcha_ocr.load().read("picture.png").text

Where to begin, by what you want to know:

- how a picture becomes text: ``imaging`` (bytes to pixels), ``models`` (pixels to logits),
  ``decoding`` (logits to text), ``constraints`` (what the text may be); ``predictor`` joins them;
- how a model learns: ``datasets``, ``training``, ``checkpoint``;
- how well it reads: ``metrics``, ``evaluation``, ``calibration``, ``report``, ``plots``;
- where pictures come from: ``labels``, ``merging``, ``data_report``;
- how it is used: ``exporting`` and ``runtimes``, ``web``; ``cli`` has a module for each command.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from captcha_ocr.predictor import Predictor

__version__ = "0.1.0"


def load(
    arch: str | None = None, folder: str | Path | None = None, *, threads: int = 0
) -> Predictor:
    """A model that reads: once, and threads may share it.

    Args:
        arch: its name. Without one: the only model of ``folder``, or else vanilla_crnn.
        folder: with exported models, a run's for example. Without one: the shipped models.
        threads: that a picture is read on; 0 = all cores.

    Raises:
        ModelError: there is no such model, or its files are damaged.
        ModuleNotFoundError: the runtime of its format is not installed.
    """
    from captcha_ocr.model_info import WEIGHTS_DIR, default_model, find_models, weights_of
    from captcha_ocr.predictor import load_predictor

    place = WEIGHTS_DIR if folder is None else Path(folder)
    found = find_models(place)
    file = weights_of(arch or default_model(found), found, place)
    return load_predictor(file, threads=threads)
