"""Trained once, kept: runs that a measurement compares."""

from __future__ import annotations

import csv
from pathlib import Path

from captcha_ocr.config import TrainConfig, TrainingError
from captcha_ocr.training.loop import fit
from captcha_ocr.training.run_folder import RunFolder


def trained(config: TrainConfig, done: Path) -> RunFolder:
    """The run folder ``done``, trained now if it is not there; one that was cut off is left out."""
    if not done.is_dir():
        folder = RunFolder.create(done.parent / "unfinished", done.name)
        try:
            stop = fit(config, folder)
        finally:
            folder.close()  # a terminal shows one bar at a time
        if stop.unfinished:
            raise TrainingError(f"{done.name} was not trained to its end: {stop}")
        folder.path.rename(done)
    return RunFolder(done)


def read_history(run: Path) -> list[dict[str, str]]:
    """A row an evaluation, of a run's folder."""
    with (run / "metrics.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
