"""What each ingredient of the recipe brings: one CRNN, the same pictures, one thing changed.

    python scripts/measure_recipe.py --out DIR

It draws the three styles (JDK 17) and trains one small network a row and seed. DIR keeps the
pictures and the runs; what is there already is not done again. The rows go to docs/recipe.json,
each with its day and machine, and from there to docs/recipe.md, docs/recipe.zh-CN.md and
assets/recipe.png.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import sys
import time
from pathlib import Path
from typing import Any

import missing

with missing.in_one_line():
    from captcha_ocr.benchmarking.machine import describe_machine
    from captcha_ocr.cli.common import Arguments, command
    from captcha_ocr.config import ImageConfig, TrainConfig
    from captcha_ocr.datasets.stores import FolderStore
    from captcha_ocr.evaluation import evaluate
    from captcha_ocr.runtimes.torch import TorchPredictor
    from experiments import read_history, trained
    from recipe_pages import FULL, read_record, write_record
    from shipped_recipe import Sets
    from train_models import draw_sets

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
SEEDS = (1, 2, 3)  # when a run leaves the plateau of blanks is chance: each row is run so often
TEACHER = "batch of 8 to the end"  # teaches another row
Run = dict[str, Any]
# Row -> what is changed.
CHANGES: dict[str, dict[str, Any]] = {
    FULL: {},
    "no auxiliary head": {"aux_weight": 0.0},
    "batch of 128 from the start": {"batch_start": 128},
    "batch of 16 to the end": {"batch": 16},
    "batch of 16, no auxiliary head": {"batch": 16, "aux_weight": 0.0},
    "batch of 8 to the end": {"batch": 8, "batch_start": 8},
    "batch of 4 to the end": {"batch": 4, "batch_start": 4},
    "batch of 8, short labels first": {"batch": 8, "batch_start": 8, "short_first": True},
    "batch of 8, in colour": {"batch": 8, "batch_start": 8, "image": ImageConfig(channels=3)},
    "batch of 16, taught": {"batch": 16, "distill_from": TEACHER},
    "short labels first": {"short_first": True},
    "all padded to 256 pixels": {"image": ImageConfig(pad_multiple=256)},
    "plain": {"aux_weight": 0.0, "batch_start": 192, "batch": 192, "flat": 0.0, "ema": 0.0},
    "cosine from the start": {"flat": 0.0},
    "weights not averaged": {"ema": 0.0},
    "no augmentation": {"aug": 0.0},
    "learning rate 3e-3": {"lr": 3e-3},
}


@command
def main(argv: Arguments = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    what = "pictures and runs go there"
    parser.add_argument("--out", type=Path, metavar="DIR", required=True, help=what)
    what = "the rows to measure (all); the others keep their figures"
    parser.add_argument("--rows", nargs="+", choices=CHANGES, default=list(CHANGES), help=what)
    what = f"each row's runs ({' '.join(map(str, SEEDS))})"
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, metavar="SEED", help=what)
    args = parser.parse_args(argv)
    out = args.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    config = out / "easy.json"
    config.write_text(json.dumps(EASY), encoding="utf-8")
    settings = {"easy": {"config": config}, "ctext": {"options": ["--charset", "0123456789"]}}
    draw_sets(out, out / "raw", SETS, settings)
    # Time is told against the recipe's on the same machine, whichever rows are measured.
    wanted = {FULL, *args.rows}
    wanted |= {CHANGES[name].get("distill_from", FULL) for name in args.rows}  # teachers
    # Seed by seed: what is cut off ends as a table of fewer seeds, by the same command with these.
    runs = {
        (name, seed): measure(name, seed, out)
        for seed in args.seeds
        for name in CHANGES
        if name in wanted
    }
    measured = {name: [runs[name, seed] for seed in args.seeds] for name in wanted}
    record = read_record()  # now: hours have passed, and other commands write there too
    rows = {row["name"]: row for row in record.get("ablation", {"rows": []})["rows"]}
    rows.update((name, row_of(name, measured[name], measured[FULL])) for name in args.rows)
    kept = [rows[name] for name in CHANGES if name in rows]
    write_record({**record, "ablation": {"sets": SETS, "rows": kept}})
    tell_machines(kept)
    return 0


def tell_machines(rows: list[dict[str, Any]]) -> None:
    """The table shows none; where there are several, the text around it has to say so."""
    found = sorted({row["machine"] for row in rows})
    if len(found) > 1:
        print(f"note: docs/recipe.json has rows of {len(found)} machines: {'; '.join(found)}")


def row_of(name: str, runs: list[Run], full: list[Run]) -> dict[str, Any]:
    """A row of these runs, of a seed each, with their time against that of the whole recipe."""
    machines = {run["machine"] for run in (*runs, *full)}
    if len(machines) > 1:
        sys.exit(
            f"error: runs of {name} and of {FULL} are of several machines, whose times do not "
            f"compare: {'; '.join(sorted(machines))}; remove those of one"
        )
    took, whole = (sum(run["seconds"] for run in each) for each in (runs, full))
    shown = ("seed", "exact_match_folded", "pictures", "curve")
    return {
        "name": name,
        "time": round(took / whole, 3),
        "date": max(run["date"] for run in runs),
        "machine": machines.pop(),
        "runs": [{key: run[key] for key in shown} for run in runs],
    }


def configured(name: str, seed: int, out: Path) -> TrainConfig:
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
        aug=1.0,
        eval_every=4_000,
        seed=seed,
    )
    config = dataclasses.replace(config, **CHANGES[name])
    if config.distill_from:
        taught_by = run_of(config.distill_from, seed, out) / "best.safetensors"
        config = dataclasses.replace(config, distill_from=str(taught_by))
    return config


def run_of(name: str, seed: int, out: Path) -> Path:
    return out / "runs" / f"{name.replace(' ', '-')}-{seed}"


def measure(name: str, seed: int, out: Path) -> Run:
    """One run of a row: exact match of each style, case folded, with the weights that read best,
    and the processor's seconds, when and where that was."""
    there, started = run_of(name, seed, out).is_dir(), time.process_time()
    folder = trained(configured(name, seed, out), run_of(name, seed, out))
    measured_file = folder.path / "measured.json"
    if not measured_file.is_file():
        if there:
            sys.exit(f"error: {folder.path} ended before its time was written; remove it")
        measured = {
            "seconds": round(time.process_time() - started, 1),
            "date": datetime.date.today().isoformat(),
            "machine": describe_machine(),
        }
        measured_file.write_text(json.dumps(measured), encoding="utf-8")
    predictor = TorchPredictor.load(folder.best, "cpu")
    styles = evaluate(predictor, FolderStore(out / "dev")).score_by("style")
    history = read_history(folder.path)
    return {
        "seed": seed,
        **json.loads(measured_file.read_text(encoding="utf-8")),
        "exact_match_folded": {str(key): score.exact_match_folded for key, score in styles.items()},
        "pictures": [int(row["pictures"]) for row in history],
        "curve": [float(row["exact_match_folded"]) for row in history],
    }


if __name__ == "__main__":  # worker processes import this file again on Windows and macOS
    sys.exit(main())
