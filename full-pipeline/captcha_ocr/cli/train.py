"""``train.py``: train one architecture, or all of them one after the other."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

from captcha_ocr.checkpoint import load_checkpoint
from captcha_ocr.cli.common import INTERRUPTED, OK, Arguments, command, program
from captcha_ocr.cli.train_config import config_from, resumed_config
from captcha_ocr.cli.train_options import build_parser
from captcha_ocr.config import ConfigError, TrainConfig
from captcha_ocr.models import MODELS, check_model, find_model, width_stride
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
        teacher = load_checkpoint(Path(config.distill_from))
        refuse_unlike(teacher, config.image, width_stride(config.arch, config.model))
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
