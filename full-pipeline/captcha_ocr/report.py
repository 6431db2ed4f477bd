"""An `Evaluation` as figures: one JSON object, from which the tables are printed too."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from captcha_ocr.calibration import accuracy_at_coverage, expected_calibration_error
from captcha_ocr.charset import Charset
from captcha_ocr.config import ConfigError
from captcha_ocr.constraints import Constraint
from captcha_ocr.evaluation import Evaluation
from captcha_ocr.files import atomic_write
from captcha_ocr.metrics import Score, confusions, matches, score, score_by
from captcha_ocr.tables import csv_writer, natural, spreadsheet_cell

GROUPS = ("style", "kind", "size", "length", "font")  # a manifest of ours knows all of them
ON_REQUEST = ("font",)  # there are hundreds
COMPUTED = ("size", "length")  # known without a manifest
MAX_CONFUSIONS = 200


def build_report(
    evaluation: Evaluation,
    charset: Charset,
    *,
    by: Sequence[str],
    fold_case: bool = False,
    constraint: Constraint | None = None,
) -> dict[str, Any]:
    """All figures of an evaluation, ready for JSON: fractions, not per cent; null for infinite.

    ``fold_case`` says when a text counts as right in calibration, coverage and confusions; exact
    match is always given both ways. ``by`` names the groups, see `Evaluation.score_by`; the
    ``constraint`` is the one that was read under.
    """
    confidences, correct = evaluation.confidences, is_right(evaluation, fold_case)
    pairs = ranked(count_confusions(evaluation, fold_case))
    return {
        **score_record(evaluation.score()),
        "unambiguous": _unambiguous(evaluation),
        "fold_case": fold_case,
        "calibration_error": expected_calibration_error(confidences, correct),
        "accuracy_at_90_coverage": accuracy_at_coverage(confidences, correct, 0.9),
        "accuracy_at_10_coverage": accuracy_at_coverage(confidences, correct, 0.1),
        "loss": evaluation.loss if math.isfinite(evaluation.loss) else None,
        "impossible": _impossible(evaluation, charset),
        "forbidden": _forbidden(evaluation, constraint),
        "groups": {key: _groups(evaluation, key) for key in by},
        "confusions": [
            {"true": true, "read": read, "count": count}
            for (true, read), count in pairs[:MAX_CONFUSIONS]
        ],
    }


def is_right(evaluation: Evaluation, fold_case: bool = False) -> list[bool]:
    """Whether each picture was read right."""
    return matches(evaluation.texts, evaluation.targets, fold_case=fold_case)


def count_confusions(evaluation: Evaluation, fold_case: bool = False) -> Counter[tuple[str, str]]:
    fold = str.casefold if fold_case else str
    return confusions([*map(fold, evaluation.texts)], [*map(fold, evaluation.targets)])


def ranked(pairs: Counter[tuple[str, str]]) -> list[tuple[tuple[str, str], int]]:
    """Commonest first; equal counts by their characters, so that the order is always the same."""
    return sorted(pairs.items(), key=lambda item: (-item[1], item[0]))


def score_record(figures: Score) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in dataclasses.asdict(figures).items()
    }


def choose_groups(records: Sequence[dict[str, Any]], asked: str | None) -> list[str]:
    """The groups to report by: those asked for, comma-separated, else the usual ones.

    Raises ConfigError for a name that is neither usual nor in the manifest. One that is usual
    and not in this set's manifest is left out: without a manifest everything still works.
    """
    fields = {name for record in records for name in record}
    if asked is None:
        usual = [key for key in GROUPS if key not in ON_REQUEST]
        return [key for key in usual if key in COMPUTED or key in fields]
    names = [name.strip() for name in asked.split(",") if name.strip()]
    for name in names:
        if name not in fields and name not in GROUPS:
            known = ", ".join(sorted({*GROUPS, *fields}))
            raise ConfigError(f"--by {name}: not in the manifest; choose from {known}")
    return [name for name in names if name in COMPUTED or name in fields]


def write_predictions(evaluation: Evaluation, path: Path) -> None:
    """A row a picture, for a spreadsheet: with a byte order mark, which Excel needs to show
    Chinese, and without cells that it would run."""
    columns = ["file", "label", "text", "correct", "correct_folded", "confidence", "loss"]
    fields = [key for key in GROUPS if key not in COMPUTED]
    right, folded = is_right(evaluation), is_right(evaluation, True)
    with atomic_write(path) as file:
        file.write("\ufeff")
        rows = csv_writer(file)
        rows.writerow([*columns, "width", "height", *fields])
        for i, label in enumerate(evaluation.store.labels):
            reading, loss = evaluation.readings[i], evaluation.losses[i]
            texts = [label.file, label.text, reading.text]
            known = [evaluation.store.records[i].get(key, "") for key in fields]
            rows.writerow(
                [
                    *map(spreadsheet_cell, texts),
                    int(right[i]),
                    int(folded[i]),
                    round(reading.confidence, 6),
                    round(loss, 4) if math.isfinite(loss) else "",
                    *evaluation.store.sizes[i],
                    *(spreadsheet_cell(_name(value)) for value in known),
                ]
            )


def _groups(evaluation: Evaluation, key: str) -> dict[str, Any]:
    names = [_name(value) for value in evaluation.keys(key)]
    found = score_by(evaluation.texts, evaluation.targets, names)
    return {name: score_record(found[name]) for name in sorted(found, key=natural)}


def _name(value: Any) -> str:
    """A manifest may hold lists, which are no keys of a dictionary."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _unambiguous(evaluation: Evaluation) -> dict[str, Any] | None:
    """Scores where the font draws every character unlike all others; None where nobody knows."""
    records = evaluation.store.records
    if not any("ambiguous" in record for record in records):
        return None
    clear = [i for i, record in enumerate(records) if record.get("ambiguous") in ("", [])]
    if not clear:
        return None
    texts, targets = evaluation.texts, evaluation.targets
    return score_record(score([texts[i] for i in clear], [targets[i] for i in clear]))


def _impossible(evaluation: Evaluation, charset: Charset) -> dict[str, Any]:
    """Labels that this model could never have written: they count as wrong, and have no loss."""
    labels = evaluation.store.labels
    lost = [i for i, loss in enumerate(evaluation.losses) if not math.isfinite(loss)]
    unknown = [charset.unknown(labels[i].text) for i in lost]
    return {
        "count": len(lost),
        "too_long": unknown.count([]),  # for the columns of their pictures
        "unknown_characters": "".join(sorted(set(chain.from_iterable(unknown)))),
        "examples": [f"{labels[i].file} {labels[i].text!r}" for i in lost[:5]],
    }


def _forbidden(evaluation: Evaluation, constraint: Constraint | None) -> dict[str, Any]:
    """Labels that the rule does not allow: with a wrong rule everything looks unreadable."""
    labels = evaluation.store.labels
    lost = [] if constraint is None else [x for x in labels if not constraint.accepts(x.text)]
    return {
        "count": len(lost),
        "examples": [f"{label.file} {label.text!r}" for label in lost[:5]],
    }
