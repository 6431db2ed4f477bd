"""The registry of recognisers. A new one is a file beside these and a line here."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from typing import Any

from captcha_ocr.config import KINDS, ConfigError, ImageConfig
from captcha_ocr.models.base import CTCRecognizer, count_parameters
from captcha_ocr.models.crnn import CRNN
from captcha_ocr.models.resnet34 import CRNNResNet34
from captcha_ocr.models.svtr_tiny import SVTRTiny

MODELS: dict[str, type[CTCRecognizer]] = {
    "vanilla_crnn": CRNN,
    "crnn_resnet34": CRNNResNet34,
    "svtr_tiny": SVTRTiny,
}

__all__ = [
    "MODELS",
    "CTCRecognizer",
    "build_model",
    "check_model",
    "count_parameters",
    "find_model",
    "model_arguments",
    "width_stride",
]


def find_model(arch: str) -> type[CTCRecognizer]:
    if arch not in MODELS:
        raise ConfigError(f"unknown arch {arch!r}; choose from {', '.join(sorted(MODELS))}")
    return MODELS[arch]


def build_model(
    arch: str, num_classes: int, image: ImageConfig, arguments: dict[str, Any] | None = None
) -> CTCRecognizer:
    """A recogniser with fresh weights. ``arguments`` go to its constructor, e.g. width=1.0.

    Raises ConfigError as `check_model` does.
    """
    check_model(arch, image, arguments)
    model_class = find_model(arch)
    sizes = {
        "in_channels": image.channels,
        "image_height": image.height,
        "max_width": image.max_width,
    }
    sizes = {name: value for name, value in sizes.items() if name in signature(model_class)}
    return model_class(num_classes, **model_arguments(arch, arguments), **sizes)


def width_stride(arch: str, arguments: dict[str, Any] | None = None) -> int:
    """Pixels of width that a time step stands for."""
    model_class = find_model(arch)
    return model_class.enlarged(model_class.width_stride, detail_of(arch, arguments))


def detail_of(arch: str, arguments: dict[str, Any] | None) -> int:
    return model_arguments(arch, arguments).get("detail", 0)


def check_model(arch: str, image: ImageConfig, arguments: dict[str, Any] | None = None) -> None:
    """Raise ConfigError for an unknown arch or argument, a width that is none, another number of
    channels, or pictures that are too low."""
    model_class = find_model(arch)
    for name, value in model_arguments(arch, arguments).items():
        if name in ("width", "early") and not 0 < value < math.inf:
            raise ConfigError(f"{arch}: {name} is {value:g}; choose more than 0")
    detail = detail_of(arch, arguments)
    lowest = model_class.enlarged(model_class.min_height, detail)
    known = (model_class.in_channels, *((3,) if model_class.also_colour else ()))
    if image.channels not in known:
        raise ConfigError(
            f"{arch} reads {' or '.join(map(str, known))} channel(s), the image config has "
            f"{image.channels}"
        )
    if image.height < lowest:
        raise ConfigError(
            f"{arch}{' with details' if detail else ''} reads pictures of height {lowest} or more, "
            f"the image config has {image.height}"
        )


def model_arguments(arch: str, given: dict[str, Any] | None = None) -> dict[str, Any]:
    """All arguments that decide a model's sizes, defaults included: what a checkpoint records,
    so that it can be built when the defaults have moved on."""
    defaults = {
        name: parameter.default
        for name, parameter in signature(find_model(arch)).items()
        if parameter.default is not inspect.Parameter.empty
    }
    unknown = sorted(set(given or {}) - set(defaults))
    if unknown:
        raise ConfigError(f"{arch} has no argument {unknown}; known: {sorted(defaults)}")
    for name, value in (given or {}).items():
        if not is_of_kind(value, defaults[name]):
            kind = type(defaults[name]).__name__
            raise ConfigError(f"{arch}: {name} is {value!r:.80}, not {kind}")
    return {**defaults, **(given or {})}


def is_of_kind(value: Any, default: Any) -> bool:
    """Whether an argument may have this value where it has that one by default. JSON and YAML make
    a list of a tuple."""
    if isinstance(default, tuple):
        return isinstance(value, (tuple, list)) and all(type(one) is int for one in value)
    return type(value) in KINDS.get(type(default).__name__, (type(default),))


def signature(model_class: type[CTCRecognizer]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(model_class).parameters
