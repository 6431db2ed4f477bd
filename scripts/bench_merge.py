"""Measure the merge against hashing and copying one picture after another, side by side.

    python scripts/bench_merge.py --counts 1000 10000 100000 --src easy DIR --src ctext DIR ...

Both do the same work on the same pictures: check that each can be read, find repeated pictures by
their pixels, copy the rest, write the labels. Sources are hard-linked into the scratch folder and
read once before the clock starts, so that neither side waits for the disk.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import missing

with missing.in_one_line():
    from captcha_ocr.cli.common import Arguments, at_least, command, make_room
    from captcha_ocr.cores import usable_cores
    from captcha_ocr.imaging import open_image
    from captcha_ocr.labels import (
        IMAGES_DIR,
        LABELS_FILE,
        MANIFEST_FILE,
        Label,
        iter_labels,
        write_labels,
    )
    from captcha_ocr.merging.config import MergeConfig, Source
    from captcha_ocr.merging.engines import process_engine
    from captcha_ocr.merging.pipeline import merge

Sources = list[tuple[str, Path]]

CHILDREN_COUNT = os.name != "nt"  # whether os.times knows what other processes worked for us
LINE = (
    "{pictures:>9,} {one:>6.1f} s {one_rate:>5.0f}/s {ours:>6.1f} s {ours_rate:>5.0f}/s "
    "{times:>6.2f} {times_cpu:>11.2f}  {kept:,}"
)


def one_by_one(sources: Sources, target: Path) -> int:
    """The straightforward way, as a script does it: one thread, one pass."""
    (target / IMAGES_DIR).mkdir(parents=True)
    seen: set[bytes] = set()
    labels = []
    for style, root in sources:
        for row in iter_labels(root / LABELS_FILE):
            path = root / IMAGES_DIR / row.file
            image = open_image(path)
            digest = hashlib.sha256(image.tobytes() + repr(image.size).encode()).digest()
            if digest in seen:
                continue
            seen.add(digest)
            name = f"{style}_{len(seen):07d}{path.suffix}"
            shutil.copy2(path, target / IMAGES_DIR / name)
            labels.append(Label(name, row.text))
    write_labels(target / LABELS_FILE, labels)
    return len(labels)


def with_merge(sources: Sources, target: Path, workers: int) -> int:
    config = MergeConfig(
        tuple(Source("train", style, root) for style, root in sources),
        target,
        on_conflict="keep-first",  # as the other side does
    )
    with process_engine(workers) as engine:
        report = merge(config, engine)
    return sum(source.kept for source in report.sources)


def take(sources: Sources, count: int, scratch: Path) -> Sources:
    """The first rows of each source, in proportion, as sources of their own."""
    rows = {root: sum(1 for _ in iter_labels(root / LABELS_FILE)) for _, root in sources}
    total = sum(rows.values())
    if total < count:
        sys.exit(f"error: the sources hold {total} pictures; {count} were asked for")
    taken = []
    for number, (style, root) in enumerate(sources):
        share = rows[root] * count // total
        if number == len(sources) - 1:
            share = count - sum(n for _, _, n in taken)
        taken.append((style, root, share))
    return [
        (style, link_rows(root, share, scratch / f"{number}-{style}"))  # a style may stand twice
        for number, (style, root, share) in enumerate(taken)
    ]


def link_rows(root: Path, count: int, target: Path) -> Path:
    (target / IMAGES_DIR).mkdir(parents=True)
    labels = list(islice(iter_labels(root / LABELS_FILE), count))
    for row in labels:
        os.link(root / IMAGES_DIR / row.file, target / IMAGES_DIR / row.file)
        (target / IMAGES_DIR / row.file).read_bytes()
    write_labels(target / LABELS_FILE, labels)
    if (root / MANIFEST_FILE).is_file():
        with (root / MANIFEST_FILE).open("rb") as file:
            (target / MANIFEST_FILE).write_bytes(b"".join(islice(file, count)))
    return target


def measure(function: Callable[[], int]) -> tuple[float, float, int]:
    """Seconds on the clock, seconds of all processors, pictures kept. Processors count in ticks of
    some milliseconds: a run of none is given half of one."""
    before, start = os.times(), time.perf_counter()
    kept = function()
    seconds, after = time.perf_counter() - start, os.times()
    return seconds, max(sum(after[:4]) - sum(before[:4]), 0.005), kept


@command
def main(argv: Arguments = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--src", nargs=2, action="append", required=True, metavar=("STYLE", "DIR"))
    parser.add_argument("--counts", type=at_least(1), nargs="+", default=[1_000, 10_000])
    parser.add_argument("--repeat", type=at_least(1), default=1, help="the best of so many (1)")
    parser.add_argument("--workers", type=int, default=0, help="default: one a core")
    parser.add_argument("--scratch", type=Path, help="a folder on the file system of the sources")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    args = parser.parse_args(argv)
    make_room(args.json)
    sources = [(style, Path(root)) for style, root in args.src]
    parent = args.scratch or sources[0][1].parent
    parent.mkdir(parents=True, exist_ok=True)
    figures = []
    print(f"{usable_cores()} cores, Python {platform.python_version()}, {platform.machine()}")
    print(f"{'pictures':>9} {'one by one':>16} {'merge':>16} {'times':>6} {'times, CPU':>11}  kept")
    if args.workers != 1 and not CHILDREN_COUNT:
        print("Windows does not tell the workers' time: give --workers 1 for 'times, CPU'")
    # Removed at the very end: ext4 creates files slowly for a while after many were deleted.
    with tempfile.TemporaryDirectory(dir=parent) as scratch:
        for count in args.counts:
            folder = Path(scratch) / str(count)
            figure = compare(sources, count, folder, args.repeat, args.workers)
            figures.append(figure)
            print(LINE.format(**figure), flush=True)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


def compare(
    sources: Sources, count: int, scratch: Path, repeat: int, workers: int
) -> dict[str, float]:
    """Alternate the two, so that a noisy neighbour hits both."""
    taken = take(sources, count, scratch / "sources")
    one, ours = [], []
    for number in range(repeat):
        one.append(measure(lambda n=number: one_by_one(taken, scratch / f"one{n}")))
        ours.append(measure(lambda n=number: with_merge(taken, scratch / f"ours{n}", workers)))
    if one[0][2] != ours[0][2]:
        sys.exit(f"error: the two disagree: {one[0][2]} and {ours[0][2]} pictures kept")
    best_one, best_ours = min(one)[0], min(ours)[0]
    return {
        "pictures": count,
        "one": best_one,
        "one_rate": count / best_one,
        "ours": best_ours,
        "ours_rate": count / best_ours,
        "times": best_one / best_ours,
        # What the merge saves in work; the rest of its advantage is the second core.
        "times_cpu": min(cpu for _, cpu, _ in one) / min(cpu for _, cpu, _ in ours),
        "kept": ours[0][2],
    }


if __name__ == "__main__":
    sys.exit(main())
