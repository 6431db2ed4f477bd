"""``captcha-ocr data``: ``report`` on what a set holds and what is wrong; ``pack`` into shards."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from captcha_ocr.cli.common import BAD_DATA, OK, Arguments, at_least, command, program
from captcha_ocr.datasets.stores import FolderStore, Subset, write_parquet
from captcha_ocr.labels import atomic_write
from captcha_ocr.merging.engines import process_engine
from captcha_ocr.reporting import page, text
from captcha_ocr.reporting.health import examine


@command
def main(argv: Arguments = None) -> int:
    args = build_parser().parse_args(argv)
    return args.run(args)


def pack(args: argparse.Namespace) -> int:
    """Write a set as shuffled Parquet shards: for more pictures than a folder holds well."""
    store = FolderStore(args.dir)
    # Training shuffles within a window of row groups, so what lies together must be mixed.
    order = np.random.default_rng(args.seed).permutation(len(store)).tolist()
    shards = write_parquet(Subset(store, order), args.out, args.rows)
    print(f"packed {len(store):,} pictures into {shards} shards: --train-root {args.out}")
    return OK


def report(args: argparse.Namespace) -> int:
    with process_engine(args.workers) as engine:
        health = examine(args.dir, engine, args.against)
    if args.html:
        with atomic_write(args.html) as file:
            file.write(page.render(health))
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
    add_report(commands)
    add_pack(commands)
    return parser


def add_pack(commands: Any) -> None:
    parser = commands.add_parser("pack", help=pack.__doc__, description=pack.__doc__)
    parser.add_argument("dir", type=Path, metavar="DIR", help="holds images/ and labels.txt")
    parser.add_argument("out", type=Path, metavar="OUT", help="new folder for *.parquet")
    parser.add_argument("--rows", type=at_least(1), default=20_000, metavar="N", help="in a shard")
    parser.add_argument("--seed", type=int, default=0, help="of the order (0)")
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
    parser.add_argument(
        "--workers", type=at_least(0), default=0, metavar="N", help="default: one a core"
    )
    parser.set_defaults(run=report)


if __name__ == "__main__":
    sys.exit(main())
