"""What ``last.pt`` holds: all that a resumed run needs to equal an uninterrupted one."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from captcha_ocr.checkpoint import load_checkpoint, load_state
from captcha_ocr.config import ConfigError, TrainConfig
from captcha_ocr.datasets.prepare import RunData
from captcha_ocr.files import file_sha256
from captcha_ocr.model_info import ModelError
from captcha_ocr.training.run_folder import Progress

if TYPE_CHECKING:
    from captcha_ocr.training.loop import Run


PARTS = {"charset", "labels", "teacher", "progress", "rng", "cuda_rng"}
PARTS |= {"objective", "average", "optimizer", "scaler"}
NOT_OURS = "{} is no state of a run of this version; resume it with its own"


def read(path: Path) -> dict[str, Any]:
    """What `snapshot` gave. Raises ModelError for a file that holds anything else."""
    state = load_state(path)
    if not isinstance(state, dict) or set(state) | {"teacher"} != PARTS:
        raise ModelError(NOT_OURS.format(path))
    return state


def snapshot(run: Run) -> dict[str, Any]:
    """Tensors and plain values only, so that it can be read back without running code."""
    return {
        "charset": list(run.data.charset.symbols),
        **run.digests,
        "objective": run.objective.state_dict(),
        "average": run.average.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "scaler": run.scaler.state_dict(),
        "progress": dataclasses.asdict(run.progress),
        "rng": torch.get_rng_state(),
        "cuda_rng": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def restore(run: Run, state: dict[str, Any]) -> None:
    """Put a freshly built run where the snapshot was taken. Raises ConfigError when the labels
    or the teacher are not those it was taken with, ModelError when its model has other sizes."""
    config = run.config
    roots = " or ".join(filter(None, (config.train_root, config.val_root)))
    named = {"labels": f"the labels in {roots}", "teacher": f"the teacher {config.distill_from}"}
    for key, digest in run.digests.items():
        if state.get(key, digest) != digest:  # before 2026-12-01 a state did not know the teacher
            raise ConfigError(
                f"{named[key]} changed since this run began; start a new run "
                "(--init-from takes its weights along)"
            )
    try:
        run.progress = Progress(**state["progress"])
        run.objective.load_state_dict(state["objective"])
    except (TypeError, RuntimeError):  # other fields; weights of other names and sizes
        raise ModelError(NOT_OURS.format(run.folder.last)) from None
    run.average.load_state_dict(state["average"])
    run.optimizer.load_state_dict(state["optimizer"])
    run.scaler.load_state_dict(state["scaler"])
    torch.set_rng_state(state["rng"])
    # A run may go on where there are fewer devices, or none.
    torch.cuda.set_rng_state_all(state["cuda_rng"][: torch.cuda.device_count()])
    if run.world.is_main and run.progress.history:  # a run ends in them, if none better come
        load_checkpoint(run.folder.aside if run.folder.aside.exists() else run.folder.best)


def digests(config: TrainConfig, data: RunData) -> dict[str, str]:
    """Of what a run may not go on without: its labels, and its teacher, if it has one."""
    teacher = file_sha256(Path(config.distill_from)) if config.distill_from else ""
    return {"labels": _digest(data), "teacher": teacher}


def _digest(data: RunData) -> str:
    """Of what is learned from and of what chooses the weights. One picture more would be another
    order and another split: pictures that were learned from would choose the weights."""
    found = hashlib.sha256()
    for store in (data.train.store, data.selection):
        for label in store.labels:
            found.update(f"{label.file}\t{label.text}\n".encode())
        found.update(b"\n")
    return found.hexdigest()
