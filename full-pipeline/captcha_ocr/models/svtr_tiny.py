"""SVTR-Tiny: text as a grid of character components, mixed by attention; no recurrence.

Du et al. 2022: "SVTR: Scene Text Recognition with a Single Visual Model", arXiv:2205.00159,
section 3 and table 1. ``width=1.0`` has the paper's dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torchvision.ops import StochasticDepth

from captcha_ocr.models.base import CTCRecognizer, FirstConv, columns, init_weights, scaled

LOCAL_WINDOW = (7, 11)  # height and width of local mixing, section 3.3


class SVTRTiny(CTCRecognizer):
    """RGB images of ``image_height`` and at most ``max_width``; a width stride of 4, with
    ``detail`` channels (see `FirstConv`) of 8.

    Differences from the paper: no rectification in front, layer norm before each branch (trains
    from nothing without a long warm-up), positions learned for the largest width, and then cut.
    """

    in_channels = 3
    width_stride = 4

    def __init__(
        self,
        num_classes: int,
        image_height: int,
        max_width: int,
        width: float = 0.75,
        dims: Sequence[int] = (64, 128, 256),
        depths: Sequence[int] = (3, 6, 3),
        heads: Sequence[int] = (2, 4, 8),
        local_blocks: int = 6,  # of all stages: the first ones mix locally, the others globally
        out_dim: int = 192,
        detail: int = 0,
        dropout: float = 0.1,
        drop_path_rate: float = 0.05,
    ) -> None:
        super().__init__()
        stage_dims = [scaled(dim, width) for dim in dims]
        self.width_stride = self.enlarged(self.width_stride, detail)
        self.patch = PatchEmbedding(self.in_channels, stage_dims[0], detail)
        grid = (-(-image_height // self.width_stride), -(-max_width // self.width_stride))
        self.position = nn.Parameter(torch.zeros(1, stage_dims[0], *grid))
        rates = torch.linspace(0.0, drop_path_rate, sum(depths)).tolist()
        self.stages, self.merges = nn.ModuleList(), nn.ModuleList()
        for index, dim in enumerate(stage_dims):
            numbers = range(sum(depths[:index]), sum(depths[: index + 1]))
            blocks = [MixingBlock(dim, heads[index], n < local_blocks, rates[n]) for n in numbers]
            self.stages.append(nn.ModuleList(blocks))
            if index + 1 < len(stage_dims):
                self.merges.append(Merging(dim, stage_dims[index + 1]))
        self.combine = nn.Sequential(  # section 3.5
            nn.LayerNorm(stage_dims[-1]),
            nn.Linear(stage_dims[-1], out_dim),
            nn.Hardswish(),
            nn.Dropout(dropout),
        )
        self.head = nn.Linear(out_dim, num_classes)
        self.tap_dims = tuple(stage_dims[:-1])
        self.apply(init_weights)
        nn.init.trunc_normal_(self.position, std=0.02)

    def forward_with_taps(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        grid = self.patch(images)  # (N, D, H / 4 or H / 8, T)
        grid = grid + self.position[:, :, :, : grid.shape[3]]
        taps = []
        for index, blocks in enumerate(self.stages):
            height, width = grid.shape[2], grid.shape[3]
            mask = local_mask(height, width, grid.device)
            tokens = grid.flatten(2).transpose(1, 2)  # (N, height * T, D)
            for block in blocks.children():
                tokens = block(tokens, mask)
            grid = tokens.transpose(1, 2).unflatten(2, (height, width))
            if index < len(self.merges):
                taps.append(columns(grid))
                grid = self.merges[index](grid)
        return self.head(self.combine(columns(grid))), taps  # (N, T, num_classes)


class PatchEmbedding(nn.Sequential):
    """Overlapping patches, (N, D, H / 4, W / 4), by two 3 x 3 convolutions. Section 3.2."""

    def __init__(self, in_channels: int, dim: int, detail: int) -> None:
        super().__init__(
            FirstConv(in_channels, dim // 2, 3, stride=2, detail=detail),
            nn.BatchNorm2d(dim // 2),
            nn.GELU(),
            nn.Conv2d(dim // 2, dim, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(dim),
            nn.GELU(),
        )


class Merging(nn.Module):
    """Halve the height, keep the width, raise the channels. Section 3.4."""

    def __init__(self, in_dim: int, out_dim: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_dim, out_dim, 3, stride=(2, 1), padding=1)
        self.norm = nn.LayerNorm(out_dim)

    def forward(self, grid: Tensor) -> Tensor:
        return self.norm(self.conv(grid).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class MixingBlock(nn.Module):
    """Attention among all tokens (global) or within a window (local), then an MLP. Section 3.3."""

    def __init__(self, dim: int, heads: int, local: bool, drop_path_rate: float) -> None:
        super().__init__()
        self.heads, self.local = heads, local
        self.drop_path = StochasticDepth(drop_path_rate, mode="row")  # Huang et al. 2016, section 3
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.project = nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        mixed = self.mix(self.norm1(tokens), mask if self.local else None)
        tokens = tokens + self.drop_path(mixed)
        return tokens + self.drop_path(self.mlp(self.norm2(tokens)))

    def mix(self, tokens: Tensor, mask: Tensor | None) -> Tensor:
        qkv = self.qkv(tokens).unflatten(2, (3, self.heads, -1))  # (N, L, 3, heads, D / heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # (N, heads, L, D / heads) each
        # Written out: on a CPU, scaled_dot_product_attention's gradient takes far longer.
        scores = (query * query.shape[-1] ** -0.5) @ key.transpose(2, 3)  # (N, heads, L, L)
        scores = scores if mask is None else scores + mask
        mixed = scores.softmax(dim=3).to(value.dtype) @ value  # (N, heads, L, D / heads)
        return self.project(mixed.transpose(1, 2).flatten(2))  # (N, L, D)


def local_mask(height: int, width: int, device: torch.device) -> Tensor:
    """Added to scores, (L, L) for L = height * width: 0 within the window, -inf beyond it."""
    rows = torch.arange(height, device=device)
    cols = torch.arange(width, device=device)
    near_rows = (rows[:, None] - rows[None, :]).abs() <= LOCAL_WINDOW[0] // 2  # (h, h)
    near_cols = (cols[:, None] - cols[None, :]).abs() <= LOCAL_WINDOW[1] // 2  # (w, w)
    near = near_rows[:, None, :, None] & near_cols[None, :, None, :]  # (h, w, h, w)
    mask = torch.zeros(height * width, height * width, device=device)
    return mask.masked_fill(~near.reshape(mask.shape), float("-inf"))
