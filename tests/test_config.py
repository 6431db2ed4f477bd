"""Settings: impossible ones are refused, and a checkpoint's are read strictly."""

from __future__ import annotations

import dataclasses
import json

import pytest
from captcha_ocr.config import ConfigError, ImageConfig, TrainConfig, strict_from_dict


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"channels": 2}, "channels is 2; choose 1"),
        ({"height": 7}, "height is 7; choose 8 to 512"),
        ({"height": 513}, "choose 8 to 512"),
        ({"max_width": 0}, "width is 0; choose 1 to 8192"),
        ({"max_width": 8196}, "choose 1 to 8192"),
        ({"pad_multiple": 0}, "pad multiple is 0"),
        ({"max_width": 100, "pad_multiple": 101}, "choose 1 to the image width 100"),
        ({"max_width": 255, "pad_multiple": 4}, "not a multiple"),
    ],
)
def test_impossible_image_settings(values: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ImageConfig(**values)


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("batch", 0, "--batch is 0; choose 1 or more"),
        ("batch_start", -3, "--batch-start is -3"),
        ("lr_end", 1.5, "--lr-end is 1.5; choose 0 to 1"),
        ("ema", 1, "--ema is 1; choose 0 to less than 1"),
        ("epochs", 0, "--epochs is 0; choose more than 0"),
        ("lr", float("nan"), "--lr is nan; choose more than 0"),
        ("clip", float("inf"), "--clip is inf"),
        ("seed", -1, "--seed is -1; choose 0 or more"),
        ("seed", 2**64, r"--seed is 1.84467e\+19; choose 0 or more, in 64 bits"),
        ("out", "runs/\udcff", r"--out 'runs/\\udcff' is no UTF-8, as a checkpoint is"),
        ("max_minutes", -0.5, "--max-minutes is -0.5"),
        ("flat", 1.01, "--flat is 1.01; choose 0 to 1"),
        ("aux_weight", 1, "--aux-weight is 1; choose 0 to less than 1"),
        ("blend", -0.1, "--blend is -0.1"),
        ("val_fraction", 0, "--val-fraction is 0; choose more than 0 and less than 1"),
        ("select_on", "test", "--select-on is 'test'; choose auto, val, split"),
        ("amp", None, "--amp is None; choose off, auto, bf16, fp16"),
    ],
)
def test_impossible_training_settings(
    setting: str, value: float | str | None, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        TrainConfig("svtr_tiny", "dataset/train", **{setting: value})  # type: ignore[arg-type]


def test_image_config_survives_json() -> None:
    config = ImageConfig(height=60, max_width=256, channels=3, pad_multiple=8)
    assert ImageConfig.from_dict(json.loads(json.dumps(dataclasses.asdict(config)))) == config


def test_train_config_survives_json() -> None:
    config = TrainConfig(
        arch="svtr_tiny",
        train_root="dataset/train",
        image=ImageConfig(channels=3),
        model={"width": 0.5},
        epochs=3,
    )
    assert TrainConfig.from_dict(json.loads(json.dumps(dataclasses.asdict(config)))) == config


def test_unknown_keys_are_named_never_dropped() -> None:
    with pytest.raises(ConfigError, match=r"ImageConfig has no \['imgH'\]; known: \['channels'"):
        ImageConfig.from_dict({"imgH": 32})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"height": 40.0}, "height is 40.0, not int"),
        ({"channels": True}, "channels is True, not int"),
        ({"max_width": "256"}, "max_width is '256', not int"),
        ({"pad_multiple": [0] * 1000}, r"pad_multiple is \[0, .{76}, not int"),
    ],
)
def test_values_of_another_kind_are_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^ImageConfig: {message}$"):
        ImageConfig.from_dict(values)


def test_missing_keys_are_an_error() -> None:
    with pytest.raises(ConfigError, match=r"TrainConfig: .*train_root"):
        strict_from_dict(TrainConfig, {"arch": "svtr_tiny"})


def test_configs_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ImageConfig().height = 64  # type: ignore[misc]
