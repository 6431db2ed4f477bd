"""Add runs of scripts/train_models.py to docs/recipe.json, and to the documents that show it.

    python scripts/record_runs.py --runs RUN RUN     # how shipped runs went, in their order
    python scripts/record_runs.py --scratch RUN RUN  # and runs from random weights, over time
    python scripts/record_runs.py --blends RUN RUN   # what blends with their first weights read
    python scripts/record_runs.py                    # the documents once more

A RUN is a run's folder, on the machine that trained it. --blends takes runs that were trained
without --blend.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import missing

with missing.in_one_line():
    import yaml
    from blend_weights import SHARES, measure, settings_of
    from captcha_ocr.benchmarking.machine import processor_name
    from captcha_ocr.cli.common import Arguments, command
    from experiments import read_history
    from recipe_pages import read_record, write_record


@command
def main(argv: Arguments = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    for kind in ("runs", "scratch", "blends"):
        parser.add_argument(f"--{kind}", type=Path, nargs="+", default=[], metavar="RUN")
    parser.add_argument("--shares", type=float, nargs="+", default=SHARES, help="of --blends")
    chosen = vars(parser.parse_args(argv))
    mixed = partial(blends, shares=chosen["shares"])
    kinds = {"runs": course, "scratch": course, "blends": mixed}
    record = read_record()
    for kind, describe in kinds.items():
        known = record.setdefault(kind, [])
        for went in map(describe, chosen[kind]):
            if went not in known:
                known.append(went)
    write_record(record)
    return 0


def course(run: Path) -> dict[str, Any]:
    """How a run went: a figure an evaluation. The best of them gave the weights that it kept."""
    history = read_history(run)
    config = yaml.safe_load((run / "args.yaml").read_text(encoding="utf-8"))
    chosen_by = "exact_match_folded" if config.get("fold_case") else "exact_match"
    best = max(history, key=lambda row: (float(row[chosen_by]), -float(row["val_loss"])))
    return {
        "arch": config["arch"],
        "set": set_of(config["train_root"]),
        "cpu": processor_name(),
        "height": config["image"]["height"],
        "batch": config["batch"],
        "lr": config["lr"],
        "aug": float(config["aug"]),
        "plain": not config["aux_weight"],
        "pictures": [int(row["pictures"]) for row in history],
        "minutes": [round(float(row["seconds"]) / 60, 1) for row in history],
        "exact_match_folded": [float(row["exact_match_folded"]) for row in history],
        "kept": float(best["exact_match_folded"]),
    }


def blends(run: Path, shares: Sequence[float]) -> dict[str, Any]:
    """What a run's weights read with shares of those that it began with, on its choosing set."""
    read = {f"{share:g}": figures for share, figures in zip(shares, measure(run, shares))}
    config, pictures = settings_of(run), int(read_history(run)[-1]["pictures"])
    place = set_of(config.train_root)
    return {"arch": config.arch, "set": place, "pictures": pictures, "shares": read}


def set_of(train_root: str) -> str:
    """The folder that train_models.py drew it into."""
    return Path(train_root).parent.name


if __name__ == "__main__":
    sys.exit(main())
