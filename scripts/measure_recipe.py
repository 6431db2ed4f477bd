"""What each ingredient of the recipe brings: one CRNN, the same pictures, one thing changed.

    python scripts/measure_recipe.py --out DIR
    python scripts/measure_recipe.py --runs RUN RUN    # the course of runs that were shipped
    python scripts/measure_recipe.py --scratch RUN RUN # and of runs from random weights, over time
    python scripts/measure_recipe.py                   # the documents again, from docs/recipe.json

The first draws the three styles (JDK 17) and trains one small network a row. DIR keeps the pictures
and the runs; what is there already is not done again. The second adds the folders of runs by
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
from captcha_ocr.checkpoint import load_checkpoint
from captcha_ocr.config import ImageConfig, TrainConfig
from captcha_ocr.datasets.stores import FolderStore
from captcha_ocr.distributed import pick_device
from captcha_ocr.evaluation import evaluate
from captcha_ocr.finishing import predictor_of
from experiments import trained
from recipe_pages import FULL, RESULT, write_documents
from train_models import Sets, draw_sets

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
TEACHER = "batch of 8 to the end"  # the row that reads best teaches another
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
    "batch of 16, taught": ("始终用批大小 16，加教师", {"batch": 16, "distill_from": TEACHER}),
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


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="measure; pictures and runs go there"
    )
    what = "the rows of the ablation to measure (all); the others keep their figures"
    parser.add_argument("--rows", nargs="+", choices=CHANGES, default=list(CHANGES), help=what)
    parser.add_argument(
        "--runs", type=Path, nargs="+", default=[], metavar="RUN", help="folders of shipped runs"
    )
    parser.add_argument(
        "--scratch",
        type=Path,
        nargs="+",
        default=[],
        metavar="RUN",
        help="folders of runs from random weights",
    )
    args = parser.parse_args()
    record = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() else {}
    if args.out:
        out = args.out.resolve()
        out.mkdir(parents=True, exist_ok=True)
        config = out / "easy.json"
        config.write_text(json.dumps(EASY), encoding="utf-8")
        digits = ["--charset", "0123456789"]
        settings = {"easy": {"config": config}, "ctext": {"options": digits}}
        draw_sets(out, out / "raw", SETS, settings)
        rows = {row["name"]: row for row in record.get("ablation", {"rows": []})["rows"]}
        # Time is told against the recipe's on the same machine, whichever rows are measured.
        measured = {name: measure(name, out) for name in CHANGES if name in (FULL, *args.rows)}
        full = measured[FULL]["time"]
        for name in args.rows:
            rows[name] = {**measured[name], "time": round(measured[name]["time"] / full, 3)}
        record["ablation"] = {
            "date": datetime.date.today().isoformat(),
            "machine": describe_machine(),
            "sets": SETS,
            "rows": [rows[name] for name in CHANGES if name in rows],
        }
    for kind, runs in (("runs", args.runs), ("scratch", args.scratch)):
        known = record.setdefault(kind, [])
        known += [went for run in runs if (went := course(run)) not in known]
    RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    write_documents(record, {name: chinese for name, (chinese, _) in CHANGES.items()})
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
    config = dataclasses.replace(config, **CHANGES[name][1])
    if config.distill_from:
        taught_by = run_of(config.distill_from, out) / "best.safetensors"
        config = dataclasses.replace(config, distill_from=str(taught_by))
    return config


def run_of(name: str, out: Path) -> Path:
    return out / "runs" / name.replace(" ", "-")


def measure(name: str, out: Path) -> dict[str, Any]:
    """One row: exact match of each style, case folded, with the weights that read best, and
    the processor's seconds."""
    started = time.process_time()
    folder = trained(configured(name, out), run_of(name, out))
    seconds_file = folder.path / "processor_seconds.txt"
    if not seconds_file.is_file():
        seconds_file.write_text(f"{time.process_time() - started:.1f}", encoding="utf-8")
    predictor = predictor_of(load_checkpoint(folder.best), pick_device("cpu"))
    styles = evaluate(predictor, FolderStore(out / "dev")).score_by("style")
    history = read_history(folder.path)
    return {
        "name": name,
        "time": float(seconds_file.read_text(encoding="utf-8")),
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


if __name__ == "__main__":  # worker processes import this file again on Windows and macOS
    sys.exit(main())
