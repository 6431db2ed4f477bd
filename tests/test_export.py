"""Exported models equal torch: logits, texts and confidences, alone and in mixed batches."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from captcha_ocr.charset import Charset
from captcha_ocr.checkpoint import Checkpoint
from captcha_ocr.config import ImageConfig
from captcha_ocr.exporting.measuring import verify
from captcha_ocr.exporting.onnx import export_onnx, round_to_half
from captcha_ocr.model_info import ModelError
from captcha_ocr.models import MODELS, build_model
from captcha_ocr.predictor import OnnxPredictor
from captcha_ocr.runtimes.torch import TorchPredictor, describe
from drawing import draw_picture
from small_models import small_checkpoint

CHARSET = Charset(tuple("0123456789+-*/=?中文"))
PICTURES = [
    draw_picture(text, size)
    for text in ("7*3=?", "1234", "90+5")
    for size in [(96, 32), (160, 60), (120, 40), (256, 64)]
]


def checkpoint_of(arch: str) -> Checkpoint:
    torch.manual_seed(0)
    image = ImageConfig(channels=MODELS[arch].in_channels)
    model = build_model(arch, CHARSET.num_classes, image)
    for module in model.modules():  # statistics as training leaves them, not zeros and ones
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 2.0)
    plain = Checkpoint(arch, {}, CHARSET, image, model.state_dict(), temperature=1.3)
    return round_to_half(plain)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every architecture's ONNX file; exporting takes seconds, so it is done once."""
    folder = tmp_path_factory.mktemp("exported")
    return {arch: export_onnx(checkpoint_of(arch), folder) for arch in sorted(MODELS)}


@pytest.mark.parametrize("arch", sorted(MODELS))
def test_onnx_equals_torch(arch: str, exported: dict[str, Path]) -> None:
    checkpoint = checkpoint_of(arch)
    onnx = OnnxPredictor(exported[arch], threads=1)
    torch_ = TorchPredictor(checkpoint, torch.device("cpu"))
    assert dataclasses.replace(onnx.info, sha256="") == torch_.info
    for mine, theirs in zip(onnx.predict(PICTURES), torch_.predict(PICTURES)):
        assert mine.text == theirs.text
        assert mine.confidence == pytest.approx(theirs.confidence, abs=1e-4)
        np.testing.assert_allclose(mine.log_probs, theirs.log_probs, atol=1e-4)
    for picture, together in zip(PICTURES, onnx.predict(PICTURES)):
        (alone,) = onnx.predict([picture])
        assert alone.text == together.text
        assert alone.confidence == pytest.approx(together.confidence, abs=1e-5)
    # Half the bytes of 32-bit weights, and nothing of the machine that wrote it.
    data = exported[arch].read_bytes()
    assert len(data) < 2.3 * onnx.info.params
    assert str(Path(__file__).parents[1]).encode() not in data


def test_a_wrong_export_is_refused(exported: dict[str, Path]) -> None:
    model = checkpoint_of("vanilla_crnn").build()
    onnx = OnnxPredictor(exported["vanilla_crnn"], threads=1)
    with torch.no_grad():
        model.rnn[1].project.bias[3] += 0.01
    with pytest.raises(ModelError, match=r"differ by 0\.01"):
        verify(onnx, model, onnx.info)


class WrongThere(TorchPredictor):
    """A file whose converter took a width, or a batch of one, for the only one there is."""

    def __init__(self, checkpoint: Checkpoint, wrong: Callable[[int, int], bool]) -> None:
        super().__init__(checkpoint, torch.device("cpu"))
        self.wrong = wrong

    def _run(self, images: np.ndarray) -> np.ndarray:
        return super()._run(images) + (0.01 if self.wrong(len(images), images.shape[3]) else 0)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda batch, width: batch > 1,
        lambda batch, width: width > 128,
        lambda batch, width: width < 64,
        lambda batch, width: batch == 1 and width < 256,
    ],
)
def test_an_export_is_compared_at_several_widths_and_in_batches(
    wrong: Callable[[int, int], bool],
) -> None:
    checkpoint = small_checkpoint("vanilla_crnn")
    model, never = checkpoint.build(), WrongThere(checkpoint, lambda batch, width: False)
    assert verify(never, model, never.info) < 1e-4
    with pytest.raises(ModelError, match=r"differ by 0\.01"):
        verify(WrongThere(checkpoint, wrong), model, never.info)


class NoNumbers:
    """A runtime that computes something else than numbers."""

    def logits(self, images: list[np.ndarray]) -> list[np.ndarray]:
        columns, classes = images[0].shape[2] // 4, CHARSET.num_classes
        return [np.full((columns, classes), np.nan, np.float32) for _ in images]


def test_an_export_without_numbers_is_refused() -> None:
    checkpoint = small_checkpoint("vanilla_crnn")
    model = checkpoint.build()
    with pytest.raises(ModelError, match="differ by nan"):
        verify(NoNumbers(), model, describe(checkpoint, model))


def test_an_export_without_numbers_at_one_width_is_refused() -> None:
    class NoNumbersThere(TorchPredictor):
        def _run(self, images: np.ndarray) -> np.ndarray:
            return super()._run(images) * (np.nan if images.shape[3] == 128 else 1)

    checkpoint = small_checkpoint("vanilla_crnn")
    predictor = NoNumbersThere(checkpoint, torch.device("cpu"))
    with pytest.raises(ModelError, match="differ by nan"):
        verify(predictor, checkpoint.build(), predictor.info)


def test_a_narrow_model_is_exported_too(tmp_path: Path) -> None:
    """Positions are learned up to max_width: no example may be wider."""
    path = export_onnx(small_checkpoint("svtr_tiny", max_width=64), tmp_path)
    assert OnnxPredictor(path).warm_up() > 0


def test_the_description_is_readable(exported: dict[str, Path]) -> None:
    path = exported["vanilla_crnn"].with_suffix(".json")
    values = json.loads(path.read_text(encoding="utf-8"))
    assert values["charset"] == "0123456789+-*/=?中文"
    assert values["width_stride"] == 4
    assert values["image"]["height"] == 32


def test_what_differs_from_torch_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_onnx(small_checkpoint("vanilla_crnn"), tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    monkeypatch.setattr("captcha_ocr.exporting.measuring.allowed", lambda largest: -1.0)
    with pytest.raises(ModelError, match="differ by"):
        export_onnx(small_checkpoint("vanilla_crnn"), tmp_path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


@pytest.mark.parametrize("wrong", [40, 88, 96, 128, 256])
def test_a_file_that_is_wrong_at_one_width_is_refused(
    wrong: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tracer that writes the example's width into the file, say."""
    predictor = TorchPredictor(small_checkpoint("vanilla_crnn"), torch.device("cpu"))
    logits = predictor.logits

    def shifted(images: Sequence[np.ndarray]) -> list[np.ndarray]:
        off = 0.5 * (images[0].shape[2] == wrong)
        return [one + np.float32(off) for one in logits(images)]

    monkeypatch.setattr(predictor, "logits", shifted)
    with pytest.raises(ModelError, match=r"exported logits differ by 0\.5"):
        verify(predictor, predictor.model, predictor.info)
