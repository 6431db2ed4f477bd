"""Measure the models and their peers, and write what was found into the documents.

    python scripts/benchmark.py

Figures go to benchmark/results.json and benchmark/leaderboard.json; from these the tables of both
READMEs and of docs/benchmark*.md and the curves in assets/ are made. See docs/benchmark.md.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path

import missing

with missing.in_one_line():
    from captcha_ocr.benchmarking.documents import write_documents
    from captcha_ocr.benchmarking.run import QUICK, Effort, Run
    from captcha_ocr.benchmarking.sections import SECTIONS
    from captcha_ocr.cli.common import Arguments, command
    from captcha_ocr.config import ConfigError
    from captcha_ocr.labels import LABELS_FILE
    from captcha_ocr.model_info import WEIGHTS_DIR

REPOSITORY = Path(__file__).resolve().parents[1]
SHIPPED = REPOSITORY / "benchmark"
PYTHON = "Scripts/python.exe" if os.name == "nt" else "bin/python"


@command
def main(argv: Arguments = None) -> int:
    args = build_parser().parse_args(argv)
    if args.quick and args.out.resolve() == REPOSITORY:
        raise ConfigError("quick figures are no benchmark; name a folder for them with --out")
    full = args.shipped / "full"
    drawn = (full / LABELS_FILE).is_file()  # while it is drawn, the folder is there without them
    reads = {"quality", "robustness"} & set(args.only)
    if reads and args.data is None and not drawn:
        print(f"no {full}: the smaller set in {args.shipped} is read (scripts/make_benchmark.py)")
    run = Run(
        weights=args.weights,
        archs=args.arch.split(","),
        data=args.data or (full if drawn else args.shipped),
        shipped=args.shipped,
        out=args.out / "benchmark",
        command=shlex.join(["python", "scripts/benchmark.py", *(argv or sys.argv[1:])]),
        peers_python=args.peers_python,
        peer_worker=Path(__file__).with_name("peer_worker.py"),
        effort=QUICK if args.quick else Effort(),
    )
    for name, measure in SECTIONS.items():
        if name in args.only:
            measure(run)
    write_documents(run.results, run.rows(), args.out)
    return 0


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    add = parser.add_argument
    add("--weights", type=Path, default=WEIGHTS_DIR, metavar="DIR", help="of the models")
    add("--arch", default="all", help="names, comma-separated (default: all of them)")
    what = f"of {', '.join(SECTIONS)}; the others keep their figures. None: write the documents"
    add("--only", nargs="*", choices=SECTIONS, default=list(SECTIONS), metavar="NAME", help=what)
    add("--data", type=Path, metavar="ROOT", help="default: benchmark/full, else benchmark")
    add("--shipped", type=Path, default=SHIPPED, metavar="ROOT", help="what peers read too")
    add("--peers-python", type=Path, default=REPOSITORY / ".venv-peers" / PYTHON, metavar="FILE")
    add("--out", type=Path, default=REPOSITORY, metavar="DIR", help="default: the repository")
    add("--quick", action="store_true", help="a few pictures: shows that everything runs")
    return parser


if __name__ == "__main__":
    sys.exit(main())
