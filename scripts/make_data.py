"""One command from nothing to a balanced data set: draw the three styles, then merge them.

    python scripts/make_data.py --count 10000 --test-count 1500

A JDK (17 or newer) draws; Maven fetches the drawing libraries the first time. Killed half-way, the
same command goes on where it was; finished, it does nothing.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import missing

with missing.in_one_line():
    from captcha_ocr.cli.common import Arguments, at_least, command
    from captcha_ocr.cli.merge import main as merge
    from captcha_ocr.cores import usable_cores
    from generators import GENERATORS, REPOSITORY, build_tools, draw

# Drawn beyond what is asked for: repeated pictures go, and so do test pictures with characters
# that training lacks. A small set lacks many of the Chinese ones.
SPARE = {"train": 1.02, "test": 2.0}


@command
def main(argv: Arguments = None) -> int:
    args = build_parser().parse_args(argv)
    out = args.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    build_tools()
    counts = {"train": args.count, "test": args.test_count}
    raw = out / "raw" / f"{args.count}_{args.test_count}_seed{args.seed}"
    for number, (split, count) in enumerate(counts.items()):
        for style in GENERATORS:
            spare = int(-(-count // len(GENERATORS)) * SPARE[split]) + 10
            draw(
                style, raw, f"{style}_{split}", spare, args.seed + 1_000_000 * number, args.threads
            )
    return merge(merge_arguments(args, out, raw))


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--count", type=at_least(1), default=10_000, metavar="N", help="to train on"
    )
    parser.add_argument("--test-count", type=at_least(1), default=1_500, metavar="N")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same set")
    parser.add_argument("--threads", type=at_least(1), default=usable_cores(), metavar="N")
    parser.add_argument(
        "--out",
        type=Path,
        default=REPOSITORY / "full-pipeline" / "dataset",
        metavar="DIR",
        help="gets train/, test/ and raw/ (default: full-pipeline/dataset)",
    )
    parser.add_argument(
        "--copy-mode", choices=("link", "copy"), default="link", help="copy: where links cannot be"
    )
    return parser


def merge_arguments(args: argparse.Namespace, out: Path, raw: Path) -> list[str]:
    arguments = ["--train-dest", str(out / "train"), "--test-dest", str(out / "test")]
    for split in ("train", "test"):
        for style in GENERATORS:
            arguments += [f"--{split}-src", style, str(raw / f"{style}_{split}")]
        count = args.count if split == "train" else args.test_count
        share = -(-count // len(GENERATORS))
        arguments += [f"--limit-{split}", str(count), f"--limit-{split}-each", str(share)]
    # Links take no room; the raw sets stay, so that the same command finds its work done.
    arguments += ["--copy-mode", args.copy_mode, "--on-unknown", "drop"]
    return [*arguments, "--seed", str(args.seed)]


if __name__ == "__main__":  # worker processes import this file again on Windows and macOS
    sys.exit(main())
