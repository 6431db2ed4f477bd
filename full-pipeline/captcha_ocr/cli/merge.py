"""``captcha-ocr merge`` and ``tools/merge_datasets.py``: many sets into a train and a test root."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from captcha_ocr.cli.common import OK, Arguments, add_workers, command, program, refuse_folder
from captcha_ocr.datasets.styles import STYLES
from captcha_ocr.merging.config import (
    COPY_MODES,
    MAX_NEAR,
    ON_CONFLICT,
    ON_FAULT,
    TEST,
    TRAIN,
    DataError,
    MergeConfig,
    Source,
)
from captcha_ocr.merging.engines import dask_engine, process_engine
from captcha_ocr.merging.pipeline import merge
from captcha_ocr.tables import printable


@command
def main(argv: Arguments = None) -> int:
    args = build_parser().parse_args(argv)
    config = build_config(args)
    if args.charset_out:  # else it would show only at the end
        refuse_folder(args.charset_out)
    for style in sorted({source.style for source in config.sources} - set(STYLES)):
        known = ", ".join(STYLES)
        print(f"note: the style {style!r} is none of {known}: taken as your own", file=sys.stderr)
    running = dask_engine(args.dask) if args.dask else process_engine(args.workers)
    try:
        with running as engine:
            progress = Progress()
            report = merge(config, engine, dry_run=args.dry_run, progress=progress)
            progress.end()
    except DataError as error:
        if args.json:
            print(json.dumps({"status": "refused", "problems": error.problems}, ensure_ascii=False))
        raise
    if args.json:
        print(json.dumps(report.to_json(), ensure_ascii=False, indent=2))
    else:
        print("\n".join(map(printable, report.lines())))
    return OK


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program("merge"),
        description="Merge sets of labelled pictures into a training and a test root, without "
        "repeated pictures and without leakage. Each source holds images/ and labels.txt.",
    )
    for split in (TRAIN, TEST):
        parser.add_argument(
            f"--{split}-src",
            nargs=2,
            action="append",
            default=[],
            metavar=("STYLE", "DIR"),
            help=f"pictures for the {split} set and their style; may be repeated",
        )
    parser.add_argument("--train-dest", type=Path, required=True, metavar="DIR")
    parser.add_argument("--test-dest", type=Path, metavar="DIR")
    parser.add_argument("--charset-out", type=Path, metavar="FILE", help="charset.txt, once more")
    _add_rules(parser.add_argument_group("which pictures"))
    _add_running(parser.add_argument_group("how"))
    return parser


def _add_rules(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--dedupe",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="one copy of a picture in a split (default); without it, training still "
        "loses what the test set holds",
    )
    group.add_argument(
        "--near",
        type=int,
        default=0,
        metavar="BITS",
        help="also drop pictures with the same label that look alike: 128-bit hashes that differ "
        f"in BITS or fewer, 1 to {MAX_NEAR} (default: off; 6 is a good start)",
    )
    group.add_argument("--on-conflict", choices=ON_CONFLICT, default="error", help="two labels")
    group.add_argument("--on-bad", choices=ON_FAULT, default="error", help="unusable rows, files")
    group.add_argument(
        "--on-unknown", choices=ON_FAULT, default="error", help="characters that only test has"
    )
    for name, what in (
        ("train", "training pictures"),
        ("test", "test pictures"),
        ("train-each", "pictures of each training source"),
        ("test-each", "pictures of each test source"),
    ):
        group.add_argument(
            f"--limit-{name}", type=int, default=0, metavar="N", help=f"{what} at most"
        )


def _add_running(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--copy-mode", choices=COPY_MODES, default="copy", help="link: hard links")
    group.add_argument("--seed", type=int, default=0, help="of the order (default: 0)")
    group.add_argument("--no-shuffle", action="store_true", help="in the order of the sources")
    add_workers(group)
    group.add_argument("--dask", metavar="ADDRESS", help="work on a Dask cluster: tcp://host:8786")
    group.add_argument("--dry-run", action="store_true", help="say what would be, write nothing")
    group.add_argument("--json", action="store_true", help="the report as JSON")


def build_config(args: argparse.Namespace) -> MergeConfig:
    return MergeConfig(
        sources=tuple(
            Source(split, style, Path(root))
            for split, pairs in ((TRAIN, args.train_src), (TEST, args.test_src))
            for style, root in pairs
        ),
        train_dest=args.train_dest,
        test_dest=args.test_dest,
        copy_mode=args.copy_mode,
        dedupe=args.dedupe,
        near=args.near,
        on_conflict=args.on_conflict,
        on_bad=args.on_bad,
        on_unknown=args.on_unknown,
        seed=args.seed,
        shuffle=not args.no_shuffle,
        limit_train=args.limit_train,
        limit_test=args.limit_test,
        limit_train_each=args.limit_train_each,
        limit_test_each=args.limit_test_each,
        charset_out=args.charset_out,
    )


class Progress:
    """One line on a terminal's stderr, rewritten twice a second; silent elsewhere."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._next = 0.0

    def __call__(self, what: str, done: int) -> None:
        now = time.monotonic()
        if self._shown and now >= self._next:
            print(f"{what} {done:,}\x1b[K", end="\r", file=sys.stderr, flush=True)
            self._next = now + 0.5

    def end(self) -> None:
        if self._shown:
            print("\x1b[K", end="", file=sys.stderr, flush=True)
