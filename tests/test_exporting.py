"""Every architecture in every format that can be written here equals torch, or is refused."""

from __future__ import annotations

import dataclasses
import importlib
import itertools
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from captcha_ocr.checkpoint import Checkpoint
from captcha_ocr.config import ConfigError, ImageConfig
from captcha_ocr.datasets.stores import Store, Subset, open_store
from captcha_ocr.exporting import FORMATS, NotKeptError, measuring, onnx_int8, run
from captcha_ocr.exporting.forms import CLOSED, FixedWidth, free_width, two_widths
from captcha_ocr.exporting.measuring import WIDTHS, Agreement, agree, latencies
from captcha_ocr.exporting.run import export, files_of
from captcha_ocr.files import file_sha256
from captcha_ocr.imaging import ImageError, preprocess
from captcha_ocr.model_info import ModelError, ModelInfo
from captcha_ocr.models import MODELS
from captcha_ocr.predictor import OnnxPredictor, load_predictor
from captcha_ocr.runtimes.tflite import PADDING
from captcha_ocr.runtimes.torch import TorchPredictor
from drawing import draw_barcode, draw_picture
from small_models import DETAILED, small_checkpoint
from tiny_model import write_tiny_model

HERE = ("torchscript", "ncnn")  # what the dev environment can write; test_export.py has onnx
PICTURES = [
    draw_picture(text, size)
    for text, size in (("7*3=?", (96, 32)), ("1234", (160, 60)), ("90+5", (256, 64)))
] + [draw_barcode("3") for _ in range(2)]


def torch_predictor(checkpoint: Checkpoint) -> TorchPredictor:
    return TorchPredictor(checkpoint, torch.device("cpu"))


def test_every_format_is_tested() -> None:
    """A format that is new in the registry must get a line here."""
    assert set(FORMATS) == {*HERE, "onnx", "onnx-int8", "tflite"}


@pytest.mark.parametrize(
    ("arch", "name", "changes"),
    [
        *((arch, name, {}) for arch in sorted(MODELS) for name in HERE),
        *((arch, name, {"detail": 4}) for arch in DETAILED for name in (*HERE, "onnx")),
    ],
)
def test_a_format_reads_like_torch(
    arch: str, name: str, changes: dict[str, Any], tmp_path: Path
) -> None:
    checkpoint = small_checkpoint(arch, **changes)
    path, _ = export(checkpoint, name, tmp_path)
    exported, reference = load_predictor(path, threads=1), torch_predictor(checkpoint)
    assert exported.info.charset == reference.info.charset
    for mine, theirs in zip(exported.predict(PICTURES), reference.predict(PICTURES)):
        assert mine.text == theirs.text
        assert mine.confidence == pytest.approx(theirs.confidence, abs=1e-3)
        np.testing.assert_allclose(mine.log_probs, theirs.log_probs, atol=1e-3)
    rng = np.random.default_rng(0)
    image = reference.info.image
    stride = reference.info.width_stride
    for columns in (1, 3, 11, 25, 33, 63, 64):  # a name of the two that were traced: none
        width = min(columns * stride, image.max_width)
        array = rng.uniform(-1, 1, (image.channels, image.height, width)).astype(np.float32)
        (mine,), (theirs,) = exported.logits([array]), reference.logits([array])
        np.testing.assert_allclose(mine, theirs, atol=1e-3, err_msg=f"{width} pixels")


@pytest.mark.parametrize("name", HERE)
def test_a_file_that_differs_is_not_kept(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The converter gets other weights than those the file is compared with."""
    checkpoint = small_checkpoint("vanilla_crnn")
    module = importlib.import_module(FORMATS[name].module)
    convert = module.convert

    def broken(given: Checkpoint, *rest: object) -> object:
        state = dict(given.state)
        state["rnn.1.project.bias"] = state["rnn.1.project.bias"] + 0.01
        other = Checkpoint(
            given.arch, given.model_config, given.charset, given.image, state, temperature=1.3
        )
        return convert(other, *rest)

    monkeypatch.setattr(module, "convert", broken)
    with pytest.raises(ModelError, match=r"logits differ by 0\.01 from torch's"):
        export(checkpoint, name, tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_cannot_be_converted_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An architecture with a branch on its input, say: torch raises an error of its own."""

    def refuse(model: torch.nn.Module) -> torch.nn.Module:
        raise RuntimeError("unsupported")

    monkeypatch.setattr("captcha_ocr.exporting.torchscript.free_width", refuse)
    with pytest.raises(ModelError, match="svtr_tiny cannot be converted to ncnn: unsupported"):
        export(small_checkpoint("svtr_tiny"), "ncnn", tmp_path)


def test_what_was_not_compared_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And an earlier file, which was, is."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    checkpoint, folder = small_checkpoint("vanilla_crnn"), tmp_path / "torchscript"
    for earlier in (False, True):
        before = {}
        if earlier:
            export(checkpoint, "torchscript", tmp_path)
            before = {path.name: path.read_bytes() for path in folder.iterdir()}
            assert sorted(before) == ["vanilla_crnn.json", "vanilla_crnn.torchscript"]
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(run, "verify", stop)
            export(checkpoint, "torchscript", tmp_path)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("arch", "changes"),
    [*((arch, {}) for arch in sorted(MODELS)), *((arch, {"detail": 4}) for arch in DETAILED)],
)
def test_forms_equal_the_model(arch: str, changes: dict[str, Any]) -> None:
    """In free widths, and in fixed ones, where nothing of the filling may come through."""
    checkpoint = small_checkpoint(arch, **changes)
    image = checkpoint.image
    model, form = checkpoint.build(), free_width(checkpoint.build())
    fixed = FixedWidth(free_width(checkpoint.build())).eval()
    torch.manual_seed(1)
    with torch.inference_mode():
        for columns in (2, 10, 25, 32):
            width = columns * model.width_stride
            images = 2 * torch.rand(1, image.channels, image.height, width) - 1
            images[:, :, 0, :8] = 1  # white: the largest a pixel can be, and no filling
            expected = model(images)
            # Columns and classes that differ, or the comparison is worth little.
            assert expected.std(dim=1).mean() > 0.1
            torch.testing.assert_close(form(images), expected, atol=1e-4, rtol=0)
            filled = torch.nn.functional.pad(
                images, (0, 32 * model.width_stride - width), value=PADDING
            )
            found = fixed(filled)[:, :columns]
            torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_closed_gates_and_scores_are_zero() -> None:
    closed = torch.tensor([CLOSED, 50.0])
    assert closed.sigmoid()[0] == 0 and closed.softmax(0)[0] == 0


@pytest.mark.parametrize("name", HERE)
def test_narrow_models_are_exported_too(name: str, tmp_path: Path) -> None:
    """Positions are learned up to max_width: no example may be wider."""
    checkpoint = small_checkpoint("svtr_tiny", max_width=36)
    path, _ = export(checkpoint, name, tmp_path)
    predictor = load_predictor(path)
    assert predictor.warm_up() > 0 and len(predictor.predict(PICTURES)) == len(PICTURES)


def test_two_widths_fit_the_padding() -> None:
    assert two_widths(ImageConfig()) == [128, 256]
    assert two_widths(ImageConfig(max_width=36)) == [20, 36]


# 8 bits


@pytest.fixture(scope="module")
def barcodes(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Labelled pictures that the model of tiny_model.py reads without error."""
    root = tmp_path_factory.mktemp("barcodes")
    (root / "images").mkdir()
    texts = [f"{number:03d}" for number in range(100, 140)]
    for text in texts:
        draw_barcode(text).save(root / "images" / f"{text}.png")
    lines = "".join(f"{text}.png\t{text}\n" for text in texts)
    (root / "labels.txt").write_text(lines, encoding="utf-8")
    return open_store(root)


def damaged(folder: Path, change: Callable[[np.ndarray], np.ndarray]) -> OnnxPredictor:
    path = write_tiny_model(folder)
    model = onnx.load(path)
    (bias,) = (each for each in model.graph.initializer if each.name == "bias")
    values = change(onnx.numpy_helper.to_array(bias))
    bias.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float32), "bias"))
    onnx.save(model, path)
    info = ModelInfo.load(path.with_suffix(".json"))
    dataclasses.replace(info, sha256=file_sha256(path)).save(path.with_suffix(".json"))
    return OnnxPredictor(path, threads=1)


def set_speeds(monkeypatch: pytest.MonkeyPatch, **milliseconds: float) -> None:
    times = {name: {96: value} for name, value in milliseconds.items()}
    monkeypatch.setattr(onnx_int8, "latencies", lambda predictors: times)


def test_eight_bits_are_kept_where_faster_and_as_accurate(
    barcodes: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = damaged(tmp_path / "full", lambda bias: bias)
    same = damaged(tmp_path / "same", lambda bias: bias + 1)
    worse = damaged(tmp_path / "worse", lambda bias: np.where(bias == bias[3], bias - 1e6, bias))
    variants = {"dynamic": same, "static": worse}
    set_speeds(monkeypatch, full=6.0, dynamic=4.0, static=2.0)
    remark = onnx_int8.choose(full, variants, barcodes)
    assert (remark["variant"], remark["speed"]) == ("dynamic", 1.5)
    assert remark["right"] == remark["right_full"] == remark["pictures"] == 40
    set_speeds(monkeypatch, full=6.0, dynamic=7.0, static=2.0)
    with pytest.raises(NotKeptError) as caught:
        onnx_int8.choose(full, variants, barcodes)
    slow, wrong = caught.value.remark["variants"]
    assert slow["speed"] < 1 and slow["right"] == 40
    assert wrong["speed"] == 3.0 and wrong["right"] < 40


@pytest.mark.parametrize(
    ("pictures", "lost", "kept"), [(249, 0, True), (249, 1, False), (500, 2, True), (500, 3, False)]
)
def test_eight_bits_may_misread_one_picture_more_in_250(
    pictures: int, lost: int, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    full, eight = Agreement(pictures, right=200), Agreement(pictures, right=200 - lost)
    found = {"reference": full, "static": eight}
    monkeypatch.setattr(onnx_int8, "agree", lambda *predictors_and_store: found)
    set_speeds(monkeypatch, full=2.0, static=1.0)
    models: dict[str, Any] = {"static": None}
    if kept:
        assert onnx_int8.choose(None, models, range(pictures))["variant"] == "static"  # type: ignore[arg-type]
    else:
        with pytest.raises(NotKeptError):
            onnx_int8.choose(None, models, range(pictures))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def small_onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exporting takes seconds, so it is done once."""
    folder = tmp_path_factory.mktemp("onnx")
    return export(small_checkpoint("vanilla_crnn"), "onnx", folder)[0]


@pytest.mark.parametrize("name", onnx_int8.VARIANTS)
def test_quantized_files_are_small_and_close(
    name: str, small_onnx: Path, barcodes: Store, tmp_path: Path
) -> None:
    full, plain, file = OnnxPredictor(small_onnx), tmp_path / "plain.onnx", tmp_path / "8.onnx"
    onnx_int8.prepare(small_onnx, plain)
    known, judges = onnx_int8.split(barcodes)
    with onnx_int8.quiet():
        onnx_int8.VARIANTS[name](plain, file, known, full.info.image)
    eight = onnx_int8.finished(file, full.info)
    tensors = map(onnx.numpy_helper.to_array, onnx.load(file).graph.initializer)
    matrices = [tensor for tensor in tensors if tensor.dtype == np.int8 and tensor.ndim > 1]
    # 7 bits: processors without VNNI add up products of 8 wrongly, and say nothing.
    assert matrices and all(abs(matrix.astype(int)).max() <= 64 for matrix in matrices)
    assert (name == "convolutions") == all(matrix.ndim == 4 for matrix in matrices)
    assert file.stat().st_size < 0.8 * plain.stat().st_size
    difference = agree(full, {name: eight}, judges)[name].largest_difference
    logits = full.logits([np.zeros((1, 32, 96), np.float32)])[0]
    assert 0 < difference < 0.2 * np.ptp(logits)


def test_eight_bits_that_are_no_faster_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    same = Agreement(40, right=40)
    monkeypatch.setattr(onnx_int8, "agree", lambda *_: {"reference": same, "static": same})
    set_speeds(monkeypatch, full=2.0, static=2.0)
    models: dict[str, Any] = {"static": None}
    with pytest.raises(NotKeptError):
        onnx_int8.choose(None, models, range(40))  # type: ignore[arg-type]


def test_all_convolutions_over_pixels_see_them_in_full(tmp_path: Path) -> None:
    """A model with details has two."""
    kernels = {"mean": (8, 3, 3, 3), "details": (4, 3, 3, 3), "inner": (8, 4, 3, 3)}
    make = onnx.helper
    graph = make.make_graph(
        [make.make_node("Conv", ["x", name], ["y"], name=name) for name in kernels],
        "seeing",
        [],
        [],
        [
            onnx.numpy_helper.from_array(np.zeros(shape, np.float32), name)
            for name, shape in kernels.items()
        ],
    )
    onnx.save(make.make_model(graph), tmp_path / "model.onnx")
    assert onnx_int8.seeing(tmp_path / "model.onnx", 3) == ["mean", "details"]


def test_ranges_and_judges_are_other_pictures(barcodes: Store) -> None:
    known, judges = onnx_int8.split(barcodes)
    first, second = ({label.text for label in part.labels} for part in (known, judges))
    assert first and second and not first & second


@pytest.mark.parametrize("count", [300, 900, 1998])
def test_ranges_and_judges_are_of_the_whole_set(count: int) -> None:
    """A set is often in order of style: a part of it would be other pictures."""

    class Numbers(Store):
        def __init__(self) -> None:
            self.labels = self.sizes = self.records = list(range(count))  # type: ignore

        def read(self, index: int) -> bytes:
            return b""

        def where(self, index: int) -> str:
            return ""

    parts = onnx_int8.split(Numbers())
    assert [len(part.labels) for part in parts] == [min(count // 2, most) for most in (128, 500)]
    for part in parts:
        gaps = np.diff([0, *part.labels, count])
        assert gaps.max() <= 2 * np.median(gaps)


def test_eight_bits_need_training_pictures(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--calibrate DIR"):
        export(small_checkpoint("vanilla_crnn"), "onnx-int8", tmp_path)


def test_what_is_not_kept_leaves_nothing(
    small_onnx: Path, barcodes: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_speeds(monkeypatch, full=1.0, **dict.fromkeys(onnx_int8.VARIANTS, 2.0))
    reuse(monkeypatch, small_onnx)
    folder = tmp_path / "onnx-int8"
    folder.mkdir()
    (folder / "vanilla_crnn.onnx").write_bytes(b"of an earlier run")
    with pytest.raises(NotKeptError):
        export(small_checkpoint("vanilla_crnn"), "onnx-int8", tmp_path, barcodes)
    assert list(folder.iterdir()) == []


def test_what_is_kept_is_the_chosen_variant(
    small_onnx: Path, barcodes: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_speeds(
        monkeypatch, **{"full": 3.0, **dict.fromkeys(onnx_int8.VARIANTS, 2.0), "static": 1.0}
    )
    reuse(monkeypatch, small_onnx)
    monkeypatch.setattr(onnx_int8, "RANGES", 3)
    # No text of this model is right, in 32 bits or in 8: speed decides.
    path, remark = export(small_checkpoint("vanilla_crnn"), "onnx-int8", tmp_path, barcodes)
    assert remark["variant"] == "static" and remark["right"] == 0
    assert remark["pictures"] == 20  # those that told no ranges
    nodes = onnx.load(path).graph.node
    kinds = {node.op_type for node in nodes}
    assert "DequantizeLinear" in kinds and "DynamicQuantizeLSTM" not in kinds
    rounded = {node.input[0] for node in nodes if node.op_type == "QuantizeLinear"}
    assert "images" not in rounded
    assert load_predictor(path).predict(PICTURES)


def reuse(monkeypatch: pytest.MonkeyPatch, exported: Path) -> None:
    def copy(checkpoint: Checkpoint, folder: Path) -> Path:
        for file in (exported, exported.with_suffix(".json")):
            shutil.copyfile(file, folder / file.name)
        return folder / exported.name

    monkeypatch.setattr(onnx_int8, "export_onnx", copy)


# Figures


def test_agreement_is_counted(
    barcodes: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "CHUNK", 7)  # several, and a part of one
    full = damaged(tmp_path / "full", lambda bias: bias)
    worse = damaged(tmp_path / "worse", lambda bias: np.where(bias == bias[3], bias - 1e6, bias))
    store = Subset(barcodes, range(40))
    store.labels[0] = dataclasses.replace(store.labels[0], text="wrong")
    found = agree(full, {"full": full, "worse": worse}, store)
    assert vars(found["full"]) == vars(found["reference"])
    assert (found["full"].same_text, found["full"].largest_difference) == (40, 0)
    assert (found["full"].pictures, found["full"].right) == (40, 39)
    changed = sum("2" in label.text for label in barcodes.labels)  # the symbol of class 3
    assert (found["worse"].same_text, found["worse"].right) == (40 - changed, 39 - changed)
    assert found["worse"].largest_difference == pytest.approx(1e6, rel=1e-3)
    logits = full.logits([preprocess(store.open(i), full.info.image) for i in range(40)])
    largest = max(float(np.abs(each).max()) for each in logits)  # theirs; all of them are below 0
    assert found["worse"].largest_logit == largest


def test_a_file_without_numbers_differs_and_reads_nothing(barcodes: Store, tmp_path: Path) -> None:
    """It ended the command, and the files that were right had no figures."""
    full = damaged(tmp_path / "full", lambda bias: bias)
    broken = damaged(tmp_path / "broken", lambda bias: bias * np.nan)
    found = agree(full, {"broken": broken}, barcodes)
    assert (found["broken"].same_text, found["broken"].right) == (0, 0)
    assert np.isnan(found["broken"].largest_difference)
    assert found["reference"].right == 40


@pytest.mark.parametrize(("difference", "fails"), [(0.003, False), (0.004, True), (np.nan, True)])
def test_what_rounding_may_do_grows_with_the_logits(
    difference: float, fails: bool, barcodes: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Agreement(40, 40, 40, largest_difference=difference, largest_logit=25.0)
    monkeypatch.setattr(run, "latencies", lambda predictors: {})
    monkeypatch.setattr(run, "agree", lambda *predictors_and_store: {"onnx": found})
    rows: dict[str, dict[str, Any]] = {"onnx": {"remark": {}}}
    run.measure(rows, None, {}, barcodes)  # type: ignore[arg-type]
    assert (rows["onnx"]["remark"].get("kind") == "failed") == fails
    json.dumps(rows, allow_nan=False)  # what --json writes, others can read


def test_latency_is_in_milliseconds_at_each_width(
    tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor = load_predictor(tiny_weights / "vanilla_crnn.onnx", threads=1)
    clock = itertools.count(0, 0.25)  # each look at it is a quarter of a second later
    monkeypatch.setattr(measuring, "time", SimpleNamespace(process_time=lambda: next(clock)))
    times = latencies({"a": predictor})["a"]
    assert list(times.items()) == [(width, 250.0) for width in WIDTHS]


def test_models_of_all_heights_read_the_same_pictures() -> None:
    shapes: list[tuple[int, ...]] = []

    class Recorder(TorchPredictor):
        def logits(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
            shapes.extend(array.shape[1:] for array in arrays)
            return []

    high = ImageConfig(height=64, max_width=200, channels=3, pad_multiple=8)
    checkpoint = small_checkpoint("svtr_tiny")
    low, twice = (
        Recorder(checkpoint, torch.device("cpu")),
        Recorder(checkpoint, torch.device("cpu")),
    )
    twice.info = dataclasses.replace(low.info, image=high)
    assert list(latencies({"low": low, "twice": twice})["low"]) == [64, 96]  # 200 are 100 at 32
    assert {*shapes} == {(32, 64), (64, 128), (32, 96), (64, 192)}


def test_latency_of_a_narrow_model_is_measured_at_its_largest_width() -> None:
    narrow = torch_predictor(small_checkpoint("vanilla_crnn", max_width=48))
    assert list(latencies({"a": narrow})["a"]) == [48]


def test_a_damaged_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    file = tmp_path / "images" / "7.png"
    draw_picture("7").save(file)
    file.write_bytes(file.read_bytes()[:-40])
    (tmp_path / "labels.txt").write_text("7.png\t7\n", encoding="utf-8")
    store, reference = open_store(tmp_path), torch_predictor(small_checkpoint("vanilla_crnn"))
    with pytest.raises(ImageError, match=r"labels\.txt:1: '7\.png'"):
        agree(reference, {}, store)
    with pytest.raises(ImageError, match=r"labels\.txt:1: '7\.png'"):
        onnx_int8.Reader(store, reference.info.image).get_next()


def test_both_files_of_ncnn_are_verified(tmp_path: Path) -> None:
    path, _ = export(small_checkpoint("vanilla_crnn"), "ncnn", tmp_path)
    param, weights = files_of(path, FORMATS["ncnn"])
    data = weights.read_bytes()
    weights.write_bytes(data[:-4] + b"\0\0\0\1")
    with pytest.raises(ModelError, match="sha256"):
        load_predictor(path)
    weights.unlink()
    with pytest.raises(ModelError, match=r"vanilla_crnn\.bin is missing"):
        load_predictor(param)


def test_an_old_ncnn_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would answer, and wrongly."""
    path, _ = export(small_checkpoint("vanilla_crnn"), "ncnn", tmp_path)
    monkeypatch.setattr("ncnn.__version__", "1.0.20260526")
    with pytest.raises(ModelError, match="too old: pip install"):
        load_predictor(path)


def test_the_file_that_a_runner_opens_comes_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a first export that is stopped would leave a model that cannot be read."""
    placed: list[str] = []

    def stop(file: Path, place: Path) -> None:
        placed.append(place.suffix)

    monkeypatch.setattr(run, "take_place", stop)
    run.export(small_checkpoint("vanilla_crnn"), "ncnn", tmp_path)
    assert placed == [".json", ".bin", ".param"]
