"""``train.py``: train one architecture, or all of them one after the other."""

from __future__ import annotations

import dataclasses
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import yaml

from captcha_ocr.checkpoint import load_checkpoint
from captcha_ocr.cli.common import INTERRUPTED, OK, Arguments, command, program
from captcha_ocr.cli.train_options import build_parser
from captcha_ocr.config import ConfigError, ImageConfig, TrainConfig, strict_from_dict
from captcha_ocr.models import MODELS, check_model, find_model, model_arguments, width_stride
from captcha_ocr.training.run_folder import RunFolder

if TYPE_CHECKING:
    from captcha_ocr.training.finishing import Finished


@command
def main(argv: Arguments = None) -> int:
    options = vars(build_parser().parse_args(argv))
    resume = options.pop("resume")
    if options["arch"] == "all" and os.environ.get("WORLD_SIZE", "1") != "1":
        # torch cannot join processes for the second time (pytorch/pytorch issue 55967)
        raise ConfigError("torchrun starts the processes of one run; give the --arch of one")
    if options["arch"] != "all":
        plans = [plan(options, resume)]
    elif resume in (None, Path()):  # what cannot work is said before the first trains for hours
        plans = [plan({**options, "arch": arch}, resume, start=True) for arch in sorted(MODELS)]
    else:
        raise ConfigError(f"{resume} is one run; give its --arch, or --resume without a folder")
    for config, _ in plans:
        check(config)
    return OK if all(train(config, begun) for config, begun in plans) else INTERRUPTED


Plan = tuple[TrainConfig, Optional[RunFolder]]  # what to train, and the run to go on with


def plan(options: dict[str, Any], resume: Path | None, *, start: bool = False) -> Plan:
    """What the options ask for; ``start`` a new run where there is none to resume."""
    if resume is None:
        return config_from(options), None
    arch, out = options["arch"], Path(options.get("out", TrainConfig.out))
    find_model(arch)
    folder = RunFolder(resume) if resume != Path() else RunFolder.find(out, arch)
    if folder is not None:
        return resumed_config(folder, options), folder
    if start:
        return config_from(options), None
    raise ConfigError(f"no run of {arch} in {out} to resume (no last.pt); start without --resume")


def check(config: TrainConfig) -> None:
    """Raise what would end this run before its first step, which may be hours behind another's
    last, or after its own last."""
    from captcha_ocr.device import pick_device, require_compiler
    from captcha_ocr.exporting.onnx import require_exporter
    from captcha_ocr.exporting.run import check_packages
    from captcha_ocr.training.distillation import refuse_unlike

    check_model(config.arch, config.image, config.model)
    if config.distill_from:
        refuse_unlike(load_checkpoint(Path(config.distill_from)).image, config.image)
    if config.compile:
        require_compiler(pick_device(config.device))
    check_packages(["onnx"])
    require_exporter(config.arch, config.model, config.image)


def train(config: TrainConfig, begun: RunFolder | None) -> bool:
    """One architecture, from the first step to its exported model; False when interrupted."""
    # What the end needs is loaded first: a missing package should not show only after hours.
    from captcha_ocr.training.finishing import finish
    from captcha_ocr.training.loop import fit

    is_main = os.environ.get("RANK", "0") == "0"
    out = Path(config.out)
    folder = begun or (RunFolder.create(out, config.arch) if is_main else RunFolder(out))
    try:
        if is_main:
            folder.claim()
        stop = fit(config, folder, resume=begun is not None)
        if not is_main:
            return True
        folder.say(f"stopped: {stop}")
        if stop.unfinished:
            folder.say(f"go on with: {command_to_resume(config.arch, folder.path)}")
        if not stop.interrupted:
            tell(finish(config, folder), folder)
        return not stop.interrupted
    except OSError:
        if is_main and folder.last.is_file():  # a full disk, a share that went away
            hint = command_to_resume(config.arch, folder.path)
            print(
                f"what was saved is whole; mend the error, then go on with: {hint}", file=sys.stderr
            )
        raise
    finally:
        if is_main:
            folder.close()


def command_to_resume(arch: str, run: Path) -> str:
    """To be pasted as it stands, into any shell: no system runs a script by its bare name."""
    typed = program("train")
    python = "python " if typed.endswith(".py") else ""
    quote = "" if re.fullmatch(r"[\w./:+-]+", str(run)) else '"'
    return f"{python}{typed} --arch {arch} --resume {quote}{run}{quote}"


def tell(finished: Finished, folder: RunFolder) -> None:
    """Say what came of a run."""
    for name, evaluation in (("selection", finished.selection), ("test", finished.report)):
        if evaluation is not None:
            score = evaluation.score()
            low, high = score.exact_match_interval
            folder.say(
                f"{name} set: {score.n:,} pictures, exact match {score.exact_match:.2%} "
                f"({low:.2%} to {high:.2%}), case folded {score.exact_match_folded:.2%}, "
                f"CER {score.cer:.2%}"
            )
    folder.say(f"weights: {folder.best}\nONNX model: {finished.onnx}\npictures: {folder.path}")


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
        return TrainConfig.from_dict(yaml.safe_load(args.read_text(encoding="utf-8")))
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
