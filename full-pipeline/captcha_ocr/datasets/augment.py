"""Training-time distortions, by albumentations: what other generators, screens and files do."""

from __future__ import annotations

import os
from typing import Any

import numpy as np


class Augmenter:
    """A function of (pixels, seed): uint8 (H, w, C) in, the same shape out; same seed, same result.

    The seed has 32 bits, any of them as likely; a picture is distorted for the lowest ``share`` of
    all seeds and comes back as it is for the others.
    Geometry stays small, so that no character leaves the picture. Colours become lighter, darker
    or stronger, and a few pictures are inverted; other hues are for the generators to draw. The
    pipeline is built at first use, in the process that uses it, so an Augmenter travels to loader
    processes on every system.
    """

    def __init__(self, share: float = 1.0) -> None:
        self._share = share
        self._pipeline: Any = None

    def __call__(self, pixels: np.ndarray, seed: int) -> np.ndarray:
        # Of a single column the Downscale makes none, and fails.
        if seed >= self._share * 2**32 or pixels.shape[1] < 2:
            return pixels
        if self._pipeline is None:
            self._pipeline = build_pipeline()
        self._pipeline.set_random_seed(seed)
        changed = self._pipeline(image=pixels)["image"]
        return np.ascontiguousarray(changed.reshape(pixels.shape))

    def __getstate__(self) -> dict[str, Any]:
        return {"_share": self._share, "_pipeline": None}


def build_pipeline() -> Any:
    """The albumentations pipeline, for pictures already scaled to the model's height.

    Each step has a chance ``p`` of its own: one picture in four gets none, and stays as it is.
    """
    # Importing albumentations asks a server for a newer version unless told not to.
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    import albumentations as A
    import cv2

    cv2.setNumThreads(0)  # loader processes are the parallelism
    shift = A.Affine(
        scale=(0.92, 1.06),
        translate_percent={"x": (-0.02, 0.02), "y": (-0.05, 0.05)},
        rotate=(-4, 4),
        shear={"x": (-8, 8), "y": (0, 0)},
        border_mode=cv2.BORDER_REPLICATE,
        p=0.5,
    )
    focus = [
        A.GaussianBlur(blur_limit=(3, 3), sigma_limit=(0.3, 0.8)),
        A.Downscale(scale_range=(0.6, 0.9)),
        A.Sharpen(alpha=(0.2, 0.5)),
    ]
    specks = A.CoarseDropout(
        num_holes_range=(1, 3),
        hole_height_range=(1, 3),
        hole_width_range=(2, 12),
        fill="random_uniform",
    )
    damage = [
        A.GaussNoise(std_range=(0.02, 0.08)),
        A.ImageCompression(quality_range=(40, 90)),
        specks,
    ]
    light = A.RandomBrightnessContrast(brightness_limit=0.2, contrast_limit=0.3, p=0.3)
    return A.Compose(
        [shift, A.OneOf(focus, p=0.15), A.OneOf(damage, p=0.15), light, A.InvertImg(p=0.03)]
    )
