"""The leaderboard: a JSON file with a row for each reader, that others can add a row to.

A row holds figures over the pictures of the shipped set (benchmark/), counted by `figures_of`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path, PureWindowsPath
from typing import Any

from captcha_ocr.benchmarking.columns import ARITHMETIC, COLUMNS, column_of, part_of
from captcha_ocr.benchmarking.folding import folded, strict
from captcha_ocr.config import ConfigError
from captcha_ocr.datasets.stores import Store
from captcha_ocr.files import write_json

FORMAT = 1
HELDOUT = "heldout"
FIGURES = (*COLUMNS, HELDOUT)  # a column of the test part each; unseen fonts of all styles
KINDS = ("project", "peer", "submission")
# Field -> type; None where a figure may be unknown.
FIELDS: dict[str, Any] = {
    "name": str,
    "kind": str,  # one of KINDS
    "version": str,
    "link": str,  # where it can be had
    "date": str,  # YYYY-MM-DD
    "machine": str,
    "load": (int, float, type(None)),  # cores that other processes kept busy meanwhile
    "command": str,  # that gives the readings again
    "set": str,  # digest of the pictures' names, labels and bytes, see columns.set_digest
    "figures": dict,  # one of FIGURES -> n, strict, folded
    "latency_ms": (int, float, type(None)),  # median of a call, from bytes to text, one thread
    "megabytes": (int, float, type(None)),  # of the model's files
}
# Rows come from strangers and become Markdown: a line each, no markup, and nothing that ends a
# block of a page (pages.py), which nobody could write again. Of a command, which stands between
# backquotes, those and such an end alone would do harm.
MOST = 1e6  # milliseconds, megabytes, cores
_PLAIN, _CODE = re.compile(r"[<>\[\]`|\\]"), re.compile("`|<!--")
# Field -> characters at most, and what it must not hold. Commands name folders, which are long.
_TEXTS = {"name": (80, _PLAIN), "version": (80, _PLAIN), "machine": (300, _PLAIN)}
_TEXTS["command"] = (2000, _CODE)
_LINK = re.compile(r"(?:(?:https?://|models/)[^\s<>()\[\]`|\\]+)?")


class LeaderboardError(ConfigError):
    """A leaderboard that does not follow the schema; the message names file, row and field."""


def figures_of(store: Store, texts: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """``n``, ``strict`` and ``folded`` exact match (see folding.py) for each of FIGURES.

    ``texts`` maps the set's file names to what was read. Raises LeaderboardError when a picture
    of the parts that count is missing: what a reader refuses counts as read empty, and is said so.
    """
    found = {key: {"n": 0, "strict": 0, "folded": 0} for key in FIGURES}
    missing = []
    for label, record in zip(store.labels, store.records):
        key = figure_of(record)
        if key is None:
            continue
        if label.file not in texts:
            missing.append(label.file)
            continue
        text, arithmetic = texts[label.file], record["kind"] == ARITHMETIC
        counts = found[key]
        counts["n"] += 1
        counts["strict"] += strict(text) == strict(label.text)
        counts["folded"] += folded(text, arithmetic=arithmetic) == folded(
            label.text, arithmetic=arithmetic
        )
    if missing:
        raise LeaderboardError(
            f"no reading for {len(missing)} pictures such as {missing[0]}; read every picture, "
            "and give an empty text where nothing was read"
        )
    return {
        key: {
            "n": counts["n"],
            **{name: counts[name] / counts["n"] for name in ("strict", "folded")},
        }
        for key, counts in found.items()
        if counts["n"]
    }


def read_readings(path: Path) -> dict[str, str]:
    """File name -> text from JSON lines with ``file`` and ``text``, as ``infer --json`` prints."""
    texts = {}
    try:
        with path.open(encoding="utf-8-sig") as file:
            lines = list(file)  # not splitlines(): a text may hold what Unicode calls a line end
    except UnicodeDecodeError as error:  # Windows PowerShell's > writes UTF-16
        raise LeaderboardError(f"{path} is not UTF-8 ({error}); save it as UTF-8") from None
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
            # Of either system's paths; no name of the set has a backslash.
            name, text = PureWindowsPath(record["file"]).name, record["text"]
            if not isinstance(text, str):
                raise ValueError("'text' is no text")
        except (ValueError, KeyError, TypeError) as error:
            problem = f"no object with the texts 'file' and 'text': {error}"
            raise LeaderboardError(f"{path}:{number}: {problem}") from None
        if name in texts:
            raise LeaderboardError(f"{path}:{number}: {name!r} stands there twice")
        texts[name] = text
    return texts


def figure_of(record: Mapping[str, Any]) -> str | None:
    """The one of FIGURES that a picture counts for; None for those that are not compared."""
    part = part_of(record)
    return {"test": column_of(record), HELDOUT: HELDOUT}.get(part)


def read_leaderboard(path: Path) -> list[dict[str, Any]]:
    """The rows of a leaderboard, checked; [] when there is none yet."""
    if not path.is_file():
        return []
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise LeaderboardError(f"{path} is no JSON: {error}") from None
    rows = values.get("rows") if isinstance(values, dict) else None
    if not isinstance(rows, list) or values.get("format") != FORMAT:
        raise LeaderboardError(f'{path}: expected {{"format": {FORMAT}, "rows": [...]}}')
    for number, row in enumerate(rows, start=1):
        problem = row_problem(row)
        if problem:
            raise LeaderboardError(f"{path}: row {number}: {problem}; see docs/benchmark.md")
    return rows


def write_leaderboard(rows: list[dict[str, Any]], path: Path) -> None:
    """The best first: by the mean over the figures, case folded."""
    for row in rows:
        problem = row_problem(row)
        if problem:
            raise LeaderboardError(f"the row of {row.get('name')!r}: {problem}")
    ordered = sorted(rows, key=lambda row: (-mean_folded(row), row["name"]))
    write_json(path, {"format": FORMAT, "rows": ordered})


def put_row(rows: list[dict[str, Any]], row: dict[str, Any]) -> list[dict[str, Any]]:
    """``rows`` with ``row`` in place of the one of its name and kind."""
    same = (row["name"], row["kind"])
    return [*(old for old in rows if (old["name"], old["kind"]) != same), row]


def mean_folded(row: Mapping[str, Any]) -> float:
    """A figure that a row lacks counts as nothing read: leaving pictures out must not pay."""
    return sum(figures["folded"] for figures in row["figures"].values()) / len(FIGURES)


def row_problem(row: Any) -> str:
    """What is wrong with a row; empty when nothing is."""
    if not isinstance(row, dict) or set(row) != set(FIELDS):
        given = sorted(row) if isinstance(row, dict) else row
        return f"has the fields {given}; expected are {sorted(FIELDS)}"
    for field, kind in FIELDS.items():
        if not isinstance(row[field], kind) or isinstance(row[field], bool):
            return f"{field} is {row[field]!r}, which is of another type"
    if row["kind"] not in KINDS:
        return f"kind is {row['kind']!r}; choose from {', '.join(KINDS)}"
    try:
        # Newer Pythons read 20260131 too, which older ones, and people, do not.
        is_date = date.fromisoformat(row["date"]).isoformat() == row["date"]
    except ValueError:
        is_date = False
    if not is_date:
        return f"date is {row['date']!r}; write YYYY-MM-DD"
    for field in ("latency_ms", "megabytes"):
        if row[field] is not None and not 0 < row[field] < MOST:
            return f"{field} is {row[field]}; give a number above 0 and below {MOST:,.0f}, or null"
    if row["load"] is not None and not 0 <= row["load"] < MOST:
        return f"load is {row['load']}; give the cores that were busy, or null"
    return _text_problem(row) or _figures_problem(row["figures"])


def _text_problem(row: Mapping[str, Any]) -> str:
    for field, (most, markup) in _TEXTS.items():
        text = row[field]
        if not text.strip() or not text.isprintable() or len(text) > most:
            return f"{field} is {text[:99]!r}; write one line, of {most} characters at most"
        if found := markup.search(text):
            return f"{field} is {text[:99]!r}; leave out {found.group()}, which is markup"
    if len(row["link"]) > 300 or not _LINK.fullmatch(row["link"]):
        return f"link is {row['link'][:99]!r}; give one that begins with https:// and has no ( or )"
    return ""


def _figures_problem(figures: Mapping[str, Any]) -> str:
    if not figures or set(figures) - set(FIGURES):
        return f"figures are of {sorted(figures)}; they may be of {', '.join(FIGURES)}"
    for key, values in figures.items():
        if not isinstance(values, dict) or set(values) != {"n", "strict", "folded"}:
            return f"figures of {key} are {values!r}; expected are n, strict and folded"
        shares = (values["strict"], values["folded"])
        if not all(type(share) in (int, float) and 0 <= share <= 1 for share in shares):
            return f"figures of {key} are {shares}; strict and folded are shares, 0 to 1"
        if type(values["n"]) is not int or values["n"] < 1 or shares[0] > shares[1]:
            return f"figures of {key}: n is a count, and strict is never above folded"
    return ""
