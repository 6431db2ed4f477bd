"""Read pictures with a torch checkpoint; the same interface as the ONNX predictor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from captcha_ocr.checkpoint import Checkpoint, load_checkpoint
from captcha_ocr.device import pick_device
from captcha_ocr.model_info import ModelInfo
from captcha_ocr.models import CTCRecognizer, count_parameters
from captcha_ocr.predictor import Predictor


class TorchPredictor(Predictor):
    """``TorchPredictor.load("best.safetensors")``, or of a checkpoint at hand."""

    def __init__(self, checkpoint: Checkpoint, device: torch.device) -> None:
        self.model, self.device = checkpoint.build().to(device).eval(), device
        self.info = describe(checkpoint, self.model)

    @staticmethod
    def load(path: Path, device: str = "auto") -> TorchPredictor:
        """Raises ModelError when the file is missing, broken or of another format."""
        return TorchPredictor(load_checkpoint(path), pick_device(device))

    @torch.inference_mode()
    def _run(self, images: np.ndarray) -> np.ndarray:
        logits = self.model(torch.from_numpy(images).to(self.device))
        return logits.float().cpu().numpy()


def describe(checkpoint: Checkpoint, model: CTCRecognizer) -> ModelInfo:
    """What an exported model has in its ``.json``, of a checkpoint and its model."""
    return ModelInfo(
        arch=checkpoint.arch,
        charset=checkpoint.charset,
        image=checkpoint.image,
        width_stride=model.width_stride,
        temperature=checkpoint.temperature,
        params=count_parameters(model),
        metrics=checkpoint.metrics,
    )
