"""What ``infer`` and ``eval`` have in common: which model reads, and what the text may be."""

from __future__ import annotations

import argparse
from pathlib import Path

from captcha_ocr.charset import Charset, CharsetError
from captcha_ocr.config import ConfigError
from captcha_ocr.constraints import Constraint
from captcha_ocr.model_info import WEIGHTS_DIR, default_model, find_models
from captcha_ocr.predictor import Predictor, load_predictors


def load_models(args: argparse.Namespace) -> dict[str, Predictor]:
    """Those of ``--weights`` and ``--arch``, or that of ``--checkpoint``, on ``--threads``."""
    if args.checkpoint is None:
        weights = args.weights or WEIGHTS_DIR
        arch = args.arch or default_model(find_models(weights))
        return load_predictors([arch], weights, threads=args.threads)
    if args.arch or args.weights:
        raise ConfigError("a checkpoint names its own arch: leave out --arch and --weights")
    import torch

    from captcha_ocr.runtimes.torch import TorchPredictor

    if args.threads:
        torch.set_num_threads(args.threads)
    predictor = TorchPredictor.load(args.checkpoint)
    return {predictor.info.arch: predictor}


def add_constraints(allowed: argparse._ArgumentGroup) -> None:
    allowed.add_argument("--length", type=length, metavar="N|N-M", help="characters")
    allowed.add_argument("--alphabet", metavar="CHARS", help="characters that may occur")
    allowed.add_argument("--lexicon", type=Path, metavar="FILE", help="texts, one a line, UTF-8")
    allowed.add_argument("--pattern", help=r"for example [0-9][+\-*/][0-9]=\?")


def length(text: str) -> tuple[int, int]:
    """``4`` -> (4, 4), ``4-6`` -> (4, 6)."""
    fewest, dash, most = text.partition("-")
    try:
        return int(fewest), int(most if dash else fewest)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number nor N-M") from None


def build_constraint(args: argparse.Namespace, charset: Charset) -> Constraint | None:
    conditions = (args.length, args.alphabet, args.lexicon, args.pattern)
    if all(condition is None for condition in conditions):
        return None
    if args.pattern == "":  # of a variable that is not set; it would allow no text but none
        raise ConfigError("--pattern is empty; leave it out, or say what the text looks like")
    lexicon = read_lexicon(args.lexicon) if args.lexicon else None
    return Constraint.build(
        charset,
        length=args.length,
        alphabet=args.alphabet,
        lexicon=lexicon,
        pattern=args.pattern,
    )


def read_lexicon(path: Path) -> list[str]:
    """The texts of a file, one a line and at least one; blank lines do not count."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise CharsetError(f"{path} is not UTF-8: {error}") from None
    texts = [line.strip() for line in lines if line.strip()]
    if not texts:
        raise ConfigError(f"{path} holds no text; give one a line")
    return texts
