"""What ``last.pt`` holds: all that a resumed run needs to equal an uninterrupted one."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import torch

from captcha_ocr.config import ConfigError
from captcha_ocr.run_folder import Progress

if TYPE_CHECKING:
    from captcha_ocr.training import Run


def snapshot(run: Run) -> dict[str, Any]:
    """Tensors and plain values only, so that it can be read back without running code."""
    return {
        "charset": list(run.data.charset.symbols),
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
    are not those it was taken with."""
    if state["charset"] != list(run.data.charset.symbols):
        raise ConfigError(
            f"the labels in {run.config.train_root} changed since this run began; start a new run "
            "(--init-from takes its weights along)"
        )
    run.objective.load_state_dict(state["objective"])
    run.average.load_state_dict(state["average"])
    run.optimizer.load_state_dict(state["optimizer"])
    run.scaler.load_state_dict(state["scaler"])
    run.progress = Progress(**state["progress"])
    torch.set_rng_state(state["rng"])
    if state["cuda_rng"]:
        torch.cuda.set_rng_state_all(state["cuda_rng"])
