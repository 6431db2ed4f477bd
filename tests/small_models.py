"""Small untrained models of every architecture, with weights that make all parts matter."""

from __future__ import annotations

from typing import Any

import torch
from captcha_ocr.charset import Charset
from captcha_ocr.checkpoint import Checkpoint
from captcha_ocr.config import ImageConfig
from captcha_ocr.exporting.onnx import round_to_half
from captcha_ocr.models import MODELS, build_model, model_arguments, width_stride
from captcha_ocr.models.base import FirstConv

CHARSET = Charset(tuple("0123456789+-*/=?中文"))
ARGUMENTS: dict[str, dict[str, Any]] = {  # an architecture that is not here has its usual size
    "vanilla_crnn": {"width": 0.125, "hidden": 32},
    "crnn_resnet34": {"width": 0.125, "early": 0.125, "hidden": 32},
    "svtr_tiny": {"width": 0.25, "depths": (2, 2, 2), "local_blocks": 3, "out_dim": 32},
}
DETAILED = [arch for arch in sorted(MODELS) if "detail" in model_arguments(arch)]


def small_checkpoint(arch: str, max_width: int = 256, **changes: Any) -> Checkpoint:
    torch.manual_seed(0)
    arguments = model_arguments(arch, {**ARGUMENTS.get(arch, {}), **changes})
    stride = width_stride(arch, arguments)
    image = ImageConfig(8 * stride, max_width, MODELS[arch].in_channels, pad_multiple=stride)
    model = build_model(arch, CHARSET.num_classes, image, arguments)
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # as training leaves them
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 2.0)
        if isinstance(module, FirstConv) and module.details is not None:  # fresh ones say nothing
            torch.nn.init.kaiming_normal_(module.details[-1].weight)
        # Memory and attention that reach far, and logits that differ: fresh ones hardly do.
        for ending, factor in (("lstm", 4), ("rnn.0.project", 4), ("rnn.1.project", 4), ("qkv", 2)):
            if name.endswith(ending):
                for parameter in module.parameters():
                    parameter.data *= factor
    checkpoint = Checkpoint(arch, arguments, CHARSET, image, model.state_dict(), temperature=1.3)
    return round_to_half(checkpoint)
