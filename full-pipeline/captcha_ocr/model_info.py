"""What stands beside a model's weights: ``<arch>.json`` next to ``<arch>.onnx``."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from captcha_ocr.charset import Charset
from captcha_ocr.config import ImageConfig, strict_from_dict
from captcha_ocr.files import file_sha256, find_files, write_json

FORMAT = 1
WEIGHTS_DIR = Path(__file__).parent / "weights"
DEFAULT_ARCH = "vanilla_crnn"  # reads most of the three; every installation has it
# Suffix of an exported model -> module and class that reads pictures with it.
RUNTIMES = {
    ".onnx": ("captcha_ocr.predictor", "OnnxPredictor"),
    ".param": ("captcha_ocr.runtimes.ncnn", "NcnnPredictor"),
    ".tflite": ("captcha_ocr.runtimes.tflite", "TflitePredictor"),
    ".torchscript": ("captcha_ocr.runtimes.torchscript", "TorchScriptPredictor"),
}


class ModelError(ValueError):
    """Weights that are missing, broken or not what their description says."""


@dataclass(frozen=True)
class ModelInfo:
    """Description of one exported model; everything needed to read a picture with it."""

    arch: str  # a key of captcha_ocr.models.MODELS
    charset: Charset  # class number -> character
    image: ImageConfig  # the preprocessing it was trained with
    width_stride: int  # pixels of width a time step stands for
    temperature: float = 1.0  # divides the logits so that confidence is calibrated
    params: int = 0  # number of weights
    metrics: dict[str, Any] = field(default_factory=dict)  # figures on named test sets
    sha256: str = ""  # of the weights file; verified at load

    def __post_init__(self) -> None:
        """Refused here, not at the first picture: it is divided by both."""
        if not (0 < self.temperature < math.inf and self.width_stride > 0):
            raise ModelError(
                f"temperature {self.temperature} and width stride {self.width_stride} must be "
                "numbers above 0"
            )

    @property
    def most_logits(self) -> int:
        """How many logits a picture has, of the largest width: what bounds memory divides by it."""
        return -(-self.image.max_width // self.width_stride) * self.charset.num_classes

    def check_classes(self, found: int) -> None:
        """Raise ModelError when a model has others: the checksum is of the weights alone, and not
        every runtime tells its shapes beforehand."""
        if found != self.charset.num_classes:
            raise ModelError(
                f"{self.arch} has {found} classes, the blank among them, and its .json "
                f"{len(self.charset.symbols)} characters; export the model again"
            )

    @classmethod
    def load(cls, path: Path) -> ModelInfo:
        """Read ``<arch>.json``. Raises ModelError that names the file and the problem."""
        try:
            values = json.loads(Path(path).read_text(encoding="utf-8"))
            if not isinstance(values, dict):
                raise ValueError("it holds no JSON object")
            if values.pop("format") != FORMAT:
                raise ValueError(f"its format is not {FORMAT}")
            values["charset"] = Charset(tuple(values["charset"]))
            values["image"] = ImageConfig.from_dict(values["image"])
            info: ModelInfo = strict_from_dict(cls, values)
            return info
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise ModelError(f"{path} does not describe a model: {error}") from error

    def save(self, path: Path) -> None:
        values = dataclasses.asdict(self)
        values["charset"] = "".join(self.charset.symbols)
        write_json(path, {"format": FORMAT, **values})


def describe_weights(weights: Path, *more: Path) -> ModelInfo:
    """The description of an exported model; ``more`` are files of it besides ``weights``.

    Raises ModelError when a file is missing, or fails the checksum.
    """
    info = ModelInfo.load(weights.with_suffix(".json"))
    for file in (weights, *more):
        if not file.is_file():
            raise ModelError(f"{file} is missing")
    if info.sha256 != file_sha256(weights, *more):
        raise ModelError(f"{weights} is not the file its .json describes (sha256 differs)")
    return info


def find_models(folder: Path = WEIGHTS_DIR) -> dict[str, Path]:
    """The models in a folder: name -> weights, for every ``<name>.onnx`` (or another suffix of
    RUNTIMES) with its JSON."""
    if not folder.is_dir():
        raise ModelError(f"{folder} is no folder; name one that holds <arch>.onnx and <arch>.json")
    found: dict[str, Path] = {}
    for file in find_files(folder, "*"):
        if file.suffix in RUNTIMES:
            if file.stem in found:
                raise ModelError(
                    f"{folder}: {found[file.stem].name} and {file.name} share one .json; give "
                    "each format a folder of its own"
                )
            found[file.stem] = file
    alone = [file.name for file in found.values() if not file.with_suffix(".json").is_file()]
    if alone:
        raise ModelError(f"{folder}: {alone} without the .json beside it; export the model again")
    if not found:
        runs = [file.parent for file in sorted(folder.glob("*/*.onnx"))]
        hint = f"{runs[0]} does" if runs else "train one: train.py writes <arch>.onnx"
        if not runs and (folder / "best.safetensors").is_file():
            hint = (
                f"its run was stopped: go on with train --resume {folder}, or make a model of "
                f"what it has: captcha-ocr export --checkpoint {folder / 'best.safetensors'}"
            )
        raise ModelError(f"{folder} holds no model; {hint}")
    return found


def default_model(found: Mapping[str, Path]) -> str:
    """The only one of find_models; of several, DEFAULT_ARCH."""
    return next(iter(found)) if len(found) == 1 else DEFAULT_ARCH


def weights_of(name: str, found: Mapping[str, Path], folder: Path) -> Path:
    """One of find_models in ``folder``. Raises ModelError for an unknown name."""
    if name not in found:
        raise ModelError(f"no weights for {name!r} in {folder}; choose from {', '.join(found)}")
    return found[name]
