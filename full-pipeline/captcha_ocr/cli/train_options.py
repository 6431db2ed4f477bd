"""The options of ``train.py``. Those not given stay out: the defaults stand in TrainConfig."""

from __future__ import annotations

import argparse
from pathlib import Path

from captcha_ocr.cli.common import program
from captcha_ocr.config import WORDS
from captcha_ocr.model_info import WEIGHTS_DIR
from captcha_ocr.models import MODELS


def weights_file(name: str) -> str:
    """The shipped weights of an arch, or the file itself."""
    return str(WEIGHTS_DIR / f"{name}.safetensors") if name in MODELS else name


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program("train"),
        description="Train one architecture, or all of them one after the other.",
        argument_default=argparse.SUPPRESS,
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


def add_data_options(group: argparse._ArgumentGroup) -> None:
    root = "folder with images/ and labels.txt, or Parquet shards"
    group.add_argument("--train-root", metavar="DIR", help=root)
    group.add_argument(
        "--val-root", metavar="DIR", help="the same; none: a split of the training set"
    )
    group.add_argument(
        "--select-on",
        choices=WORDS["select_on"],
        help="what chooses the best weights; auto: the validation root unless it is named test",
    )
    group.add_argument("--val-fraction", type=float, help="size of that split (0.05)")
    group.add_argument("--imgH", dest="height", type=int, metavar="PX", help="image height (32)")
    group.add_argument(
        "--imgW", dest="max_width", type=int, metavar="PX", help="largest width (256)"
    )
    colours = "1: grey, 3: RGB (the model's own; vanilla_crnn reads both)"
    group.add_argument("--channels", type=int, choices=(1, 3), help=colours)
    group.add_argument("--pad-multiple", type=int, metavar="PX", help="widths are padded to it (4)")
    group.add_argument("--downsample", type=int, help="the model's width stride, checked (4)")
    group.add_argument(
        "--aug",
        type=float,
        nargs="?",
        const=1.0,
        metavar="SHARE",
        help="distort training pictures, or a share of them (0; without a number 1)",
    )
    cache = "keep scaled pictures in memory (once more in each loader process that is not forked)"
    group.add_argument("--cache", action="store_true", help=cache)
    group.add_argument("--num-workers", type=int, help="loader processes (0)")


def add_recipe_options(group: argparse._ArgumentGroup) -> None:
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
    group.add_argument(
        "--distill-from",
        type=weights_file,
        metavar="FILE",
        help="learn its answers too; an arch: the shipped weights",
    )
    group.add_argument("--distill-weight", type=float, help="share of these answers (0.5)")
    group.add_argument("--ema", type=float, help="decay of the averaged weights (0.999)")
    group.add_argument(
        "--short-first", action="store_true", help="first epoch from short labels to long ones"
    )
    group.add_argument("--width", type=float, help="model width; 1.0 is the paper's")
    early = "the least width of crnn_resnet34's stem and first two stages (0.6)"
    group.add_argument("--early", type=float, help=early)
    detail = "channels learned at twice the size that the rest of the model reads (0)"
    group.add_argument("--detail", type=int, help=detail)
    group.add_argument(
        "--init-from",
        type=weights_file,
        metavar="FILE",
        help="fine-tune these weights; an arch: the shipped ones",
    )
    group.add_argument("--blend", type=float, help="share of --init-from in what is kept (0)")
    group.add_argument("--seed", type=int, help="(0)")


def add_run_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--out", metavar="DIR", help="where run folders go (runs)")
    group.add_argument("--eval-every", type=int, metavar="N", help="pictures (an epoch)")
    group.add_argument(
        "--fold-case", action="store_true", help="case does not count in choosing the best weights"
    )
    group.add_argument(
        "--patience", type=int, help="stop after so many evaluations in vain (never)"
    )
    group.add_argument("--max-minutes", type=float, help="time budget of one command (none)")
    group.add_argument("--save-minutes", type=float, help="between two saves (3)")
    group.add_argument(
        "--amp",
        choices=WORDS["amp"],
        help="mixed precision; auto is bf16 where that is fast (off)",
    )
    group.add_argument(
        "--compile",
        action="store_true",
        help="torch.compile the model (a CPU needs a C++ compiler for it)",
    )
    group.add_argument("--device", help="auto, cpu, cuda or cuda:N")
    group.add_argument("--tensorboard", action="store_true", help="write event files too")
