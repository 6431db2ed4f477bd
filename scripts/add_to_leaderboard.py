"""Add a reader to the leaderboard, from what it read in the pictures of benchmark/.

    captcha-ocr infer --dir benchmark --json > readings.jsonl
    python scripts/add_to_leaderboard.py readings.jsonl --name "My reader" --version 1.0 \
      --link https://example.org --ran "captcha-ocr infer --dir benchmark --json"
    python scripts/benchmark.py --only

``readings.jsonl`` has an object a line: ``file`` (a path will do, its name counts) and ``text``.
Read on another machine or day, it needs --machine and --date: they are those of the figures. The
last command writes the tables of the documents again.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import missing

with missing.in_one_line():
    from captcha_ocr.benchmarking.columns import set_digest
    from captcha_ocr.benchmarking.leaderboard import (
        figures_of,
        put_row,
        read_leaderboard,
        read_readings,
        write_leaderboard,
    )
    from captcha_ocr.benchmarking.machine import stamp
    from captcha_ocr.cli.common import Arguments, command
    from captcha_ocr.datasets.stores import open_store

SHIPPED = Path(__file__).resolve().parents[1] / "benchmark"


@command
def main(argv: Arguments = None) -> int:
    args = build_parser().parse_args(argv)
    store = open_store(args.shipped)
    here = stamp(args.ran)
    row = {
        "name": args.name,
        "kind": "submission",
        "version": args.version,
        "link": args.link,
        "date": args.date or here["date"],
        "machine": args.machine or here["machine"],
        "command": args.ran,
        "load": None,  # nobody was there to see
        "set": set_digest(args.shipped),
        "figures": figures_of(store, read_readings(args.readings)),
        "latency_ms": args.ms,
        "megabytes": args.megabytes,
    }
    path = args.shipped / "leaderboard.json"
    write_leaderboard(put_row(read_leaderboard(path), row), path)
    for key, figures in row["figures"].items():
        shares = f"{figures['folded']:.1%}, strict {figures['strict']:.1%}"
        print(f"{key:11} {figures['n']:5} pictures  {shares}")
    return 0


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    add = parser.add_argument
    add("readings", type=Path, help="JSON lines with file and text")
    add("--name", required=True, help="an added row of this name is replaced")
    add("--version", required=True)
    add("--link", required=True, help="where the reader can be had")
    add("--ran", required=True, metavar="COMMAND", help="what gives the readings again")
    add("--machine", help="what read (default: this one)")
    add("--date", metavar="YYYY-MM-DD", help="when it read (default: today)")
    add("--ms", type=float, help="median of a call, from bytes to text, one thread")
    add("--megabytes", type=float, help="of the model's files")
    add("--shipped", type=Path, default=SHIPPED, metavar="ROOT", help="default: benchmark/")
    return parser


if __name__ == "__main__":
    sys.exit(main())
