"""The generated blocks of the documents, from results.json and the leaderboard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from captcha_ocr.benchmarking.leaderboard import FIGURES, mean_folded
from captcha_ocr.benchmarking.pages import table
from captcha_ocr.benchmarking.wording import words
from captcha_ocr.tables import natural

Section = Mapping[str, Mapping[str, Any]]  # model -> its figures
Say = Mapping[str, str]
ABSENT = "–"


def readme_blocks(rows: Sequence[Mapping[str, Any]], language: str) -> dict[str, str]:
    """Name of a block (pages.py) -> text: the leaderboard, and a digest for the first screen."""
    say = words(language)
    if not rows:
        return dict.fromkeys(("headline", "benchmark"), say["nothing"])
    return {"headline": headline(rows, say), "benchmark": leaderboard(rows, say)}


def headline(rows: Sequence[Mapping[str, Any]], say: Say) -> str:
    """The best of the project and the best two peers, with case folded."""
    best = _best_first(rows)
    ours = [row for row in best if row["kind"] == "project"]
    peers = [row for row in best if row["kind"] == "peer"]  # not one that others added
    lines = []
    for row in (*ours[:1], *peers[:2]):
        read = [_share(row["figures"].get(key), "folded") for key in FIGURES]
        lines.append([_shown(row), *read, number(row["latency_ms"]), number(row["megabytes"])])
    return table(_leaderboard_header(say), lines)


def docs_blocks(
    results: Mapping[str, Section], rows: Sequence[Mapping[str, Any]], language: str
) -> dict[str, str]:
    """Everything that was measured."""
    say = words(language)
    size, speed = results.get("size", {}), results.get("speed", {})
    quality, robustness = results.get("quality", {}), results.get("robustness", {})
    names = ((row["name"], row) for row in rows)
    blocks = {
        "leaderboard": [leaderboard(rows, say, full=True), stamps(names, say)] if rows else [],
        "reading": [reading(quality, say), measured(quality, say)] if quality else [],
        "groups": list(group_tables(quality, say)),
        "speed": [latencies(size, speed, say), measured(speed, say)] if size else [],
        "throughput": [throughput(speed, say)] if speed else [],
        "robustness": [measured(robustness, say)] if robustness else [],
    }
    return {
        name: "\n\n".join(text for text in texts if text) or say["nothing"]
        for name, texts in blocks.items()
    }


def leaderboard(rows: Sequence[Mapping[str, Any]], say: Say, *, full: bool = False) -> str:
    """Best first. ``full`` adds what a README has no room for."""
    header = _leaderboard_header(say)
    header += [say["load"], say["version"], say["date"]] if full else []
    lines = []
    for row in _best_first(rows):
        name = f"[{_shown(row)}]({row['link']})" if full and row["link"] else _shown(row)
        line = [name, *(_pair(row["figures"].get(key), "folded", "strict") for key in FIGURES)]
        line += [number(row["latency_ms"]), number(row["megabytes"])]
        line += [number(row["load"]), row["version"], row["date"]] if full else []
        lines.append(line)
    return table(header, lines)


def _leaderboard_header(say: Say) -> list[str]:
    return [say["reader"], *(say[key] for key in FIGURES), say["ms"], say["megabytes"]]


def _best_first(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(rows, key=lambda row: (-mean_folded(row), row["name"]))


def _shown(row: Mapping[str, Any]) -> str:
    return f"`{row['name']}`" if row["kind"] == "project" else str(row["name"])


def reading(quality: Section, say: Say) -> str:
    """Each column of the test part, all of them, and the other parts as wholes."""
    lines = [
        [f"`{arch}`", say[key], *_reading_cells(figures, say)]
        for arch, entry in quality.items()
        for key, figures in _summaries(entry["parts"])
    ]
    keys = ("model", "column", "pictures", "folded", "interval", "strict", "clear", "cer")
    return table([say[key] for key in (*keys, "ece", "coverage")], lines)


def _reading_cells(figures: Mapping[str, Any], say: Say) -> list[str]:
    clear = figures["unambiguous"]
    interval = " – ".join(map(per_cent, figures["exact_match_folded_interval"]))
    if "families" in figures:  # over them, not over pictures
        interval += say["families"].format(n=figures["families"])
    return [
        f"{figures['n']:,}",
        per_cent(figures["exact_match_folded"]),
        interval,
        per_cent(figures["exact_match"]),
        f"{per_cent(clear['exact_match'])} ({clear['n']:,})" if clear else ABSENT,
        *(per_cent(figures[key]) for key in ("cer", "calibration_error")),
        per_cent(figures["accuracy_at_90_coverage"]),
    ]


def _summaries(parts: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for part, figures in parts.items():
        if part == "test":
            yield from figures["columns"].items()
        yield ("all" if part == "test" else part), figures["all"]


def group_tables(quality: Section, say: Say) -> Iterator[str]:
    """A table each for styles, kinds, sizes and lengths: a row a group, a column a model."""
    for by in ("style", "kind", "size", "length"):
        parts = ("test", "sizes") if by == "size" else ("test",)
        found: dict[str, dict[str, Any]] = {}  # group -> model -> figures
        for arch, entry in quality.items():
            for part in parts:
                groups = entry["parts"].get(part, {}).get("groups", {}).get(by, {})
                for name, figures in groups.items():
                    found.setdefault(name, {})[arch] = figures
        lines = [
            [
                f"`{name}`" if by in ("style", "kind") else name,
                # More than one where models were measured on different sets.
                " / ".join(dict.fromkeys(f"{of['n']:,}" for of in found[name].values())),
                *(
                    _pair(found[name].get(arch), "exact_match_folded", "exact_match")
                    for arch in quality
                ),
            ]
            for name in sorted(found, key=natural)
        ]
        if lines:
            yield table([say[by], say["pictures"], *(f"`{arch}`" for arch in quality)], lines)


def latencies(size: Section, speed: Section, say: Say) -> str:
    """Columns for a GPU only where one was there."""
    devices = list(dict.fromkeys(d for entry in speed.values() for d in entry["latency"]))
    header = [say[key] for key in ("model", "params", "macs", "megabytes")]
    header += [say[f"{device}_{what}"] for device in devices for what in ("model", "end")]
    header.append(say["load"])
    lines = []
    for arch, entry in size.items():
        line = [f"`{arch}`", f"{entry['params'] / 1e6:.2f} M", f"{entry['macs'] / 1e6:,.0f} M"]
        line.append(number(entry["megabytes"]))
        for device in devices:
            found = speed.get(arch, {}).get("latency", {}).get(device, {})
            line += [_quantiles(found.get(what)) for what in ("model_ms", "end_to_end_ms")]
        lines.append([*line, number(speed.get(arch, {}).get("load"))])
    return table(header, lines)


def throughput(speed: Section, say: Say) -> str:
    lines = [
        [
            *(f"`{arch}`", batch),
            *(f"{at[what]:,.0f}" for what in ("end_to_end", "model")),
            number(at["peak_mb"]),
        ]
        for arch, entry in speed.items()
        for batch, at in entry["throughput"].items()
    ]
    keys = ("model", "batch", "rate_end", "rate_model", "peak")
    return table([say[key] for key in keys], lines)


def measured(section: Section, say: Say) -> str:
    return stamps(((f"`{arch}`", entry["measured"]) for arch, entry in section.items()), say)


def stamps(records: Iterable[tuple[str, Mapping[str, Any]]], say: Say) -> str:
    """When, where and how; one sentence for what was measured together. Where there are several,
    each names what it is about: times of different machines cannot be compared."""
    found: dict[str, list[str]] = {}
    for name, at in records:
        data = at.get("pictures")
        pictures = say["set"].format(**data) if data else ""
        fields = {key: at[key] for key in ("date", "machine", "command")}
        found.setdefault(say["stamp"].format(**fields, set=pictures), []).append(name)
    if len(found) == 1:
        return next(iter(found))
    return "\n".join(f"- {'; '.join(names)}: {sentence}" for sentence, names in found.items())


def per_cent(share: float) -> str:
    return f"{100 * share:.2f}"


def number(value: float | None) -> str:
    if value is None:
        return ABSENT
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _pair(figures: Mapping[str, Any] | None, first: str, second: str) -> str:
    return f"{_share(figures, first)} ({_share(figures, second)})" if figures else ABSENT


def _share(figures: Mapping[str, Any] | None, key: str) -> str:
    return f"{100 * figures[key]:.1f}" if figures else ABSENT


def _quantiles(found: Mapping[str, float] | None) -> str:
    return f"{found['p50']:.1f} / {found['p95']:.1f}" if found else ABSENT
