"""The frames of a GIF (GIF89a, sections 18 to 27), and the one picture that they make."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Callable, NamedTuple

import numpy as np
from PIL import Image

HEADS = (b"GIF87a", b"GIF89a")
MAX_BLOCKS = 1 << 16  # with sub-blocks, which have 255 bytes unless something is wrong

_TABLE_AT = 13  # bytes before the colour table that frames share
_EXTENSION, _FRAME, _TRAILER = 0x21, 0x2C, 0x3B
_GRAPHIC_CONTROL = 0xF9
# Of a GIF without colours.
_GREYS = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(256, 3)
_WHITE = np.full((256, 3), 255, np.uint8)


class GifFrame(NamedTuple):
    """What one frame draws: colour numbers in a part of the canvas."""

    box: tuple[int, int, int, int]  # left, top, width, height in the canvas, pixels
    colours: np.ndarray  # uint8 (256, 3), RGB; black beyond the table
    clear: int | None  # the colour number that draws nothing
    interlaced: bool
    packed: bytes  # bits of a code, then the codes in sub-blocks

    @property
    def opaque(self) -> np.ndarray:
        """Which colour numbers draw something: bool (256, 1)."""
        return np.arange(256)[:, None] != (-1 if self.clear is None else self.clear)

    @property
    def place(self) -> tuple[slice, slice]:
        """Of the box in an array of the canvas: its rows and columns."""
        left, top, width, height = self.box
        return slice(top, top + height), slice(left, left + width)

    def numbers(self) -> np.ndarray:
        """The colour numbers, uint8 (height, width). ValueError: they break off or are wrong."""
        if len(self.packed) < 2 or not 2 <= self.packed[0] <= 8:
            raise ValueError("a GIF frame without pixels, or with codes of no GIF")
        options = (self.packed[0], int(self.interlaced))
        # Of what Pillow does with a GIF, only the unpacking.
        return np.asarray(Image.frombytes("L", self.box[2:], self.packed[1:], "gif", options))


def combine(
    frames: Iterable[GifFrame],
    size: tuple[int, int],
    background: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Each pixel from the frame that draws it farthest from the background of the first, or white.

    What frames leave behind or clear away does not matter: all that a viewer ever shows at a pixel,
    some frame draws there. ``size`` is (width, height) of the canvas, the result uint8 (H, W, 3).
    """
    width, height = size
    tables = [_WHITE]
    # A pixel's rank is its distance from the background less its colour's place in the tables, so
    # that of equal distances the earlier wins; the two do not meet. Nothing drawn: 0, and white.
    ranks = np.zeros((height, width), np.int64)
    for frame in frames:
        numbers = frame.numbers()
        if len(tables) == 1:
            first = np.full((height, width, 3), 255, np.uint8)
            seen = np.where(frame.opaque, frame.colours, _WHITE)
            first[frame.place] = np.take(seen, numbers, axis=0)
            ground = background(first).astype(np.int64)
        distances = np.abs(frame.colours - ground).sum(axis=1, keepdims=True) + 1
        places = np.arange(256)[:, None] + 256 * len(tables)
        ranked = frame.opaque * ((distances << 32) - places)
        here = ranks[frame.place]
        np.maximum(here, np.take(ranked, numbers), out=here)
        tables.append(frame.colours)
    if len(tables) == 1:
        raise ValueError("a GIF without a frame")
    return np.take(np.concatenate(tables), -ranks & 0xFFFFFFFF, axis=0)


def gif_size(data: bytes) -> tuple[int, int]:
    """Width and height of the canvas, pixels. ValueError: the file ends before them."""
    if len(data) < _TABLE_AT:
        raise ValueError("a GIF of less than its header")
    width, height = struct.unpack_from("<2H", data, 6)
    return width, height


def gif_frames(data: bytes) -> Iterator[GifFrame]:
    """The frames that draw anything, in their order; the rest of the file is not looked at before
    it is asked for.

    Raises ValueError when one reaches outside the canvas or is cut off in its head, and when there
    are very many blocks, which would keep a reader busy for seconds.
    """
    canvas = gif_size(data)
    shared, position = _colours(data, _TABLE_AT, data[10], _GREYS)
    clear = None
    blocks = 0
    while position < len(data) and data[position] != _TRAILER:
        start = position
        blocks += 1
        if data[start] == _EXTENSION:  # a label, then sub-blocks
            control = data[start + 1 : start + 7]
            if len(control) == 6 and control[0] == _GRAPHIC_CONTROL and control[1] >= 4:
                clear = control[5] if control[2] & 1 else None
            position, blocks = _behind_blocks(data, start + 2, blocks)
        elif data[start] == _FRAME:
            box, flags = _place(data, start + 1, canvas)
            colours, start = _colours(data, start + 10, flags, shared)
            position, blocks = _behind_blocks(data, start + 1, blocks)
            if box[2] and box[3]:
                packed = data[start:position]
                yield GifFrame(box, colours, clear, bool(flags & 0x40), packed)
            clear = None  # a control is for one frame
        else:  # readers pass over what they do not know, and so look at what follows
            position += 1
        _check_blocks(blocks)


def _place(
    data: bytes, position: int, canvas: tuple[int, int]
) -> tuple[tuple[int, int, int, int], int]:
    """The box and the flags of a frame."""
    if position + 9 > len(data):
        raise ValueError("a GIF frame is cut off in its head")
    left, top, width, height, flags = struct.unpack_from("<4HB", data, position)
    if left + width > canvas[0] or top + height > canvas[1]:
        raise ValueError(
            f"a GIF frame of {width}x{height} at {left},{top} leaves the canvas of "
            f"{canvas[0]}x{canvas[1]}"
        )
    return (left, top, width, height), flags


def _colours(
    data: bytes, position: int, flags: int, otherwise: np.ndarray
) -> tuple[np.ndarray, int]:
    """The table that these flags say stands there, or ``otherwise``; and the position behind it."""
    if not flags & 0x80:
        return otherwise, position
    end = position + (3 << ((flags & 7) + 1))
    return np.frombuffer(data[position:end].ljust(768, b"\0"), np.uint8).reshape(256, 3), end


def _behind_blocks(data: bytes, position: int, blocks: int) -> tuple[int, int]:
    """Position after a chain of length-prefixed blocks, past the end when it is cut off; and
    ``blocks`` with those of the chain."""
    while position < len(data) and data[position]:
        position += data[position] + 1
        blocks += 1
        _check_blocks(blocks)
    return position + 1, blocks


def _check_blocks(blocks: int) -> None:
    if blocks > MAX_BLOCKS:
        raise ValueError(f"a GIF of more than {MAX_BLOCKS} blocks")
