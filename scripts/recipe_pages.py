"""The tables and curves of docs/recipe.md and runs.md, in both languages, from recipe.json."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from typing import Any

from captcha_ocr.benchmarking.columns import COLUMNS
from captcha_ocr.benchmarking.pages import table, update_page
from captcha_ocr.plots import Panel, plot_curves
from generators import REPOSITORY

RESULT = REPOSITORY / "docs" / "recipe.json"
CURVES = REPOSITORY / "assets" / "recipe.png"
TIMES = (5, 10, 15, 20, 25, 30)  # minutes, of runs from random weights
FULL = "recipe"
SHOWN = (FULL, "no auxiliary head", "batch of 128 from the start", "plain")  # as curves
_STYLES = ("easy", "ctext", "ruoyi")  # of the sets that were measured, whatever STYLES holds
CHINESE = {  # names of the rows
    FULL: "完整配方",
    "no auxiliary head": "去掉辅助头",
    "batch of 128 from the start": "一开始就用批大小 128",
    "batch of 16 to the end": "始终用批大小 16",
    "batch of 16, no auxiliary head": "始终用批大小 16，去掉辅助头",
    "batch of 8 to the end": "始终用批大小 8",
    "batch of 4 to the end": "始终用批大小 4",
    "batch of 8, short labels first": "始终用批大小 8，先短后长",
    "batch of 8, in colour": "始终用批大小 8，彩色",
    "batch of 16, taught": "始终用批大小 16，加教师",
    "short labels first": "先短后长",
    "all padded to 256 pixels": "全部补齐到 256 像素",
    "plain": "朴素配方",
    "cosine from the start": "一开始就余弦下降",
    "weights not averaged": "不做权重平均",
    "no augmentation": "不做增强",
    "learning rate 3e-3": "学习率 3e-3",
}
PAGES = {  # page -> block -> header
    "recipe.md": {
        "ablation": (
            *("changed", *_STYLES, "mean", "from – to"),
            *("against the recipe", "half-way", "time"),
        ),
        "scratch": ("run", "recipe", "batch", "pictures", *(f"{m} min" for m in TIMES)),
    },
    "runs.md": {
        "runs": (
            *("run", "set", "processor", "height", "batch", "rate", "distorted", "pictures"),
            *("minutes", "1/4", "1/2", "3/4", "end", "kept"),
        ),
        "blends": (
            *("run", "set", "pictures", "share"),
            *("text", "中文", "sums", "CalcAll", "RuoYi", "all"),
        ),
    },
    "recipe.zh-CN.md": {
        "ablation": (
            *("改动", *_STYLES, "平均", "从 – 到"),
            *("与配方之差", "中途", "时间"),
        ),
        "scratch": ("训练", "配方", "批大小", "图片数", *(f"{m} 分钟" for m in TIMES)),
    },
    "runs.zh-CN.md": {
        "runs": (
            *("训练", "集合", "处理器", "高度", "批大小", "学习率", "失真", "图片数"),
            *("分钟", "1/4", "1/2", "3/4", "结束", "留下"),
        ),
        "blends": (
            *("训练", "集合", "图片数", "比例"),
            *("文本", "中文", "算式", "CalcAll", "RuoYi", "合计"),
        ),
    },
}


def means(row: dict[str, Any]) -> list[float]:
    """Of each run of a row: the mean of the styles."""
    return [statistics.mean(run["exact_match_folded"].values()) for run in row["runs"]]


def curve(row: dict[str, Any]) -> list[float]:
    """Exact match at each evaluation, the mean of the runs."""
    return [statistics.mean(figures) for figures in zip(*(run["curve"] for run in row["runs"]))]


def read_record() -> dict[str, Any]:
    """What was measured so far."""
    return json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() else {}


def write_record(record: dict[str, Any]) -> None:
    """docs/recipe.json, and the documents that show it."""
    RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    for page, headers in PAGES.items():
        names: Mapping[str, str] = CHINESE if page.endswith(".zh-CN.md") else {}
        lines = {
            "ablation": ablation_lines(record["ablation"]["rows"], names),
            "runs": [course_line(run) for run in record.get("runs", [])],
            "scratch": [scratch_line(run, names) for run in record.get("scratch", [])],
            "blends": [line for run in record.get("blends", []) for line in blend_lines(run)],
        }
        blocks = {block: table(header, lines[block]) for block, header in headers.items()}
        update_page(RESULT.with_name(page), blocks)
    rows = {row["name"]: row for row in record["ablation"]["rows"]}
    steps = [pictures / 1000 for pictures in rows[FULL]["runs"][0]["pictures"]]
    curves = {name: curve(rows[name]) for name in SHOWN}
    title = "Exact match, case folded"
    plot_curves([Panel(title, "thousand pictures learned from", steps, curves)], CURVES)


def ablation_lines(rows: list[dict[str, Any]], names: Mapping[str, str]) -> list[list[str]]:
    (full,) = (statistics.mean(means(row)) for row in rows if row["name"] == FULL)
    lines = []
    for row in rows:
        of_runs, course = means(row), curve(row)
        mean, half = statistics.mean(of_runs), course[(len(course) - 1) // 2]
        difference = "" if row["name"] == FULL else f"{100 * (mean - full):+.1f}"
        styles = (
            statistics.mean(run["exact_match_folded"][style] for run in row["runs"])
            for style in _STYLES
        )
        spread = " – ".join(map(per_cent, sorted({min(of_runs), max(of_runs)})))
        lines.append(
            [
                *(names.get(row["name"], row["name"]), *map(per_cent, (*styles, mean)), spread),
                *(difference, per_cent(half), f"{row['time']:.2f}"),
            ]
        )
    return lines


def course_line(run: dict[str, Any]) -> list[str]:
    """Exact match after a quarter, a half, three quarters and all of a run, and of the weights it
    kept."""
    figures = run["exact_match_folded"]
    places = [max(1, round(len(figures) * part / 4)) - 1 for part in (1, 2, 3, 4)]
    shown = [per_cent(figures[place]) for place in places]
    kept = per_cent(run["kept"]) if "kept" in run else ""
    pictures, minutes = run["pictures"][-1], run["minutes"][-1]
    settings = [run["set"], run["cpu"], run["height"], run["batch"], f"{run['lr']:.2g}"]
    length = [f"{run['aug']:.0%}", f"{pictures:,}", f"{minutes:.0f}"]
    return [f"`{run['arch']}`", *map(str, settings), *length, *shown, kept]


def scratch_line(run: dict[str, Any], names: Mapping[str, str]) -> list[str]:
    """Exact match at the last evaluation within each of TIMES, as far as the run went."""
    recipe = "plain" if run["plain"] else FULL
    reached = list(zip(run["minutes"], run["exact_match_folded"]))
    shown = []
    for mark in TIMES:
        within = [figure for minutes, figure in reached if minutes <= mark <= reached[-1][0]]
        shown.append(per_cent(within[-1]) if within else "")
    return [
        f"`{run['arch']}`",
        names.get(recipe, recipe),
        str(run["batch"]),
        f"{run['pictures'][-1]:,}",
        *shown,
    ]


def blend_lines(run: dict[str, Any]) -> list[list[str]]:
    """A line a share: exact match of each column, and of all pictures."""
    name = [f"`{run['arch']}`", run["set"], f"{run['pictures']:,}"]
    return [
        [*name, share, *(per_cent(figures[key]) for key in (*COLUMNS, "all"))]
        for share, figures in run["shares"].items()
    ]


def per_cent(share: float) -> str:
    return f"{100 * share:.1f}"
