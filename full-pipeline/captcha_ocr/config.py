"""Configuration as frozen dataclasses: what is written here is what a checkpoint records."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class TrainingError(RuntimeError):
    """Training cannot go on; what was saved last is intact."""


class ConfigError(ValueError):
    """A setting that cannot work; the message says what came, what is allowed, what to do."""


@dataclass(frozen=True)
class ImageConfig:
    """How a picture becomes an array. Travels in every checkpoint and beside every ONNX file."""

    height: int = 32  # every picture is scaled to this height, pixels
    max_width: int = 256  # wider pictures are squeezed to this width, pixels
    channels: int = 1  # 1 = grey, 3 = RGB
    pad_multiple: int = 4  # widths are padded on the right to a multiple of this, pixels

    def __post_init__(self) -> None:
        if self.channels not in (1, 3):
            raise ConfigError(f"channels is {self.channels}; choose 1 (grey) or 3 (RGB)")
        if not 8 <= self.height <= 512:
            raise ConfigError(f"image height is {self.height}; choose 8 to 512 pixels")
        if not 1 <= self.max_width <= 8192:
            raise ConfigError(f"image width is {self.max_width}; choose 1 to 8192 pixels")
        if not 1 <= self.pad_multiple <= self.max_width:
            raise ConfigError(
                f"pad multiple is {self.pad_multiple}; choose 1 to the image width {self.max_width}"
            )
        if self.max_width % self.pad_multiple:
            raise ConfigError(
                f"image width {self.max_width} is not a multiple of pad multiple "
                f"{self.pad_multiple}"
            )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ImageConfig:
        return strict_from_dict(cls, values)


# Settings, what holds of them (of a NaN nothing does), and that in words.
_LIMITS: tuple[tuple[tuple[str, ...], Callable[[float], bool], str], ...] = (
    (("epochs", "lr", "clip"), lambda value: 0 < value < math.inf, "more than 0"),
    (("batch", "batch_start"), lambda value: value >= 1, "1 or more"),
    (
        (
            *("grow_steps", "warmup", "weight_decay", "eval_every", "patience"),
            *("max_minutes", "save_minutes", "num_workers"),
        ),
        lambda value: 0 <= value < math.inf,
        "0 or more",
    ),
    (("seed",), lambda value: 0 <= value < 2**64, "0 or more, in 64 bits"),
    (("lr_end", "flat", "distill_weight", "aug"), lambda value: 0 <= value <= 1, "0 to 1"),
    (("aux_weight", "ema", "blend"), lambda value: 0 <= value < 1, "0 to less than 1"),
    (("val_fraction",), lambda value: 0 < value < 1, "more than 0 and less than 1"),
)
# Settings that are one of these words.
WORDS = {"select_on": ("auto", "val", "split"), "amp": ("off", "auto", "bf16", "fp16")}


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides a training run. Written to the run folder as args.yaml."""

    arch: str  # a key of captcha_ocr.models.MODELS
    train_root: str  # folder with images/ and labels.txt, or Parquet shards
    val_root: str = ""  # the same; empty: split val_fraction off the training set
    select_on: str = "auto"  # what chooses the best weights, see WORDS and prepare.py
    out: str = "runs"  # run folders go here, one per architecture
    image: ImageConfig = ImageConfig()
    model: dict[str, Any] = dataclasses.field(default_factory=dict)  # constructor arguments

    epochs: float = 30  # passes over the training set; 1.5 ends half-way through the second
    batch: int = 192  # pictures a step once the batch has grown (all processes together)
    batch_start: int = 16  # pictures a step at the start; many small steps leave the plateau
    grow_steps: int = 1875  # steps at each batch size before it doubles; 0 = full size at once
    lr: float = 1e-3  # peak learning rate of AdamW
    lr_end: float = 0.01  # last learning rate as a fraction of the peak
    warmup: int = 2000  # pictures over which the learning rate rises; a tenth of the run at most
    flat: float = 0.3  # fraction of the run before the cosine begins, the rise included
    weight_decay: float = 0.01  # on matrices and kernels only
    clip: float = 5.0  # largest gradient norm
    aux_weight: float = 0.5  # share of the loss on the auxiliary heads, 0 = none
    distill_from: str = ""  # checkpoint whose answers are learned beside the labels
    distill_weight: float = 0.5  # their share of the loss that is not the auxiliary heads'
    ema: float = 0.999  # decay of the averaged weights, 0 = off
    short_first: bool = False  # the first epoch goes from short labels to long ones
    aug: float = 0.0  # share of training pictures that augment.py may distort, anew in every epoch

    val_fraction: float = 0.05  # of the training set, when a split chooses
    eval_every: int = 0  # pictures between two evaluations, 0 = once an epoch
    fold_case: bool = False  # case does not count where the best weights are chosen
    patience: int = 0  # stop after this many evaluations without a better one, 0 = never
    max_minutes: float = 0.0  # stop, saved, after so long in one go; 0 = no limit
    save_minutes: float = 3.0  # write last.pt this often

    seed: int = 0  # weights, order, augmentation, split
    num_workers: int = 0  # loader processes
    cache: bool = False  # keep scaled pictures in memory
    amp: str = "off"  # see WORDS; auto is bf16 where that is fast, fp16 needs CUDA
    compile: bool = False  # torch.compile
    device: str = "auto"  # auto | cpu | cuda | cuda:N
    tensorboard: bool = False  # write event files too
    init_from: str = ""  # checkpoint to fine-tune from
    blend: float = 0.0  # share of its weights in those that are kept

    def __post_init__(self) -> None:
        for names, holds, allowed in _LIMITS:
            for name in names:
                value = getattr(self, name)
                if not holds(value):
                    raise ConfigError(f"{_option(name)} is {value:g}; choose {allowed}")
        for name, words in WORDS.items():
            value = getattr(self, name)
            if value not in words:
                raise ConfigError(f"{_option(name)} is {value!r}; choose {', '.join(words)}")
        for name, value in vars(self).items():
            if isinstance(value, str) and value.encode(errors="replace").decode() != value:
                raise ConfigError(
                    f"{_option(name)} {value!r} is no UTF-8, as a checkpoint is, which records it; "
                    "give it another name"
                )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrainConfig:
        values = dict(values)
        values["image"] = ImageConfig.from_dict(values["image"])
        return strict_from_dict(cls, values)


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


# Annotation of a field, or kind of an argument -> what a file may have there.
KINDS: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "bool": (bool,),
    "dict[str, Any]": (dict,),
}


def strict_from_dict(cls: type, values: dict[str, Any]) -> Any:
    """Build a dataclass from a mapping; an unknown or missing key is an error, never dropped, and
    so is a value of another kind, over which somebody would fall much later."""
    known = {field.name for field in dataclasses.fields(cls)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ConfigError(f"{cls.__name__} has no {unknown}; known: {sorted(known)}")
    for field in dataclasses.fields(cls):
        kinds = KINDS.get(str(field.type))
        # By class, since True is an int to isinstance.
        if kinds and field.name in values and type(values[field.name]) not in kinds:
            value = f"{values[field.name]!r:.80}"
            raise ConfigError(f"{cls.__name__}: {field.name} is {value}, not {field.type}")
    try:
        return cls(**values)
    except TypeError as error:
        raise ConfigError(f"{cls.__name__}: {error}") from error
