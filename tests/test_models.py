"""Every architecture of the registry: shapes, gradients, independence of the batch, sizes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captcha_ocr.config import ConfigError, ImageConfig
from captcha_ocr.imaging import preprocess
from captcha_ocr.model_info import WEIGHTS_DIR, find_models
from captcha_ocr.models import (
    MODELS,
    CTCRecognizer,
    build_model,
    count_parameters,
    width_stride,
)
from captcha_ocr.models.base import FirstConv, scaled
from captcha_ocr.predictor import OnnxPredictor
from captcha_ocr.runtimes.torch import TorchPredictor
from captcha_ocr.training.objective import CTCObjective, ctc_loss
from drawing import draw_picture
from small_models import DETAILED

CLASSES = 37
ARCHS = sorted(MODELS)


def build(arch: str, height: int = 32, **arguments: object) -> CTCRecognizer:
    torch.manual_seed(0)
    image = ImageConfig(height=height, channels=MODELS[arch].in_channels)
    return build_model(arch, CLASSES, image, arguments)


def images_for(model: CTCRecognizer, count: int, height: int, width: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(count, model.in_channels, height, width, generator=generator) * 2 - 1


@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize(("height", "width"), [(32, 88), (32, 256), (50, 160)])
def test_logits_have_one_step_a_stride(arch: str, height: int, width: int) -> None:
    model = build(arch, height).eval()
    with torch.inference_mode():
        logits, taps = model.forward_with_taps(images_for(model, 2, height, width))
    steps = width // model.width_stride
    assert logits.shape == (2, steps, CLASSES)
    assert [tuple(tap.shape) for tap in taps] == [(2, steps, dim) for dim in model.tap_dims]


@pytest.mark.parametrize("arch", DETAILED)
@pytest.mark.parametrize("height", [64, 75])
def test_detail_is_seen_at_twice_the_size_that_the_rest_reads(arch: str, height: int) -> None:
    """So the same pictures in twice the size have as many steps, taps and places."""
    model = build(arch, height, detail=4).eval()
    with torch.inference_mode():
        logits, taps = model.forward_with_taps(images_for(model, 2, height, 176))
    assert model.width_stride == width_stride(arch, {"detail": 4}) == 8
    assert logits.shape == (2, 22, CLASSES)
    assert [tuple(tap.shape) for tap in taps] == [(2, 22, dim) for dim in model.tap_dims]
    half = build_model(arch, CLASSES, ImageConfig(-(-height // 2), 128, model.in_channels))
    shapes = {name: value.shape for name, value in half.named_parameters()}
    grown = {
        name for name, value in model.named_parameters() if value.shape != shapes.pop(name, None)
    }
    assert not shapes
    assert grown and all(".0.details." in name for name in grown)


def test_a_stripe_that_the_mean_does_not_show_is_a_detail() -> None:
    torch.manual_seed(0)
    stripes = torch.tensor([[0.0, 1.0]]).repeat(8, 4)[None, None]  # (1, 1, 8, 8)
    images = torch.cat([stripes, torch.full_like(stripes, 0.5)])
    first = FirstConv(1, 6, 3, detail=4).eval()
    with torch.inference_mode():
        read, grey = first(images)
        assert read.shape == (6, 4, 4)
        assert not torch.allclose(read, grey)
        first.details = None
        read, grey = first(torch.nn.functional.avg_pool2d(images, 2))
    assert torch.equal(read, grey)


@pytest.mark.parametrize(
    ("arch", "detail"),
    [*((arch, {}) for arch in ARCHS), *((arch, {"detail": 4}) for arch in DETAILED)],
)
def test_the_lowest_picture_works_and_a_lower_one_is_refused(
    arch: str, detail: dict[str, int]
) -> None:
    lowest = MODELS[arch].min_height * (2 if detail else 1)
    model = build(arch, lowest, **detail).eval()
    with torch.inference_mode():
        assert model(images_for(model, 1, lowest, 64)).shape == (1, 8 if detail else 16, CLASSES)
    with pytest.raises(ConfigError, match=f"height {lowest} or|height is 7"):
        build(arch, lowest - 1, **detail)


@pytest.mark.parametrize("arch", ARCHS)
def test_every_parameter_gets_a_gradient(arch: str) -> None:
    model = build(arch)
    objective = CTCObjective(model, CLASSES, aux_weight=0.5).train()
    targets = torch.tensor([1, 2, 3, 4, 5, 6])
    losses = objective(images_for(model, 2, 32, 96), targets, torch.tensor([3, 3]))
    assert losses.shape == (2,)
    losses.sum().backward()
    for name, parameter in objective.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("arch", ARCHS)
def test_a_picture_reads_the_same_alone_and_in_a_batch(arch: str) -> None:
    model = build(arch).eval()
    images = images_for(model, 5, 32, 96)
    with torch.inference_mode():
        together = model(images)
        alone = torch.cat([model(image[None]) for image in images])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("arch", find_models())
def test_the_shipped_weights_read_as_when_they_were_exported(arch: str) -> None:
    """The exported graph keeps what the code was then. An edit that shapes and gradients do not
    show (a mask, a scale, an axis) would make noise of every checkpoint there is."""
    now = TorchPredictor.load(WEIGHTS_DIR / f"{arch}.safetensors", "cpu")
    then = OnnxPredictor(WEIGHTS_DIR / f"{arch}.onnx", threads=1)
    assert now.info.image == then.info.image
    array = preprocess(draw_picture("7*3=?", (200, 60)), now.info.image)
    (found,), (expected,) = now.logits([array]), then.logits([array])
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.01)


def test_a_narrow_model_keeps_some_channels() -> None:
    assert [scaled(64, width) for width in (0.01, 0.3, 1.0)] == [8, 16, 64]


@pytest.mark.parametrize(
    ("arch", "low", "high"),
    # At width 1.0: the paper's convolutions (CRNN 8.3 M with its LSTMs), 21.3 M of a ResNet-34
    # without its classifier, and table 2's 4.15 M for SVTR-T with 37 classes.
    [
        ("vanilla_crnn", 8.2e6, 8.4e6),
        ("crnn_resnet34", 21.2e6, 22.5e6),
        ("svtr_tiny", 4.0e6, 4.3e6),
    ],
)
def test_width_one_has_the_papers_size(arch: str, low: float, high: float) -> None:
    parameters = count_parameters(build(arch, width=1.0))
    assert low < parameters < high
    assert count_parameters(build(arch, width=0.5)) < parameters / 2


def test_errors_name_what_is_allowed() -> None:
    with pytest.raises(ConfigError, match=r"unknown arch 'svtr'; choose from crnn_resnet34"):
        build_model("svtr", CLASSES, ImageConfig())
    with pytest.raises(ConfigError, match=r"no argument \['widht'\]"):
        build("vanilla_crnn", widht=1.0)
    with pytest.raises(ConfigError, match=r"detail is -1; choose 0 \(none\) or more"):
        build("svtr_tiny", detail=-1)
    with pytest.raises(ConfigError, match=r"reads 3 channel"):
        build_model("svtr_tiny", CLASSES, ImageConfig(channels=1))
    with pytest.raises(ConfigError, match=r"vanilla_crnn: width is '0,5', not float"):
        build("vanilla_crnn", width="0,5")
    with pytest.raises(ConfigError, match=r"svtr_tiny: depths is \[1, 'x'\], not tuple"):
        build("svtr_tiny", depths=[1, "x"])


@pytest.mark.parametrize("name", ["width", "early"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0, -1.0])
def test_a_width_is_a_number_above_zero(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"{name} is {value:g}; choose more than 0"):
        build("crnn_resnet34", **{name: value})


def test_loss_is_the_sum_over_all_alignments() -> None:
    """Two columns, one character: of the nine paths, a-a, a-blank and blank-a spell it."""
    logits = torch.log(torch.tensor([[[0.5, 0.3, 0.2], [0.6, 0.1, 0.3]]])) + 5.0
    loss = ctc_loss(logits, torch.tensor([1]), torch.tensor([1]))
    expected = 0.3 * 0.1 + 0.3 * 0.6 + 0.5 * 0.1
    torch.testing.assert_close(loss, -torch.log(torch.tensor([expected])))


def test_the_auxiliary_heads_have_their_share_of_the_loss() -> None:
    model = build("crnn_resnet34", width=0.125, early=0.125, hidden=8).eval()  # two heads
    images, given = images_for(model, 3, 32, 64), (torch.tensor([1, 2, 3]), torch.ones(3).long())
    objective = CTCObjective(model, CLASSES, aux_weight=0.25)
    logits, taps = model.forward_with_taps(images)
    first, second = (ctc_loss(head(tap), *given) for head, tap in zip(objective.heads, taps))
    expected = 0.75 * ctc_loss(logits, *given) + 0.25 * (first + second) / 2
    torch.testing.assert_close(objective(images, *given), expected)
    alone = CTCObjective(model, CLASSES, aux_weight=0.0)
    assert not list(alone.heads)
    torch.testing.assert_close(alone(images, *given), ctc_loss(logits, *given))
