"""ONNX: what a run writes itself, and what the servers and the browser read."""

from __future__ import annotations

import dataclasses
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from captcha_ocr.charset import Charset
from captcha_ocr.checkpoint import Checkpoint
from captcha_ocr.config import ConfigError, ImageConfig
from captcha_ocr.datasets.stores import Store
from captcha_ocr.exporting import Remark
from captcha_ocr.exporting.measuring import verify
from captcha_ocr.files import file_sha256, take_place, write_bytes
from captcha_ocr.models import build_model, model_arguments
from captcha_ocr.predictor import OnnxPredictor
from captcha_ocr.runtimes.torch import describe

KNOWN_TORCH = "2.15"  # exports all architectures; what older ones lack differs by release


def require_exporter(arch: str, model: dict[str, Any], image: ImageConfig) -> None:
    """Raise ConfigError when this torch cannot write such a model as ONNX.

    A run ends in an export, and hours must not end in a traceback: a release older than
    KNOWN_TORCH exports an untrained model first.
    """
    if torch.__version__ >= KNOWN_TORCH:  # by number, not by letter
        return
    charset = Charset(("0",))
    arguments = model_arguments(arch, model)
    state = build_model(arch, charset.num_classes, image, arguments).state_dict()
    with TemporaryDirectory() as folder:
        try:
            export_onnx(Checkpoint(arch, arguments, charset, image, state), Path(folder))
        except Exception as error:  # whatever an exporter of its time raises, with words or none
            why = str(error).strip().partition("\n")[0] or type(error).__name__
            raise ConfigError(
                f"torch {torch.__version__} cannot export {arch} to ONNX, in which a run ends "
                f"({why}); try: python -m pip install -U torch torchvision"
            ) from error


def round_to_half(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint with its weights rounded to 16-bit floats, still held as 32-bit ones.

    Done once, before a model is measured and shipped: an export can then store the weights in
    half the bytes and still equal torch exactly. Vectors (biases, norms, statistics) stay as
    they are: they are small, and a variance may leave the range of 16 bits.
    """
    state = {
        name: value.half().float() if value.is_floating_point() and value.dim() > 1 else value
        for name, value in checkpoint.state.items()
    }
    return dataclasses.replace(checkpoint, state=state)


def export_onnx(checkpoint: Checkpoint, folder: Path, name: str = "") -> Path:
    """Write ``<name>.onnx`` (free batch size and width) and ``<name>.json``; the ONNX path.

    Raises ModelError when the file's logits differ from torch's at any of several widths; the
    folder is then as it was.
    """
    model = checkpoint.build()
    target = Path(folder) / f"{name or checkpoint.arch}.onnx"
    image = checkpoint.image
    example = torch.zeros(2, image.channels, image.height, min(96, image.max_width))
    width = torch.export.Dim.AUTO  # the exporter finds out that it is a multiple of the stride
    with _quiet():
        program = torch.onnx.export(
            model,
            (example,),
            dynamo=True,
            optimize=False,  # it would fold norms into kernels, which then need 32 bits
            input_names=["images"],
            output_names=["logits"],
            dynamic_shapes={"images": {0: torch.export.Dim("batch", max=65536), 3: width}},
            verbose=False,
        )
    assert program is not None
    info = describe(checkpoint, model)
    with TemporaryDirectory(dir=folder, prefix=".export-") as scratch:
        path = Path(scratch) / target.name
        write_bytes(path, _compact(program).SerializeToString())
        dataclasses.replace(info, sha256=file_sha256(path)).save(path.with_suffix(".json"))
        verify(OnnxPredictor(path, threads=1), model, info)
        for file in (path.with_suffix(".json"), path):
            take_place(file, target.with_suffix(file.suffix))
        return target


def convert(checkpoint: Checkpoint, path: Path, calibration: Store | None = None) -> Remark:
    """Write one file for any batch size and width."""
    export_onnx(checkpoint, path.parent, path.stem)
    return {}


def _compact(program: Any) -> Any:
    """The ONNX model with constants folded, in 16 bits where that loses nothing, and without the
    exporter's notes (they hold paths of the machine it ran on)."""
    import onnxscript.optimizer

    onnxscript.optimizer.fold_constants(program.model)
    onnxscript.optimizer.remove_unused_nodes(program.model)
    model = program.model_proto
    graph = model.graph
    for node in graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    del graph.value_info[:], graph.metadata_props[:], model.metadata_props[:]
    store_in_half(model)
    return model


def store_in_half(model: Any) -> None:
    """Store large weights of an ONNX model in 16 bits, with a cast, where that loses nothing."""
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < 1024:
            continue
        with np.errstate(over="ignore"):
            half = values.astype(np.float16)
        if np.array_equal(half.astype(np.float32), values):
            name = tensor.name
            tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
            casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's notes on its own insides."""
    levels = {name: logging.getLogger(name).level for name in ("torch.onnx", "onnxscript")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in levels:
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
