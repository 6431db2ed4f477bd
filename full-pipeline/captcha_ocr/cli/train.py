"""``train.py``: train one architecture, or all of them one after the other."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from pathlib import Path
from typing import Any, Optional

import yaml

from captcha_ocr.checkpoint import load_checkpoint
from captcha_ocr.cli.common import INTERRUPTED, OK, Arguments, command, program
from captcha_ocr.config import ConfigError, ImageConfig, TrainConfig, strict_from_dict
from captcha_ocr.model_info import WEIGHTS_DIR
from captcha_ocr.models import MODELS, find_model, model_arguments
from captcha_ocr.run_folder import RunFolder


@command
def main(argv: Arguments = None) -> int:
    options = vars(build_parser().parse_args(argv))
    resume = options.pop("resume")
    if options["arch"] != "all":
        plans = [plan(options, resume)]
    elif resume in (None, Path()):  # what cannot work is said before the first trains for hours
        plans = [plan({**options, "arch": arch}, resume, start=True) for arch in sorted(MODELS)]
    else:
        raise ConfigError(f"{resume} is one run; give its --arch, or --resume without a folder")
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


def train(config: TrainConfig, begun: RunFolder | None) -> bool:
    """One architecture, from the first step to its exported model; False when interrupted."""
    from captcha_ocr.export import require_exporter
    from captcha_ocr.training import fit

    require_exporter(config.arch, config.model, config.image)
    is_main = os.environ.get("RANK", "0") == "0"
    out = Path(config.out)
    folder = begun or (RunFolder.create(out, config.arch) if is_main else RunFolder(out))
    why = fit(config, folder, resume=begun is not None)
    if not is_main:
        return True
    interrupted = "interrupted" in why
    folder.say(f"stopped: {why}")
    if interrupted or "budget" in why:
        folder.say(f"go on with: {program('train')} --arch {config.arch} --resume {folder.path}")
    if not interrupted:
        tell(config, folder)
    folder.close()
    return not interrupted


def tell(config: TrainConfig, folder: RunFolder) -> None:
    """Finish a run and say what came of it."""
    from captcha_ocr.finishing import finish

    finished = finish(config, folder)
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
    model_class = find_model(options["arch"])
    stride = options.pop("downsample", model_class.width_stride)
    if stride != model_class.width_stride:
        raise ConfigError(
            f"--downsample is {stride}, but {options['arch']} makes one step of "
            f"{model_class.width_stride} pixels of width; give {model_class.width_stride}"
        )
    image = {
        field.name: options.pop(field.name)
        for field in dataclasses.fields(ImageConfig)
        if field.name in options
    }
    image.setdefault("pad_multiple", stride)
    if image["pad_multiple"] % stride:
        raise ConfigError(
            f"--pad-multiple is {image['pad_multiple']}; choose a multiple of {stride}"
        )
    if "init_from" in options:  # the size that the weights know, unless another is given
        options["init_from"] = weights_file(options["init_from"])
        known = load_checkpoint(Path(options["init_from"])).image
        image = {"height": known.height, "max_width": known.max_width, **image}
    config = ImageConfig(channels=model_class.in_channels, **image)
    model = {"width": options.pop("width")} if "width" in options else {}
    if "train_root" not in options:
        need = "a folder with images/ and labels.txt"
        raise ConfigError(f"--train-root is missing, to train {options['arch']}: {need}")
    return TrainConfig(image=config, model=model, **options)


def weights_file(name: str) -> str:
    """The shipped weights of an arch, or the file itself."""
    return str(WEIGHTS_DIR / f"{name}.safetensors") if name in MODELS else name


def resumed_config(folder: RunFolder, options: dict[str, Any]) -> TrainConfig:
    """A run goes on as it began; what may be given anew is what does not change its outcome."""
    with folder.args.open(encoding="utf-8") as file:
        recorded = TrainConfig.from_dict(yaml.safe_load(file))
    free = {"max_minutes", "save_minutes", "num_workers", "device", "cache", "tensorboard", "out"}
    fixed = {
        **shallow(recorded),
        **dataclasses.asdict(recorded.image),
        **model_arguments(recorded.arch, recorded.model),
        "downsample": find_model(recorded.arch).width_stride,
    }
    asked = {**options, "init_from": weights_file(options.get("init_from", recorded.init_from))}
    other = [
        f"{SPELLED.get(name, '--' + name.replace('_', '-'))} {fixed.get(name)} (not {value})"
        for name, value in asked.items()
        if name not in free and value != fixed.get(name)
    ]
    if other:
        raise ConfigError(
            f"{folder.path} was begun with {', '.join(other)} and goes on as it began: leave "
            "these options out, or start a new run without --resume"
        )
    given = {name: value for name, value in options.items() if name in free}
    return strict_from_dict(TrainConfig, {**shallow(recorded), **given})


SPELLED = {"height": "--imgH", "max_width": "--imgW"}  # options not named after their field


def shallow(config: TrainConfig) -> dict[str, Any]:
    return {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}


def build_parser() -> argparse.ArgumentParser:
    """Options that are not given stay out of the namespace: the defaults stand in TrainConfig."""
    parser = argparse.ArgumentParser(
        prog=program("train"), description=__doc__, argument_default=argparse.SUPPRESS
    )
    names = f"{', '.join(sorted(MODELS))} or all"
    parser.add_argument("--arch", required=True, metavar="ARCH", help=names)
    parser.add_argument(
        "--resume",
        nargs="?",
        type=Path,
        const=Path(),
        default=None,
        metavar="RUN",
        help="go on with this run folder, or with the newest of the arch; all: those without one "
        "are started",
    )
    add_data_options(parser.add_argument_group("data"))
    add_recipe_options(parser.add_argument_group("recipe"))
    add_run_options(parser.add_argument_group("run"))
    return parser


Group = Any  # argparse._ArgumentGroup, which is private


def add_data_options(group: Group) -> None:
    root = "folder with images/ and labels.txt, or Parquet shards"
    group.add_argument("--train-root", metavar="DIR", help=root)
    group.add_argument(
        "--val-root", metavar="DIR", help="the same; none: a split of the training set"
    )
    group.add_argument(
        "--select-on",
        choices=("auto", "val", "split"),
        help="what chooses the best weights; auto: the validation root unless it is named test",
    )
    group.add_argument("--val-fraction", type=float, help="size of that split (0.05)")
    group.add_argument("--imgH", dest="height", type=int, metavar="PX", help="image height (32)")
    group.add_argument(
        "--imgW", dest="max_width", type=int, metavar="PX", help="largest width (256)"
    )
    group.add_argument("--pad-multiple", type=int, metavar="PX", help="widths are padded to it (4)")
    group.add_argument("--downsample", type=int, help="the model's width stride, checked (4)")
    group.add_argument("--aug", action="store_true", help="distort training pictures")
    group.add_argument("--cache", action="store_true", help="keep scaled pictures in memory")
    group.add_argument("--num-workers", type=int, help="loader processes (0)")


def add_recipe_options(group: Group) -> None:
    group.add_argument("--epochs", type=float, help="passes over the training set (30)")
    group.add_argument("--batch", type=int, help="largest batch (192)")
    group.add_argument("--batch-start", type=int, help="first batch (16)")
    group.add_argument("--grow-steps", type=int, help="steps until the batch doubles (1875)")
    group.add_argument("--lr", type=float, help="peak learning rate (0.001)")
    group.add_argument("--lr-end", type=float, help="last rate, a fraction of the peak (0.01)")
    group.add_argument("--warmup", type=int, help="pictures until the peak (2000)")
    group.add_argument("--flat", type=float, help="fraction of the run before the cosine (0.3)")
    group.add_argument("--weight-decay", type=float, help="(0.01)")
    group.add_argument("--clip", type=float, help="largest gradient norm (5)")
    group.add_argument("--aux-weight", type=float, help="share of the auxiliary heads (0.5)")
    group.add_argument("--ema", type=float, help="decay of the averaged weights (0.999)")
    group.add_argument(
        "--short-first", action="store_true", help="first epoch from short labels to long ones"
    )
    group.add_argument("--width", type=float, help="model width; 1.0 is the paper's")
    group.add_argument(
        "--init-from", metavar="FILE", help="fine-tune these weights; an arch: the shipped ones"
    )
    group.add_argument("--seed", type=int, help="(0)")


def add_run_options(group: Group) -> None:
    group.add_argument("--out", metavar="DIR", help="where run folders go (runs)")
    group.add_argument("--eval-every", type=int, metavar="N", help="pictures (an epoch)")
    group.add_argument(
        "--patience", type=int, help="stop after so many evaluations in vain (never)"
    )
    group.add_argument("--max-minutes", type=float, help="time budget of one command (none)")
    group.add_argument("--save-minutes", type=float, help="between two saves (3)")
    group.add_argument("--amp", choices=("off", "bf16", "fp16"), help="mixed precision (off)")
    group.add_argument("--compile", action="store_true", help="torch.compile the model")
    group.add_argument("--device", help="auto, cpu, cuda or cuda:N")
    group.add_argument("--tensorboard", action="store_true", help="write event files too")


if __name__ == "__main__":
    sys.exit(main())
