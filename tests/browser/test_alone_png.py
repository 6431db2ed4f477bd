"""PNGs that are not as the standard wants them: the browser takes and refuses what Pillow does."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
from test_alone import GREY, read_by_browser, read_by_python, same, site, weights  # noqa: F401

WIDTH, HEIGHT = 200, 100  # more pixels than a browser unpacks in one piece
SIGNATURE = b"\x89PNG\r\n\x1a\n"
RNG = np.random.default_rng(0)


def chunk(name: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def header(
    width: int = WIDTH, height: int = HEIGHT, depth: int = 8, kind: int = 0, filters: int = 0
) -> bytes:
    fields = struct.pack(">IIBBBBB", width, height, depth, kind, 0, filters, 0)
    return chunk(b"IHDR", fields)


def pixels(channels: int = 1) -> bytes:
    rows = (b"\0" + RNG.bytes(channels * WIDTH) for _ in range(HEIGHT))
    return zlib.compress(b"".join(rows))


def png(*chunks: bytes) -> bytes:
    return SIGNATURE + b"".join(chunks) + chunk(b"IEND")


GREYS, COLOURS = pixels(), pixels(3)
IDAT, HALVES = chunk(b"IDAT", GREYS), (chunk(b"IDAT", GREYS[:99]), chunk(b"IDAT", GREYS[99:]))
NOTE = chunk(b"tEXt", b"a\0b")
PALETTE = chunk(b"PLTE", bytes(range(24)))
ODD = {
    "a note between the pixels": png(header(), HALVES[0], NOTE, HALVES[1]),
    "a palette between the pixels": png(header(), HALVES[0], PALETTE, HALVES[1]),
    "an empty part of the pixels": png(header(), chunk(b"IDAT"), IDAT),
    "no end": png(header(), IDAT)[:-12],
    "pixels without their sum": png(header(), chunk(b"IDAT", GREYS[:-4])),
    "pixels with a wrong sum": png(header(), chunk(b"IDAT", GREYS[:-1] + bytes([GREYS[-1] ^ 1]))),
    "a wrong sum of a chunk of pixels": png(header(), IDAT[:-1] + bytes([IDAT[-1] ^ 1])),
    "a bit of the pixels": png(header(), chunk(b"IDAT", GREYS[:60] + b"\xff" + GREYS[61:])),
    "more after the pixels": png(header(), IDAT, chunk(b"IDAT", b"more")),
    "a name that is none": png(header(), chunk(b"\0\0\0\0"), IDAT),
    "a name that is none, after the pixels": png(header(), IDAT, chunk(b"\0\0\0\0")),
    "a name with digits": png(header(), chunk(b"ab12"), IDAT),
    "a note of more bytes than there are": png(header(), b"\xff\xff\xff\xfftEXt", IDAT),
    "very many chunks": png(header(), IDAT, *[NOTE] * 4000),
    "a gamma that is cut off": png(header(), chunk(b"gAMA", b"\0"), IDAT),
    "no width": png(header(width=0), IDAT),
    "no height": png(header(height=0), IDAT),
    "too small": png(header(width=7), IDAT),
    "too large": png(header(width=2000, height=2000), IDAT),
    "larger than any": png(header(width=2**31 - 1, height=2**31 - 1), IDAT),
    "a width below zero": png(header(width=2**32 - 1), IDAT),
    "a depth of three bits": png(header(depth=3), IDAT),
    "a kind of colours that is none": png(header(kind=5), IDAT),
    "a kind of filters that is none": png(header(filters=1), IDAT),
    "a header that is cut off": png(chunk(b"IHDR", header()[8:19]), IDAT),
    "no header": png(IDAT),
    "a header after the pixels": png(IDAT, header()),
    "a second header": png(header(width=64), header(), IDAT),
    "no pixels": png(header()),
    "grey, hidden colour cut off": png(header(), chunk(b"tRNS", b"\0"), IDAT),
    "colour, hidden colour cut off": png(
        header(kind=2), chunk(b"tRNS", bytes(4)), chunk(b"IDAT", COLOURS)
    ),
    "no palette": png(header(kind=3), IDAT),
    "a palette after the pixels": png(header(kind=3), IDAT, PALETTE),
    "a palette of no whole colour at its end": png(header(kind=3), chunk(b"PLTE", b"x" * 10), IDAT),
    "a palette that is too long": png(header(kind=3), chunk(b"PLTE", bytes(900)), IDAT),
    "more that is hidden than a palette has": png(
        header(kind=3), PALETTE, chunk(b"tRNS", b"\1" * 300), IDAT
    ),
}
REFUSED = {"unsupported", "size", "broken"}


def test_an_odd_png_is_taken_or_refused_as_in_python(visit: Any) -> None:
    found = read_by_browser(visit, list(ODD.values()), GREY)
    wanted = [read_by_python(picture, GREY) for picture in ODD.values()]
    differ = {name: one for name, one, other in zip(ODD, found, wanted) if not same(one, other)}
    assert differ == {}
    read = [array for array in found if not isinstance(array, str)]
    assert 10 < len(read) < len(ODD) - 10
    assert {code for code in found if isinstance(code, str)} <= REFUSED
