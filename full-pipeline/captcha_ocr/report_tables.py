"""A report (see report.py) as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from captcha_ocr.tables import aligned, display_width, pad, printable

MAX_ROWS = 40  # groups shown, the largest ones; all of them are in the JSON
MAX_CONFUSIONS = 20
PER_LINE = 5  # confusions
MAX_UNKNOWN = 40  # characters


def render(report: Mapping[str, Any]) -> str:
    """All tables of one model's report."""
    blocks = [headline(report)]
    for key, groups in report["groups"].items():
        blocks.append(score_table(f"by {key}", groups))
    blocks.append(confusion_lines(report["confusions"]))
    return "\n\n".join(block for block in blocks if block)


def headline(report: Mapping[str, Any]) -> str:
    """One figure a line, with its interval and what one has to know about it."""
    rows = [
        ("pictures", f"{report['n']:,}", ""),
        ("EM", per_cent(report["exact_match"]), interval(report["exact_match_interval"])),
        (
            "EM, case folded",
            per_cent(report["exact_match_folded"]),
            interval(report["exact_match_folded_interval"]),
        ),
        *_unambiguous(report["unambiguous"]),
        ("CER", per_cent(report["cer"]), interval(report["cer_interval"])),
        ("ECE", per_cent(report["calibration_error"]), "gap of confidence and accuracy"),
        (
            "accuracy at 90 %",
            per_cent(report["accuracy_at_90_coverage"]),
            "of the surest nine in ten pictures",
        ),
        (
            "accuracy at 10 %",
            per_cent(report["accuracy_at_10_coverage"]),
            "of the surest tenth: who may ask for other pictures answers these alone",
        ),
        ("loss", "-" if report["loss"] is None else f"{report['loss']:.4f}", "nats a picture, CTC"),
        ("speed", f"{report['pictures_per_second']:,.0f}", "pictures/s, from file to text"),
    ]
    if report["fold_case"]:
        rows.append(("", "", "ECE, accuracy and confusions with case folded"))
    lines = [f"  {name:18}{value:>9}   {note}".rstrip() for name, value, note in rows]
    notes = [*_impossible(report["impossible"]), *_forbidden(report["forbidden"])]
    return "\n".join([*lines, *notes])


def score_table(title: str, scores: Mapping[str, Mapping[str, Any]]) -> str:
    """One row a group: n, EM with interval, case-folded EM, CER."""
    kept = set(sorted(scores, key=lambda name: -scores[name]["n"])[:MAX_ROWS])
    header = [title, "n", "EM", "95 %", "folded", "CER"]
    rows = [
        [
            printable(name) or "(none)",
            f"{scores[name]['n']:,}",
            per_cent(scores[name]["exact_match"]),
            interval(scores[name]["exact_match_interval"], label=""),
            per_cent(scores[name]["exact_match_folded"]),
            per_cent(scores[name]["cer"]),
        ]
        for name in scores
        if name in kept
    ]
    lines = aligned([header, *rows])
    if len(scores) > len(kept):
        lines.append(f"({len(scores) - len(kept)} smaller groups are in the JSON)")
    return "\n".join(f"  {line}" for line in lines)


def confusion_lines(confusions: Sequence[Mapping[str, Any]]) -> str:
    """The commonest confusions, some to a line."""
    if not confusions:
        return ""
    cells = [
        f"{_shown(pair['true'])} → {_shown(pair['read'])}  {pair['count']:,}"
        for pair in confusions[:MAX_CONFUSIONS]
    ]
    width = max(map(display_width, cells))
    lines = ["  commonest confusions, drawn → read"]
    for first in range(0, len(cells), PER_LINE):
        line = "     ".join(pad(cell, width) for cell in cells[first : first + PER_LINE])
        lines.append(f"  {line}".rstrip())
    return "\n".join(lines)


def per_cent(value: float) -> str:
    return f"{value:.2%}"


def interval(bounds: Iterable[float], label: str = "95 %: ") -> str:
    low, high = bounds
    return f"{label}{low:.1%} to {high:.1%}"


def _unambiguous(score: Mapping[str, Any] | None) -> list[tuple[str, str, str]]:
    if score is None:
        return []
    note = f"of {score['n']:,} whose font tells all characters apart"
    value = per_cent(score["exact_match"])
    return [("EM, unambiguous", value, f"{interval(score['exact_match_interval'])}, {note}")]


def _impossible(impossible: Mapping[str, Any]) -> list[str]:
    """What the model could never have read right, so that nobody looks for it in the weights."""
    if not impossible["count"]:
        return []
    unknown = printable(impossible["unknown_characters"])
    shown = unknown if len(unknown) <= MAX_UNKNOWN else f"{unknown[:MAX_UNKNOWN]}…"
    too_long = impossible["too_long"]
    foreign = impossible["count"] - too_long
    causes = [f"{foreign:,} since it has no {shown}"] if foreign else []
    causes += [f"{too_long:,} since they need more columns than there are"] if too_long else []
    why = f" ({', '.join(causes)})"
    return [
        f"  labels this model cannot write, without loss and wrong: {impossible['count']:,}{why},",
        f"  such as {printable(', '.join(impossible['examples']))}",
    ]


def _forbidden(forbidden: Mapping[str, Any]) -> list[str]:
    if not forbidden["count"]:
        return []
    examples = printable(", ".join(forbidden["examples"]))
    return [f"  labels that the rule does not allow: {forbidden['count']:,}, such as {examples}"]


def _shown(char: str) -> str:
    """A character of a pair; in words where there is none."""
    return {"": "nothing", " ": "space"}.get(char, printable(char))
