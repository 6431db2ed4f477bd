"""Trained weights in the formats of other runtimes: each is compared with torch before it is kept.

A format is a module here with ``convert(checkpoint, path, calibration) -> Remark``, and a line in
FORMATS. This registry imports nothing heavy: a command line can list it where torch is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from captcha_ocr.model_info import ModelError


@dataclass(frozen=True)
class Format:
    module: str  # with convert(), imported when it is needed
    suffix: str  # of the file that its runner opens: a key of model_info.RUNTIMES
    packages: tuple[str, ...] = ()  # import names of what it needs besides torch
    more: tuple[str, ...] = ()  # suffixes of further files of a model
    exact: bool = True  # its logits must equal torch's; else convert() decides by the texts,
    # and needs labelled training pictures for that


FORMATS = {
    "torchscript": Format("captcha_ocr.exporting.torchscript", ".torchscript"),
    "onnx": Format("captcha_ocr.exporting.onnx", ".onnx", ("onnx", "onnxscript")),
    "onnx-int8": Format(
        "captcha_ocr.exporting.onnx_int8", ".onnx", ("onnx", "onnxscript"), exact=False
    ),
    "ncnn": Format("captcha_ocr.exporting.ncnn", ".param", ("pnnx", "ncnn"), (".bin",)),
    "tflite": Format("captcha_ocr.exporting.tflite", ".tflite", ("ai_edge_litert",)),
}


# What one has to know about a file, for its row of the table: a kind (a key of tables.REMARKS) and
# the values that its sentence needs. Empty: nothing.
Remark = dict[str, Any]


class NotKeptError(ModelError):
    """A file that could be written and is not worth having."""

    def __init__(self, remark: Remark) -> None:
        super().__init__(f"not kept: {remark}")
        self.remark = remark
