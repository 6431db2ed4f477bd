"""A trained recogniser as a teacher of another."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from captcha_ocr.charset import Charset
from captcha_ocr.checkpoint import Checkpoint
from captcha_ocr.config import ConfigError, ImageConfig
from captcha_ocr.models import width_stride
from captcha_ocr.models.base import LUMA


class Teacher:
    """A trained recogniser whose answers another learns beside the labels.

    Hinton, Vinyals, Dean 2015, arXiv:1503.02531, section 2, at a temperature of 1, column by
    column of a CTC model: the student sees where the teacher puts each character, and what else
    it might have been. Not a module of the student: its weights are neither trained nor saved.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        charset: Charset,
        image: ImageConfig,
        stride: int,
        device: torch.device,
    ) -> None:
        """For a student of these settings. Raises ConfigError unless their columns are the same
        and it knows every symbol of ``charset``."""
        refuse_unlike(checkpoint, image, stride)
        unknown = checkpoint.charset.unknown("".join(charset.symbols))
        if unknown:
            raise ConfigError(
                f"the teacher does not know {''.join(unknown[:20])!r}, which training labels have; "
                "choose one that was trained on such labels"
            )
        self.model = checkpoint.build().to(device).to(memory_format=torch.channels_last)
        self.grey = checkpoint.image.channels < image.channels
        classes = [Charset.BLANK, *checkpoint.charset.encode("".join(charset.symbols))]
        self.classes = torch.tensor(classes, device=device)  # the teacher's, in the student's order

    @torch.no_grad()
    def log_probs(self, images: Tensor) -> Tensor:
        """ln P of every class and column, (N, T, C), of the student's images (N, C, H, W)."""
        if self.grey:
            images = (images * images.new_tensor(LUMA)[:, None, None]).sum(dim=1, keepdim=True)
        logits = self.model(images)[:, :, self.classes]
        return logits.float().log_softmax(dim=2)

    def distance(self, images: Tensor, logits: Tensor) -> Tensor:
        """KL(teacher || student) of the columns' classes, in nats, summed over T: (N,)."""
        student = logits.float().log_softmax(dim=2)
        teacher = self.log_probs(images)
        return F.kl_div(student, teacher, reduction="none", log_target=True).sum(dim=(1, 2))


def refuse_unlike(teacher: Checkpoint, image: ImageConfig, stride: int) -> None:
    """Raise ConfigError when a teacher cannot look at a student's pictures, or has other columns
    than one of every ``stride`` pixels."""
    known = teacher.image
    if (known.height, known.max_width) != (image.height, image.max_width):
        raise ConfigError(
            f"the teacher reads pictures of {known.height} x {known.max_width} pixels, not "
            f"{image.height} x {image.max_width}; give --imgH {known.height} "
            f"--imgW {known.max_width}"
        )
    if known.channels > image.channels:
        raise ConfigError("the teacher reads colours, the student grey; choose a grey teacher")
    theirs = width_stride(teacher.arch, teacher.model_config)
    if theirs != stride:
        detail = teacher.model_config.get("detail", 0)
        raise ConfigError(
            f"the teacher makes one column of {theirs} pixels, the student of {stride}; give "
            f"--detail {detail}, as the teacher has, or a teacher with as many columns"
        )
