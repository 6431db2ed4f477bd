"""A picture to the array that a model gets: sizes, padding, and values that may not move."""

from __future__ import annotations

import numpy as np
import pytest
from captcha_ocr.config import ImageConfig
from captcha_ocr.imaging import (
    background,
    normalise,
    pad,
    padded_width,
    preprocess,
    scaled_width,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

GREY = ImageConfig(height=32, max_width=256, channels=1, pad_multiple=4)
COLOUR = ImageConfig(height=48, max_width=200, channels=3, pad_multiple=8)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(8, 400),
    st.integers(8, 200),
    st.sampled_from([GREY, COLOUR]),
    st.integers(0, 2**32 - 1),
)
def test_preprocess_shape_range_and_purity(
    width: int, height: int, config: ImageConfig, seed: int
) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    array = preprocess(image, config)
    assert array.dtype == np.float32
    assert array.shape == (config.channels, config.height, padded_width(image.size, config))
    assert array.shape[2] % config.pad_multiple == 0
    assert array.shape[2] <= config.max_width
    assert -1.0 <= array.min() <= array.max() <= 1.0
    assert array.flags["C_CONTIGUOUS"]
    np.testing.assert_array_equal(np.asarray(image), pixels)  # the picture is left as it was
    np.testing.assert_array_equal(preprocess(image, config), array)


@pytest.mark.parametrize(
    ("size", "scaled", "padded"),
    [
        ((160, 60), 85, 88),  # the sizes of the three styles
        ((130, 48), 87, 88),
        ((111, 36), 99, 100),
        ((200, 64), 100, 100),
        ((64, 32), 64, 64),
        ((16, 64), 8, 8),
        ((8, 1000), 1, 4),  # never narrower than a pixel
        ((2000, 32), 256, 256),  # capped
        ((5, 64), 3, 4),  # 2.5 goes up
    ],
)
def test_widths(size: tuple[int, int], scaled: int, padded: int) -> None:
    assert scaled_width(size, GREY) == scaled
    assert padded_width(size, GREY) == padded


def test_padding_is_the_background_on_the_right() -> None:
    image = Image.new("RGB", (45, 48), (10, 200, 30))
    ImageDraw.Draw(image).rectangle((10, 10, 20, 20), fill="black")
    array = preprocess(image, COLOUR)
    assert array.shape == (3, 48, 48)
    colour = np.array([10, 200, 30]) / 127.5 - 1
    np.testing.assert_allclose(
        array[:, :, 45:], np.broadcast_to(colour[:, None, None], (3, 48, 3)), atol=1e-6
    )
    np.testing.assert_array_equal(array[:, :, :45], normalise(np.asarray(image)))


def test_background_is_the_median_of_the_border() -> None:
    pixels = np.full((20, 30, 3), 250, np.uint8)
    pixels[0, :9] = (255, 0, 0)  # some ink touches the edge
    assert background(pixels).tolist() == [250, 250, 250]
    assert pad(pixels, COLOUR).shape == (20, 32, 3)
    pixels[0] = pixels[-1, :5] = 0  # more than half of the rows', less than half of the border
    assert background(pixels).tolist() == [250, 250, 250]


def test_golden_values() -> None:
    """Frozen, so that a new Pillow or an edit cannot move what trained models see unnoticed."""
    ramp = np.add.outer(np.arange(40) * 4, np.arange(60) * 1).astype(np.uint8)
    image = Image.fromarray(np.stack([ramp, 255 - ramp, ramp // 2], axis=2))
    grey, colour = preprocess(image, GREY), preprocess(image, COLOUR)
    assert (grey.shape, colour.shape) == ((1, 32, 48), (3, 48, 72))
    found = [round((float(value) + 1) * 127.5) for value in grey[0, ::8, ::12].ravel()]
    assert found == [
        *(150, 146, 143, 139),
        *(140, 137, 134, 130),
        *(131, 128, 124, 121),
        *(122, 118, 115, 112),
    ]
    found = [round((float(value) + 1) * 127.5) for value in colour[:, ::16, ::24].ravel()]
    assert found == [
        *(0, 20, 40, 53, 73, 93, 106, 126, 146),
        *(255, 235, 215, 202, 182, 162, 149, 129, 109),
        *(0, 10, 20, 27, 37, 47, 53, 63, 73),
    ]
