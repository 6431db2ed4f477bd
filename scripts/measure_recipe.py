"""What each ingredient of the recipe brings: one CRNN, the same pictures, one thing changed.

    python scripts/measure_recipe.py --out DIR
    python scripts/measure_recipe.py --runs RUN RUN    # the course of runs that were shipped
    python scripts/measure_recipe.py --scratch RUN RUN # and of runs from random weights, over time
    python scripts/measure_recipe.py                   # the documents again, from docs/recipe.json

The first draws the three styles (JDK 17) and trains one small network a row. DIR keeps the pictures
and the runs; what is there already is not done again. The second takes the folders of runs by
scripts/train_models.py, in the order in which they were trained; the third those of runs that had
the same time, as docs/recipe.md gives the commands. All write docs/recipe.json, the
tables of docs/recipe.md and docs/recipe.zh-CN.md, and assets/recipe.png.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import datetime
import json
import sys
import time
from pathlib import Path
from typing import Any

import yaml
from captcha_ocr.benchmarking.machine import describe_machine
from captcha_ocr.benchmarking.pages import table, update_page
from captcha_ocr.checkpoint import load_checkpoint
from captcha_ocr.config import ImageConfig, TrainConfig
from captcha_ocr.datasets.stores import FolderStore
from captcha_ocr.datasets.styles import STYLES
from captcha_ocr.distributed import pick_device
from captcha_ocr.evaluation import evaluate
from captcha_ocr.finishing import predictor_of
from captcha_ocr.plots import Panel, plot_curves
from experiments import trained
from generators import REPOSITORY
from train_models import Sets, draw_sets

RESULT = REPOSITORY / "docs" / "recipe.json"
CURVES = REPOSITORY / "assets" / "recipe.png"
TIMES = (5, 10, 15, 20, 25, 30)  # minutes, of runs from random weights
SETS: Sets = {  # no other set has these seeds
    "train": {"easy": (8_000, 401), "ctext": (8_000, 402), "ruoyi": (4_000, 403)},
    "dev": {"easy": (600, 501), "ctext": (600, 502), "ruoyi": (600, 503)},
}
# Digits and sums only: with all characters, so few pictures teach a small network little.
EASY = {
    "type_mix": {"spec_num": 1, "arith": 1},
    "sizes": {"160x60": 4, "180x64": 2, "120x40": 1, "96x32": 1},
    "default": {"len": {"4": 2, "5": 1}, "arith_len": {"2": 1}, "fonts": "builtin"},
}
FULL = "recipe"
SHOWN = (FULL, "no auxiliary head", "batch of 128 from the start", "plain")  # as curves
# What is changed, in both languages, and how.
CHANGES: dict[str, tuple[str, dict[str, Any]]] = {
    FULL: ("完整配方", {}),
    "no auxiliary head": ("去掉辅助头", {"aux_weight": 0.0}),
    "batch of 128 from the start": ("一开始就用批大小 128", {"batch_start": 128}),
    "batch of 16 to the end": ("始终用批大小 16", {"batch": 16}),
    "batch of 16, no auxiliary head": (
        "始终用批大小 16，去掉辅助头",
        {"batch": 16, "aux_weight": 0.0},
    ),
    "batch of 8 to the end": ("始终用批大小 8", {"batch": 8, "batch_start": 8}),
    "short labels first": ("先短后长", {"short_first": True}),
    "all padded to 256 columns": ("全部补齐到 256 列", {"image": ImageConfig(pad_multiple=256)}),
    "plain": (
        "朴素配方",
        {"aux_weight": 0.0, "batch_start": 192, "batch": 192, "flat": 0.0, "ema": 0.0},
    ),
    "cosine from the start": ("一开始就余弦下降", {"flat": 0.0}),
    "weights not averaged": ("不做权重平均", {"ema": 0.0}),
    "no augmentation": ("不做增强", {"aug": False}),
    "learning rate 3e-3": ("学习率 3e-3", {"lr": 3e-3}),
}


_STYLES = tuple(STYLES)
PAGES = {  # page -> block -> header
    "recipe.md": {
        "ablation": ("changed", *_STYLES, "mean", "against the recipe", "half-way", "time"),
        "runs": ("run", "height", "batch", "pictures", "minutes", "1/4", "1/2", "3/4", "end"),
        "scratch": ("run", "recipe", "batch", "pictures", *(f"{m} min" for m in TIMES)),
    },
    "recipe.zh-CN.md": {
        "ablation": ("改动", *_STYLES, "平均", "与配方之差", "中途", "时间"),
        "runs": ("训练", "高度", "批大小", "图片数", "分钟", "1/4", "1/2", "3/4", "结束"),
        "scratch": ("训练", "配方", "批大小", "图片数", *(f"{m} 分钟" for m in TIMES)),
    },
}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="measure; pictures and runs go there"
    )
    parser.add_argument(
        "--runs", type=Path, nargs="+", metavar="RUN", help="folders of shipped runs"
    )
    parser.add_argument(
        "--scratch", type=Path, nargs="+", metavar="RUN", help="folders of runs from random weights"
    )
    args = parser.parse_args()
    record = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() else {}
    if args.out:
        out = args.out.resolve()
        out.mkdir(parents=True, exist_ok=True)
        config = out / "easy.json"
        config.write_text(json.dumps(EASY), encoding="utf-8")
        digits = ["--charset", "0123456789"]
        draw_sets(out, SETS, {"easy": {"config": config}, "ctext": {"options": digits}})
        record["ablation"] = {
            "date": datetime.date.today().isoformat(),
            "machine": describe_machine(),
            "sets": SETS,
            "rows": [measure(name, out) for name in CHANGES],
        }
    if args.runs:
        record["runs"] = [course(run) for run in args.runs]
    if args.scratch:
        record["scratch"] = [course(run) for run in args.scratch]
    RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    write_documents(record)
    return 0


def configured(name: str, out: Path) -> TrainConfig:
    config = TrainConfig(
        arch="vanilla_crnn",
        train_root=str(out / "train"),
        val_root=str(out / "dev"),
        select_on="val",
        model={"width": 0.25},
        epochs=2,
        batch=128,
        batch_start=16,
        grow_steps=250,
        aug=True,
        eval_every=4_000,
        seed=1,
    )
    return dataclasses.replace(config, **CHANGES[name][1])


def measure(name: str, out: Path) -> dict[str, Any]:
    """One row: exact match of each style, case folded, with the weights that read best."""
    started = time.process_time()
    folder = trained(configured(name, out), out / "runs" / name.replace(" ", "-"))
    seconds_file = folder.path / "processor_seconds.txt"
    if not seconds_file.is_file():
        seconds_file.write_text(f"{time.process_time() - started:.1f}", encoding="utf-8")
    predictor = predictor_of(load_checkpoint(folder.best), pick_device("cpu"))
    styles = evaluate(predictor, FolderStore(out / "dev")).score_by("style")
    history = read_history(folder.path)
    return {
        "name": name,
        "processor_seconds": float(seconds_file.read_text(encoding="utf-8")),
        "exact_match_folded": {str(key): score.exact_match_folded for key, score in styles.items()},
        "pictures": [int(row["pictures"]) for row in history],
        "curve": [float(row["exact_match_folded"]) for row in history],
    }


def read_history(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def course(run: Path) -> dict[str, Any]:
    """How a run of scripts/train_models.py went: a figure an evaluation."""
    history = read_history(run)
    config = yaml.safe_load((run / "args.yaml").read_text(encoding="utf-8"))
    return {
        "arch": config["arch"],
        "height": config["image"]["height"],
        "batch": config["batch"],
        "plain": not config["aux_weight"],
        "pictures": [int(row["pictures"]) for row in history],
        "minutes": [round(float(row["seconds"]) / 60, 1) for row in history],
        "exact_match_folded": [float(row["exact_match_folded"]) for row in history],
    }


def mean(row: dict[str, Any]) -> float:
    return sum(row["exact_match_folded"].values()) / len(row["exact_match_folded"])


def write_documents(record: dict[str, Any]) -> None:
    for page, words in PAGES.items():
        blocks = {
            "ablation": table(words["ablation"], ablation_lines(record["ablation"]["rows"], page)),
            "runs": table(words["runs"], [course_line(run) for run in record.get("runs", [])]),
            "scratch": table(
                words["scratch"], [scratch_line(run, page) for run in record.get("scratch", [])]
            ),
        }
        update_page(RESULT.with_name(page), blocks)
    rows = {row["name"]: row for row in record["ablation"]["rows"]}
    steps = [pictures / 1000 for pictures in rows[FULL]["pictures"]]
    curves = {name: rows[name]["curve"] for name in SHOWN}
    title = "Exact match, case folded"
    plot_curves([Panel(title, "thousand pictures learned from", steps, curves)], CURVES)


def ablation_lines(rows: list[dict[str, Any]], page: str) -> list[list[str]]:
    (full,) = (row for row in rows if row["name"] == FULL)
    lines = []
    for row in rows:
        name = row["name"] if page == "recipe.md" else CHANGES[row["name"]][0]
        styles = [per_cent(row["exact_match_folded"][style]) for style in STYLES]
        difference = "" if row is full else f"{100 * (mean(row) - mean(full)):+.1f}"
        half = row["curve"][(len(row["curve"]) - 1) // 2]
        time = f"{row['processor_seconds'] / full['processor_seconds']:.2f}"
        lines.append([name, *styles, per_cent(mean(row)), difference, per_cent(half), time])
    return lines


def course_line(run: dict[str, Any]) -> list[str]:
    """Exact match after a quarter, a half, three quarters and all of a run."""
    figures = run["exact_match_folded"]
    places = [max(1, round(len(figures) * part / 4)) - 1 for part in (1, 2, 3, 4)]
    shown = [per_cent(figures[place]) for place in places]
    pictures, minutes = run["pictures"][-1], run["minutes"][-1]
    sizes = [str(run["height"]), str(run["batch"]), f"{pictures:,}", f"{minutes:.0f}"]
    return [f"`{run['arch']}`", *sizes, *shown]


def scratch_line(run: dict[str, Any], page: str) -> list[str]:
    """Exact match at the last evaluation within each of TIMES, as far as the run went."""
    name = "plain" if run["plain"] else FULL
    reached = list(zip(run["minutes"], run["exact_match_folded"]))
    shown = []
    for mark in TIMES:
        within = [figure for minutes, figure in reached if minutes <= mark <= reached[-1][0]]
        shown.append(per_cent(within[-1]) if within else "")
    recipe = name if page == "recipe.md" else CHANGES[name][0]
    return [f"`{run['arch']}`", recipe, str(run["batch"]), f"{run['pictures'][-1]:,}", *shown]


def per_cent(share: float) -> str:
    return f"{100 * share:.1f}"


if __name__ == "__main__":  # worker processes import this file again on Windows and macOS
    sys.exit(main())
