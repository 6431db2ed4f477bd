"""The same functions in other words: models written with what pnnx and LiteRT can convert.

``free_width`` takes out what pnnx cannot hold. ``FixedWidth`` goes further, for runtimes without
free widths: images are filled up to one width, and the filling changes nothing. Whatever a form
computes is compared with the model itself before a file is kept.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from captcha_ocr.config import ImageConfig
from captcha_ocr.models.base import CTCRecognizer, columns
from captcha_ocr.models.crnn import CRNN
from captcha_ocr.models.svtr_tiny import MixingBlock, SVTRTiny, local_mask
from captcha_ocr.runtimes.tflite import PADDING

# Added to a score or a gate to close it: exp and sigmoid of it are 0. Not -inf: a row of nothing
# else would become NaN.
CLOSED = -1e4


def two_widths(image: ImageConfig) -> list[int]:
    """Half of the largest width, which most pictures fill or less, and all of it, in pixels."""
    half = image.max_width // 2
    return [half + -half % image.pad_multiple, image.max_width]


def free_width(model: CTCRecognizer) -> nn.Module:
    """Images (N, C, H, W) to logits (N, T, C), like the model, whose weights it shares."""
    form = next((FORMS[kind] for kind in type(model).__mro__ if kind in FORMS), None)
    return (form(model) if form else model).eval()


class CRNNForm(nn.Module):
    """Without the column that the last convolution adds and ``[:, :-1]`` cuts off again: pnnx
    takes such a cut for one that leaves all as it is."""

    def __init__(self, model: CRNN) -> None:
        super().__init__()
        *first, last, norm, relu = model.cnn
        self.cnn = nn.Sequential(*first, LeftBorder(last), norm, relu)
        self.rnn = model.rnn

    def forward(self, images: Tensor) -> Tensor:
        return self.rnn(columns(self.cnn(images)))


class LeftBorder(nn.Conv2d):
    """A convolution with all of its border on the left."""

    def __init__(self, conv: nn.Module) -> None:
        assert isinstance(conv, nn.Conv2d)
        height, width = conv.kernel_size
        super().__init__(conv.in_channels, conv.out_channels, (height, width), bias=False)
        self.weight = conv.weight

    def forward(self, features: Tensor) -> Tensor:
        return super().forward(F.pad(features, (self.kernel_size[1] - 1, 0)))


class SVTRForm(nn.Module):
    """With the mask of the local blocks as a constant that is cut to the width, like the
    positions, and three projections in place of one of five dimensions."""

    mask: Tensor

    def __init__(self, model: SVTRTiny) -> None:
        super().__init__()
        self.model = model
        self.filling: Filling | None = None  # set by FixedWidth
        height, width = model.position.shape[2:]
        mask = local_mask(height, width, model.position.device).clamp(min=CLOSED)
        self.register_buffer("mask", mask.view(height, width, height, width))

    def forward(self, images: Tensor) -> Tensor:
        model = self.model
        grid = model.patch(images)  # (N, D, height, T)
        grid = grid + model.position[:, :, :, : grid.shape[3]]
        for index, blocks in enumerate(model.stages):
            height, width = grid.shape[2], grid.shape[3]
            local = self.mask[:height, :width, :height, :width]
            local = local.reshape(height * width, height * width)
            everywhere = None
            if self.filling is not None:
                everywhere = self.filling.closed(width).repeat(height)[None]  # (1, L)
                local = local + everywhere
            tokens = grid.flatten(2).transpose(1, 2)  # (N, height * T, D)
            for block in blocks.children():
                assert isinstance(block, MixingBlock)
                mask = local if block.local else everywhere
                tokens = tokens + mix(block, block.norm1(tokens), mask)
                tokens = tokens + block.mlp(block.norm2(tokens))
            grid = tokens.transpose(1, 2).unflatten(2, (height, width))
            if index < len(model.merges):
                grid = model.merges[index](grid)
        return model.head(model.combine(columns(grid)))


def mix(block: MixingBlock, tokens: Tensor, mask: Tensor | None) -> Tensor:
    query, key, value = (
        part.unflatten(2, (block.heads, -1)).transpose(1, 2)  # (N, heads, L, D / heads)
        for part in block.qkv(tokens).chunk(3, dim=2)
    )
    mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    return block.project(mixed.transpose(1, 2).flatten(2))


FORMS: dict[type[CTCRecognizer], Callable[..., nn.Module]] = {CRNN: CRNNForm, SVTRTiny: SVTRForm}


class Filling:
    """Which columns of an image are picture: 1, and which were filled in: 0."""

    picture: Tensor  # (1, 1, 1, W), of the image that is being read

    def at(self, width: int) -> Tensor:
        """The same for feature maps of ``width`` columns."""
        return self.picture[:, :, :, :: self.picture.shape[3] // width]

    def closed(self, width: int) -> Tensor:
        """(width,): CLOSED where there is no picture. LiteRT's converter moves the axes of what
        has four of them."""
        return (1 - self.at(width)).reshape(width) * CLOSED


class FixedWidth(nn.Module):
    """A form for images (1, C, H, W) of one width; beyond the picture they hold PADDING.

    Nothing of the filling reaches the logits of the picture's own columns: where a kernel looks
    beyond the picture it sees zeros, as at a border; a recurrent layer that runs from right to
    left is still in its first state when it arrives at the picture; attention does not look
    there. So a picture reads as in the model itself, at its own width.
    """

    def __init__(self, form: nn.Module) -> None:
        super().__init__()
        self.form = form
        self.filling = Filling()
        for module in list(form.modules()):
            if isinstance(module, (nn.Conv2d, nn.MaxPool2d)) and looks_beside(module):
                module.register_forward_pre_hook(self._clear)
            for name, child in module.named_children():
                if isinstance(child, nn.LSTM):
                    setattr(module, name, UnrolledLSTM(child, self.filling))
        if isinstance(form, SVTRForm):
            form.filling = self.filling

    def _clear(self, module: nn.Module, args: tuple[Tensor]) -> tuple[Tensor]:
        """Zeros beyond the picture. Before a pool too: it comes after a ReLU here."""
        return (args[0] * self.filling.at(args[0].shape[3]),)

    def forward(self, images: Tensor) -> Tensor:
        self.filling.picture = (images[:, :1, :1] < (1 + PADDING) / 2).float()
        return self.form(images)


def looks_beside(module: nn.Conv2d | nn.MaxPool2d) -> bool:
    """Whether a kernel is wider than its step, so that one column's result needs another's."""
    sizes = (module.kernel_size, module.stride)
    kernel, stride = (size if isinstance(size, int) else size[1] for size in sizes)
    return kernel > stride


class UnrolledLSTM(nn.Module):
    """A bidirectional LSTM layer of batch size 1, step by step, both directions at once."""

    def __init__(self, lstm: nn.LSTM, filling: Filling) -> None:
        super().__init__()
        self.filling, self.hidden = filling, lstm.hidden_size
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        both = [torch.stack([getattr(lstm, n), getattr(lstm, f"{n}_reverse")]) for n in names]
        self.inputs = nn.Parameter(both[0].transpose(1, 2).contiguous())  # (2, D, 4 * hidden)
        self.states = nn.Parameter(both[1].transpose(1, 2).contiguous())
        self.bias = nn.Parameter((both[2] + both[3])[:, None])

    def forward(self, sequence: Tensor) -> tuple[Tensor, None]:
        """(1, T, D) to (1, T, 2 * hidden), and None where nn.LSTM has its last state."""
        steps = sequence.shape[1]
        # While the input gate is closed, a state of zeros stays one.
        closed = self.filling.closed(steps)[None, :, None]  # (1, T, 1)
        gates = torch.bmm(both_ways(sequence), self.inputs) + self.bias
        gates = gates + F.pad(both_ways(closed).expand(-1, -1, self.hidden), (0, 3 * self.hidden))
        state = cell = torch.zeros(2, 1, self.hidden)
        states = []
        for t in range(steps):
            at_once = gates[:, t : t + 1] + torch.bmm(state, self.states)
            enter, keep, new, leave = at_once.chunk(4, dim=2)
            cell = keep.sigmoid() * cell + enter.sigmoid() * new.tanh()
            state = leave.sigmoid() * cell.tanh()
            states.append(state)
        forth, back = torch.cat(states, dim=1).chunk(2)
        return torch.cat([forth, back.flip(1)], dim=2), None


def both_ways(sequence: Tensor) -> Tensor:
    """(1, T, D) to (2, T, D): as it is, and from its end."""
    return torch.cat([sequence, sequence.flip(1)])
