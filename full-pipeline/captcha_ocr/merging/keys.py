"""When two files are the same picture: equal size and equal RGB pixels of ``open_image``.

Decoding costs more than everything else in a merge, so there are two keys. The *band key* is a
hash of the upper part of the picture; a PNG gives it for half the work, since its rows are packed
from top to bottom. Pictures with different band keys are different. The few that share one get the
*pixel key*, a hash of all their pixels, and only that decides.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from typing import NamedTuple

from PIL import Image

from captcha_ocr import gif
from captcha_ocr.imaging import DEFAULT_LIMITS, ImageError, open_image
from captcha_ocr.segments import pixel_parts

# The share of the rows in the band. Of 3,100 pictures that all differ, 0.3 left 164 sharing a
# band key, 0.35 left 19, 0.4 two, 0.45 none; each of those costs one full decoding more.
BAND = 0.4

_PNG = b"\x89PNG\r\n\x1a\n"
_HEADER = b"\0\0\0\x0dIHDR"  # its length, 13, and its name
_PLAIN_CHUNKS = {b"IHDR", b"IDAT", b"IEND", b"pHYs", b"tEXt", b"tIME", b"gAMA", b"sRGB"}


class Band(NamedTuple):
    """The upper rows of a picture, and the size of the whole."""

    size: tuple[int, int]  # (width, height) of the picture, pixels
    pixels: bytes  # RGB of the first band_rows(height) rows


def suffix_of(data: bytes) -> str:
    """The file name suffix that the bytes ask for. ImageError when they are no picture we read."""
    if data.startswith(_PNG):
        return ".png"
    if data.startswith(gif.HEADS):
        return ".gif"
    if data.startswith(b"\xff\xd8\xff"):
        return ".jpg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ".webp"
    if data.startswith(b"BM"):
        return ".bmp"
    raise ImageError("unsupported", f"not PNG, GIF, JPEG, WEBP or BMP: it starts with {data[:8]!r}")


def band_rows(height: int) -> int:
    return max(1, int(height * BAND))


def read_picture(data: bytes) -> Image.Image:
    """The whole picture as RGB. A PNG with a wrong checksum is broken, even if it decodes."""
    if suffix_of(data) == ".png":
        _png_chunks(data)
    return open_image(data)


def read_band(data: bytes) -> Band:
    """The upper rows of ``read_picture(data)``, for less work where that can be had.

    Raises ImageError as ``read_picture`` does, but for one case: a PNG whose checksums are right
    and whose compressed data is wrong below the band.
    """
    band = _png_band(data) if suffix_of(data) == ".png" else None
    return band or band_of(open_image(data))


def band_of(image: Image.Image) -> Band:
    width, height = image.size
    return Band(image.size, image.crop((0, 0, width, band_rows(height))).tobytes())


def key(size: tuple[int, int], pixels: bytes) -> bytes:
    """16 bytes that stand for a picture of ``size``, or for its band."""
    # SHA-256 runs in hardware on today's processors; 128 bits of it leave no room for chance.
    return hashlib.sha256(b"%d %d " % size + pixels).digest()[:16]


def band_key(data: bytes) -> bytes:
    return key(*read_band(data))


def pixel_key(data: bytes) -> bytes:
    image = read_picture(data)
    return key(image.size, image.tobytes())


def _png_band(data: bytes) -> Band | None:
    """The band of a plain PNG: 8-bit RGB, one pass, no transparency. None for any other."""
    width, height, compressed = _png_chunks(data)
    size = (width, height)
    if not compressed or not DEFAULT_LIMITS.allow(size) or len(data) > DEFAULT_LIMITS.max_bytes:
        return None
    try:
        pixel_parts(data)  # raises
        # Pillow's own PNG decoder, asked for fewer rows: it stops inflating there.
        image = Image.frombytes("RGB", (width, band_rows(height)), compressed, "zip", ("RGB", 0))
    except (ValueError, OSError):
        return None  # open_image finds the words for what is wrong
    return Band(size, image.tobytes())


def _png_chunks(data: bytes) -> tuple[int, int, bytes]:
    """Width, height and the compressed rows; b"" for these unless the PNG is plain.

    Raises ImageError where the file is cut off, a checksum is wrong or the header is no header:
    half a picture with the right label teaches a model nothing, and Pillow does not look at the
    checksum of pixels.
    """
    position, parts, plain, name = len(_PNG), [], True, b""
    while name != b"IEND":
        if position + 12 > len(data):
            raise ImageError("broken", "the picture is cut off: its last chunk is missing")
        (length,) = struct.unpack_from(">I", data, position)
        name = data[position + 4 : position + 8]
        end = position + 8 + length
        body = data[position + 4 : end]
        if data[end : end + 4] != zlib.crc32(body).to_bytes(4, "big"):
            raise ImageError("broken", f"the checksum of the chunk {name!r} is wrong")
        if name == b"IDAT":
            parts.append(body[4:])
        elif (parts and name != b"IEND") or (name == b"IHDR") != (position == len(_PNG)):
            plain = False  # pixels in two places, or a header in the wrong one
        plain = plain and name in _PLAIN_CHUNKS
        position = end + 4
    if not data.startswith(_HEADER, len(_PNG)):
        raise ImageError("broken", "the PNG does not begin with a header (IHDR) of 13 bytes")
    # Bit depth 8, colour type 2 (RGB), deflate, adaptive filters, no interlace.
    plain = plain and data[24:29] == bytes((8, 2, 0, 0, 0))
    width, height = struct.unpack_from(">II", data, 16)
    return width, height, b"".join(parts) if plain else b""
