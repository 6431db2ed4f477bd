"""``captcha-ocr export``: trained weights for other runtimes, each compared with torch."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import torch

from captcha_ocr.benchmarking.machine import stamp
from captcha_ocr.benchmarking.pages import update_page
from captcha_ocr.cli.common import FAILURE, OK, Arguments, command, make_room, program
from captcha_ocr.config import ConfigError
from captcha_ocr.datasets.stores import Store, open_store
from captcha_ocr.exporting import FORMATS
from captcha_ocr.exporting.run import check_packages, export_all, find_checkpoints, header
from captcha_ocr.exporting.tables import render
from captcha_ocr.files import write_json
from captcha_ocr.models import MODELS

REPOSITORY = Path(__file__).parents[3]
DOCUMENTS = {
    "docs/exports.md": "en",
    "docs/exports.zh-CN.md": "zh",
    "README.md": "en",
    "README.zh-CN.md": "zh",
}
RECORD = "docs/exports.json"  # the figures behind the tables
BLOCK = "exports"  # the table stands between the markers of this name


@command
def main(argv: Arguments = None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
    args = build_parser().parse_args(arguments)
    formats = choose_formats(args.format)
    store, calibration = open_sets(args, formats)
    if args.docs and (store is None or formats != list(FORMATS)):
        raise ConfigError("--docs writes the whole table: it needs --format all and --check DIR")
    check_packages(formats)
    make_room(args.json)
    torch.set_num_threads(1)
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - started:5.0f} s  {text}", file=sys.stderr, flush=True)

    typed = f"{program('export')} {shlex.join(arguments)}"
    report: dict[str, Any] = {**stamp(typed), **header(args.check, store), "rows": []}
    for file in find_checkpoints(args.checkpoint, args.arch).values():
        rows = export_all(file, formats, args.out, store=store, calibration=calibration, say=say)
        report["rows"] += rows
    print(render(report))
    if args.json:
        write_json(args.json, report)
    failed = [row for row in report["rows"] if row["remark"].get("kind") == "failed"]
    if args.docs and not failed:
        write_json(REPOSITORY / RECORD, report)
        for name, language in DOCUMENTS.items():
            update_page(REPOSITORY / name, {BLOCK: render(report, language)})
    return FAILURE if failed else OK


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program("export"),
        description="Write trained weights in the formats of other runtimes, compare each with "
        "torch, and print a table (Markdown).",
    )
    parser.add_argument(
        "--format",
        default="onnx",
        metavar="NAMES",
        help=f"comma-separated, of {','.join(FORMATS)}, or all (default: onnx)",
    )
    parser.add_argument("--arch", choices=(*MODELS, "all"), default="all", help="(default: all)")
    parser.add_argument(
        "--checkpoint",
        type=Path,
        metavar="PATH",
        help="a .safetensors file, a run's folder or a folder of runs (default: those that come "
        "along)",
    )
    parser.add_argument("--out", type=Path, default=Path("exports"), metavar="DIR")
    parser.add_argument(
        "--check", type=Path, metavar="ROOT", help="read this labelled set with every file"
    )
    parser.add_argument(
        "--calibrate",
        type=Path,
        metavar="ROOT",
        help="labelled training pictures, for onnx-int8; never those of --check",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="all figures")
    parser.add_argument(
        "--docs", action="store_true", help="put the table into the documents of this repository"
    )
    return parser


def choose_formats(names: str) -> list[str]:
    """In the order of the registry."""
    asked = set(names.split(","))
    unknown = sorted(asked - {"all", *FORMATS})
    if unknown:
        raise ConfigError(f"unknown format {unknown}; choose from all, {', '.join(FORMATS)}")
    return [name for name in FORMATS if asked & {"all", name}]


def open_sets(args: argparse.Namespace, formats: list[str]) -> tuple[Store | None, Store | None]:
    """The sets of --check and --calibrate."""
    needing = [name for name in formats if not FORMATS[name].exact]
    if needing and args.calibrate is None:
        raise ConfigError(f"{', '.join(needing)} needs --calibrate ROOT: training pictures")
    if args.calibrate and not needing:
        named = ", ".join(name for name, form in FORMATS.items() if not form.exact)
        raise ConfigError(f"--calibrate is for {named}, which --format does not name")
    if args.check and args.calibrate and args.check.resolve() == args.calibrate.resolve():
        raise ConfigError("--check and --calibrate are one set; calibrate with training pictures")
    return (
        open_store(args.check) if args.check else None,
        open_store(args.calibrate) if args.calibrate else None,
    )
