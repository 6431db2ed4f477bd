"""What moves the weights: the learning rate, weight decay, averages and blends, by hand."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from captcha_ocr.config import TrainConfig
from captcha_ocr.training.optimisation import (
    AveragedWeights,
    blend_weights,
    build_optimizer,
    learning_rate,
)


def test_the_learning_rate_rises_stays_and_falls() -> None:
    config = TrainConfig(arch="x", train_root="x", lr=1.0, warmup=100, flat=0.5, lr_end=0.1)
    rates = [learning_rate(pictures, 10_000, config) for pictures in range(0, 10_001, 50)]
    assert rates[0] == pytest.approx(0.01)
    assert rates[2] == rates[100] == 1.0
    assert all(a >= b for a, b in zip(rates[2:], rates[3:]))
    assert rates[125] == pytest.approx(0.1 + 0.9 * (2 + 2**0.5) / 4)  # a quarter of the cosine
    assert rates[-1] == pytest.approx(0.1)
    no_flat = dataclasses.replace(config, flat=0.0)
    assert learning_rate(100, 10_000, no_flat) == 1.0  # the cosine begins where the rise ends
    assert learning_rate(0, 10, config) == 1.0  # a run too short to rise does not


def test_weight_decay_is_for_matrices_and_kernels_alone() -> None:
    module = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    for parameter in module.parameters():
        parameter.data.fill_(1.0)
        parameter.grad = torch.zeros_like(parameter)
    config = TrainConfig(arch="x", train_root="x", lr=0.1, weight_decay=0.5)
    build_optimizer(module, config).step()
    left = {name: value.unique().item() for name, value in module.named_parameters()}
    assert left.pop("0.weight") == pytest.approx(0.95)
    assert set(left.values()) == {1.0}


def test_averaged_weights_follow_the_model() -> None:
    model = torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(0.0)
    average = AveragedWeights(model, decay=0.9)
    with torch.no_grad():
        model.weight.fill_(1.0)
    expected = 0.0
    for update in range(1, 200):  # after many, any average would be where the model is
        average.update(model)
        decay = min(0.9, (1 + update) / (10 + update))
        expected = decay * expected + (1 - decay)
        assert average.state["weight"].item() == pytest.approx(expected, rel=1e-5)


def test_a_blend_lies_between_the_start_and_the_average() -> None:
    model = torch.nn.BatchNorm1d(1)  # floating weights and statistics, and a count
    start = {name: value.clone() for name, value in model.state_dict().items()}
    average = AveragedWeights(model, decay=0.0, blend=0.25, start=start)
    with torch.no_grad():
        model.weight.fill_(5.0)
        model.running_var.fill_(3.0)  # type: ignore[union-attr]
        model.num_batches_tracked.fill_(8)  # type: ignore[union-attr]
    average.update(model)
    blended = average.blended()
    assert average.state["weight"].item() == 5.0
    assert blended["weight"].item() == pytest.approx(0.25 * 1 + 0.75 * 5)
    assert blended["running_var"].item() == pytest.approx(0.25 * 1 + 0.75 * 3)
    assert blended["num_batches_tracked"].item() == 8
    assert blended.keys() == model.state_dict().keys()


def test_a_blend_leaves_whole_what_the_start_did_not_have() -> None:
    """Two symbols more, a channel more, and a layer more."""
    start = {"rows": torch.zeros(3, 2), "kernel": torch.zeros(1, 1, 3, 3)}
    tuned = {"rows": torch.ones(5, 2), "kernel": torch.ones(2, 1, 3, 3), "layer": torch.ones(4)}
    blended = blend_weights(tuned, start, 0.25)
    assert blended["rows"][:, 0].tolist() == [0.75, 0.75, 0.75, 1, 1]
    assert blended["kernel"][:, 0, 0, 0].tolist() == [0.75, 1]
    assert blended["layer"].tolist() == [1] * 4
    assert start["rows"].shape == (3, 2)
