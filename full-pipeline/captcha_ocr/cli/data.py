"""``captcha-ocr data report DIR``: what a data set holds, and what is wrong with it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from captcha_ocr.cli.common import BAD_DATA, OK, Arguments, command, program
from captcha_ocr.labels import atomic_write
from captcha_ocr.merging.engines import process_engine
from captcha_ocr.reporting import page, text
from captcha_ocr.reporting.health import examine


@command
def main(argv: Arguments = None) -> int:
    args = build_parser().parse_args(argv)
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
    report = commands.add_parser(
        "report",
        help="counts, problems and pictures of a data set",
        description="Read every picture of a data set root and report on it. The exit code is 65 "
        "when something is wrong that training or its figures would suffer from.",
    )
    report.add_argument("dir", type=Path, metavar="DIR", help="holds images/ and labels.txt")
    report.add_argument(
        "--against", type=Path, metavar="DIR", help="another root that must not share a picture"
    )
    report.add_argument("--json", action="store_true", help="everything, for programs")
    report.add_argument("--html", type=Path, metavar="FILE", help="one page with pictures")
    report.add_argument(
        "--workers", type=workers, default=0, metavar="N", help="default: one a core"
    )
    return parser


def workers(value: str) -> int:
    number = int(value)
    if number < 0:
        raise ValueError
    return number


if __name__ == "__main__":
    sys.exit(main())
