"""Multiply-accumulate operations of an ONNX model, from the shapes of one real run.

Counted are convolutions, matrix products and recurrent layers, where nearly all work is; the
usual convention, half of the FLOPs. Shapes come from running the model with its inner tensors as
outputs, so dimensions that depend on the width are exact.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

Shapes = Mapping[str, tuple[int, ...]]
# They multiply too, and no model here has one: better an error than a count that lacks them.
UNKNOWN = {"Einsum", "Attention", "QLinearConv", "QLinearMatMul", "MatMulInteger", "ConvInteger"}


def count_macs(path: Path, input_shape: tuple[int, ...]) -> int:
    """MACs of one run on an input of ``input_shape``, (N, C, H, W).

    Raises ValueError for a model with an operator that would have to be counted and is not known,
    or with branches.
    """
    import onnx
    from onnx import inliner

    model = inliner.inline_local_functions(onnx.load(path))
    nodes = list(model.graph.node)
    for node in nodes:
        if node.op_type in UNKNOWN or any(attribute.HasField("g") for attribute in node.attribute):
            raise ValueError(f"{path}: the operator {node.op_type} is not counted; teach macs.py")
    counted = [node for node in nodes if node.op_type in _COUNT]
    shapes = _shapes(model, {name for node in counted for name in _tensors(node)}, input_shape)
    return sum(_COUNT[node.op_type](node, shapes) for node in counted)


def _tensors(node: Any) -> list[str]:
    """The inputs and outputs that say how much a node works."""
    return [name for name in (*node.input[:3], node.output[0]) if name]


def _shapes(model: Any, names: set[str], input_shape: tuple[int, ...]) -> Shapes:
    """The shapes of the named tensors, from a run with zeros."""
    import onnx
    import onnxruntime

    first = model.graph.input[0].name
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    shapes[first] = input_shape
    there = {output.name for output in model.graph.output}
    asked = sorted(names - shapes.keys())
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in asked if name not in there)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # Fused nodes would no longer have the tensors asked for.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    arrays = session.run(asked, {first: np.zeros(input_shape, np.float32)}) if asked else []
    return {**shapes, **{name: array.shape for name, array in zip(asked, arrays)}}


def _convolution(node: Any, shapes: Shapes) -> int:
    """The kernel is (out, in / groups, height, width): each output value is one such product."""
    return math.prod(shapes[node.output[0]]) * math.prod(shapes[node.input[1]][1:])


def _transposed_convolution(node: Any, shapes: Shapes) -> int:
    """The kernel is (in, out / groups, height, width): each input value meets all of it."""
    return math.prod(shapes[node.input[0]]) * math.prod(shapes[node.input[1]][1:])


def _product(node: Any, shapes: Shapes) -> int:
    return math.prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]


def _gemm(node: Any, shapes: Shapes) -> int:
    transposed = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
    return math.prod(shapes[node.output[0]]) * shapes[node.input[0]][0 if transposed else 1]


def _recurrence(node: Any, shapes: Shapes) -> int:
    """X (T, N, in); W (directions, gates * hidden, in); R (directions, gates * hidden, hidden)."""
    steps, batch, _ = shapes[node.input[0]]
    return steps * batch * sum(math.prod(shapes[name]) for name in node.input[1:3])


_COUNT = {
    "Conv": _convolution,
    "ConvTranspose": _transposed_convolution,
    "MatMul": _product,
    "Gemm": _gemm,
    **dict.fromkeys(("LSTM", "GRU", "RNN"), _recurrence),
}
