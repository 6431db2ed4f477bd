"""The upper rows of a GIF's combined picture, decoded frame by frame on palette numbers.

``imaging.open_image`` takes each pixel from the frame where it lies farthest from the background.
Here the same is done on palette numbers instead of colours, and compared in the upper rows alone:
half the work. Tests compare the two on GIFs of all kinds, whole and damaged.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np
from PIL import Image

from captcha_ocr.gif import gif_notes, table_bytes
from captcha_ocr.imaging import DEFAULT_LIMITS, background

_FULL_TABLE = 256  # colours; Pillow fills shorter tables up in its own way


class _Frame(NamedTuple):
    colours: bytes  # 256 times RGB
    bits: int  # the LZW code size
    blocks: bytes  # the compressed palette numbers, in GIF's sub-blocks


def combined_rows(data: bytes, rows: int) -> bytes | None:
    """RGB of the first ``rows`` rows, or None for a GIF that is not plain.

    Plain: every frame covers the canvas and is opaque, with 256 colours and no interlace.
    """
    try:
        size = struct.unpack_from("<2H", data, 6)
        gif_notes(data, size)  # raises
        frames = _frames(data)
    except (IndexError, ValueError, struct.error):
        return None  # cut off, or of too many parts: open_image says so
    if not frames:
        return None
    first = _decode(frames[0], size)
    if first is None:
        return None
    tables = [np.frombuffer(frame.colours, np.uint8).reshape(-1, 3) for frame in frames]
    ground = background(tables[0][first]).astype(np.int16)
    code = first[:rows].astype(np.intp)  # 256 * frame + palette number, of the chosen frame
    farthest = _distances(tables[0], ground)[code]
    for number, frame in enumerate(frames[1:], start=1):
        # All its rows: a frame that breaks off below the band is no picture to open_image either.
        drawn = _decode(frame, size)
        if drawn is None:
            return None
        drawn = drawn[:rows]
        distance = _distances(tables[number], ground)[drawn]
        np.copyto(code, drawn + np.intp(number * _FULL_TABLE), where=distance > farthest)
        np.maximum(farthest, distance, out=farthest)
    return np.concatenate(tables)[code].tobytes()


def _distances(table: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """Of each colour of a table from the background: int16, 256."""
    return np.abs(table - ground).sum(axis=1, dtype=np.int16)


def _decode(frame: _Frame, size: tuple[int, int]) -> np.ndarray | None:
    """Palette numbers (H, W) of a frame of ``size``, (width, height)."""
    try:
        image = Image.frombytes("L", size, frame.blocks, "gif", (frame.bits, 0))
    except ValueError:
        return None  # too little data, or damaged
    return np.asarray(image)


def _frames(data: bytes) -> list[_Frame]:
    """The frames of a plain GIF, [] for any other. GIF89a, sections 18 to 27."""
    width, height, flags = struct.unpack_from("<2HB", data, 6)
    if not DEFAULT_LIMITS.allow((width, height)):
        return []
    position = 13
    shared, position = _table(data, position, flags)
    frames: list[_Frame] = []
    while data[position] != 0x3B:  # trailer
        introducer = data[position]
        if introducer == 0x21:  # extension
            if data[position + 1] == 0xF9 and data[position + 3] & 1:  # a transparent colour
                return []
            position = _after_blocks(data, position + 2)
        elif introducer == 0x2C:  # frame
            *box, flags = struct.unpack_from("<4HB", data, position + 1)
            own, position = _table(data, position + 10, flags)
            colours = own if flags & 0x80 else shared
            if box != [0, 0, width, height] or flags & 0x40 or not colours:
                return []
            end = _after_blocks(data, position + 1)
            frames.append(_Frame(colours, data[position], data[position + 1 : end]))
            position = end
        else:
            return []
    return frames[: DEFAULT_LIMITS.frames((width, height))]


def _table(data: bytes, position: int, flags: int) -> tuple[bytes, int]:
    """A colour table if it is a full one, else b""; and the position behind it."""
    size = table_bytes(flags)
    full = size == 3 * _FULL_TABLE
    return data[position : position + size] if full else b"", position + size


def _after_blocks(data: bytes, position: int) -> int:
    while data[position]:
        position += data[position] + 1
    return position + 1
