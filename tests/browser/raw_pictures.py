"""Pictures that Pillow does not write: every kind of PNG, and GIFs whose frames do as they like."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Sequence

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


def random_gif(seed: int, size: tuple[int, int] = (24, 16)) -> bytes:
    """Frames of any place, palette, disposal and transparency, within the canvas."""
    rng = random.Random(seed)
    width, height = size
    head = b"GIF89a" + struct.pack("<HH", width, height)
    head += bytes([0x80 | 2, rng.randrange(8), 0]) + _palette(rng)
    body = b""
    for number in range(rng.randrange(1, 5)):
        whole = number == 0 and rng.random() < 0.5
        w, h = (width, height) if whole else (rng.randrange(1, width), rng.randrange(1, height))
        left, top = rng.randrange(width - w + 1), rng.randrange(height - h + 1)
        if rng.random() < 0.8:
            transparent = rng.random() < 0.5
            flags = rng.randrange(4) << 2 | transparent
            body += struct.pack("<BBBBHBB", 0x21, 0xF9, 4, flags, 5, rng.randrange(8), 0)
        local, interlaced = rng.random() < 0.4, rng.random() < 0.5
        flags = (0x80 | 2) * local | 0x40 * interlaced
        body += b"," + struct.pack("<4HB", left, top, w, h, flags)
        body += (_palette(rng) if local else b"") + _lzw([rng.randrange(8) for _ in range(w * h)])
    return head + body + b";"


def _palette(rng: random.Random) -> bytes:
    return bytes(rng.randrange(256) for _ in range(3 * 8))


def _lzw(numbers: Sequence[int]) -> bytes:
    """Colour numbers below 8, uncompressed: a clear code before the codes would grow."""
    codes: list[int] = []
    for first in range(0, len(numbers), 6):
        codes += [8, *numbers[first : first + 6]]
    bits = sum(code << 4 * place for place, code in enumerate([*codes, 9]))
    data = bits.to_bytes(len(codes) // 2 + 1, "little")
    blocks = [data[i : i + 255] for i in range(0, len(data), 255)]
    return b"\x03" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"
