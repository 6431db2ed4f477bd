"""When two files are the same picture: equal size and equal RGB pixels of ``open_image``.

Decoding costs more than everything else in a merge, so there are two keys. The *band key* is a
hash of the upper part of the picture; a PNG gives it for half the work, since its rows are packed
from top to bottom. Pictures with different band keys are different. The few that share one get the
*pixel key*, a hash of all their pixels, and only that decides.
"""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from typing import NamedTuple

import numpy as np
from PIL import Image

from captcha_ocr.gif import check_gif_frames
from captcha_ocr.imaging import DEFAULT_LIMITS, ImageError, background, open_image

# The share of the rows in the band. Of 3,100 pictures that all differ, 0.3 left 164 sharing a
# band key, 0.35 left 19, 0.4 two, 0.45 none; each of those costs one full decoding more.
BAND = 0.4

_PNG = b"\x89PNG\r\n\x1a\n"
_PLAIN_CHUNKS = {b"IHDR", b"IDAT", b"IEND", b"pHYs", b"tEXt", b"tIME", b"gAMA", b"sRGB"}
_NOT_PLAIN = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error)


class Band(NamedTuple):
    """The upper rows of a picture, and the size of the whole."""

    size: tuple[int, int]  # (width, height) of the picture, pixels
    pixels: bytes  # RGB of the first band_rows(height) rows


def suffix_of(data: bytes) -> str:
    """The file name suffix that the bytes ask for. ImageError when they are no picture we read."""
    if data.startswith(_PNG):
        return ".png"
    if data[:6] in (b"GIF87a", b"GIF89a"):
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
    suffix = suffix_of(data)
    band = None
    if suffix == ".png":
        band = _png_band(data)
    elif suffix == ".gif":
        band = _gif_band(data)
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
    if not compressed or min(size) < DEFAULT_LIMITS.min_side:
        return None
    if width * height > DEFAULT_LIMITS.max_pixels or len(data) > DEFAULT_LIMITS.max_bytes:
        return None
    try:
        # Pillow's own PNG decoder, asked for fewer rows: it stops inflating there.
        image = Image.frombytes("RGB", (width, band_rows(height)), compressed, "zip", ("RGB", 0))
    except _NOT_PLAIN:
        return None  # open_image finds the words for what is wrong
    return Band(size, image.tobytes())


def _png_chunks(data: bytes) -> tuple[int, int, bytes]:
    """Width, height and the compressed rows; b"" for these unless the PNG is plain.

    Raises ImageError where the file is cut off or a checksum is wrong: half a picture with the
    right label teaches a model nothing, and Pillow does not look at the checksum of pixels.
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
    # Bit depth 8, colour type 2 (RGB), deflate, adaptive filters, no interlace.
    plain = plain and data[24:29] == bytes((8, 2, 0, 0, 0))
    width, height = struct.unpack_from(">II", data, 16)
    return width, height, b"".join(parts) if plain else b""


def _gif_band(data: bytes) -> Band | None:
    """The band of ``open_image``'s combined picture; combining costs more than decoding does."""
    try:
        with Image.open(io.BytesIO(data), formats=("GIF",)) as image:
            check_gif_frames(data, image.size)
            return _combined_band(image)
    except (ImageError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None  # open_image says what is wrong
    except _NOT_PLAIN:
        return None


def _combined_band(image: Image.Image) -> Band:
    """As imaging.open_image combines frames, on the upper rows alone. A test compares them."""
    first = np.asarray(open_image(image))  # of one frame: no combining
    ground = background(first).astype(np.int16)
    rows = band_rows(image.height)
    combined = first[:rows].copy()
    farthest = np.abs(combined - ground).sum(axis=2)
    for number in range(1, DEFAULT_LIMITS.max_frames):
        try:
            image.seek(number)
        except EOFError:
            break
        frame = np.asarray(open_image(image))[:rows]
        distance = np.abs(frame - ground).sum(axis=2)
        closer = distance > farthest
        combined[closer] = frame[closer]
        farthest = np.maximum(farthest, distance)
    return Band(image.size, combined.tobytes())
