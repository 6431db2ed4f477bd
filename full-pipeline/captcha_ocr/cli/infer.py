"""``captcha-ocr infer``: read pictures from files, folders and standard input, without torch."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

from PIL import Image

from captcha_ocr.cli.common import BAD_DATA, OK, Arguments, at_least, command, program
from captcha_ocr.cli.reading import add_constraints, build_constraint, load_models
from captcha_ocr.config import ConfigError
from captcha_ocr.constraints import Constraint
from captcha_ocr.constraints.search import NoAllowedTextError
from captcha_ocr.decoding import BEAM_WIDTH
from captcha_ocr.files import find_files
from captcha_ocr.imaging import ImageError, open_image
from captcha_ocr.model_info import DEFAULT_ARCH
from captcha_ocr.predictor import Prediction, Predictor
from captcha_ocr.results import CsvWriter, JsonWriter, Result, TableWriter, Tally, Writer
from captcha_ocr.sources import NamedSource, PassedOver, folder_labels, folder_sources
from captcha_ocr.tables import printable

STDIN = "-"


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
    passed_over = PassedOver()
    sources = find_sources(args, labels, passed_over)
    batch = list(islice(sources, args.batch))
    writer = open_writer(args, [source.name for source in batch])
    tallies = {arch: Tally(constraints[arch]) for arch in predictors}
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
    if passed_over:
        print(printable(f"{passed_over}; a file that is named is read"), file=sys.stderr)
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
    add_constraints(parser.add_argument_group("what the text may be"))
    output = parser.add_argument_group("output")
    output.add_argument(
        "--top-k",
        type=int,
        default=1,
        choices=range(1, BEAM_WIDTH + 1),
        metavar="K",
        help="readings",
    )
    kind = output.add_mutually_exclusive_group()
    kind.add_argument("--json", action="store_true", help="one JSON object a line")
    kind.add_argument("--csv", action="store_true", help="safe to open in a spreadsheet")
    return parser


def _add_model(model: argparse._ArgumentGroup) -> None:
    model.add_argument("--arch", help=f"a name, or all (default: {DEFAULT_ARCH})")
    model.add_argument(
        "--weights", type=Path, metavar="DIR", help="<arch>.onnx and <arch>.json, without torch"
    )
    model.add_argument("--backend", choices=("onnx", "torch"), default="onnx")
    model.add_argument(
        "--checkpoint", type=Path, help="with --backend torch: best.safetensors of a run"
    )
    model.add_argument("--threads", type=at_least(0), default=0, help="0: one a core")
    model.add_argument(
        "--batch", type=at_least(1), default=32, help="pictures at once (default: 32)"
    )


def check_arguments(args: argparse.Namespace) -> None:
    """Raise ConfigError for combinations that argparse cannot know."""
    if not (args.files or args.image or args.dir):
        raise ConfigError("nothing to read: give files, a folder with --dir, or - for stdin")
    if [*args.files, *args.image].count(STDIN) > 1:
        raise ConfigError("standard input (-) can be read once")
    if STDIN in (*args.files, *args.image) and sys.stdin is None:
        raise ConfigError("standard input (-) is closed")
    if args.check and not args.dir:
        raise ConfigError("--check compares a folder with its labels.txt: name it with --dir")
    if args.recursive and not args.dir:
        raise ConfigError("--recursive reads a folder with its sub-folders: name it with --dir")
    if args.csv and args.top_k > 1:
        raise ConfigError("--csv has one reading a picture: with --top-k, use --json or neither")
    if (args.backend == "torch") != bool(args.checkpoint):
        raise ConfigError("--backend torch and --checkpoint FILE go together")


def find_sources(
    args: argparse.Namespace, labels: dict[str, str] | None, passed_over: PassedOver
) -> Iterator[NamedSource]:
    files = (
        NamedSource("stdin", sys.stdin.buffer) if name == STDIN else NamedSource(name, Path(name))
        for name in chain.from_iterable(map(expand, [*args.files, *args.image]))
    )
    if not args.dir:
        return files
    found = folder_sources(
        args.dir, recursive=args.recursive, labels=labels, passed_over=passed_over
    )
    return chain(files, found)


def expand(name: str) -> list[str]:
    """The files of ``*.png``, which the shells of Windows leave to the program."""
    path = Path(name)
    if sys.platform != "win32" or not {"*", "?"} & set(path.name):
        return [name]
    # There a bracket is a letter, as of "picture[1].png"; and Python refuses "**.png".
    pattern = re.sub(r"\*+", "*", path.name).replace("[", "[[]")
    found = find_files(path.parent, pattern)
    return [str(file) for file in found if not file.is_dir()] or [name]


def open_writer(args: argparse.Namespace, first_names: list[str]) -> Writer:
    if args.json:
        return JsonWriter(sys.stdout, labels=args.check)
    if args.csv:
        return CsvWriter(sys.stdout, labels=args.check)
    return TableWriter(sys.stdout, labels=args.check, names=first_names)


def open_source(source: NamedSource) -> Image.Image | ImageError:
    if isinstance(source.content, ImageError):
        return source.content
    try:
        return open_image(source.content)
    except ImageError as error:
        # Windows would say of a folder that permission is denied.
        if isinstance(source.content, Path) and os.path.isdir(source.content):  # noqa: PTH112
            return ImageError("missing", f"{source.name} is a folder; read it with --dir")
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
    outputs = predictor.logits([each.array for each in prepared], len(prepared))
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
