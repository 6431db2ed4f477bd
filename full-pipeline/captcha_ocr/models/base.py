"""What every recogniser has in common."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from captcha_ocr.config import ConfigError

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow makes grey of RGB


class CTCRecognizer(nn.Module):
    """Images (N, C, H, W) in, logits (N, T, num_classes) out, with T = W / width_stride.

    Images are float32 in [-1, 1]; W is a multiple of the stride, to which `preprocess` pads.
    Class 0 is the blank (Graves et al. 2006, section 3). A subclass sets the class attributes,
    ``tap_dims`` in its constructor, and implements ``forward_with_taps``.
    """

    in_channels: int  # 1 = grey, 3 = RGB: what ImageConfig.channels is unless asked
    also_colour: bool = False  # whether a grey model may be asked to read RGB
    width_stride: int  # pixels of width a time step stands for; of the class, without details
    min_height: int = 8  # pixels: lower images have no row left at the top of the network
    min_steps: int = 1  # time steps of an image that is learned from, which may be alone in a batch
    tap_dims: tuple[int, ...] = ()  # D of each sequence that an auxiliary head may read

    def forward_with_taps(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits, and intermediate sequences (N, T, D) for auxiliary CTC heads."""
        raise NotImplementedError

    def forward(self, images: Tensor) -> Tensor:
        return self.forward_with_taps(images)[0]

    @classmethod
    def stride_with(cls, detail: int) -> int:
        """The width stride of a model that sees ``detail`` channels at twice the size."""
        return 2 * cls.width_stride if detail else cls.width_stride

    def twice_the_size(self, detail: int) -> nn.Module:
        """What halves the images first, with ``detail`` channels; without them, nothing."""
        self.width_stride = self.stride_with(detail)
        return Halved(self.in_channels, detail) if detail else nn.Identity()


def init_weights(module: nn.Module) -> None:
    """He initialisation for convolutions, Glorot for linear layers; for ``apply``.

    A transformer's usual normal(0, 0.02) suits dimensions of 768: at 48 to 192 it starts so small
    that SVTR needs several times the steps to learn eight pictures by heart.
    """
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def scaled(channels: int, width: float) -> int:
    """``channels`` of the paper times the width factor, a multiple of 8."""
    return max(8, round(channels * width / 8) * 8)


def columns(features: Tensor) -> Tensor:
    """Feature map (N, D, H', T) to a sequence (N, T, D): the mean over the height."""
    return features.mean(dim=2).transpose(1, 2)


def count_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


class BidirectionalLSTM(nn.Module):
    """One bidirectional LSTM and a projection: (N, T, in) to (N, T, out).

    Shi 2015, section 2.2; the first layer's projection is not in the paper but in its code.
    """

    def __init__(self, in_features: int, hidden: int, out_features: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(in_features, hidden, batch_first=True, bidirectional=True)
        self.project = nn.Linear(2 * hidden, out_features)

    def forward(self, sequence: Tensor) -> Tensor:
        states, _ = self.lstm(sequence)  # (N, T, 2 * hidden)
        return self.project(states)


class Halved(nn.Module):
    """Images (N, C, H, W) to (N, C + detail, H / 2, W / 2): their mean over squares of 2 x 2, and
    beside it ``detail`` channels learned at their own size.

    What reads the mean alone misses strokes of one pixel; a model at twice the size costs four
    times as much, this one convolution more.
    """

    def __init__(self, in_channels: int, detail: int) -> None:
        super().__init__()
        if detail < 1:
            raise ConfigError(f"detail is {detail}; choose 0 (none) or more channels")
        self.mean = nn.AvgPool2d(2, ceil_mode=True)  # ceil: as many rows of an odd height
        self.detail = nn.Sequential(
            nn.Conv2d(in_channels, detail, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(detail),
            nn.ReLU(inplace=True),
        )

    def forward(self, images: Tensor) -> Tensor:
        return torch.cat([self.mean(images), self.detail(images)], dim=1)


def drop_path(x: Tensor, probability: float, training: bool) -> Tensor:
    """Drop a residual branch's output ``x``, (N, ...), for each sample by chance.

    Stochastic depth, Huang et al. 2016, section 3, which draws once a batch and scales when it
    tests; here the rest is scaled up in training, so that evaluation needs nothing.
    """
    if not training or probability == 0.0:
        return x
    keep = 1.0 - probability
    mask = torch.rand((x.shape[0],) + (1,) * (x.dim() - 1), device=x.device) < keep
    return x * mask / keep
