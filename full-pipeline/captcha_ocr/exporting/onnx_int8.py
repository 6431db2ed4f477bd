"""ONNX in 8 bits (int8). Kept only where it is faster than float32 and reads as well.

Both are measured here on labelled training pictures: a part of them tells the range of each
activation, the others decide. A test set has no say in it.
"""

from __future__ import annotations

import dataclasses
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from captcha_ocr.checkpoint import Checkpoint
from captcha_ocr.config import ConfigError, ImageConfig
from captcha_ocr.datasets.stores import Store, Subset, spread
from captcha_ocr.exporting import NotKeptError, Remark
from captcha_ocr.exporting.measuring import agree, latencies
from captcha_ocr.exporting.onnx import export_onnx, store_in_half
from captcha_ocr.files import file_sha256
from captcha_ocr.imaging import preprocess
from captcha_ocr.model_info import ModelInfo
from captcha_ocr.predictor import OnnxPredictor

RANGES, JUDGES = 128, 500  # pictures that tell ranges, and pictures that decide
ALLOWED_LOSS = 250  # of so many pictures, one more may be misread


def convert(checkpoint: Checkpoint, path: Path, calibration: Store | None = None) -> Remark:
    """Write the fastest variant that reads as well as float32. Raises NotKeptError, with figures,
    when there is none."""
    if calibration is None:
        raise ConfigError("onnx-int8 needs --calibrate DIR: labelled training pictures")
    known, judges = split(calibration)
    with tempfile.TemporaryDirectory() as folder:
        full = OnnxPredictor(export_onnx(checkpoint, Path(folder)), threads=1)
        plain = Path(folder) / "plain.onnx"
        prepare(Path(folder) / f"{checkpoint.arch}.onnx", plain)
        variants = {}
        for name, quantize in VARIANTS.items():
            file = Path(folder) / f"{name}.onnx"
            with quiet():
                quantize(plain, file, known, checkpoint.image)
            variants[name] = finished(file, full.info)
        remark = choose(full, variants, judges)
        shutil.copyfile(Path(folder) / f"{remark['variant']}.onnx", path)
    return remark


def split(pictures: Store) -> tuple[Store, Store]:
    """Pictures that tell ranges and pictures that decide: none in both, each over the whole set."""
    half = len(pictures) // 2
    if not half:
        raise ConfigError("--calibrate needs two labelled pictures or more")
    even, odd = (Subset(pictures, range(first, 2 * half, 2)) for first in (0, 1))
    return spread(even, RANGES), spread(odd, JUDGES)


def choose(full: OnnxPredictor, variants: dict[str, OnnxPredictor], judges: Store) -> Remark:
    """The fastest variant that may be kept, with its figures; NotKeptError when there is none."""
    found = agree(full, variants, judges)
    times = latencies({"full": full, **variants})
    total = {name: sum(widths.values()) for name, widths in times.items()}
    right = {name: agreement.right for name, agreement in found.items()}
    figures: dict[str, dict[str, Any]] = {
        name: {
            "variant": name,
            "speed": round(total["full"] / total[name], 2),  # times as fast as float32
            "right": right[name],
            "right_full": right["reference"],
            "pictures": len(judges),
        }
        for name in variants
    }
    needed = right["reference"] - len(judges) // ALLOWED_LOSS
    kept = [name for name in variants if right[name] >= needed and figures[name]["speed"] > 1]
    if not kept:
        raise NotKeptError({"kind": "not_kept", "variants": list(figures.values())})
    return {"kind": "int8", **figures[max(kept, key=lambda name: figures[name]["speed"])]}


def finished(file: Path, info: ModelInfo) -> OnnxPredictor:
    """Small, described, and loaded."""
    import onnx

    model = onnx.load(file)
    store_in_half(model)
    onnx.save(model, file)
    dataclasses.replace(info, sha256=file_sha256(file)).save(file.with_suffix(".json"))
    return OnnxPredictor(file, threads=1)


def prepare(source: Path, target: Path) -> None:
    """What the quantizer can work on: weights in 32 bits without casts, norms inside kernels."""
    import onnx
    from onnx import TensorProto, numpy_helper
    from onnxruntime.quantization.shape_inference import quant_pre_process

    model = onnx.load(source)
    stored = {each.name: each for each in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        tensor = stored.get(node.input[0]) if node.op_type == "Cast" else None
        if tensor is not None and tensor.data_type == TensorProto.FLOAT16:
            values = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values, node.output[0]))
        else:
            nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, target)
    with quiet():
        quant_pre_process(str(target), str(target), skip_symbolic_shape=True)


def dynamic(source: Path, target: Path, known: Store, image: ImageConfig) -> None:
    """Matrices and LSTMs in 8 bits; the range of an activation is found anew for each picture."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        source,
        target,
        weight_type=QuantType.QInt8,
        reduce_range=True,  # as below
        op_types_to_quantize=["MatMul", "LSTM"],
    )


def static(
    source: Path,
    target: Path,
    known: Store,
    image: ImageConfig,
    kinds: Sequence[str] = ("Conv", "MatMul"),
) -> None:
    """Operators of these kinds in 8 bits, but for those that see pixels; ranges as ``known``
    pictures have them."""
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    quantize_static(
        source,
        target,
        Reader(known, image),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        reduce_range=True,  # 7 bits: without VNNI, products of 8 bits overflow
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=list(kinds),
        nodes_to_exclude=seeing(source, image.channels),
    )


def seeing(source: Path, channels: int) -> list[str]:
    """The convolutions over pixels. They take little time, and all that follows sees through them:
    of 450 pictures crnn_resnet34 misread 4 more than float32 with them in 8 bits, none without."""
    import onnx

    graph = onnx.load(source).graph
    inputs = {tensor.name: tensor.dims[1] for tensor in graph.initializer if len(tensor.dims) == 4}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    return [node.name for node in convolutions if inputs[node.input[1]] == channels]


class Reader:
    """Hands pictures to the quantizer, one at a time: their widths differ."""

    def __init__(self, pictures: Store, image: ImageConfig) -> None:
        self._arrays = (preprocess(pictures.open(i), image) for i in range(len(pictures)))

    def get_next(self) -> dict[str, np.ndarray] | None:
        array = next(self._arrays, None)
        return None if array is None else {"images": array[None]}


@contextmanager
def quiet() -> Iterator[None]:
    """Without the quantizer's advice, on the root logger, to do what `prepare` does."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


Quantize = Callable[[Path, Path, Store, ImageConfig], None]
VARIANTS: dict[str, Quantize] = {
    "dynamic": dynamic,
    "static": static,
    "convolutions": partial(static, kinds=("Conv",)),  # static, the matrices in float32
}
