"""The only save and load of trained weights.

A model is one safetensors file: the weights, and beside them in its header the JSON that says
how to build the model and prepare its input, and the weights' checksum. One file, so that they
can never part. Weights that 16 bits hold without loss (see exporting/onnx.py) take no more. A
training state (``last.pt``) adds what a run needs to go on.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from captcha_ocr.charset import Charset
from captcha_ocr.config import ImageConfig, strict_from_dict
from captcha_ocr.files import write_bytes
from captcha_ocr.model_info import FORMAT, WEIGHTS_DIR, ModelError
from captcha_ocr.models import CTCRecognizer, build_model, model_arguments
from captcha_ocr.models.base import LUMA

HEADER = "captcha_ocr"  # the key of our JSON in the safetensors header
# Fields of a Checkpoint that this JSON has as they are.
RECORDED = ("arch", "model_config", "metrics", "train_config", "temperature")


@dataclass(frozen=True)
class Checkpoint:
    arch: str
    model_config: dict[str, Any]  # constructor arguments besides the number of classes
    charset: Charset
    image: ImageConfig
    state: dict[str, Tensor]
    metrics: dict[str, Any] = field(default_factory=dict)
    train_config: dict[str, Any] = field(default_factory=dict)
    temperature: float = 1.0  # divides the logits, see calibration.py

    def build(self) -> CTCRecognizer:
        """The trained model, in evaluation mode. Loads strictly."""
        model = build_model(self.arch, self.charset.num_classes, self.image, self.model_config)
        try:
            model.load_state_dict(self.state, strict=True)
        except RuntimeError as error:
            raise ModelError(
                f"these weights do not fit {self.arch}: {self._why(str(error))}"
            ) from None
        return model.eval()

    def _why(self, error: str) -> str:
        """The start of what torch says, which may name hundreds of weights; before it, what another
        version did not record, and this one had to guess."""
        lacking = sorted(model_arguments(self.arch).keys() - self.model_config.keys())
        if lacking:
            error = (
                f"another version wrote them, which did not record {', '.join(lacking)}; read them "
                f"with that one, or start from them with --init-from ({error})"
            )
        return textwrap.shorten(error, 500, placeholder=" …")


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    state = {name: _compact(tensor) for name, tensor in checkpoint.state.items()}
    header = {
        "format": FORMAT,
        "arch": checkpoint.arch,
        "model_config": checkpoint.model_config,
        "charset": "".join(checkpoint.charset.symbols),
        "image_config": dataclasses.asdict(checkpoint.image),
        "metrics": checkpoint.metrics,
        "train_config": checkpoint.train_config,
        "temperature": checkpoint.temperature,
        "sha256": _digest(state),
    }
    write_bytes(path, save(state, {HEADER: json.dumps(header, ensure_ascii=False)}))


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a ``.safetensors`` checkpoint. Nothing in such a file can run code."""
    path = Path(path)
    if path.is_dir():
        raise ModelError(f"{path} is a folder; name the best.safetensors of a run, in it or below")
    if path.parent == WEIGHTS_DIR and not path.exists():
        raise ModelError(
            f"{path} is missing: an installed package has the models that read, not their weights "
            f"to train on; name {path.name} by its path in a copy of the repository, in "
            "full-pipeline/captcha_ocr/weights"
        )
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})[HEADER])
            # Copies: a tensor as it comes maps the file, which Windows then lets nobody replace,
            # and a run ends in saving over the weights that it has loaded.
            state = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
        if header["format"] != FORMAT:
            raise ValueError(f"its format is {header['format']}, this version reads {FORMAT}")
        if header["sha256"] != _digest(state):
            raise ValueError("its weights are not those that were saved (sha256 differs)")
        values = {name: header[name] for name in RECORDED}
        values["charset"] = Charset(tuple(header["charset"]))
        values["image"] = ImageConfig.from_dict(header["image_config"])
        values["state"] = {name: _expand(tensor) for name, tensor in state.items()}
        checkpoint: Checkpoint = strict_from_dict(Checkpoint, values)
        return checkpoint
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} is no checkpoint of this project: {error}") from error


def _compact(tensor: Tensor) -> Tensor:
    """As it is stored: contiguous, and in 16 bits where that changes no value."""
    tensor = tensor.detach().cpu().contiguous()
    if tensor.dtype == torch.float32 and torch.equal(tensor.half().float(), tensor):
        return tensor.half()
    return tensor


def _expand(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor


def _digest(state: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(name.encode())
        digest.update(state[name].reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def load_weights(model: CTCRecognizer, source: Checkpoint, num_classes: int) -> None:
    """Start ``model`` from another's weights, whose charset is a prefix of the model's own and
    whose convolutions may have fewer channels; those of a grey model read colours as it did.

    The rows of new symbols and channels keep their fresh values, and what leads from new channels
    to old ones is 0: before its first step the model says of the old symbols what the other said,
    as in Chen, Goodfellow, Shlens 2015, "Net2Net", arXiv:1511.05641, section 2.3, which copies
    channels instead. Any other difference is a ModelError.
    """
    old_classes = source.charset.num_classes
    state = model.state_dict()
    for name, weights in source.state.items():
        new = state.get(name)
        if new is not None and new.shape != weights.shape:
            rows_differ = weights.shape[:1] == (old_classes,) and new.shape[:1] == (num_classes,)
            more_symbols = rows_differ and new.shape[1:] == weights.shape[1:]
            if more_symbols or is_wider_convolution(new, weights):
                weights = widened(weights, new)
        state[name] = weights
    try:
        model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise ModelError(
            f"cannot start from these {source.arch} weights; leave out --imgH, --imgW, --channels, "
            "--width, --early and --detail, and the sizes are those that they know "
            f"({textwrap.shorten(str(error), 300, placeholder=' …')})"
        ) from None


def is_wider_convolution(new: Tensor, old: Tensor) -> bool:
    """Kernels (out, in, height, width), or one value for each channel, as of a batch norm."""
    same = new.dim() == old.dim() in (1, 4) and new.shape[2:] == old.shape[2:]
    return same and all(n >= o for n, o in zip(new.shape, old.shape))


def widened(old: Tensor, new: Tensor) -> Tensor:
    """``old`` among the values of ``new``; what was there does not listen to what is new, but for
    kernels of grey pictures (out, 1, height, width), which see of RGB what they saw before."""
    if old.dim() == new.dim() == 4 and (old.shape[1], new.shape[1]) == (1, 3):
        old = old * old.new_tensor(LUMA)[:, None, None]
    grown = new.clone()
    grown[: old.shape[0]] = 0
    grown[tuple(slice(size) for size in old.shape)] = old
    return grown


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write a training state whole or not at all; the previous one stays until then."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_bytes(path, buffer.getvalue())


def load_state(path: Path) -> dict[str, Any]:
    """Read a training state: tensors and plain values only, never code."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling raises whatever the bytes make it raise
        raise ModelError(f"{path} is no training state of this project: {error}") from error
