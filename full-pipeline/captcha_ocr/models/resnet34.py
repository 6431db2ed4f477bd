"""CRNN with a ResNet-34 in place of the plain convolutions.

He, Zhang, Ren, Sun 2015: "Deep Residual Learning for Image Recognition", arXiv:1512.03385, table 1,
34 layers. A ResNet (theirs of 29 layers) that reads text: Baek et al. 2019, arXiv:1904.01906,
section 3.2.
"""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock

from captcha_ocr.models.base import (
    BidirectionalLSTM,
    CTCRecognizer,
    FirstConv,
    columns,
    init_weights,
    scaled,
)

# (channels, blocks, stride) of the four stages. The paper halves both sides from the second
# stage on; text needs its columns, so only the height is halved here.
STAGES = (
    (64, 3, (1, 1)),
    (128, 4, (2, 1)),
    (256, 6, (2, 1)),
    (512, 3, (2, 1)),
)


class CRNNResNet34(CTCRecognizer):
    """RGB images; a width stride of 4, with ``detail`` channels (see `FirstConv`) of 8.
    ``width=1.0`` has the paper's channels.

    ``early`` is the least width of the stem and the first two stages: the stem leaves one place in
    sixteen, and what its channels do not keep of thin strokes is lost to all that follows.
    """

    in_channels = 3
    width_stride = 4
    min_steps = 2  # at height 32 one row is left, and batch norm takes no statistics of one value

    def __init__(
        self,
        num_classes: int,
        width: float = 0.4,
        early: float = 0.6,
        hidden: int = 96,
        detail: int = 0,
    ) -> None:
        super().__init__()
        early = max(early, width)
        channels = scaled(64, early)
        self.width_stride = self.enlarged(self.width_stride, detail)
        self.stem = nn.Sequential(
            FirstConv(self.in_channels, channels, 7, stride=2, detail=detail),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        stages: list[nn.Module] = []
        dims: list[int] = []
        for factor, (out_channels, blocks, stride) in zip((early, early, width, width), STAGES):
            out_channels = scaled(out_channels, factor)
            stages.append(stage(channels, out_channels, blocks, stride))
            dims.append(out_channels)
            channels = out_channels
        self.stages = nn.ModuleList(stages)
        self.rnn = nn.Sequential(
            BidirectionalLSTM(channels, hidden, hidden),
            BidirectionalLSTM(hidden, hidden, num_classes),
        )
        self.tap_dims = (dims[2], dims[3])
        self.stem.apply(init_weights)
        self.stages.apply(init_weights)

    def forward_with_taps(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        features = self.stem(images)  # (N, D, H / 4 or H / 8, T)
        taps = []
        for block in self.stages:
            features = block(features)
            taps.append(columns(features))  # (N, T, D)
        return self.rnn(taps[-1]), taps[2:]


def stage(
    in_channels: int, out_channels: int, blocks: int, stride: tuple[int, int]
) -> nn.Sequential:
    """A stage of torchvision's basic blocks; the first one changes size and channels."""
    shortcut: nn.Module | None = None
    if stride != (1, 1) or in_channels != out_channels:
        shortcut = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False),
            nn.BatchNorm2d(out_channels),
        )
    first = BasicBlock(in_channels, out_channels, stride, shortcut)
    return nn.Sequential(
        first, *(BasicBlock(out_channels, out_channels) for _ in range(blocks - 1))
    )
