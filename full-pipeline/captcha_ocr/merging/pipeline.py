"""A merge from sources to targets: hash, judge, choose, place; then the targets appear."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from captcha_ocr.merging import shards
from captcha_ocr.merging.config import TEST, TRAIN, DataError, MergeConfig
from captcha_ocr.merging.engines import Engine
from captcha_ocr.merging.keytable import KeyTable, key_table
from captcha_ocr.merging.near import NearTask, near_shard
from captcha_ocr.merging.report import MergeReport
from captcha_ocr.merging.rules import CONFLICT, UNKNOWN, JudgeTask, judge_shard
from captcha_ocr.merging.summary import fill_report
from captcha_ocr.merging.target import (
    ROOT,
    appear,
    building,
    describe_inputs,
    not_removed,
    same_merge,
    sweep,
)
from captcha_ocr.merging.writing import remove_moved, write_charset_copy, write_root

Progress = Callable[[str, int], None]  # (what is being done, pictures done so far)


def merge(
    config: MergeConfig,
    engine: Engine,
    *,
    dry_run: bool = False,
    progress: Progress = lambda what, done: None,
) -> MergeReport:
    """Merge the sources into the targets.

    Raises DataError when the sources need a decision first, TargetError when a target is in the
    way, OSError when it cannot be written. Then no target has changed.
    """
    record = {"format": 1, "config": config.to_json(), "inputs": describe_inputs(config)}
    there = [split for split, path in config.targets.items() if same_merge(path, record)]
    targets = {split: str(path) for split, path in config.targets.items()}
    if len(there) == len(targets):
        if not dry_run:
            for path in config.targets.values():
                sweep(path)
            write_charset_copy(config)
        return MergeReport("unchanged", targets, not_removed=not_removed(config, record))
    report = MergeReport("dry-run" if dry_run else "merged", targets)
    start = time.monotonic()
    with ExitStack() as stack:
        folders = {
            split: stack.enter_context(building(path))
            for split, path in config.targets.items()
            if not dry_run
        }
        # Beside the target there is room for a data set; /tmp is often small, or memory.
        scratch = folders.get(TRAIN) or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        table = stack.enter_context(key_table(scratch / "keys.sqlite"))
        examine(table, config, engine, report, progress)
        for split, folder in folders.items():
            write_root(table, config, engine, split, folder / ROOT, progress)
        report.seconds = round(time.monotonic() - start, 2)
        record["report"] = report.to_json()
        # The test set first: a training set without it is the more useful half to lack.
        for split in sorted(set(folders) - set(there), key=(TEST, TRAIN).index):
            appear(folders[split] / ROOT, config.targets[split], record)
        if not dry_run:
            remove_moved(table, config, record)
            write_charset_copy(config)
    return report


def examine(
    table: KeyTable,
    config: MergeConfig,
    engine: Engine,
    report: MergeReport,
    progress: Progress,
) -> None:
    """Everything but writing: fill the table, decide each picture's fate, complete the report."""
    report.records_without_label = hash_sources(table, config, engine, progress)
    judge_pictures(table, config, engine, progress)
    choose(table, config)
    fill_report(report, table, config)
    refuse_bad_data(report, config)


def hash_sources(table: KeyTable, config: MergeConfig, engine: Engine, progress: Progress) -> int:
    """Fill the table. Returns the number of manifest records that belong to no label."""
    tasks = (
        task
        for number, source in enumerate(config.sources)
        for task in shards.slices(number, source, seed=config.seed, near=config.near > 0)
    )
    done = 0
    for hashed in engine.map(shards.hash_shard, tasks):
        table.add(hashed)
        done += len(hashed.rows) + len(hashed.bad)
        progress("hashed", done)
    return table.match_spare_records()


def judge_pictures(
    table: KeyTable, config: MergeConfig, engine: Engine, progress: Progress
) -> None:
    """Find equal and nearly equal pictures, and decide which copies go."""
    compare_pixels(table, config, engine, progress)
    groups = (
        [copy for _, copy in group]
        for _, group in groupby(table.equal_pictures(), key=itemgetter(0))
    )
    keep_first = config.on_conflict == "keep-first"
    judge_tasks = (JudgeTask(chunk, keep_first, config.dedupe) for chunk in shards.chunks(groups))
    for fates in engine.map(judge_shard, judge_tasks):
        table.set_fates(fates)
    if config.near:
        alike = groupby(table.near_hashes(), key=lambda item: item[0].label)
        near_groups = (list(group) for _, group in alike)
        near_tasks = (NearTask(chunk, config.near) for chunk in shards.chunks(near_groups))
        for fates in engine.map(near_shard, near_tasks):
            table.set_fates(fates)


def compare_pixels(
    table: KeyTable, config: MergeConfig, engine: Engine, progress: Progress
) -> None:
    """Give the pictures that share a band key their pixel keys."""
    pictures = (
        (number, config.sources[source].picture(file))
        for number, source, file in table.sharing_a_band()
    )
    done, broken = 0, []
    tasks = (shards.PixelTask(chunk) for chunk in shards.chunks(pictures))
    for found in engine.map(shards.pixel_shard, tasks):
        table.set_pixel_keys(found)
        broken += [(number, problem) for key, problem, number in found if key is None]
        done += len(found)
        progress("compared", done)
    for number, problem in broken:
        table.move_to_bad(number, problem)


def choose(table: KeyTable, config: MergeConfig) -> None:
    """Apply the limits, and leave out test pictures that training cannot teach.

    In this order: what is a training character depends on what is left in training, and a test
    set of an asked size is filled after the unreadable pictures went.
    """
    shuffle = config.shuffle
    table.limit("source", TRAIN, config.limit_train_each, shuffle=shuffle)
    table.limit("split", TRAIN, config.limit_train, shuffle=shuffle)
    if config.on_unknown == "drop":
        table.mark_unknown(table.characters_only_in_test())
    table.limit("source", TEST, config.limit_test_each, shuffle=shuffle)
    table.limit("split", TEST, config.limit_test, shuffle=shuffle)


def refuse_bad_data(report: MergeReport, config: MergeConfig) -> None:
    """Raise DataError when something was found that the user has to decide about."""
    problems = []
    if report.bad and config.on_bad == "error":
        problems.append(
            f"{report.bad:,} rows cannot be used; mend them, or leave them out with --on-bad drop:"
        )
        problems += report.examples["bad"]
    if report.total(CONFLICT) and config.on_conflict == "error":
        problems.append(
            f"{report.total(CONFLICT):,} files hold a picture that has two labels; correct the "
            "labels, or choose --on-conflict drop or keep-first:"
        )
        problems += report.examples[CONFLICT]
    if report.unknown_characters and config.on_unknown == "error":
        problems.append(
            f"the test labels hold {len(report.unknown_characters)} characters that no training "
            f"label has, so no model can learn them: {' '.join(report.unknown_characters)}; add "
            "training pictures, or leave such test pictures out with --on-unknown drop:"
        )
        problems += report.examples[UNKNOWN]
    for split in config.targets:
        sources = [source for source in report.sources if source.split == split]
        if not any(source.kept for source in sources):
            why = Counter({"bad": sum(source.bad for source in sources)})
            for source in sources:
                why.update(source.left_out)
            gone = ", ".join(f"{count:,} {reason}" for reason, count in why.items() if count)
            problems.append(
                f"no picture is left for {config.targets[split]}; left out: {gone or 'none'}"
            )
    if problems:
        raise DataError(problems)
