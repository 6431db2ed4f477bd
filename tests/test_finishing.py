"""What a run keeps, and what is measured on which set when it ends."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from captcha_ocr.checkpoint import Checkpoint, load_checkpoint, load_state
from captcha_ocr.config import TrainConfig
from captcha_ocr.datasets.stores import FolderStore, Store
from captcha_ocr.decoding import greedy, log_softmax
from captcha_ocr.evaluation import Evaluation, evaluate
from captcha_ocr.predictor import Predictor
from captcha_ocr.runtimes.torch import TorchPredictor
from captcha_ocr.training import finishing
from captcha_ocr.training.loop import fit
from captcha_ocr.training.run_folder import RunFolder
from drawing import write_sample_set
from small_models import small_checkpoint
from small_run import config_for


def run_with_a_test_set(sample_set: Path, folder: Path) -> tuple[TrainConfig, RunFolder]:
    """Of one step; the test set is in ``folder`` too."""
    test_root = write_sample_set(folder / "test", 10, seed=1)
    config, run = (
        config_for(sample_set, val_root=str(test_root), max_minutes=1e-6),
        RunFolder(folder),
    )
    fit(config, run)
    return config, run


def test_the_average_is_kept_and_each_set_has_its_use(
    sample_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A split chooses and calibrates; the test set is measured and decides nothing."""
    config, folder = run_with_a_test_set(sample_set, tmp_path)
    kept, last = load_checkpoint(folder.best).state, load_state(folder.last)
    assert all(torch.equal(kept[name], value) for name, value in last["average"]["state"].items())
    weights = "cnn.0.weight"
    assert not torch.equal(kept[weights], last["objective"][f"model.{weights}"])

    calibrated: list[Store] = []

    def note(checkpoint: Checkpoint, store: Store, _: torch.device) -> Checkpoint:
        calibrated.append(store)
        return dataclasses.replace(checkpoint, temperature=1.7)

    monkeypatch.setattr(finishing, "calibrate", note)
    monkeypatch.setattr(finishing, "export_onnx", lambda checkpoint, path: path)
    monkeypatch.setattr(finishing, "draw", lambda *_: None)
    done = finishing.finish(config, folder)
    final = load_checkpoint(folder.best)
    assert final.temperature == 1.7
    assert [len(store) for store in calibrated] == [5]
    assert len(done.selection.readings) == final.metrics["selection"]["n"] == 5
    assert final.metrics["test"]["n"] == 10
    assert torch.equal(final.state[weights], kept[weights].half().float())  # as it is exported
    # What is measured is the model with the temperature that it got.
    again = evaluate(TorchPredictor(final, torch.device("cpu")), calibrated[0])
    np.testing.assert_allclose(done.selection.confidences, again.confidences, rtol=1e-3)


def test_the_temperature_is_fitted_to_fewer_pictures_where_there_are_many_symbols(
    sample_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The logits of all of them are held at once."""
    held: list[int] = []

    def note(predictor: Predictor, store: Store) -> Evaluation:
        held.append(len(store))
        return evaluate(predictor, store)

    monkeypatch.setattr(finishing, "evaluate", note)
    store, checkpoint = FolderStore(sample_set), small_checkpoint("vanilla_crnn")
    for allowed in (finishing.CALIBRATION_LOGITS, 1):
        monkeypatch.setattr(finishing, "CALIBRATION_LOGITS", allowed)
        finishing.calibrate(checkpoint, store, torch.device("cpu"))
    assert held == [24, 1]


def test_the_temperature_fits_what_was_read_to_what_is_drawn(
    sample_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []

    def note(*fitted: Any) -> float:
        given.extend(fitted)
        return 2.5

    monkeypatch.setattr(finishing, "fit_temperature", note)
    store, checkpoint = FolderStore(sample_set), small_checkpoint("vanilla_crnn")
    assert finishing.calibrate(checkpoint, store, torch.device("cpu")).temperature == 2.5
    logits, texts, targets, charset = given
    assert (targets, charset) == ([label.text for label in store.labels], checkpoint.charset)
    assert texts == [greedy(log_softmax(picture), charset).text for picture in logits] != targets
    # As the model gives them, whatever temperature the checkpoint has already.
    predictor = TorchPredictor(checkpoint, torch.device("cpu"))
    assert predictor.info.temperature != 1
    raw = predictor.logits([predictor.prepare(store.read(5)).array])[0]
    np.testing.assert_allclose(logits[5], raw, atol=1e-4)


def test_figures_of_a_run_stand_beside_what_it_learned_from(
    sample_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the drawings show the test set, where there is one."""
    config, folder = run_with_a_test_set(sample_set, tmp_path)
    seen = load_checkpoint(folder.best).metrics["pictures_seen"]
    drawn = []
    monkeypatch.setattr(finishing, "export_onnx", lambda checkpoint, path: path)
    monkeypatch.setattr(finishing, "draw", lambda *given: drawn.append(given[-1]))
    done = finishing.finish(config, folder)
    metrics = load_checkpoint(folder.best).metrics
    assert set(metrics) == {"pictures_seen", "selection", "test"}
    assert metrics["pictures_seen"] == seen
    assert drawn == [done.report]
