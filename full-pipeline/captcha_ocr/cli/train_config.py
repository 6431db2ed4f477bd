"""What a run of ``train.py`` is asked for: by the options of a new one, by its record to go on."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import yaml

from captcha_ocr.checkpoint import load_checkpoint
from captcha_ocr.config import ConfigError, ImageConfig, TrainConfig, strict_from_dict
from captcha_ocr.models import check_model, find_model, model_arguments, width_stride
from captcha_ocr.training.run_folder import RunFolder


def config_from(options: dict[str, Any]) -> TrainConfig:
    """The configuration that the given options ask for; the rest are TrainConfig's defaults."""
    options = dict(options)
    image = {
        field.name: options.pop(field.name)
        for field in dataclasses.fields(ImageConfig)
        if field.name in options
    }
    given = ("width", "early", "detail")
    model: dict[str, Any] = {name: options.pop(name) for name in given if name in options}
    for source in ("init_from", "distill_from"):
        if source in options:  # the sizes that the weights know, unless others are given
            known = load_checkpoint(Path(options[source]))
            image = {"height": known.image.height, "max_width": known.image.max_width, **image}
            if source == "init_from":
                refuse_another_arch(known.arch, options)
                image.setdefault("channels", known.image.channels)
                model = {**known.model_config, **model}
            elif known.model_config.get("detail"):  # or it has other columns than its teacher
                model.setdefault("detail", known.model_config["detail"])
    if options.get("blend") and "init_from" not in options:
        raise ConfigError("--blend keeps a share of the weights that --init-from names; give both")
    stride = width_stride(options["arch"], model)
    asked = options.pop("downsample", stride)
    if asked != stride:
        raise ConfigError(
            f"--downsample is {asked}, but {options['arch']} makes one step of {stride} pixels of "
            f"width; give {stride}"
        )
    if image.setdefault("pad_multiple", stride) % stride:
        raise ConfigError(
            f"--pad-multiple is {image['pad_multiple']}; choose a multiple of {stride}"
        )
    in_channels = find_model(options["arch"]).in_channels
    config = ImageConfig(**{"channels": in_channels, **image})
    if "train_root" not in options:
        need = "a folder with images/ and labels.txt"
        raise ConfigError(f"--train-root is missing, to train {options['arch']}: {need}")
    return TrainConfig(image=config, model=model, **options)


def resumed_config(folder: RunFolder, options: dict[str, Any]) -> TrainConfig:
    """A run goes on as it began; what may be given anew is what does not change its outcome."""
    recorded = read_settings(folder.args)
    free = {"max_minutes", "save_minutes", "num_workers", "device", "cache", "tensorboard", "out"}
    # These may have moved: what they hold is compared with what the run began with.
    roots = ("train_root", "val_root", "distill_from")
    moved = [name for name in roots if getattr(recorded, name)]
    free |= {*moved}
    fixed = {
        **shallow(recorded),
        **dataclasses.asdict(recorded.image),
        **model_arguments(recorded.arch, recorded.model),
        "downsample": width_stride(recorded.arch, recorded.model),
    }
    for name in ("amp", "select_on"):  # settled when the run began
        if options.get(name) == "auto":
            options = {**options, name: getattr(recorded, name)}
    other = [
        difference(name, fixed.get(name), value)
        for name, value in options.items()
        if name not in free and value != fixed.get(name)
    ]
    if other:
        raise ConfigError(
            f"{folder.path} was begun {', '.join(other)} and goes on as it began: leave "
            "these options out, or start a new run without --resume"
        )
    given = {name: value for name, value in options.items() if name in free}
    config = strict_from_dict(TrainConfig, {**shallow(recorded), **given})
    for name in moved:
        root = getattr(config, name)
        if not Path(root).exists():
            raise ConfigError(
                f"{folder.path} learns from {root}, which is not here; say where it is now with "
                f"{option_of(name)}, or resume from the folder where the run was begun"
            )
    return config


def refuse_another_arch(known: str, options: dict[str, Any]) -> None:
    """Here, and not by the names of hundreds of weights that do not fit."""
    if known != options["arch"]:
        raise ConfigError(
            f"--init-from {options['init_from']} holds weights of {known}; give --arch {known}, or "
            f"weights of {options['arch']}"
        )


def read_settings(args: Path) -> TrainConfig:
    """What a run began with. Raises ConfigError for a file that, edited, no longer says it."""
    try:
        config = TrainConfig.from_dict(yaml.safe_load(args.read_text(encoding="utf-8")))
        check_model(config.arch, config.image, config.model)
        return config
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigError(
            f"{args.parent} holds no run (no {args.name}); --resume takes the folder of one, such "
            "as runs/vanilla_crnn"
        ) from None
    except (yaml.YAMLError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{args} no longer says how the run began ({error}); put it back as the run wrote it"
        ) from None


SPELLED = {"height": "--imgH", "max_width": "--imgW"}  # options not named after their field


def option_of(name: str) -> str:
    return SPELLED.get(name, "--" + name.replace("_", "-"))


def difference(name: str, recorded: Any, given: Any) -> str:
    option = option_of(name)
    if recorded is None or recorded is False or recorded == "":
        return f"without {option}"
    return f"with {option} {recorded} (not {given})"


def shallow(config: TrainConfig) -> dict[str, Any]:
    return {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
