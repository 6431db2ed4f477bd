"""Pictures that Pillow does not write: every kind of PNG, and GIFs whose frames do as they like."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

COLOUR_TYPES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # PNG's number -> channels
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}  # bits
# First column and row of each pass, and its steps.
ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)


def raw_png(
    samples: np.ndarray,
    colour_type: int,
    depth: int,
    *,
    palette: bytes = b"",
    transparency: bytes = b"",
    interlaced: bool = False,
) -> bytes:
    """``samples`` (H, W, channels), below 2**depth; rows take the five filters in turn."""
    height, width, _ = samples.shape
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, interlaced)
    grids = ADAM7 if interlaced else ((0, 0, 1, 1),)
    passes = [samples[top::down, left::across] for left, top, across, down in grids]
    rows = b"".join(_filtered(part, depth) for part in passes if part.size)
    parts = [(b"IHDR", header), (b"PLTE", palette), (b"tRNS", transparency)]
    packed = zlib.compress(rows)
    middle = len(packed) // 2  # two IDAT chunks are one stream
    parts += [(b"IDAT", packed[:middle]), (b"IDAT", packed[middle:])]
    chunks = [_chunk(name, body) for name, body in parts if body]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + _chunk(b"IEND", b"")


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _filtered(samples: np.ndarray, depth: int) -> bytes:
    step = max(1, samples.shape[2] * depth // 8)
    above = [0] * len(_packed(samples[0], depth))
    found = b""
    for number, row in enumerate(samples):
        here = list(_packed(row, depth))
        left, corner = [0] * step + here[:-step], [0] * step + above[:-step]
        kind = number % 5
        guesses = [_guess(kind, *near) for near in zip(left, above, corner)]
        found += bytes([kind, *((a - b) % 256 for a, b in zip(here, guesses))])
        above = here
    return found


def _packed(row: np.ndarray, depth: int) -> bytes:
    if depth == 16:
        return row.astype(">u2").tobytes()
    bits = np.unpackbits(row.astype(np.uint8).reshape(-1, 1), axis=1)[:, 8 - depth :]
    return np.packbits(bits.reshape(-1)).tobytes()


def _guess(kind: int, left: int, up: int, corner: int) -> int:
    if kind == 4:
        return min((left, up, corner), key=lambda value: abs(left + up - corner - value))
    return (0, left, up, (left + up) // 2)[kind]


class RawFrame(NamedTuple):
    """Colour numbers below 8, row by row as they are stored, and how they are drawn."""

    box: tuple[int, int, int, int]  # left, top, width, height
    numbers: Sequence[int]
    disposal: int = 0
    clear: int | None = None
    palette: bytes = b""  # of its own, 8 colours
    interlaced: bool = False
    control: bool = True  # whether it has one


def raw_gif(
    size: tuple[int, int], palette: bytes, frames: Sequence[RawFrame], ground: int = 0
) -> bytes:
    """``palette`` has 8 colours, of which ``ground`` is called the background."""
    parts = [b"GIF89a", struct.pack("<HHBBB", *size, 0x80 | 2, ground, 0), palette]
    for frame in frames:
        if frame.control:
            flags = frame.disposal << 2 | (frame.clear is not None)
            parts.append(struct.pack("<BBBBHBB", 0x21, 0xF9, 4, flags, 5, frame.clear or 0, 0))
        flags = (0x80 | 2) * bool(frame.palette) | 0x40 * frame.interlaced
        parts += [b",", struct.pack("<4HB", *frame.box, flags), frame.palette, _lzw(frame.numbers)]
    return b"".join([*parts, b";"])


def random_gif(seed: int, size: tuple[int, int] = (24, 16)) -> bytes:
    """Frames of any place, palette, disposal and transparency, within the canvas."""
    rng = random.Random(seed)
    frames = []
    for number in range(rng.randrange(1, 5)):
        whole = number == 0 and rng.random() < 0.5
        width, height = size if whole else (rng.randrange(1, size[0]), rng.randrange(1, size[1]))
        left, top = rng.randrange(size[0] - width + 1), rng.randrange(size[1] - height + 1)
        frames.append(
            RawFrame(
                (left, top, width, height),
                [rng.randrange(8) for _ in range(width * height)],
                disposal=rng.randrange(4),
                clear=rng.randrange(8) if rng.random() < 0.5 else None,
                palette=rng.randbytes(24) if rng.random() < 0.4 else b"",
                interlaced=rng.random() < 0.5,
                control=rng.random() < 0.8,
            )
        )
    return raw_gif(size, rng.randbytes(24), frames, ground=rng.randrange(8))


# A frame that leaves the canvas, if a walk takes what stands inside of a block for one.
BAIT = b"\x2c" + b"\xff" * 8
GIF_PIXEL = b"\x02\x02\x44\x01\x00"  # of colour 0: clear code, 0, end of information


def gif_of_dots(
    frames: int, *, canvas: tuple[int, int] = (64, 32), box: tuple[int, ...] = ()
) -> bytes:
    """``frames`` frames of one pixel, and one in ``box`` (left, top, width, height)."""
    head = b"GIF89a" + struct.pack("<HHBBB", *canvas, 0x80, 0, 0) + b"\0\0\0" + BAIT[:3]
    small = b"\x2c" + struct.pack("<4HB", 0, 0, 1, 1, 0) + GIF_PIXEL
    last = b"\x2c" + struct.pack("<4HB", *box, 0) + GIF_PIXEL if box else b""
    return head + small * frames + last + b"\x3b"


def _lzw(numbers: Sequence[int]) -> bytes:
    """Colour numbers below 8, uncompressed: a clear code before the codes would grow."""
    codes: list[int] = []
    for first in range(0, len(numbers), 6):
        codes += [8, *numbers[first : first + 6]]
    bits = sum(code << 4 * place for place, code in enumerate([*codes, 9]))
    data = bits.to_bytes(len(codes) // 2 + 1, "little")
    blocks = [data[i : i + 255] for i in range(0, len(data), 255)]
    return b"\x03" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"
