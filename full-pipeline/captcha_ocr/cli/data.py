"""``captcha-ocr data``: ``import`` labelled pictures as a set; ``report`` on what a set holds and
what is wrong; ``pack`` it into shards."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from captcha_ocr.cli.common import (
    BAD_DATA,
    OK,
    Arguments,
    add_workers,
    at_least,
    command,
    make_room,
    program,
)
from captcha_ocr.config import ConfigError
from captcha_ocr.data_report import page, text
from captcha_ocr.data_report.health import examine
from captcha_ocr.datasets.importing import Picture, divide, usable, write_roots
from captcha_ocr.datasets.label_rows import (
    FILE_COLUMNS,
    LABEL_COLUMNS,
    LABEL_PATTERN,
    Row,
    rows_of_names,
    rows_of_table,
)
from captcha_ocr.datasets.stores import FolderStore, Subset, write_parquet
from captcha_ocr.files import write_bytes
from captcha_ocr.merging.config import ON_FAULT, DataError, TargetError, refuse_nested
from captcha_ocr.merging.engines import process_engine
from captcha_ocr.merging.target import is_free
from captcha_ocr.sources import PassedOver, folder_sources, picture_folder
from captcha_ocr.tables import printable


@command
def main(argv: Arguments = None) -> int:
    args = build_parser().parse_args(argv)
    return args.run(args)


def bring_in(args: argparse.Namespace) -> int:
    """Make a set of pictures whose labels stand in their file names or in a table."""
    if bool(args.test_share) != bool(args.test_dest):
        raise ConfigError("--test-share and --test-dest go together")
    if (args.file_column or args.label_column) and not args.table:
        raise ConfigError("--file-column and --label-column are of a --table")
    # The test set first: a training set without it is the more useful half to lack.
    shares = {args.test_dest: args.test_share} if args.test_dest else {}
    shares[args.dest] = 1 - args.test_share
    refuse_nested([args.src], [root for root in (args.test_dest, args.dest) if root])
    for root in shares:
        if not is_free(root):
            raise TargetError(f"{root} exists and is not empty; remove it or choose another folder")
    folder = picture_folder(args.src)
    passed_over = PassedOver()
    if args.table:
        rows = list(rows_of_table(args.table, args.file_column, args.label_column))
    else:
        rows = list(rows_of_names(folder, args.label_pattern, passed_over))
    with process_engine(args.workers) as engine:
        groups, left_out = usable(rows, folder, engine)
    if left_out and args.on_bad == "error":
        head = f"labels or pictures that cannot be used: {len(left_out):,}; mend them, or leave "
        raise DataError([f"{head}them out with --on-bad drop:", *left_out])
    parts = divide(groups, shares, args.seed)
    notes = [f"left out: {problem}" for problem in left_out]
    notes += not_in_table(args.table, rows, folder) if args.table else [example(parts[args.dest])]
    notes += [str(passed_over)] if passed_over else []
    notes += [f"renamed: {what}" for what in write_roots(parts, args.copy_mode)]
    notes += [f"wrote {len(part):,} pictures to {root}" for root, part in parts.items()]
    print("\n".join(map(printable, notes)))
    return OK


def not_in_table(table: Path, rows: Iterable[Row], folder: Path) -> list[str]:
    """A note on the pictures of ``folder`` that no row names."""
    named = {row.file: row.label for row in rows}
    sources = folder_sources(folder, recursive=True, labels=named)
    left = [source.name for source in sources if source.label is None]
    return [f"not in {table}: {len(left):,} pictures, such as {left[0]}"] if left else []


def example(part: Sequence[Picture]) -> str:
    """What the names were taken to say: a pattern that takes another part of them looks right."""
    file, label = part[0].file, part[0].label
    if len(part) > 1 and all(one.label == label for one in part):
        advice = "take another part of the names with --label-pattern, unless they do show the same"
        return f"every picture is labelled {label!r}: {advice}"
    return f"for example, {file} is labelled {label!r}"


def pack(args: argparse.Namespace) -> int:
    """Write a set as shuffled Parquet shards: for more pictures than a folder holds well."""
    store = FolderStore(args.dir)
    # Training shuffles within a window of row groups, so what lies together must be mixed.
    order = np.random.default_rng(args.seed).permutation(len(store)).tolist()
    shards = write_parquet(Subset(store, order), args.out, args.rows)
    print(f"packed {len(store):,} pictures into {shards} shards: --train-root {args.out}")
    return OK


def report(args: argparse.Namespace) -> int:
    make_room(args.html)
    with process_engine(args.workers) as engine:
        health = examine(args.dir, engine, args.against)
    if args.html:
        # A file name of odd bytes, which UTF-8 cannot write, as in the terminal.
        write_bytes(args.html, page.render(health).encode(errors="backslashreplace"))
    if args.json:
        print(json.dumps(health.to_json(), ensure_ascii=False, indent=2))
    else:
        print("\n".join(text.lines(health)))
        if args.html:
            print(f"wrote {args.html}")
    return OK if health.healthy else BAD_DATA


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=program("data"), description="Look after data sets.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_import(commands)
    add_report(commands)
    add_pack(commands)
    return parser


def add_import(commands: Any) -> None:
    parser = commands.add_parser(
        "import",
        help=bring_in.__doc__,
        description=f"{bring_in.__doc__} Nothing is written when one of them cannot be used (exit "
        "code 65), and SRC stays as it is.",
    )
    parser.add_argument("src", type=Path, metavar="SRC", help="folder of pictures, and below it")
    parser.add_argument("dest", type=Path, metavar="DEST", help="new root: images/ and labels.txt")
    labels = parser.add_mutually_exclusive_group()
    labels.add_argument(
        "--label-pattern",
        type=label_pattern,
        default=LABEL_PATTERN,
        metavar="REGEX",
        help="fits the whole file name without its suffix; group 1 is the label (default: "
        f"{LABEL_PATTERN}, all before the first '_')",
    )
    labels.add_argument("--table", type=Path, metavar="FILE", help="CSV or TSV, UTF-8, with header")
    for what, names in (("file", FILE_COLUMNS), ("label", LABEL_COLUMNS)):
        usual = f"its name in the table (default: {' or '.join(names)})"
        parser.add_argument(f"--{what}-column", default="", metavar="NAME", help=usual)
    parser.add_argument(
        "--test-share", type=share, default=0.0, metavar="SHARE", help="put away for a test: 0.2"
    )
    parser.add_argument("--test-dest", type=Path, metavar="DIR", help="new root for that share")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of that share (0)")
    parser.add_argument("--copy-mode", choices=("copy", "link"), default="copy", help="hard links")
    parser.add_argument("--on-bad", choices=ON_FAULT, default="error", help="unusable rows, files")
    add_workers(parser)
    parser.set_defaults(run=bring_in)


def add_pack(commands: Any) -> None:
    parser = commands.add_parser("pack", help=pack.__doc__, description=pack.__doc__)
    parser.add_argument("dir", type=Path, metavar="DIR", help="holds images/ and labels.txt")
    parser.add_argument("out", type=Path, metavar="OUT", help="new folder for *.parquet")
    parser.add_argument("--rows", type=at_least(1), default=20_000, metavar="N", help="in a shard")
    parser.add_argument("--seed", type=at_least(0), default=0, help="of the order (0)")
    parser.set_defaults(run=pack)


def add_report(commands: Any) -> None:
    parser = commands.add_parser(
        "report",
        help="counts, problems and pictures of a data set",
        description="Read every picture of a data set root and report on it. The exit code is 65 "
        "when something is wrong that training or its figures would suffer from.",
    )
    parser.add_argument("dir", type=Path, metavar="DIR", help="holds images/ and labels.txt")
    parser.add_argument(
        "--against", type=Path, metavar="DIR", help="another root that must not share a picture"
    )
    parser.add_argument("--json", action="store_true", help="everything, for programs")
    parser.add_argument("--html", type=Path, metavar="FILE", help="one page with pictures")
    add_workers(parser)
    parser.set_defaults(run=report)


def label_pattern(value: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(value)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{value!r} is no regular expression: {error}") from None
    if not pattern.groups:
        raise argparse.ArgumentTypeError(f"{value!r} has no group; put (...) around the label")
    return pattern


def share(value: str) -> float:
    number = float(value)
    if not 0 < number < 1:
        raise argparse.ArgumentTypeError(f"{value} is not between 0 and 1")
    return number
