"""What training makes small: the CTC loss of a recogniser and of its auxiliary heads, and how far
it is from its teacher's answers."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from captcha_ocr.charset import Charset
from captcha_ocr.checkpoint import load_checkpoint
from captcha_ocr.config import TrainConfig
from captcha_ocr.models import CTCRecognizer
from captcha_ocr.training.distillation import Teacher


class CTCObjective(nn.Module):
    """A recogniser with its auxiliary heads and its teacher, which exist in training only.

    The teacher has ``teacher_weight`` of the recogniser's own share of the loss.
    """

    def __init__(
        self,
        model: CTCRecognizer,
        num_classes: int,
        aux_weight: float,
        teacher: Teacher | None = None,
        teacher_weight: float = 0.5,
    ) -> None:
        super().__init__()
        self.model, self.aux_weight = model, aux_weight
        self.teacher, self.teacher_weight = teacher, teacher_weight
        dims = model.tap_dims if aux_weight > 0 else ()
        self.heads = nn.ModuleList(nn.Linear(dim, num_classes) for dim in dims)

    def forward(self, images: Tensor, targets: Tensor, target_lengths: Tensor) -> Tensor:
        """Loss of each picture, (N,): -ln P(label | picture), shared out over the heads."""
        logits, taps = self.model.forward_with_taps(images)
        loss = ctc_loss(logits, targets, target_lengths)
        if self.teacher is not None:
            apart = self.teacher.distance(images, logits)
            loss = (1 - self.teacher_weight) * loss + self.teacher_weight * apart
        if not self.heads:
            return loss
        aux = [ctc_loss(head(x), targets, target_lengths) for head, x in zip(self.heads, taps)]
        return (1 - self.aux_weight) * loss + self.aux_weight * torch.stack(aux).mean(dim=0)


def build_objective(
    model: CTCRecognizer, config: TrainConfig, charset: Charset, device: torch.device
) -> CTCObjective:
    """What ``config`` asks for, on ``device``."""
    teacher: Teacher | None = None
    if config.distill_from:
        checkpoint = load_checkpoint(Path(config.distill_from))
        teacher = Teacher(checkpoint, charset, config.image, model.width_stride, device)
    objective = CTCObjective(
        model, charset.num_classes, config.aux_weight, teacher, config.distill_weight
    )
    # Kernels and pictures with their channels last: convolutions run up to a third faster.
    return objective.to(device).to(memory_format=torch.channels_last)


def ctc_loss(logits: Tensor, targets: Tensor, target_lengths: Tensor) -> Tensor:
    """-ln P(label | picture), (N,), of logits (N, T, C). Graves et al. 2006, section 4."""
    log_probs = logits.float().log_softmax(dim=2).transpose(0, 1)  # (T, N, C)
    steps = torch.full_like(target_lengths, log_probs.shape[0])
    return F.ctc_loss(
        log_probs, targets, steps, target_lengths, blank=Charset.BLANK, reduction="none"
    )
