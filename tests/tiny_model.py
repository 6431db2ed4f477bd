"""A model of two matrices that reads the bars of `drawing.draw_barcode`: real, and instant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from captcha_ocr.charset import Charset
from captcha_ocr.config import ImageConfig
from captcha_ocr.files import file_sha256
from captcha_ocr.model_info import ModelInfo
from drawing import SYMBOLS, level
from onnx import TensorProto, helper, numpy_helper

STRIDE = 4
SHARPNESS = 2000.0  # two neighbouring grey levels then differ by 15 in their logits


def write_tiny_model(folder: Path, arch: str = "vanilla_crnn", *, symbols: str = SYMBOLS) -> Path:
    """Write ``<arch>.onnx`` and ``<arch>.json`` into ``folder``; return the ONNX file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{arch}.onnx"
    onnx.save(_model(symbols), path)
    info = ModelInfo(
        arch=arch,
        charset=Charset(tuple(symbols)),
        image=ImageConfig(height=32, max_width=256, channels=1, pad_multiple=STRIDE),
        width_stride=STRIDE,
        sha256=file_sha256(path),
    )
    info.save(path.with_suffix(".json"))
    return path


def _model(symbols: str) -> onnx.ModelProto:
    """The logit of a class is -SHARPNESS * (mean - level)^2, less what all classes share."""
    grey = np.array([255, *map(level, symbols)], np.float32) / 127.5 - 1.0  # class 0: white
    weights = np.tile(2 * SHARPNESS * grey / STRIDE, (STRIDE, 1)).astype(np.float32)
    constants = {
        "weights": weights,  # (STRIDE, classes)
        "bias": (-SHARPNESS * grey**2).astype(np.float32),
        "shape": np.array([0, -1, STRIDE], np.int64),
    }
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["columns"], axes=[1, 2], keepdims=0),
        helper.make_node("Reshape", ["columns", "shape"], ["steps"]),  # (N, T, STRIDE)
        helper.make_node("MatMul", ["steps", "weights"], ["scores"]),
        helper.make_node("Add", ["scores", "bias"], ["logits"]),  # (N, T, classes)
    ]
    graph = helper.make_graph(
        nodes,
        "bars",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", 1, 32, "W"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", "T", len(grey)])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="tests"
    )
