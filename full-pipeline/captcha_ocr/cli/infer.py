"""``captcha-ocr infer``: read pictures from files, folders and standard input, without torch."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

from PIL import Image

from captcha_ocr.charset import Charset, CharsetError
from captcha_ocr.cli.common import BAD_DATA, OK, Arguments, command, program
from captcha_ocr.config import ConfigError
from captcha_ocr.constraints import Constraint
from captcha_ocr.imaging import ImageError, open_image
from captcha_ocr.model_info import WEIGHTS_DIR, find_models
from captcha_ocr.predictor import Prediction, Predictor, load_predictors
from captcha_ocr.results import CsvWriter, JsonWriter, Result, TableWriter, Tally, Writer
from captcha_ocr.search import NoAllowedTextError
from captcha_ocr.sources import Source, folder_labels, folder_sources

STDIN = "-"
DEFAULT_ARCH = "vanilla_crnn"  # the smallest; every installation has it
MAX_TOP_K = 16  # the beam holds no more


@command
def main(argv: Arguments = None) -> int:
    args = build_parser().parse_args(argv)
    check_arguments(args)
    predictors = load_models(args)
    constraints = {
        arch: build_constraint(args, predictor.info.charset)
        for arch, predictor in predictors.items()
    }
    labels = folder_labels(args.dir) if args.check else None
    sources = find_sources(args, labels)
    batch = list(islice(sources, args.batch))
    writer = open_writer(args, [source.name for source in batch])
    tallies = {arch: Tally() for arch in predictors}
    while batch:
        pictures = [open_source(source) for source in batch]
        for arch, predictor in predictors.items():
            readings = read_batch(predictor, pictures, constraints[arch], args.top_k)
            for source, reading in zip(batch, readings):
                result = Result(source.name, arch, reading, source.label)
                writer.write(result)
                tallies[arch].add(result)
        sys.stdout.flush()
        batch = list(islice(sources, args.batch))
    if labels is not None:
        out = sys.stderr if args.json or args.csv else sys.stdout
        for arch, tally in tallies.items():
            print(f"{arch}: {tally.summary(len(labels))}", file=out)
    return BAD_DATA if any(tally.unreadable for tally in tallies.values()) else OK


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program("infer"), description="Read the text in pictures with a trained model."
    )
    source = parser.add_argument_group("what to read")
    source.add_argument("files", nargs="*", metavar="FILE", help="pictures; - is standard input")
    source.add_argument("--image", nargs="+", default=[], metavar="FILE", help="the same")
    source.add_argument("--dir", type=Path, help="a folder of pictures, or a data set root")
    source.add_argument("--recursive", action="store_true", help="with --dir: sub-folders too")
    source.add_argument(
        "--check", action="store_true", help="with --dir: compare with its labels.txt; EM and CER"
    )
    _add_model(parser.add_argument_group("which model"))
    _add_constraints(parser.add_argument_group("what the text may be"))
    output = parser.add_argument_group("output")
    output.add_argument(
        "--top-k",
        type=int,
        default=1,
        choices=range(1, MAX_TOP_K + 1),
        metavar="K",
        help="readings",
    )
    kind = output.add_mutually_exclusive_group()
    kind.add_argument("--json", action="store_true", help="one JSON object a line")
    kind.add_argument("--csv", action="store_true", help="safe to open in a spreadsheet")
    return parser


def _add_model(model: argparse._ArgumentGroup) -> None:
    model.add_argument("--arch", default="", help=f"a name, or all (default: {DEFAULT_ARCH})")
    model.add_argument(
        "--weights", type=Path, default=WEIGHTS_DIR, metavar="DIR", help="<arch>.onnx, <arch>.json"
    )
    model.add_argument("--backend", choices=("onnx", "torch"), default="onnx")
    model.add_argument(
        "--checkpoint", type=Path, help="with --backend torch: best.safetensors of a run"
    )
    model.add_argument("--threads", type=at_least(0), default=0, help="0: one a core")
    model.add_argument(
        "--batch", type=at_least(1), default=32, help="pictures at once (default: 32)"
    )


def _add_constraints(allowed: argparse._ArgumentGroup) -> None:
    allowed.add_argument("--length", type=length, metavar="N|N-M", help="characters")
    allowed.add_argument("--alphabet", metavar="CHARS", help="characters that may occur")
    allowed.add_argument("--lexicon", type=Path, metavar="FILE", help="texts, one a line, UTF-8")
    allowed.add_argument("--pattern", help=r"for example [0-9][+\-*/][0-9]=\?")


def at_least(lowest: int) -> Callable[[str], int]:
    """An argparse type: whole numbers from ``lowest``."""

    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < lowest:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {lowest} up")
        return int(text)

    return parse


def length(text: str) -> tuple[int, int]:
    """``4`` -> (4, 4), ``4-6`` -> (4, 6)."""
    fewest, dash, most = text.partition("-")
    try:
        return int(fewest), int(most if dash else fewest)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number nor N-M") from None


def check_arguments(args: argparse.Namespace) -> None:
    """Raise ConfigError for combinations that argparse cannot know."""
    if not (args.files or args.image or args.dir):
        raise ConfigError("nothing to read: give files, a folder with --dir, or - for stdin")
    if [*args.files, *args.image].count(STDIN) > 1:
        raise ConfigError("standard input (-) can be read once")
    if args.check and not args.dir:
        raise ConfigError("--check compares a folder with its labels.txt: name it with --dir")
    if (args.backend == "torch") != bool(args.checkpoint):
        raise ConfigError("--backend torch and --checkpoint FILE go together")
    if args.checkpoint and (args.arch or args.weights != WEIGHTS_DIR):
        raise ConfigError("a checkpoint names its own arch: leave out --arch and --weights")


def load_models(args: argparse.Namespace) -> dict[str, Predictor]:
    if args.backend == "torch":
        from captcha_ocr.torch_predictor import TorchPredictor

        predictor = TorchPredictor.load(args.checkpoint)
        return {predictor.info.arch: predictor}
    found = list(find_models(args.weights))
    alone = found[0] if len(found) == 1 else DEFAULT_ARCH
    return load_predictors([args.arch or alone], args.weights, threads=args.threads)


def build_constraint(args: argparse.Namespace, charset: Charset) -> Constraint | None:
    conditions = (args.length, args.alphabet, args.lexicon, args.pattern)
    if all(condition is None for condition in conditions):
        return None
    lexicon = read_lexicon(args.lexicon) if args.lexicon else None
    return Constraint.build(
        charset,
        length=args.length,
        alphabet=args.alphabet,
        lexicon=lexicon,
        pattern=args.pattern,
    )


def read_lexicon(path: Path) -> list[str]:
    """The texts of a file, one a line; blank lines do not count."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise CharsetError(f"{path} is not UTF-8: {error}") from None
    return [line.strip() for line in lines if line.strip()]


def find_sources(args: argparse.Namespace, labels: dict[str, str] | None) -> Iterator[Source]:
    files = (
        Source("stdin", sys.stdin.buffer) if name == STDIN else Source(name, Path(name))
        for name in [*args.files, *args.image]
    )
    if not args.dir:
        return files
    return chain(files, folder_sources(args.dir, recursive=args.recursive, labels=labels))


def open_writer(args: argparse.Namespace, first_names: list[str]) -> Writer:
    if args.json:
        return JsonWriter(sys.stdout, labels=args.check)
    if args.csv:
        return CsvWriter(sys.stdout, labels=args.check)
    return TableWriter(sys.stdout, labels=args.check, names=first_names)


def open_source(source: Source) -> Image.Image | ImageError:
    try:
        return open_image(source.content)
    except ImageError as error:
        return error


def read_batch(
    predictor: Predictor,
    pictures: Sequence[Image.Image | ImageError],
    constraint: Constraint | None,
    top_k: int,
) -> Iterator[Prediction | ValueError]:
    """A prediction for each picture, in order, or the error that stands in its way."""
    prepared = [
        predictor.prepare(picture) for picture in pictures if isinstance(picture, Image.Image)
    ]
    outputs = predictor.logits([each.array for each in prepared], max(1, len(prepared)))
    ready = zip(outputs, prepared)
    for picture in pictures:
        if isinstance(picture, ImageError):
            yield picture
            continue
        logits, each = next(ready)
        try:
            yield predictor.interpret(logits, each.columns, constraint=constraint, top_k=top_k)
        except NoAllowedTextError as error:
            yield error
