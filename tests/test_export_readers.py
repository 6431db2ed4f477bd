"""Reading with exported files: the TFLite runner, and the examples in docs/examples."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import browser_page
import numpy as np
import pytest
import torch
from captcha_ocr.checkpoint import load_checkpoint
from captcha_ocr.config import ImageConfig
from captcha_ocr.cores import usable_cores
from captcha_ocr.decoding import greedy_batch, log_softmax
from captcha_ocr.exporting import FORMATS, tflite
from captcha_ocr.exporting.run import export
from captcha_ocr.files import file_sha256
from captcha_ocr.imaging import open_image, preprocess
from captcha_ocr.model_info import ModelError, ModelInfo
from captcha_ocr.models import MODELS
from captcha_ocr.predictor import load_predictor
from captcha_ocr.runtimes.tflite import TflitePredictor
from captcha_ocr.runtimes.torch import TorchPredictor
from drawing import draw_picture
from PIL import Image
from small_models import small_checkpoint

EXPORTED = Path(__file__).parent / "exported"
EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
ARCHS = ["svtr_tiny", "vanilla_crnn"]  # named: of an empty list pytest would test nothing
TEXTS = ("1234", "9075", "7+3=?", "1+1=?")
PICTURES = [draw_picture(text, size) for text in TEXTS for size in ((96, 32), (120, 40), (40, 32))]
needs_litert = pytest.mark.skipif(
    importlib.util.find_spec("ai_edge_litert") is None,
    reason="ai-edge-litert is not installed: Python 3.9 has it on Linux alone",
)


def torch_predictor(arch: str) -> TorchPredictor:
    return TorchPredictor.load(EXPORTED / f"{arch}.safetensors", "cpu")


def tflite_predictor(arch: str) -> TflitePredictor:
    return TflitePredictor(EXPORTED / "tflite" / f"{arch}.tflite", threads=1)


@needs_litert
@pytest.mark.parametrize("arch", ARCHS)
def test_tflite_reads_like_torch(arch: str) -> None:
    mine, theirs = tflite_predictor(arch), torch_predictor(arch)
    assert dataclasses.replace(mine.info, sha256="") == theirs.info
    for found, expected in zip(mine.predict(PICTURES), theirs.predict(PICTURES)):
        assert found.text == expected.text
        assert found.confidence == pytest.approx(expected.confidence, abs=1e-3)
        np.testing.assert_allclose(found.log_probs, expected.log_probs, atol=1e-3)
    assert [found.text for found in mine.predict(PICTURES[::3])] == list(TEXTS)


@needs_litert
@pytest.mark.parametrize("arch", ARCHS)
def test_the_filling_changes_nothing(arch: str) -> None:
    """At every width, the logits are those of torch at this very width."""
    mine, theirs = tflite_predictor(arch), torch_predictor(arch)
    assert mine.widths == [32, 64]
    rng = np.random.default_rng(0)
    channels, height = mine.info.image.channels, mine.info.image.height
    for width in range(4, 65, 4):
        array = rng.uniform(-1, 1, (channels, height, width)).astype(np.float32)
        (found,), (expected,) = mine.logits([array]), theirs.logits([array])
        np.testing.assert_allclose(found, expected, atol=1e-3, err_msg=f"{width} pixels")
    with pytest.raises(ModelError, match="68 pixels wide; this model reads 64 at most"):
        mine.logits([np.zeros((channels, height, 68), np.float32)])


@needs_litert
def test_many_threads_may_read_with_tflite() -> None:
    predictor = tflite_predictor("vanilla_crnn")
    expected = [prediction.text for prediction in predictor.predict(PICTURES)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda picture: predictor.predict([picture])[0].text, PICTURES * 4))
    assert found == expected * 4


@needs_litert
def test_tflite_takes_the_cores_that_it_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container or taskset may have left fewer than the machine has."""
    interpreter = importlib.import_module("ai_edge_litert.interpreter")
    given: list[int] = []

    class Recorded(interpreter.Interpreter):  # type: ignore[misc]
        def __init__(self, path: str, *, num_threads: int) -> None:
            given.append(num_threads)
            super().__init__(path, num_threads=num_threads)

    monkeypatch.setattr(interpreter, "Interpreter", Recorded)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    weights = EXPORTED / "tflite" / "vanilla_crnn.tflite"
    for threads in (0, 3):
        load_predictor(weights, threads=threads)
    assert given == [usable_cores(), 3]


@needs_litert
def test_broken_tflite_files_are_refused(tmp_path: Path) -> None:
    for file in (EXPORTED / "tflite").glob("vanilla_crnn.*"):
        shutil.copyfile(file, tmp_path / file.name)
    weights = tmp_path / "vanilla_crnn.tflite"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="sha256 differs"):
        load_predictor(weights)
    info = ModelInfo.load(weights.with_suffix(".json"))
    dataclasses.replace(info, sha256=file_sha256(weights)).save(weights.with_suffix(".json"))
    with pytest.raises(ModelError, match="LiteRT cannot load"):
        load_predictor(weights)


def has_converter() -> bool:
    try:
        tflite.check()
    except ModelError:
        return False
    return True


@pytest.mark.slow
@needs_litert
@pytest.mark.parametrize("arch", sorted(MODELS))
def test_tflite_is_written_like_torch(arch: str, tmp_path: Path) -> None:
    """A file that differs is an error of export(); litert-torch has an environment of its own."""
    if not has_converter():
        pytest.skip("litert-torch is not installed; make .venv-tflite/.ready")
    path, remark = export(small_checkpoint(arch, max_width=64), "tflite", tmp_path)
    assert remark["widths"] == load_predictor(path).widths == [32, 64]


# docs/examples


# The second model sees colour: its pictures have three planes.
EXAMPLE_READS = [
    ("vanilla_crnn", "onnx"),
    ("vanilla_crnn", "torchscript"),
    ("vanilla_crnn", "ncnn"),
    ("svtr_tiny", "ncnn"),
    ("vanilla_crnn", "tflite"),
    ("svtr_tiny", "tflite"),
]


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As ``captcha-ocr export --out`` leaves it, of the small models."""
    folder = tmp_path_factory.mktemp("exports")
    for arch, name in EXAMPLE_READS:
        if name != "tflite":  # whose converter has an environment of its own
            export(load_checkpoint(EXPORTED / f"{arch}.safetensors"), name, folder)
    shutil.copytree(EXPORTED / "tflite", folder / "tflite")
    return folder


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    draw_picture("9075", (120, 40)).save(path)
    return path


@pytest.mark.parametrize(
    ("arch", "name"),
    [
        pytest.param(*each, marks=needs_litert if each[1] == "tflite" else ())
        for each in EXAMPLE_READS
    ],
)
def test_an_example_reads(arch: str, name: str, exports: Path, picture: Path) -> None:
    weights = exports / name / f"{arch}{FORMATS[name].suffix}"
    script = EXAMPLES / f"read_{name}.py"
    assert len(script.read_text(encoding="utf-8").splitlines()) < 80
    assert "captcha_ocr" not in script.read_text(encoding="utf-8")
    command = [sys.executable, str(script), str(weights), str(picture)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.stdout.strip() == torch_predictor(arch).predict([picture])[0].text, done.stderr
    assert arch != "vanilla_crnn" or done.stdout.strip() == "9075"


def test_the_javascript_example_reads(exports: Path, picture: Path) -> None:
    node = shutil.which("node")
    if node is None or not browser_page.RUNTIME.is_dir():
        pytest.skip("Node or onnxruntime-web is missing: npm ci in hf_spaces/static")
    command = [node, str(EXAMPLES / "read_onnx.mjs")]
    command += [str(exports / "onnx" / "vanilla_crnn.onnx"), str(picture)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert (done.stdout.strip(), done.stderr) == ("9075", "")


@pytest.fixture(scope="module")
def reading() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reading", EXAMPLES / "reading.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("channels", [1, 3])
def test_examples_prepare_pictures_as_the_core_does(
    channels: int, reading: ModuleType, tmp_path: Path
) -> None:
    config = ImageConfig(channels=channels)
    info = {"image": dataclasses.asdict(config)}
    for number, size in enumerate([(96, 32), (131, 47), (300, 30), (33, 80)]):
        path = tmp_path / f"{number}.png"
        image = draw_picture("7*3=?", size, ink="navy", paper="wheat")
        image.save(path)
        expected = preprocess(image, config)
        found = reading.prepare(path, info)
        np.testing.assert_array_equal(found[0], expected)
        assert found.flags.c_contiguous  # ncnn.Mat takes the memory as it lies


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_examples_lay_transparency_on_white(mode: str, reading: ModuleType, tmp_path: Path) -> None:
    """Black lies below it where a program clears a canvas: dropped, it would be the paper."""
    ink = Image.new("RGBA", (96, 32))
    ink.paste((0, 0, 90, 200), (30, 8, 60, 24))
    path = tmp_path / "clear.png"
    (ink.quantize() if mode == "P" else ink.convert(mode)).save(path)
    config = ImageConfig()
    found = reading.prepare(path, {"image": dataclasses.asdict(config)})
    np.testing.assert_array_equal(found[0], preprocess(open_image(path), config))
    assert found[0, 0, 0, 0] == 1


def test_examples_decode_as_the_core_does(reading: ModuleType) -> None:
    predictor = torch_predictor("svtr_tiny")
    charset = predictor.info.charset
    torch.manual_seed(0)
    for logits in torch.randn(20, 16, charset.num_classes).numpy():
        expected = greedy_batch(log_softmax(logits[None], 1.0), charset)[0].text
        assert reading.decode(logits, {"charset": "".join(charset.symbols)}) == expected


def test_examples_find_the_description(reading: ModuleType) -> None:
    weights = EXPORTED / "tflite" / "svtr_tiny.tflite"
    values = json.loads(weights.with_suffix(".json").read_text(encoding="utf-8"))
    assert reading.describe(str(weights)) == values
