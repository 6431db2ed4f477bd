"""Pictures that are almost the same: a difference hash, and a search that is not quadratic."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from captcha_ocr.merging.rules import NEAR, Copy, Fate, rank

COLUMNS, ROWS = 16, 8
BITS = COLUMNS * ROWS


def near_hash(image: Image.Image) -> bytes:
    """128 bits: does brightness rise to the right, in a grid of 16 x 8? [Krawetz, dHash, 2013]

    Noise, a little scaling and compression change few bits; another text changes many.
    """
    grey = image.convert("L").resize((COLUMNS + 1, ROWS), Image.Resampling.BOX)
    pixels = np.asarray(grey)  # (8, 17)
    return np.packbits(pixels[:, 1:] > pixels[:, :-1]).tobytes()


def distance(one: int, other: int) -> int:
    """Bits that differ."""
    return bin(one ^ other).count("1")


class NearTask(NamedTuple):
    """A shard: for each label, its pictures with their hashes."""

    groups: list[list[tuple[Copy, bytes]]]
    bits: int


def near_shard(task: NearTask) -> list[Fate]:
    return [fate for group in task.groups for fate in thin_out(group, task.bits)]


def thin_out(group: Sequence[tuple[Copy, bytes]], bits: int) -> list[Fate]:
    """Pictures of one label that lie within ``bits`` of one that stays. Test stays first.

    A picture is compared with those that stay, not with those that went, so that a chain of
    small steps does not swallow pictures that have nothing in common.
    """
    staying: dict[tuple[int, int], list[tuple[Copy, int]]] = defaultdict(list)
    fates = []
    for copy, code in sorted(group, key=lambda item: rank(item[0])):
        number = int.from_bytes(code, "big")
        bands = _bands(number, bits + 1)
        near = next(
            (
                other
                for band in bands
                for other, value in staying[band]
                if distance(value, number) <= bits
            ),
            None,
        )
        if near is not None:
            fates.append(Fate(copy.id, NEAR, near.id))
            continue
        for band in bands:
            staying[band].append((copy, number))
    return fates


def _bands(number: int, count: int) -> list[tuple[int, int]]:
    """(place, value) of ``count`` stripes. Two numbers that differ in fewer than ``count`` bits
    agree in one stripe at least, so only pictures that share a stripe need comparing."""
    edges = [BITS * i // count for i in range(count + 1)]
    return [
        (start, number >> start & ((1 << (end - start)) - 1))
        for start, end in zip(edges, edges[1:])
    ]
