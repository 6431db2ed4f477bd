"""Read pictures with a TFLite model: numpy and the ``ai-edge-litert`` package, no torch."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np

from captcha_ocr.cores import usable_cores
from captcha_ocr.model_info import ModelError, describe_weights
from captcha_ocr.predictor import Predictor

# What stands in the columns beyond the picture. No pixel has this value (they are in [-1, 1]), so
# the model can tell padding from picture, and lets none of it into the result.
PADDING = 2.0


class TflitePredictor(Predictor):
    """One signature a width; a picture runs at the next larger one. Thread-safe: by a lock."""

    def __init__(self, weights: Path, *, threads: int = 0) -> None:
        """``weights`` is ``<arch>.tflite`` with ``<arch>.json`` beside it; threads 0 = all cores.
        Raises ModelError when either is missing, broken or changed."""
        from ai_edge_litert.interpreter import Interpreter

        weights = Path(weights)
        self.info = describe_weights(weights)
        self._lock = threading.Lock()
        try:
            self._interpreter = Interpreter(str(weights), num_threads=threads or usable_cores())
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"LiteRT cannot load {weights}: {error}") from error
        self._runners: dict[int, Any] = {}  # width in pixels -> runner
        for name in self._interpreter.get_signature_list():
            runner = self._interpreter.get_signature_runner(name)
            (details,) = runner.get_input_details().values()
            self._runners[int(details["shape"][3])] = runner
        self.widths = sorted(self._runners)

    def _run(self, images: np.ndarray) -> np.ndarray:
        with self._lock:
            return np.concatenate([self._run_one(image[None]) for image in images])

    def _run_one(self, image: np.ndarray) -> np.ndarray:
        """(1, C, H, W) to logits (1, T, C)."""
        width = image.shape[3]
        fitting = [each for each in self.widths if each >= width]
        if not fitting:
            raise ModelError(f"{width} pixels wide; this model reads {self.widths[-1]} at most")
        missing = fitting[0] - width
        padded = np.pad(image, ((0, 0), (0, 0), (0, 0), (0, missing)), constant_values=PADDING)
        runner = self._runners[fitting[0]]
        (name,) = runner.get_input_details()
        (logits,) = runner(**{name: padded}).values()
        return logits[:, : width // self.info.width_stride]
