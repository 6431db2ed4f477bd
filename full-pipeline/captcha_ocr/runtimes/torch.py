"""Read pictures with a torch checkpoint; the same interface as the ONNX predictor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from captcha_ocr.checkpoint import Checkpoint, load_checkpoint
from captcha_ocr.model_info import ModelInfo
from captcha_ocr.models import CTCRecognizer, count_parameters
from captcha_ocr.predictor import Predictor
from captcha_ocr.training.distributed import pick_device


class TorchPredictor(Predictor):
    """``TorchPredictor.load("best.safetensors")``, or around a model at hand."""

    def __init__(self, model: CTCRecognizer, info: ModelInfo, device: torch.device) -> None:
        self.model = model.to(device).eval()
        self.info, self.device = info, device

    @classmethod
    def load(cls, path: Path, device: str = "auto") -> TorchPredictor:
        """Raises ModelError when the file is missing, broken or of another format."""
        checkpoint = load_checkpoint(path)
        model = checkpoint.build()
        return cls(model, describe(checkpoint, model), pick_device(device))

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
