"""What happens to pictures on their way: noise, blur, compression, scaling, rotation; by degrees.

Each is a pure function of a picture, a level and a random generator. The same generator state
gives the same pattern at every level, so that a curve over the levels compares like with like.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from captcha_ocr.imaging import background

REFERENCE_HEIGHT = 60  # pixels; a blur of one pixel means one at this height
Apply = Callable[[Image.Image, float, np.random.Generator], bytes]


@dataclass(frozen=True)
class Distortion:
    """``levels`` go from none to strong; the first one leaves the picture as it is."""

    key: str
    levels: tuple[float, ...]
    apply: Apply


def _png(image: Image.Image) -> bytes:
    return _encode(image, format="PNG", compress_level=1)


def _encode(image: Image.Image, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, **options)
    return out.getvalue()


def _noise(image: Image.Image, level: float, rng: np.random.Generator) -> bytes:
    pixels = np.asarray(image, dtype=np.float32)
    noisy = pixels + level * rng.standard_normal(pixels.shape, dtype=np.float32)
    return _png(Image.fromarray(np.clip(np.rint(noisy), 0, 255).astype(np.uint8)))


def _blur(image: Image.Image, level: float, rng: np.random.Generator) -> bytes:
    radius = level * image.height / REFERENCE_HEIGHT
    return _png(image.filter(ImageFilter.GaussianBlur(radius)))


def _jpeg(image: Image.Image, level: float, rng: np.random.Generator) -> bytes:
    if level >= 100:  # quality 100 is not without loss
        return _png(image)
    return _encode(image, format="JPEG", quality=round(level))


def _scale(image: Image.Image, level: float, rng: np.random.Generator) -> bytes:
    size = (max(8, round(image.width * level)), max(8, round(image.height * level)))
    return _png(image.resize(size, Image.Resampling.BILINEAR))


def _rotation(image: Image.Image, level: float, rng: np.random.Generator) -> bytes:
    """To either side. The canvas grows, so that no corner of the text is cut off."""
    angle = level if rng.random() < 0.5 else -level
    ground = tuple(int(value) for value in background(np.asarray(image)))
    turned = image.rotate(angle, Image.Resampling.BILINEAR, expand=True, fillcolor=ground)
    return _png(turned)


DISTORTIONS = {
    distortion.key: distortion
    for distortion in (
        Distortion("noise", (0, 10, 20, 35, 50, 70), _noise),  # standard deviation, of 255
        Distortion("blur", (0, 0.5, 1, 1.5, 2, 3), _blur),  # radius, pixels at 60 of height
        Distortion("jpeg", (100, 75, 50, 30, 15, 5), _jpeg),  # quality
        Distortion("scale", (1, 0.75, 0.5, 0.4, 0.3, 0.25), _scale),
        Distortion("rotation", (0, 3, 6, 10, 15, 20), _rotation),  # degrees
    )
}
