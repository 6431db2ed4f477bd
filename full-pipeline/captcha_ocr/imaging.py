"""From untrusted bytes to the array a model reads: ``open_image``, then ``preprocess``.

Train, eval, infer, the servers and the exported models all use these two functions.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Union

import numpy as np
from PIL import Image

from captcha_ocr import gif
from captcha_ocr.config import ImageConfig
from captcha_ocr.segments import pixel_parts

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
# How such files begin; WebP's mark stands eight bytes in.
HEADS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM")
# What Pillow raises for a header of very many pixels; neither is an OSError or a ValueError.
BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)
LONGEST_NAME = 300  # characters of a path that an error shows
JPEG_SUFFIXES = (".jpg", ".jpeg", ".jfif")  # all mean the same; the first is what we write
SUFFIXES = (".png", *JPEG_SUFFIXES, ".webp", ".bmp", ".gif")

ImageSource = Union[str, Path, bytes, BinaryIO, Image.Image, np.ndarray]


class ImageError(ValueError):
    """A picture that is not read. ``code`` is stable: unsupported, size, broken or missing."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class ImageLimits:
    """What ``open_image`` accepts; everything is checked before pixels are decoded."""

    max_bytes: int = 8 << 20  # bytes of the file
    min_side: int = 8  # pixels
    max_pixels: int = 1_000_000  # width times height
    max_frames: int = 64  # frames of a GIF that are looked at
    max_frame_pixels: int = 8_000_000  # of those frames together, each as large as the canvas

    def allow(self, size: tuple[int, int]) -> bool:
        """Whether a picture of ``size`` (width, height) is opened."""
        return min(size) >= self.min_side and size[0] * size[1] <= self.max_pixels

    def frames(self, size: tuple[int, int]) -> int:
        """How many frames of a GIF of ``size`` (width, height) are looked at; at least one."""
        return max(1, min(self.max_frames, self.max_frame_pixels // max(1, size[0] * size[1])))


DEFAULT_LIMITS = ImageLimits()


def open_image(source: ImageSource, limits: ImageLimits = DEFAULT_LIMITS) -> Image.Image:
    """Open one picture safely and return it as an RGB image.

    The format is told from the bytes alone. Transparency is laid on white. The frames of a GIF
    are combined: each pixel comes from the frame that draws it and differs there most from the
    background, so a text that fades in and out over the frames is whole; of a PIL image, only the
    frame it is at is read.

    Raises ImageError: the file is missing, larger than the limits, of another format, or broken.
    """
    if isinstance(source, np.ndarray):
        source = _from_array(source)
    if not isinstance(source, Image.Image):
        source = _read_bytes(source, limits)
    try:
        return _decode(source, limits)
    except ImageError:
        raise
    except Image.UnidentifiedImageError:
        if isinstance(source, bytes) and (source.startswith(HEADS) or source[8:12] == b"WEBP"):
            raise ImageError("broken", "the picture is cut off or damaged at its start") from None
        raise ImageError(
            "unsupported", f"not a picture in a known format; send {', '.join(FORMATS)}"
        ) from None
    except BOMBS:
        raise _size_error("more pixels than any limit", limits) from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error) as error:
        raise ImageError("broken", f"the picture is cut off or damaged ({error})") from None


def _decode(source: Image.Image | bytes, limits: ImageLimits) -> Image.Image:
    if isinstance(source, Image.Image):  # whose file may be decoded only now
        check_size(source.size, limits)
        return _to_rgb(source)
    if source.startswith(gif.HEADS):
        size = gif.gif_size(source)
        check_size(size, limits)
        frames = islice(gif.gif_frames(source), limits.frames(size))
        return Image.fromarray(gif.combine(frames, size, background))
    with Image.open(io.BytesIO(pixel_parts(source)), formats=FORMATS) as image:
        check_size(image.size, limits)
        return _to_rgb(image)


def preprocess(image: Image.Image, config: ImageConfig) -> np.ndarray:
    """An RGB image as the array a model reads: float32, (C, H, W), in [-1, 1].

    A pure function of one picture: W depends on the picture's own shape and nothing else, so
    a picture reads the same alone and in any batch (batches hold pictures of equal W).
    """
    return normalise(pad(scale(image, config), config))


def scale(image: Image.Image, config: ImageConfig) -> np.ndarray:
    """Scale to the configured height, aspect kept, width capped: uint8, (H, w, C)."""
    if config.channels == 1:
        image = image.convert("L")
    size = (scaled_width(image.size, config), config.height)
    pixels = np.asarray(image.resize(size, Image.Resampling.BILINEAR))
    return pixels.reshape(config.height, size[0], config.channels)


def pad(pixels: np.ndarray, config: ImageConfig) -> np.ndarray:
    """Pad (H, w, C) on the right with the picture's background to a multiple: (H, W, C)."""
    missing = -pixels.shape[1] % config.pad_multiple
    if not missing:
        return pixels
    filler = np.broadcast_to(background(pixels), (pixels.shape[0], missing, pixels.shape[2]))
    return np.concatenate([pixels, filler], axis=1)


def normalise(pixels: np.ndarray) -> np.ndarray:
    """uint8 (H, W, C) to float32 (C, H, W) in [-1, 1]."""
    return np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32) / 127.5 - 1.0


def scaled_width(size: tuple[int, int], config: ImageConfig) -> int:
    """Width in pixels, before padding, of a picture of ``size`` (width, height)."""
    width, height = size
    # Integer arithmetic, halves up: the same in every language that has to repeat it.
    exact = (2 * width * config.height + height) // (2 * height)
    return max(1, min(exact, config.max_width))


def padded_width(size: tuple[int, int], config: ImageConfig) -> int:
    """W of ``preprocess`` for a picture of ``size`` (width, height), without decoding it."""
    width = scaled_width(size, config)
    return width + -width % config.pad_multiple


def background(pixels: np.ndarray) -> np.ndarray:
    """The background colour of (H, W, C) pixels: the median of the border, one value a channel."""
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    middle = len(border) // 2
    return np.partition(border, middle, axis=0)[middle]


def _read_bytes(source: str | Path | bytes | BinaryIO, limits: ImageLimits) -> bytes:
    if isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
    elif isinstance(source, (str, Path)):
        try:
            with Path(source).open("rb") as file:
                data = file.read(limits.max_bytes + 1)
        except (OSError, ValueError) as error:  # the second: a NUL in a name
            raise ImageError("missing", _cannot_open(str(source), error)) from None
    else:
        try:
            data = _read_file(source, limits.max_bytes + 1)
        except (AttributeError, TypeError, UnicodeDecodeError):  # no read(), or one of no bytes
            raise ImageError(
                "unsupported",
                f"{type(source).__name__} is no picture; give a path, bytes, a file opened in "
                "binary mode, a PIL image or an array",
            ) from None
        except (OSError, ValueError) as error:  # the second: it is closed
            raise ImageError("missing", f"cannot read the file: {error}") from None
    if len(data) > limits.max_bytes:
        raise ImageError(
            "size",
            f"the file is larger than {limits.max_bytes:,} bytes; cut out the text, and save that",
        )
    return data


def _read_file(file: BinaryIO, most: int) -> bytes:
    """At most ``most`` bytes; of an unbuffered pipe one read gives only what is there."""
    parts = []
    while most > 0 and (part := file.read(most)):
        parts.append(memoryview(part).tobytes())
        most -= len(part)
    return b"".join(parts)


def _cannot_open(name: str, error: Exception) -> str:
    """Other readers take base64 where this one takes a path; nobody wants to see it again."""
    if len(name) <= LONGEST_NAME:
        return f"cannot open {name}: {getattr(error, 'strerror', None) or error}"
    return (
        f"cannot open {name[:40]}… ({len(name)} characters): a str is the path of a file; "
        "of base64, give the bytes: base64.b64decode(text)"
    )


def _from_array(array: np.ndarray) -> Image.Image:
    if array.dtype != np.uint8 or array.ndim not in (2, 3):
        raise ImageError(
            "unsupported",
            f"an array of {array.dtype} {array.shape}; give uint8 (H, W), (H, W, 3) or (H, W, 4)",
        )
    try:
        return Image.fromarray(array)
    except (TypeError, ValueError) as error:
        raise ImageError("unsupported", f"an array of shape {array.shape}: {error}") from None


def check_size(size: tuple[int, int], limits: ImageLimits = DEFAULT_LIMITS) -> None:
    """Raise ImageError when no picture of ``size`` (width, height) is opened."""
    if not limits.allow(size):
        raise _size_error("{}x{} pixels".format(*size), limits)


def _size_error(what: str, limits: ImageLimits) -> ImageError:
    return ImageError(
        "size",
        f"the picture has {what}; sides of {limits.min_side} pixels or more and "
        f"{limits.max_pixels} pixels in all or fewer are read",
    )


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits a channel: convert() would clip, not scale
        values = np.asarray(image)
        # Of 8 bits convert("I") keeps the values. Older Pillow opens a PNG of 16 bits as "I", too.
        wide = image.mode != "I" or image.format == "PNG" or values.max() > 255
        grey = np.clip(values >> 8 if wide else values, 0, 255).astype(np.uint8)
        clear = image.info.get("transparency")
        if isinstance(clear, int):
            grey[values == clear] = 255
        return Image.fromarray(grey).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")
