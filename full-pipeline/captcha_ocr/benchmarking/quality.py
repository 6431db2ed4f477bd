"""How well a model reads the benchmark set, by part, column, kind, size and length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from captcha_ocr.benchmarking.columns import COLUMNS, column_of, part_of, unrelated
from captcha_ocr.benchmarking.families import family_intervals
from captcha_ocr.charset import Charset
from captcha_ocr.datasets.stores import Store, Subset
from captcha_ocr.evaluation import Evaluation, evaluate
from captcha_ocr.predictor import Predictor
from captcha_ocr.report import build_report

# Of a report (report.py); the others are of no use in a table.
FIGURES = (
    "n",
    "exact_match",
    "exact_match_interval",
    "exact_match_folded",
    "exact_match_folded_interval",
    "cer",
    "cer_interval",
    "unambiguous",
    "calibration_error",
    "accuracy_at_90_coverage",
)
GROUPS = ("style", "kind", "size", "length")
# The dial is robustness.py's. unrelated: those of heldout with no font near a training font.
READ_PARTS = ("test", "heldout", "unrelated", "sizes")
UNSEEN_FONTS = ("heldout", "unrelated")


def measure_quality(predictor: Predictor, store: Store) -> dict[str, Any]:
    """Part -> figures of all its pictures, of each column, and of each group.

    Right means: equal to what is drawn but for case; operators as drawn. Greedy decoding. Exact
    match is there strictly too, and once more over the pictures whose font tells all characters
    apart (``unambiguous``). Intervals are over pictures, or, where ``families`` says how many,
    over font families: those of unseen fonts, but for the groups.
    """
    evaluation = evaluate(predictor, store)
    chosen: dict[str, list[int]] = {part: [] for part in READ_PARTS}
    for i, record in enumerate(store.records):
        part = part_of(record)
        if part in chosen:
            chosen[part].append(i)
        if part == "heldout" and unrelated(record):
            chosen["unrelated"].append(i)
    charset = predictor.info.charset
    return {
        part: _part(select(evaluation, of), charset, part in UNSEEN_FONTS)
        for part, of in chosen.items()
        if of
    }


def select(evaluation: Evaluation, indices: Sequence[int]) -> Evaluation:
    """The evaluation of some of the pictures."""
    return Evaluation(
        Subset(evaluation.store, indices),
        tuple(evaluation.readings[i] for i in indices),
        tuple(evaluation.losses[i] for i in indices),
    )


def _part(evaluation: Evaluation, charset: Charset, unseen: bool) -> dict[str, Any]:
    members: dict[str, list[int]] = {}
    for i, record in enumerate(evaluation.store.records):
        members.setdefault(column_of(record), []).append(i)
    return {
        "all": _figures(evaluation, charset, unseen),
        "columns": {
            key: _figures(select(evaluation, members[key]), charset, unseen)
            for key in COLUMNS
            if key in members
        },
        "groups": build_report(evaluation, charset, by=GROUPS)["groups"],
    }


def _figures(evaluation: Evaluation, charset: Charset, unseen: bool) -> dict[str, Any]:
    report = build_report(evaluation, charset, by=(), fold_case=True)
    # A confidence is the probability of exactly this text, so case counts in its calibration.
    strict = build_report(evaluation, charset, by=())
    report["calibration_error"] = strict["calibration_error"]
    figures = {name: report[name] for name in FIGURES}
    return {**figures, **family_intervals(evaluation)} if unseen else figures
