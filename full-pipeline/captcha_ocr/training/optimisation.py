"""What moves the weights: parameter groups, the learning rate's course, averaged weights."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from captcha_ocr.checkpoint import widened
from captcha_ocr.config import TrainConfig


def build_optimizer(module: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019) that decays matrices and kernels, not biases and norms."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.lr, fused=True)  # one pass over the parameters


def learning_rate(pictures: int, total: int, config: TrainConfig) -> float:
    """The rate after ``pictures`` of ``total`` pictures: a short rise, flat, then a cosine.

    It counts pictures, not steps, since the batch grows.
    """
    warmup = min(config.warmup, total // 10)
    if pictures < warmup:
        return config.lr * (pictures + 1) / warmup
    start = max(warmup, config.flat * total)
    if pictures <= start:
        return config.lr
    done = min(1.0, (pictures - start) / max(1.0, total - start))
    cosine = 0.5 * (1.0 + math.cos(math.pi * done))
    return config.lr * (config.lr_end + (1.0 - config.lr_end) * cosine)


class AveragedWeights:
    """An exponential moving average of a model's weights and statistics.

    Averaging evens out the last steps' noise, so the average reads better than the weights
    themselves (Polyak & Juditsky 1992). It follows fast at first: decay (1 + n) / (10 + n).
    ``blend`` is the share of ``start``, the weights that training starts from, in ``blended``.
    """

    def __init__(
        self,
        model: nn.Module,
        decay: float,
        blend: float = 0.0,
        start: Mapping[str, Tensor] = {},
    ) -> None:
        self.decay, self.blend = decay, blend
        self.updates = 0
        self.state = {name: value.detach().clone() for name, value in model.state_dict().items()}
        self.start = dict(start) if blend else {}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        averaged, current = [], []
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                averaged.append(self.state[name])
                current.append(value)
            else:
                self.state[name].copy_(value)
        torch._foreach_lerp_(averaged, current, 1.0 - decay)

    def blended(self) -> dict[str, Tensor]:
        return blend_weights(self.state, self.start, self.blend) if self.blend else self.state

    def state_dict(self) -> dict[str, int | dict[str, Tensor]]:
        return {"updates": self.updates, "state": self.state, "start": self.start}

    def load_state_dict(self, state: dict) -> None:
        self.updates, self.start = state["updates"], state["start"]
        for name, value in state["state"].items():
            self.state[name].copy_(value)


def blend_weights(
    tuned: Mapping[str, Tensor], start: Mapping[str, Tensor], share: float
) -> dict[str, Tensor]:
    """``tuned`` with ``share`` of the weights it was fine-tuned from: it reads the new pictures
    nearly as well, and the old ones better. Wortsman et al. 2022, arXiv:2109.01903, section 3.

    The rows of new symbols and channels, which ``start`` did not have, stay as they are; its own
    rows did not listen to new channels, so there it counts as 0.
    """
    return {
        name: value.lerp(widened(start[name], value), share)
        if name in start and value.is_floating_point()
        else value
        for name, value in tuned.items()
    }
