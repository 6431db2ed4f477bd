"""Read pictures with an NCNN model: numpy and the ``ncnn`` package, no torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from captcha_ocr.model_info import ModelError, describe_weights
from captcha_ocr.predictor import Predictor

INPUT, OUTPUT = "in0", "out0"  # what pnnx calls them
OLDEST = "1.0.20261020"  # release of ncnn; those of May 2026 and before answer wrongly, silently


class NcnnPredictor(Predictor):
    """``<arch>.param`` and ``<arch>.bin``. One picture at a time, of any width; thread-safe."""

    def __init__(self, weights: Path, *, threads: int = 0) -> None:
        """``weights`` is ``<arch>.param``, with ``<arch>.bin`` and ``<arch>.json`` beside it;
        threads 0 = all cores. Raises ModelError when one is missing, broken or changed."""
        import ncnn

        if ncnn.__version__ < OLDEST:
            raise ModelError(f"ncnn {ncnn.__version__} is too old: pip install 'ncnn>={OLDEST}'")
        weights = Path(weights)
        self.info = describe_weights(weights, weights.with_suffix(".bin"))
        self._matrix = ncnn.Mat
        self._net = ncnn.Net()
        options = self._net.opt
        if threads:
            options.num_threads = threads
        # Half precision is off: it changes logits by hundredths, and answers should not depend
        # on which processor has it.
        options.use_fp16_packed = options.use_fp16_storage = options.use_fp16_arithmetic = False
        options.use_bf16_storage = False
        # Winograd's convolutions round logits of a deep network by thousandths, and save no time.
        options.use_winograd_convolution = False
        if self._net.load_param(str(weights)) or self._net.load_model(
            str(weights.with_suffix(".bin"))
        ):
            raise ModelError(f"ncnn cannot load {weights}; export the model again")

    def _run(self, images: np.ndarray) -> np.ndarray:
        return np.stack([self._run_one(image) for image in images])

    def _run_one(self, image: np.ndarray) -> np.ndarray:
        extractor = self._net.create_extractor()
        image = np.ascontiguousarray(image)
        extractor.input(INPUT, self._matrix(image))  # a view: the array has to outlive it
        status, output = extractor.extract(OUTPUT)
        if status:
            raise ModelError(f"ncnn failed on an image of shape {image.shape} (status {status})")
        return np.array(output)  # (T, C)
