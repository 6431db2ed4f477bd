"""A run's folder and its voice: args.yaml, metrics.csv, best and last weights; progress lines."""

from __future__ import annotations

import csv
import dataclasses
import math
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import yaml

from captcha_ocr.checkpoint import Checkpoint, save_checkpoint
from captcha_ocr.config import ConfigError, TrainConfig
from captcha_ocr.files import atomic_write, lock, unlock, write_bytes

LOCK = ".lock"  # in the folder, while a command trains in it
PLAIN_SECONDS = 15.0  # between two progress lines without a terminal


@dataclass
class Progress:
    """Where a run stands: everything besides tensors that a resumed run has to know."""

    epoch: int = 0
    batch: int = 0  # batches of this epoch that are done
    first_step: int = 0  # global step at which this epoch began
    step: int = 0  # optimizer steps done
    pictures: int = 0  # pictures learned from
    seconds: float = 0.0  # spent, over all commands that went on with the run
    evaluations: int = 0
    best_exact_match: float = -1.0  # of the best weights, on the selection set
    best_loss: float = math.inf
    since_best: int = 0  # evaluations since then
    loss_sum: float = 0.0  # since the last evaluation
    loss_count: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)  # a row an evaluation

    def is_best(self, exact_match: float, loss: float) -> bool:
        """Note an evaluation; whether it is the best so far (equal exact match: by loss)."""
        better = (exact_match, -loss) > (self.best_exact_match, -self.best_loss)
        if better:
            self.best_exact_match, self.best_loss = exact_match, loss
        self.since_best = 0 if better else self.since_best + 1
        return better


class RunFolder:
    """``<out>/<arch>``, ``<out>/<arch>-2`` and so on."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.best = self.path / "best.safetensors"
        self.aside = self.path / "best.aside"
        self.last = self.path / "last.pt"
        self.args = self.path / "args.yaml"
        self.metrics = self.path / "metrics.csv"
        self.quiet = False  # set where another process writes and talks
        self._bar: Any = None
        self._board: Any = None
        self._lock: BinaryIO | None = None
        self._shown = self._since = 0.0  # when a line was shown, when a speed was begun
        self._pictures = 0  # at self._since

    @classmethod
    def create(cls, out: Path, arch: str) -> RunFolder:
        """A new folder for a run; one that exists is never written over."""
        number = 1
        # Here, where a file in its place is an error; below it is but a name that is taken.
        Path(out).mkdir(parents=True, exist_ok=True)
        while True:
            path = Path(out) / (arch if number == 1 else f"{arch}-{number}")
            try:
                path.mkdir()
                return cls(path)
            except FileExistsError:
                number += 1

    @classmethod
    def find(cls, out: Path, arch: str) -> RunFolder | None:
        """The newest run of an architecture that can go on, if there is one."""
        runs = [*Path(out).glob(f"{arch}/last.pt"), *Path(out).glob(f"{arch}-*/last.pt")]
        return cls(max(runs, key=lambda file: file.stat().st_mtime).parent) if runs else None

    def claim(self) -> None:
        """Keep other commands out until ``close``. Raises ConfigError where one is at work: of two
        that go on with one run each would write over what the other learns."""
        file = (self.path / LOCK).open("ab")
        try:
            lock(file)
        except BlockingIOError:
            file.close()
            raise ConfigError(
                f"another command is training in {self.path}; wait until it ends, or start a run "
                "of its own without --resume"
            ) from None
        except OSError:
            pass  # some file systems of networks have no locks, and a run needs none
        self._lock = file

    def say(self, text: str) -> None:
        if self.quiet:
            return
        if self._bar is not None:
            self._bar.console.print(text, highlight=False, markup=False)
        else:
            print(text, flush=True)

    def save_best(self, checkpoint: Checkpoint) -> None:
        self._remove_model(checkpoint.arch)
        save_checkpoint(self.best, checkpoint)

    def set_best_aside(self) -> None:
        """The best that ``last.pt`` knows of: a run that is stopped is evaluated once more, which
        it would not be if it went on, and that may replace it."""
        if not self.quiet and self.best.is_file():
            write_bytes(self.aside, self.best.read_bytes())

    def _bring_best_back(self, arch: str) -> None:
        if self.aside.is_file():
            self._remove_model(arch)
            self.aside.replace(self.best)

    def _remove_model(self, arch: str) -> None:
        """One that was made of the best before would be taken for the weights that come."""
        for suffix in (".json", ".onnx"):
            (self.path / f"{arch}{suffix}").unlink(missing_ok=True)

    def on_start(self, config: TrainConfig, done: Progress) -> None:
        """Write args.yaml and open the progress display."""
        self._pictures = done.pictures
        self._shown = self._since = time.monotonic()
        if self.quiet:
            return
        if config.tensorboard:  # first: where it is not installed, no run begins
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(self.path))
        for partial in self.path.glob(".*.part"):  # what a killed process had half written
            partial.unlink()
        self._bring_best_back(config.arch)
        with atomic_write(self.args) as file:
            yaml.safe_dump(dataclasses.asdict(config), file, sort_keys=False, allow_unicode=True)
        if sys.stdout.isatty():
            from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                BarColumn(),
                TextColumn("{task.percentage:3.0f}%"),
                TimeRemainingColumn(),
                TextColumn("{task.description}"),
            )
            self._bar.start()
            self._bar.add_task("", total=None)

    def on_step(self, progress: Progress, total: int, rate: float) -> None:
        """Show where training stands: a bar on a terminal, else a line now and then."""
        now = time.monotonic()
        if self.quiet or now - self._shown < (0.5 if self._bar else PLAIN_SECONDS):
            return
        speed = (progress.pictures - self._pictures) / (now - self._since)
        loss = progress.loss_sum / max(1, progress.loss_count)
        text = f"loss {loss:.3f}  lr {rate:.1e}  {speed:.0f} pictures/s"
        if self._bar is not None:
            self._bar.update(
                self._bar.task_ids[0], completed=progress.pictures, total=total, description=text
            )
        else:
            left = (total - progress.pictures) / max(speed, 1e-9)
            self.say(
                f"epoch {progress.epoch + 1}  step {progress.step:,}  "
                f"{progress.pictures:,} of {total:,} pictures  {text}  ETA {clock(left)}"
            )
        if now - self._since > 60 or self._bar is None:  # a speed of now, not of the whole run
            self._since, self._pictures = now, progress.pictures
        self._shown = now

    def on_evaluation(self, row: dict[str, Any], history: list[dict[str, Any]], best: bool) -> None:
        """Write metrics.csv and say how well the averaged weights read."""
        try:
            with atomic_write(self.metrics) as file:
                writer = csv.DictWriter(file, fieldnames=list(row), lineterminator="\n")
                writer.writeheader()
                writer.writerows(history)
        except PermissionError:  # Excel lets nobody write a file that it shows
            self.say(f"{self.metrics} is open elsewhere; it is written after the next evaluation")
        if self._board is not None:
            for name, value in row.items():
                self._board.add_scalar(name, value, row["pictures"])
            self._board.flush()
        self.say(
            f"after {row['pictures']:,} pictures and {clock(row['seconds'])}: "
            f"exact match {row['exact_match']:.2%} (case folded {row['exact_match_folded']:.2%}), "
            f"CER {row['cer']:.2%}, loss {row['train_loss']:.3f} / {row['val_loss']:.3f}"
            + ("  best so far" if best else "")
        )
        self._shown = self._since = time.monotonic()
        self._pictures = row["pictures"]

    def close(self) -> None:
        """Give the terminal back, and the name of a folder in which nothing was begun."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        if self._board is not None:
            self._board.close()
        if self._lock is not None:
            unlock(self._lock, self.path / LOCK)
            self._lock = None
        if not any(self.path.iterdir()):
            self.path.rmdir()


def clock(seconds: float) -> str:
    """``75`` as ``1 min 15 s``; hours from sixty minutes on."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
