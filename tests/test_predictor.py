"""Reading with an exported model: batches, verification, and files that are not what they say."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import threading
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import captcha_ocr
import numpy as np
import pytest
from captcha_ocr.charset import Charset
from captcha_ocr.constraints import Constraint
from captcha_ocr.files import file_sha256
from captcha_ocr.imaging import ImageError
from captcha_ocr.model_info import DEFAULT_ARCH, ModelError, ModelInfo, find_models
from captcha_ocr.predictor import OnnxPredictor, load_predictor, load_predictors
from drawing import draw_barcode, draw_picture
from tiny_model import STRIDE, write_tiny_model

TEXTS = ["7*3=?", "Ab", "0123456789", "中文", "A", "9-9=?", "aa", "bB"]


@pytest.fixture
def predictor(tiny_weights: Path) -> OnnxPredictor:
    return OnnxPredictor(tiny_weights / "vanilla_crnn.onnx", threads=1)


def change_info(weights: Path, **values: Any) -> None:
    path = weights.with_suffix(".json")
    info = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**info, **values}), encoding="utf-8")


def test_reads_text_confidence_and_answer(predictor: OnnxPredictor) -> None:
    (read,) = predictor.predict([draw_barcode("7*3=?")])
    assert (read.text, read.answer) == ("7*3=?", 21)
    assert 0.99 < read.confidence <= 1
    assert "".join(character.char for character in read.characters) == "7*3=?"
    assert read.picture_columns == len(read.log_probs) == 88 / STRIDE
    np.testing.assert_allclose(np.exp(read.log_probs).sum(axis=1), 1, rtol=1e-5)


def test_readings_are_equal_and_go_into_sets(predictor: OnnxPredictor) -> None:
    one, other = (predictor.read(draw_barcode("7*3=?")) for _ in range(2))
    assert one == other and {one, other} == {one}
    assert one != predictor.read(draw_barcode("7*3"))


def test_the_columns_of_a_picture_end_where_its_padding_begins(predictor: OnnxPredictor) -> None:
    picture = draw_barcode("7*3=?").crop((0, 0, 86, 32))
    (read,) = predictor.predict([picture])
    assert (read.picture_columns, len(read.log_probs)) == (86 / STRIDE, 88 / STRIDE)


def test_characters_stand_where_they_are_drawn(predictor: OnnxPredictor) -> None:
    """Symbol i of a barcode covers pixels 16 i + 8 to 16 i + 16: two columns of four pixels."""
    (read,) = predictor.predict([draw_barcode("Ab中")])
    spans = [(character.start, character.end) for character in read.characters]
    assert spans == [(2, 4), (6, 8), (10, 12)]


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_a_batch_of_mixed_width_reads_as_one_by_one(
    predictor: OnnxPredictor, batch_size: int
) -> None:
    pictures = [draw_barcode(text) for text in TEXTS] + [draw_picture("Qx4"), draw_picture("Qx4")]
    alone = [predictor.predict([picture])[0] for picture in pictures]
    together = predictor.predict(pictures, batch_size=batch_size)
    assert [read.text for read in together[: len(TEXTS)]] == TEXTS
    assert [read.text for read in together] == [read.text for read in alone]
    for one, other in zip(alone, together):
        assert other.confidence == pytest.approx(one.confidence, abs=1e-4)
        np.testing.assert_allclose(np.exp(other.log_probs), np.exp(one.log_probs), atol=1e-3)


def test_no_pictures(predictor: OnnxPredictor) -> None:
    assert predictor.predict([]) == []


def test_readings_and_constraint(predictor: OnnxPredictor) -> None:
    digits = Constraint.build(predictor.info.charset, alphabet="0123456789", length=4)
    (read,) = predictor.predict([draw_barcode("AB12")], constraint=digits, top_k=3)
    assert len(read.readings) == 3
    assert all(len(each.text) == 4 and each.text.isdigit() for each in read.readings)
    assert read.text == read.readings[0].text
    assert read.readings[0].confidence >= read.readings[1].confidence


def test_one_picture_is_read_as_in_a_list(predictor: OnnxPredictor) -> None:
    asked: dict[str, Any] = {
        "constraint": Constraint.build(predictor.info.charset, alphabet="0123456789", length=4),
        "top_k": 3,
    }
    picture = draw_barcode("AB12")
    assert predictor.read(picture, **asked) == predictor.predict([picture], **asked)[0]


def test_first_bad_picture_is_an_error(predictor: OnnxPredictor) -> None:
    with pytest.raises(ImageError):
        predictor.predict([draw_barcode("1"), b"no picture"])


@pytest.mark.parametrize(
    "kind",
    ["path", "name", "bytes", "bytearray", "file", "picture", "grey", "rgb", "rgba"],
)
def test_one_picture_that_is_in_no_list_is_said(
    predictor: OnnxPredictor, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "a.png"
    picture = draw_barcode("Ab")
    picture.save(path)
    one: Any = {
        "path": path,
        "name": str(path),
        "bytes": path.read_bytes(),
        "bytearray": bytearray(path.read_bytes()),
        "file": io.BytesIO(path.read_bytes()),
        "picture": picture,
        "grey": np.asarray(picture.convert("L")),
        "rgb": np.asarray(picture.convert("RGB")),
        "rgba": np.asarray(picture.convert("RGBA")),
    }[kind]
    with pytest.raises(TypeError, match=r"use read\(picture\)"):
        predictor.predict(one)
    assert predictor.read(one).text == "Ab"


def test_an_array_of_pictures_is_many(predictor: OnnxPredictor) -> None:
    rows = np.stack([np.asarray(draw_barcode(text)) for text in ("Ab", "bA")])
    assert [read.text for read in predictor.predict(rows)] == ["Ab", "bA"]


def test_an_array_of_paths_is_a_list(predictor: OnnxPredictor, tmp_path: Path) -> None:
    paths = [tmp_path / f"{text}.png" for text in ("Ab", "bA")]
    for path in paths:
        draw_barcode(path.stem).save(path)
    for column in (np.array(paths), np.array([str(path) for path in paths])):
        assert [read.text for read in predictor.predict(column)] == ["Ab", "bA"]


def test_many_threads_share_one_predictor(predictor: OnnxPredictor) -> None:
    results: list[list[str]] = []

    def read() -> None:
        for _ in range(5):
            found = predictor.predict([draw_barcode(text) for text in TEXTS])
            results.append([each.text for each in found])

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [TEXTS] * 20


def test_temperature_softens_the_confidence_and_not_the_text(tmp_path: Path) -> None:
    weights = write_tiny_model(tmp_path)
    sharp = OnnxPredictor(weights).predict([draw_barcode("Ab")])[0]
    change_info(weights, temperature=5.0)
    soft = OnnxPredictor(weights).predict([draw_barcode("Ab")])[0]
    assert soft.text == sharp.text
    assert soft.confidence < sharp.confidence


def test_warm_up_takes_no_wider_picture_than_the_model_does(
    predictor: OnnxPredictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes: list[tuple[int, ...]] = []
    run = predictor._run

    def watched(images: np.ndarray) -> np.ndarray:
        shapes.append(images.shape)
        return run(images)

    monkeypatch.setattr(predictor, "_run", watched)
    for width in (256, 64):
        image = dataclasses.replace(predictor.info.image, max_width=width)
        predictor.info = dataclasses.replace(predictor.info, image=image)
        predictor.warm_up()
    assert shapes == [(1, 1, 32, 96), (1, 1, 32, 64)]


# ---- files that are not what they say


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    weights = write_tiny_model(tmp_path)
    weights.write_bytes(weights.read_bytes() + b"\0")
    with pytest.raises(ModelError, match="sha256 differs"):
        OnnxPredictor(weights)


def test_empty_checksum_is_refused(tmp_path: Path) -> None:
    weights = write_tiny_model(tmp_path)
    change_info(weights, sha256="")
    with pytest.raises(ModelError, match="sha256 differs"):
        OnnxPredictor(weights)


def test_weights_that_are_no_onnx(tmp_path: Path) -> None:
    weights = write_tiny_model(tmp_path)
    weights.write_bytes(b"no model")
    change_info(weights, sha256=file_sha256(weights))
    with pytest.raises(ModelError, match="cannot load"):
        OnnxPredictor(weights)


def test_a_device_that_is_not_there_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """onnxruntime reads on the processor then, and whoever measures takes it for the device."""
    session = Mock()
    session.get_providers.return_value = ["CPUExecutionProvider"]
    monkeypatch.setattr("onnxruntime.InferenceSession", Mock(return_value=session))
    with pytest.raises(ModelError, match="has no working CUDAExecutionProvider here"):
        OnnxPredictor(write_tiny_model(tmp_path), provider="CUDAExecutionProvider")


@pytest.mark.parametrize("suffix", [".onnx", ".json"])
def test_missing_file(tmp_path: Path, suffix: str) -> None:
    weights = write_tiny_model(tmp_path)
    weights.with_suffix(suffix).unlink()
    with pytest.raises(ModelError, match=f"vanilla_crnn{suffix}"):
        OnnxPredictor(weights)


@pytest.mark.parametrize(
    "values",
    [
        {"format": 99},
        {"unknown": 1},
        {"charset": "aa"},
        {"charset": ""},
        {"image": {"height": 2}},
        {"image": {"imgH": 32}},
        {"temperature": 0.0},
        {"temperature": "1.3"},
        {"width_stride": 0},
        {"params": 1.5},
        {"metrics": []},
        {"arch": 5},
    ],
)
def test_description_that_is_wrong(tmp_path: Path, values: dict[str, Any]) -> None:
    weights = write_tiny_model(tmp_path)
    change_info(weights, **values)
    with pytest.raises(ModelError, match=r"vanilla_crnn\.json"):
        OnnxPredictor(weights)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", "{}", "\ud800", "[" * 100_000], ids=lambda text: ascii(text[:9])
)
def test_description_that_is_no_object(tmp_path: Path, text: str) -> None:
    weights = write_tiny_model(tmp_path)
    weights.with_suffix(".json").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ModelError, match=r"vanilla_crnn\.json"):
        OnnxPredictor(weights)


@pytest.mark.parametrize(
    "values",
    [
        {"charset": "ab"},
        {"image": {"height": 48, "max_width": 256, "channels": 1, "pad_multiple": 4}},
        {"image": {"height": 32, "max_width": 256, "channels": 3, "pad_multiple": 4}},
    ],
)
def test_description_of_another_model(tmp_path: Path, values: dict[str, Any]) -> None:
    weights = write_tiny_model(tmp_path)
    change_info(weights, **values)
    with pytest.raises(ModelError, match="export the model again"):
        OnnxPredictor(weights)


def test_a_runtime_that_tells_no_shapes_is_asked_for_them(predictor: OnnxPredictor) -> None:
    """As ncnn: of a .json that lost a character, the others would be taken for their neighbours."""
    charset = Charset(predictor.info.charset.symbols[1:])
    predictor.info = dataclasses.replace(predictor.info, charset=charset)
    for use in (predictor.warm_up, lambda: predictor.predict([draw_barcode("Ab")])):
        with pytest.raises(ModelError, match=rf"its \.json {len(charset.symbols)} characters"):
            use()


def test_description_survives_a_file(tmp_path: Path, predictor: OnnxPredictor) -> None:
    predictor.info.save(tmp_path / "x.json")
    assert ModelInfo.load(tmp_path / "x.json") == predictor.info


# ---- folders of models


def test_load_by_name_and_all(tmp_path: Path) -> None:
    for arch in ("vanilla_crnn", "svtr_tiny"):
        write_tiny_model(tmp_path, arch)
    assert list(load_predictors(["svtr_tiny"], tmp_path)) == ["svtr_tiny"]
    assert list(load_predictors("svtr_tiny", tmp_path)) == ["svtr_tiny"]
    for both in (load_predictors(folder=str(tmp_path)), load_predictors("all", tmp_path)):
        assert sorted(both) == ["svtr_tiny", "vanilla_crnn"]
    with pytest.raises(ModelError, match="choose from svtr_tiny, vanilla_crnn"):
        load_predictors(["svtr"], tmp_path)


def test_a_reader_in_one_call(tmp_path: Path) -> None:
    """The shipped vanilla_crnn; of a run, the model that it ended in; any other by its name."""
    assert captcha_ocr.load(threads=1).info.arch == DEFAULT_ARCH
    write_tiny_model(tmp_path, "svtr_tiny")
    assert captcha_ocr.load(folder=str(tmp_path)).read(draw_barcode("Ab")).text == "Ab"
    write_tiny_model(tmp_path, "vanilla_crnn")
    assert captcha_ocr.load(folder=tmp_path).info.arch == DEFAULT_ARCH
    assert captcha_ocr.load("svtr_tiny", tmp_path).info.arch == "svtr_tiny"
    with pytest.raises(ModelError, match="choose from svtr_tiny, vanilla_crnn"):
        captcha_ocr.load("svtr", tmp_path)
    with pytest.raises(ModelError, match="no weights for 'all'"):  # one reader is asked for
        captcha_ocr.load("all", tmp_path)


def test_folders_without_a_usable_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is no folder"):
        find_models(tmp_path / "none")
    with pytest.raises(ModelError, match=r"holds no model; train one"):
        find_models(tmp_path)
    (tmp_path / "best.safetensors").write_bytes(b"")  # of a run that was stopped
    with pytest.raises(ModelError, match=r"go on with train --resume .* export --checkpoint"):
        find_models(tmp_path)
    run = write_tiny_model(tmp_path / "a run").parent  # train.py --out: a folder for each arch
    with pytest.raises(ModelError, match=rf"holds no model; {re.escape(str(run))} does"):
        find_models(tmp_path)
    (tmp_path / "._notes.onnx").write_bytes(b"")  # macOS's, on disks of others
    with pytest.raises(ModelError, match=r"holds no model"):
        find_models(tmp_path)
    (tmp_path / "alone.onnx").write_bytes(b"")
    with pytest.raises(ModelError, match=r"alone\.onnx"):
        find_models(tmp_path)


def test_a_format_is_told_by_its_suffix(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no exported model; formats: \.onnx"):
        load_predictor(tmp_path / "vanilla_crnn.pt")
    weights = write_tiny_model(tmp_path)
    weights.with_suffix(".tflite").write_bytes(b"")
    with pytest.raises(ModelError, match=r"vanilla_crnn\.onnx and vanilla_crnn\.tflite share one"):
        find_models(tmp_path)
