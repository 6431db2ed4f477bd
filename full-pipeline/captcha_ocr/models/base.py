"""What every recogniser has in common."""

from __future__ import annotations

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

    @staticmethod
    def enlarged(pixels: int, detail: int) -> int:
        """So many pixels without details are so many with them, where images are twice as large."""
        return 2 * pixels if detail else pixels


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
    if isinstance(module, FirstConv) and module.details is not None:
        for parameter in module.details[-1].parameters():
            nn.init.zeros_(parameter)  # so that weights without details say what they said


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


class FirstConv(nn.Conv2d):
    """A model's first convolution: (N, C, H, W) to (N, out_channels, H / stride, W / stride).

    With ``detail`` it reads images of twice the size to features of the same: the images' mean
    over squares of 2 x 2, and beside it ``detail`` channels that are learned at full size. What
    reads the mean alone misses strokes of one pixel; a model at twice the size costs four times
    as much, the two convolutions beside this one little.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, detail: int = 0
    ) -> None:
        super().__init__(in_channels, out_channels, kernel, stride, kernel // 2, bias=False)
        self.details: nn.Sequential | None = None
        if detail < 0:
            raise ConfigError(f"detail is {detail}; choose 0 (none) or more channels")
        if detail:
            self.mean = nn.AvgPool2d(2, ceil_mode=True)  # ceil: as many rows of an odd height
            self.details = nn.Sequential(
                nn.Conv2d(in_channels, detail, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(detail),
                nn.ReLU(inplace=True),
                nn.Conv2d(detail, out_channels, 3, stride, padding=1, bias=False),
            )

    def forward(self, images: Tensor) -> Tensor:
        if self.details is None:
            return super().forward(images)
        return super().forward(self.mean(images)) + self.details(images)
