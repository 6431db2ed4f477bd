"""Checkpoints: whole round trips, strict loading, files that try to run code, killed writers."""

from __future__ import annotations

import dataclasses
import os
import pickle
from pathlib import Path

import pytest
import torch
from captcha_ocr import checkpoint as module
from captcha_ocr.charset import Charset
from captcha_ocr.checkpoint import (
    Checkpoint,
    load_checkpoint,
    load_state,
    load_weights,
    save_checkpoint,
    save_state,
)
from captcha_ocr.config import ImageConfig
from captcha_ocr.exporting.onnx import round_to_half
from captcha_ocr.model_info import ModelError
from captcha_ocr.models import build_model
from captcha_ocr.models.base import FirstConv
from captcha_ocr.training.optimisation import blend_weights
from safetensors.torch import save
from small_models import DETAILED, small_checkpoint

CHARSET = Charset(tuple("0123456789中"))


def make(charset: Charset = CHARSET) -> Checkpoint:
    torch.manual_seed(0)
    model = build_model("vanilla_crnn", charset.num_classes, ImageConfig(), {"width": 0.25})
    return Checkpoint(
        arch="vanilla_crnn",
        model_config={"width": 0.25},
        charset=charset,
        image=ImageConfig(),
        state=model.state_dict(),
        metrics={"exact_match": 0.5},
        train_config={"seed": 3},
        temperature=1.25,
    )


def test_round_trip_keeps_everything(tmp_path: Path) -> None:
    saved = make()
    save_checkpoint(tmp_path / "best.safetensors", saved)
    loaded = load_checkpoint(tmp_path / "best.safetensors")
    assert loaded.charset == CHARSET
    assert (loaded.arch, loaded.model_config, loaded.image) == (
        saved.arch,
        saved.model_config,
        saved.image,
    )
    assert (loaded.metrics, loaded.train_config) == (saved.metrics, saved.train_config)
    assert loaded.temperature == saved.temperature
    assert loaded.state.keys() == saved.state.keys()
    assert all(torch.equal(loaded.state[name], saved.state[name]) for name in saved.state)
    assert not loaded.build().training


def test_a_checkpoint_can_take_the_place_of_its_own_file(tmp_path: Path) -> None:
    """As at the end of a run. Windows replaces no file that a tensor still maps into memory; Linux
    does, and tells which files are mapped."""
    path = tmp_path / "best.safetensors"
    save_checkpoint(path, make())
    loaded = round_to_half(load_checkpoint(path))
    maps = Path("/proc/self/maps")
    assert not maps.is_file() or str(path) not in maps.read_text(encoding="utf-8")
    save_checkpoint(path, loaded)
    assert load_checkpoint(path).charset == CHARSET


def test_rounded_weights_take_half_the_room(tmp_path: Path) -> None:
    plain, rounded = make(), round_to_half(make())
    save_checkpoint(tmp_path / "plain.safetensors", plain)
    save_checkpoint(tmp_path / "rounded.safetensors", rounded)
    sizes = {file.stem: file.stat().st_size for file in tmp_path.iterdir()}
    assert sizes["rounded"] < 0.55 * sizes["plain"]
    loaded = load_checkpoint(tmp_path / "rounded.safetensors")
    assert all(value.dtype == rounded.state[name].dtype for name, value in loaded.state.items())
    assert all(torch.equal(loaded.state[name], rounded.state[name]) for name in rounded.state)


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    save_checkpoint(path, make())
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelError, match="sha256 differs"):
        load_checkpoint(path)


def test_another_format_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "best.safetensors"
    monkeypatch.setattr(module, "FORMAT", module.FORMAT + 1)
    save_checkpoint(path, make())
    monkeypatch.undo()
    with pytest.raises(ModelError, match=f"its format is {module.FORMAT + 1}, this version reads"):
        load_checkpoint(path)


def test_a_missing_or_spare_weight_is_an_error() -> None:
    checkpoint = make()
    name, value = next(iter(checkpoint.state.items()))
    del checkpoint.state[name]
    with pytest.raises(ModelError, match="do not fit vanilla_crnn"):
        checkpoint.build()
    checkpoint.state.update({name: value, "spare": value})
    with pytest.raises(ModelError, match="spare"):
        checkpoint.build()


def test_weights_of_a_version_that_recorded_less_are_told_in_a_few_words() -> None:
    """Once `crnn_resnet34` had no `early`: it is guessed, and hundreds of weights differ."""
    checkpoint = small_checkpoint("crnn_resnet34")
    recorded = {name: size for name, size in checkpoint.model_config.items() if name != "early"}
    old = dataclasses.replace(checkpoint, model_config=recorded)
    with pytest.raises(ModelError, match="did not record early; read them with that one") as told:
        old.build()
    assert "size mismatch" in str(told.value) and len(str(told.value)) < 600


class Payload:
    """What a hostile pickle holds: a call that leaves a marker when it is loaded."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.marker),)


def test_a_pickle_runs_no_code(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    plain, zipped = tmp_path / "plain.pt", tmp_path / "zipped.pt"
    plain.write_bytes(pickle.dumps(Payload(marker)))
    torch.save({"objective": Payload(marker)}, zipped)
    for file in (plain, zipped):
        with pytest.raises(ModelError, match="no training state"):
            load_state(file)
        with pytest.raises(ModelError, match="no checkpoint"):
            load_checkpoint(file)
    assert not marker.exists()


def test_broken_files_are_named(tmp_path: Path) -> None:
    good = tmp_path / "good.safetensors"
    save_checkpoint(good, make())
    data = good.read_bytes()
    for number, broken in enumerate([b"", data[:7], data[:100], data[:-1], b"\0" * 64]):
        file = tmp_path / f"{number}.safetensors"
        file.write_bytes(broken)
        with pytest.raises(ModelError, match=file.name):
            load_checkpoint(file)
    for number, header in enumerate(["", "[]", "{}", "[" * 100_000]):
        file = tmp_path / f"header{number}.safetensors"
        file.write_bytes(save({}, {module.HEADER: header}))
        with pytest.raises(ModelError, match=file.name):
            load_checkpoint(file)
    with pytest.raises(ModelError, match="absent"):
        load_checkpoint(tmp_path / "absent.safetensors")


@pytest.mark.parametrize(
    ("field", "value"),
    [("temperature", "1.2"), ("temperature", None), ("model_config", None), ("metrics", [])],
)
def test_a_value_of_another_kind_is_named(tmp_path: Path, field: str, value: object) -> None:
    """It would be fallen over when the model is built, or at the first picture."""
    file = tmp_path / "edited.safetensors"
    save_checkpoint(file, dataclasses.replace(make(), **{field: value}))
    with pytest.raises(ModelError, match=rf"edited.safetensors is no .*: {field} is "):
        load_checkpoint(file)


def test_an_installed_package_says_where_the_weights_to_train_on_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WEIGHTS_DIR", tmp_path)
    with pytest.raises(ModelError, match="missing: an installed package has the models that read"):
        load_checkpoint(tmp_path / "vanilla_crnn.safetensors")


def test_a_folder_is_told_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is a folder; name the best\.safetensors of a run"):
        load_checkpoint(tmp_path)


def test_a_failed_write_keeps_the_previous_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "last.pt"
    save_state(file, {"step": 1})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_state(file, {"step": 2})
    assert load_state(file) == {"step": 1}
    assert list(tmp_path.iterdir()) == [file]


def test_a_larger_charset_keeps_what_was_learned() -> None:
    source = make()
    larger = CHARSET.extended(Charset(tuple("9文xy")))
    assert larger.symbols == (*CHARSET.symbols, "文", "x", "y")
    model = build_model("vanilla_crnn", larger.num_classes, ImageConfig(), {"width": 0.25}).eval()
    load_weights(model, source, larger.num_classes)
    images = torch.rand(1, 1, 32, 64)
    with torch.inference_mode():
        old = source.build()(images)
        new = model(images)
    torch.testing.assert_close(new[..., : CHARSET.num_classes], old)


def test_wider_convolutions_say_what_the_narrower_ones_said() -> None:
    """All of the old symbols, and go on from there: each new channel can be listened to."""
    source = small_checkpoint("crnn_resnet34")
    larger = source.charset.extended(Charset(("x",)))
    wide = {**source.model_config, "early": 0.25}
    model = build_model("crnn_resnet34", larger.num_classes, source.image, wide).eval()
    load_weights(model, source, larger.num_classes)
    images = torch.rand(2, 3, 32, 64)
    logits = model(images)
    with torch.inference_mode():
        old = source.build()(images)
    assert logits.std() > 0.1
    torch.testing.assert_close(logits[..., : source.charset.num_classes], old)
    logits.square().sum().backward()
    listening = model.stages[2][0].conv1.weight  # stage 2 had 16 channels, and has 32
    assert listening.shape[1] == 32
    assert not listening[:, 16:].any()
    assert listening.grad[:, 16:].abs().sum((0, 2, 3)).min() > 0


@pytest.mark.parametrize("arch", DETAILED)
def test_weights_read_pictures_of_twice_the_size_as_they_read_their_means(arch: str) -> None:
    """And learn from the details at once."""
    source = small_checkpoint(arch)
    twice = dataclasses.replace(source.image, height=64, max_width=512, pad_multiple=8)
    classes = source.charset.num_classes
    model = build_model(arch, classes, twice, {**source.model_config, "detail": 4}).eval()
    load_weights(model, source, classes)
    images = torch.rand(2, twice.channels, 64, 128)
    with torch.inference_mode():
        expected = source.build()(torch.nn.functional.avg_pool2d(images, 2))
    assert expected.std() > 0.1
    logits = model(images)
    torch.testing.assert_close(logits, expected)
    logits.square().sum().backward()
    (first,) = (module for module in model.modules() if isinstance(module, FirstConv))
    assert first.details is not None
    (listening,) = first.details[-1].parameters()
    assert listening.grad is not None
    assert not listening.any()
    assert listening.grad.abs().sum((0, 2, 3)).min() > 0


@pytest.mark.parametrize("changes", [{}, {"detail": 4}])
def test_weights_of_grey_pictures_read_colours_as_they_did(changes: dict[str, int]) -> None:
    """And learn from the colours at once; a blend with them is of what they are among colours."""
    source = small_checkpoint("vanilla_crnn", **changes)
    colours = dataclasses.replace(source.image, channels=3)
    classes = source.charset.num_classes
    model = build_model("vanilla_crnn", classes, colours, source.model_config).eval()
    load_weights(model, source, classes)
    rgb = torch.rand(2, 3, 64, 128)
    grey = (0.299 * rgb[:, 0] + 0.587 * rgb[:, 1] + 0.114 * rgb[:, 2])[:, None]
    with torch.inference_mode():
        expected = source.build()(grey)
    assert expected.std() > 0.1
    logits = model(rgb)
    torch.testing.assert_close(logits, expected)
    logits.square().sum().backward()
    seeing = {
        name: weight for name, weight in model.named_parameters() if weight.shape[1:2] == (3,)
    }
    assert len(seeing) == (2 if changes else 1)
    blended = blend_weights(model.state_dict(), source.state, 0.5)
    for name, weight in seeing.items():
        assert weight.grad is not None
        assert weight.grad.abs().sum((0, 2, 3)).min() > 0
        torch.testing.assert_close(blended[name], weight.detach())


def test_starting_from_another_architecture_or_size_is_an_error() -> None:
    other = build_model("svtr_tiny", CHARSET.num_classes, ImageConfig(channels=3))
    with pytest.raises(ModelError, match="cannot start from these vanilla_crnn weights"):
        load_weights(other, make(), CHARSET.num_classes)
    classes = CHARSET.num_classes + 1  # a larger charset does not make up for another width
    wider = build_model("vanilla_crnn", classes, ImageConfig(), {"width": 0.5})
    with pytest.raises(ModelError, match="cannot start from these vanilla_crnn weights"):
        load_weights(wider, make(), classes)


def test_weights_that_do_not_fit_the_sizes_asked_for_say_what_to_leave_out() -> None:
    detailed = small_checkpoint("vanilla_crnn", detail=4)
    classes = detailed.charset.num_classes
    plain = build_model("vanilla_crnn", classes, ImageConfig(), {"width": 0.125, "hidden": 32})
    with pytest.raises(ModelError, match=r"leave out --imgH, .*--detail") as caught:
        load_weights(plain, detailed, classes)
    assert len(str(caught.value)) < 600
