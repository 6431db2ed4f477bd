"""Multiply-accumulates: against products worked out by hand, and against torch's own counter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from captcha_ocr.benchmarking.macs import count_macs
from captcha_ocr.charset import Charset
from captcha_ocr.checkpoint import Checkpoint
from captcha_ocr.config import ImageConfig
from captcha_ocr.exporting.onnx import export_onnx
from captcha_ocr.models import MODELS, build_model
from onnx import TensorProto, helper, numpy_helper
from torch.utils.flop_counter import FlopCounterMode


def save(path: Path, nodes: list, constants: dict[str, np.ndarray], shape: list) -> Path:
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize(
    ("operator", "attributes", "constants", "shape", "macs"),
    [
        # 5 kernels of 3x3 over 2 channels at 8x6 places
        ("Conv", {"pads": [1, 1, 1, 1]}, {"w": zeros(5, 2, 3, 3)}, (1, 2, 8, 6), 5 * 18 * 48),
        # in groups of one channel, at every second place
        (
            "Conv",
            {"pads": [1, 1, 1, 1], "strides": [2, 2], "group": 4},
            {"w": zeros(4, 1, 3, 3)},
            (1, 4, 8, 8),
            4 * 9 * 16,
        ),
        # every input value meets 5 kernels of 2x2
        ("ConvTranspose", {"strides": [2, 2]}, {"w": zeros(2, 5, 2, 2)}, (1, 2, 3, 4), 24 * 20),
        ("MatMul", {}, {"w": zeros(7, 5)}, (2, 3, 7), 2 * 3 * 7 * 5),
        ("Gemm", {"transA": 1}, {"w": zeros(7, 5)}, (7, 3), 3 * 7 * 5),
        # 6 steps of a batch of 2, both ways: 4 gates of 8 from 3 inputs and 8 states
        (
            "LSTM",
            {"hidden_size": 8, "direction": "bidirectional"},
            {"w": zeros(2, 32, 3), "r": zeros(2, 32, 8)},
            (6, 2, 3),
            6 * 2 * 2 * 32 * (3 + 8),
        ),
        ("Relu", {}, {}, (1, 2, 3, 4), 0),
    ],
)
def test_by_hand(
    tmp_path: Path,
    operator: str,
    attributes: dict,
    constants: dict[str, np.ndarray],
    shape: tuple[int, ...],
    macs: int,
) -> None:
    node = helper.make_node(operator, ["x", *constants], ["y"], **attributes)
    path = save(tmp_path / "model.onnx", [node], constants, list(shape))
    assert count_macs(path, shape) == macs


def test_weights_in_16_bits_count_the_same(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["w"], ["wide"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["x", "wide"], ["y"]),
    ]
    constants = {"w": np.zeros((7, 5), np.float16)}
    path = save(tmp_path / "model.onnx", nodes, constants, ["N", 7])
    assert count_macs(path, (3, 7)) == 3 * 7 * 5


def test_what_is_not_known_is_an_error(tmp_path: Path) -> None:
    node = helper.make_node("Einsum", ["x", "w"], ["y"], equation="ij,jk->ik")
    path = save(tmp_path / "model.onnx", [node], {"w": zeros(7, 5)}, [3, 7])
    with pytest.raises(ValueError, match="the operator Einsum is not counted"):
        count_macs(path, (3, 7))


@pytest.mark.filterwarnings("ignore:TF32 acceleration")  # torch sets a flag that is not ours
@pytest.mark.parametrize("arch", sorted(MODELS))
def test_every_architecture_agrees_with_torch(arch: str, tmp_path: Path) -> None:
    """torch counts FLOPs, two for a multiply-accumulate, in what its operators are made of."""
    image = ImageConfig(channels=MODELS[arch].in_channels)
    charset = Charset(tuple("0123456789+-*/=?"))
    model = build_model(arch, charset.num_classes, image).eval()
    shape = (2, image.channels, image.height, 88)
    # Without mkldnn a recurrent layer is made of products that the counter knows.
    off, counter = torch.backends.mkldnn.flags(enabled=False), FlopCounterMode(display=False)
    with off, torch.no_grad(), counter:
        model(torch.zeros(shape))
    weights = export_onnx(Checkpoint(arch, {}, charset, image, model.state_dict()), tmp_path)
    assert 2 * count_macs(weights, shape) == counter.get_total_flops()
