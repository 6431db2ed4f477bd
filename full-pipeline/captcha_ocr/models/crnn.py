"""CRNN: convolutions, two bidirectional LSTMs, CTC.

Shi, Bai, Yao 2015: "An End-to-End Trainable Neural Network for Image-based Sequence Recognition",
arXiv:1507.05717, table 1. ``width=1.0`` has the paper's layer sizes.
"""

from __future__ import annotations

from torch import Tensor, nn

from captcha_ocr.models.base import (
    BidirectionalLSTM,
    CTCRecognizer,
    FirstConv,
    columns,
    init_weights,
    scaled,
)

# (channels, kernel, pool) of table 1, bottom to top. The pool is (height, width).
LAYERS = (
    (64, 3, (2, 2)),
    (128, 3, (2, 2)),
    (256, 3, None),
    (256, 3, (2, 1)),
    (512, 3, None),
    (512, 3, (2, 1)),
    (512, 2, None),
)


class CRNN(CTCRecognizer):
    """Grey images of height 32, the paper's, or more, or RGB ones; a width stride of 4, with
    ``detail`` channels (see `FirstConv`) of 8.

    Differences from the paper: batch normalisation after every convolution, for training from
    nothing on little (the paper has it after two), no column lost at the last kernel, and, for
    heights other than 32, a mean over the rows that remain. The pools of (2, 1) are the paper's;
    its authors' code lets them overlap.
    """

    in_channels = 1
    also_colour = True
    width_stride = 4
    min_height = 32

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        width: float = 0.5,
        hidden: int = 0,
        detail: int = 0,
    ) -> None:
        """``hidden`` 0: the paper's 256 at width 1.0, shrinking half as fast: 192 at 0.5."""
        super().__init__()
        hidden = hidden or scaled(256, (1 + width) / 2)
        layers: list[nn.Module] = []
        self.width_stride = self.enlarged(self.width_stride, detail)
        channels = self.in_channels = in_channels
        for out_channels, kernel, pool in LAYERS:
            out_channels = scaled(out_channels, width)
            # The last kernel, 2 x 2, has no border in the paper and so loses a column; here a
            # border of one column on the left keeps T = W / 4 (the right one is cut off below).
            padding = (1, 1) if kernel == 3 else (0, 1)
            convolution = (
                nn.Conv2d(channels, out_channels, kernel, padding=padding, bias=False)
                if layers
                else FirstConv(channels, out_channels, kernel, detail=detail)
            )
            layers += [
                convolution,
                nn.BatchNorm2d(out_channels),
                nn.ReLU(inplace=True),
            ]
            if pool:
                layers.append(nn.MaxPool2d(pool))
            channels = out_channels
        self.cnn = nn.Sequential(*layers)
        self.rnn = nn.Sequential(
            BidirectionalLSTM(channels, hidden, hidden),
            BidirectionalLSTM(hidden, hidden, num_classes),
        )
        self.tap_dims = (channels,)
        self.cnn.apply(init_weights)

    def forward_with_taps(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        features = self.cnn(images)  # (N, D, H', T + 1); H' is 1 at height 32
        sequence = columns(features)[:, :-1]  # (N, T, D)
        return self.rnn(sequence), [sequence]
