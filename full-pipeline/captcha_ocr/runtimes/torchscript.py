"""Read pictures with a TorchScript model: torch alone, none of this project's model classes."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch

from captcha_ocr.model_info import ModelError, describe_weights
from captcha_ocr.predictor import Predictor

# torch.jit is deprecated since torch 2.10, and so is this format: docs/exports.md says it. One
# warning a call would say no more; all other warnings stay.
DEPRECATED = r"`torch\.jit\.\w+` is (deprecated|not supported)"


class TorchScriptPredictor(Predictor):
    """Legacy. Such a file holds code, so its checksum is verified before torch opens it: load
    only files that you or people you trust have written."""

    def __init__(self, weights: Path, *, threads: int = 0) -> None:
        """``weights`` is ``<arch>.torchscript`` with ``<arch>.json``; ``threads`` sets torch's
        number for the whole process, 0 leaves it. Raises ModelError."""
        weights = Path(weights)
        self.info = describe_weights(weights)
        if threads:
            torch.set_num_threads(threads)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", DEPRECATED)
            try:
                self._module = torch.jit.load(str(weights), map_location="cpu").eval()
            except (RuntimeError, ValueError) as error:
                raise ModelError(f"torch cannot load {weights}: {error}") from error

    @torch.inference_mode()
    def _run(self, images: np.ndarray) -> np.ndarray:
        return self._module(torch.from_numpy(images)).numpy()
