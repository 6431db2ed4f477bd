"""After the last step: calibrate, measure, export, and draw what a learner looks at."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch

from captcha_ocr import plots
from captcha_ocr.calibration import expected_calibration_error, fit_temperature, reliability_bins
from captcha_ocr.checkpoint import Checkpoint, load_checkpoint, load_state, save_checkpoint
from captcha_ocr.config import TrainConfig
from captcha_ocr.datasets.ocr import OCRDataset, collate
from captcha_ocr.datasets.prepare import prepare_data
from captcha_ocr.datasets.stores import Store, spread
from captcha_ocr.device import pick_device
from captcha_ocr.evaluation import Evaluation, evaluate
from captcha_ocr.exporting.onnx import export_onnx, round_to_half
from captcha_ocr.imaging import preprocess
from captcha_ocr.report import count_confusions, is_right
from captcha_ocr.runtimes.torch import TorchPredictor
from captcha_ocr.training.run_folder import RunFolder

CALIBRATION_PICTURES = 2000
CALIBRATION_LOGITS = 1 << 28  # at most, all held at once: 1 GB


@dataclasses.dataclass(frozen=True)
class Finished:
    selection: Evaluation  # on the set that chose the weights
    report: Evaluation | None  # on the test set, when one was named
    onnx: Path


def finish(config: TrainConfig, folder: RunFolder) -> Finished:
    """Turn a run's best weights into a model to use; all files stay in the run's folder."""
    checkpoint = round_to_half(load_checkpoint(folder.best))
    data = prepare_data(dataclasses.replace(config, cache=False), checkpoint.charset)
    device = pick_device(config.device)
    checkpoint = calibrate(checkpoint, data.selection, device)
    predictor = TorchPredictor(checkpoint, device)
    selection = evaluate(predictor, data.selection)
    report = evaluate(predictor, data.report) if data.report else None
    figures = {"selection": summary(selection)}
    if report is not None:
        figures["test"] = summary(report)
    checkpoint = dataclasses.replace(checkpoint, metrics={**checkpoint.metrics, **figures})
    save_checkpoint(folder.best, checkpoint)
    onnx = export_onnx(checkpoint, folder.path)
    draw(config, folder, data.train, report or selection)
    return Finished(selection, report, onnx)


def calibrate(checkpoint: Checkpoint, store: Store, device: torch.device) -> Checkpoint:
    """The checkpoint with the temperature at which confidences fit the pictures of ``store``."""
    predictor = TorchPredictor(checkpoint, device)
    fitting = CALIBRATION_LOGITS // predictor.info.most_logits
    part = spread(store, max(1, min(CALIBRATION_PICTURES, fitting)))
    arrays = [preprocess(part.open(i), checkpoint.image) for i in range(len(part))]
    evaluation = evaluate(predictor, part)  # texts are the same at any temperature
    temperature = fit_temperature(
        predictor.logits(arrays), evaluation.texts, evaluation.targets, checkpoint.charset
    )
    return dataclasses.replace(checkpoint, temperature=temperature)


def summary(evaluation: Evaluation) -> dict[str, Any]:
    """The figures a checkpoint carries about one set."""
    score = evaluation.score()
    return {
        "n": score.n,
        "exact_match": score.exact_match,
        "exact_match_folded": score.exact_match_folded,
        "cer": score.cer,
        "ece": expected_calibration_error(evaluation.confidences, is_right(evaluation)),
    }


def draw(config: TrainConfig, folder: RunFolder, train: OCRDataset, evaluation: Evaluation) -> None:
    """The run's pictures."""
    history, path = load_state(folder.last)["progress"]["history"], folder.path
    plots.plot_history(history, path / "results.png", fold_case=config.fold_case)
    plots.plot_confusions(count_confusions(evaluation), path / "confusion.png")
    plots.plot_worst(evaluation, path / "worst.png")
    plots.plot_labels(train.texts, path / "labels.png")
    bins = reliability_bins(evaluation.confidences, is_right(evaluation))
    plots.plot_reliability(bins, path / "reliability.png")
    first = train.widths[0]
    alike = [i for i, width in enumerate(train.widths) if width == first][:24]
    batch = collate([train[(i, 0)] for i in alike])
    texts = [train.texts[i] for i in batch.indices]
    plots.plot_batch(np.asarray(batch.images), texts, path / "batch.png")
