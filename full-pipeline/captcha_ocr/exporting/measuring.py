"""How well exported models agree with torch, and how long they take."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from captcha_ocr.datasets.stores import Store
from captcha_ocr.decoding import greedy_batch, log_softmax
from captcha_ocr.imaging import padded_width, preprocess
from captcha_ocr.model_info import ModelError, ModelInfo
from captcha_ocr.models import CTCRecognizer
from captcha_ocr.predictor import Predictor

WIDTHS = (64, 96, 128, 256)  # pixels at HEIGHT, where the usual sizes have 88 to 128
HEIGHT = 32  # pixels; models of all heights read the same pictures
# Largest difference of a logit that a float32 file may show, and how much more for each unit of the
# largest logit: torch's own float32, in batches, has been seen 8e-4 away from float64 where logits
# go to 24.
TOLERANCE, RELATIVE_TOLERANCE = 1e-3, 1e-4
CHUNK = 256  # pictures held at a time
REPEATS = 30


def allowed(largest_logit: float) -> float:
    """How far a logit of a float32 file may be from torch's."""
    return TOLERANCE + RELATIVE_TOLERANCE * largest_logit


def verify(exported: Predictor, model: CTCRecognizer, info: ModelInfo) -> float:
    """Compare an exported predictor's logits with torch's on noise of several widths and batch
    sizes; the largest difference. Raises ModelError above what is allowed."""
    gaps, largest = [], []
    rng = np.random.default_rng(0)
    widest = info.image.max_width
    for batch, width in ((1, 88), (3, 96), (2, 128), (1, widest), (5, 40)):
        shape = (batch, info.image.channels, info.image.height, min(width, widest))
        images = rng.uniform(-1, 1, shape).astype(np.float32)
        with torch.inference_mode():
            expected = model(torch.from_numpy(images)).numpy()
        got = np.stack(exported.logits(list(images)))
        if got.shape != expected.shape:
            raise ModelError(f"{info.arch}: exported logits {got.shape}, torch's {expected.shape}")
        gaps.append(np.abs(got - expected).max())
        largest.append(np.abs(expected).max())
    worst = float(np.max(gaps))  # unlike max(), NaN when any of them is
    if not worst <= allowed(float(np.max(largest))):
        raise ModelError(f"{info.arch}: exported logits differ by {worst:.2g} from torch's")
    return worst


@dataclass
class Agreement:
    """Of one exported model with torch, over labelled pictures."""

    pictures: int = 0
    same_text: int = 0  # as torch
    right: int = 0  # as the label
    largest_difference: float = 0.0  # of any logit
    largest_logit: float = 0.0  # of torch's, without its sign


def agree(
    reference: Predictor, others: Mapping[str, Predictor], store: Store
) -> dict[str, Agreement]:
    """Read a set with all of them; ``reference`` is among the results, and agrees with itself."""
    everyone = {"reference": reference, **others}
    found = {name: Agreement() for name in everyone}
    for first in range(0, len(store), CHUNK):
        chunk = range(first, min(first + CHUNK, len(store)))
        arrays = [preprocess(store.open(i), reference.info.image) for i in chunk]
        expected = reference.logits(arrays)
        texts = read(expected, reference.info)
        for name, predictor in everyone.items():
            logits = expected if predictor is reference else predictor.logits(arrays)
            result = found[name]
            for i, text, mine, logit, wanted in zip(
                chunk, texts, read(logits, predictor.info), logits, expected
            ):
                result.pictures += 1
                result.same_text += mine == text
                result.right += mine == store.labels[i].text
                difference = float(np.abs(logit - wanted).max())
                # Unlike max(), NaN when any of them is.
                result.largest_difference = float(np.maximum(result.largest_difference, difference))
                result.largest_logit = max(result.largest_logit, float(np.abs(wanted).max()))
    return found


def read(logits: Sequence[np.ndarray], info: ModelInfo) -> list[str | None]:
    """The text of each (T, C); None where a file gave something else than numbers."""
    return [
        greedy_batch(log_softmax(one[None], info.temperature), info.charset)[0].text
        if np.isfinite(one).all()
        else None
        for one in logits
    ]


def latencies(predictors: Mapping[str, Predictor]) -> dict[str, dict[int, float]]:
    """Milliseconds for one picture of each of WIDTHS, scaled to the model's height, from array to
    logits: the median of REPEATS. Models take turns, so that a busy moment meets all of them.
    Widths beyond the models' largest are left out; where all are, that one is measured.

    Processor time is counted, and models run on one thread: on a machine that does nothing else
    that is the time a caller waits, and other processes hardly change it. Windows counts it in
    ticks of 16 milliseconds; there the time that passes is measured.
    """
    clock = time.perf_counter if sys.platform == "win32" else time.process_time
    found: dict[str, dict[int, float]] = {name: {} for name in predictors}
    images = [predictor.info.image for predictor in predictors.values()]
    widest = min(image.max_width * HEIGHT // image.height for image in images)
    for width in [width for width in WIDTHS if width <= widest] or [widest]:
        taken: dict[str, list[float]] = {name: [] for name in predictors}
        for name, predictor in turns(predictors):
            image = predictor.info.image
            pixels = padded_width((width, HEIGHT), image)
            array = np.zeros((image.channels, image.height, pixels), np.float32)
            started = clock()
            predictor.logits([array])
            taken[name].append(1000 * (clock() - started))
        for name, times in taken.items():
            found[name][width] = float(np.median(times[1:]))  # the first one sets up memory
    return found


def turns(predictors: Mapping[str, Predictor]) -> Iterator[tuple[str, Predictor]]:
    for _ in range(REPEATS + 1):
        yield from predictors.items()
