"""Read a labelled set and say how well: the same path a served picture takes. No torch."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from captcha_ocr.alignment import ctc_log_probs
from captcha_ocr.charset import Charset
from captcha_ocr.constraints import Constraint
from captcha_ocr.datasets.stores import Store
from captcha_ocr.decoding import (
    BEAM_WIDTH,
    NoAllowedTextError,
    Reading,
    greedy_batch,
    log_softmax,
    prefix_beam,
)
from captcha_ocr.imaging import preprocess
from captcha_ocr.metrics import Score, matches, score, score_by
from captcha_ocr.predictor import Predictor
from captcha_ocr.tables import natural

# Opened at a time, which bounds the memory: pictures, and logits of as many. With 500 symbols the
# first counts, with the thousands of Chinese the second; a logit is held some four times.
CHUNK, CHUNK_LOGITS = 512, 1 << 25


@dataclass(frozen=True)
class Evaluation:
    """What a model read in a set, in the set's order."""

    store: Store
    readings: tuple[Reading, ...]
    losses: tuple[float, ...]  # -ln P(label | picture); infinite where the label cannot be written

    @property
    def texts(self) -> list[str]:
        return [reading.text for reading in self.readings]

    @property
    def targets(self) -> list[str]:
        return [label.text for label in self.store.labels]

    @property
    def confidences(self) -> list[float]:
        return [reading.confidence for reading in self.readings]

    @property
    def loss(self) -> float:
        """Mean of the finite losses; infinite when there is none."""
        finite = [loss for loss in self.losses if math.isfinite(loss)]
        return float(np.mean(finite)) if finite else math.inf

    def score(self) -> Score:
        return score(self.texts, self.targets)

    def score_by(self, key: str) -> dict[Hashable, Score]:
        """Scores grouped by the ``length`` of the label, by ``size``, ``style`` or any other field
        of the manifest, 4 before 10. A picture without the field counts under ''."""
        groups = score_by(self.texts, self.targets, self.keys(key))
        return {name: groups[name] for name in sorted(groups, key=natural)}

    def keys(self, key: str) -> list[Hashable]:
        if key == "length":
            return [len(text) for text in self.targets]
        if key == "size":
            return [f"{width}x{height}" for width, height in self.store.sizes]
        values = [record.get(key, "") for record in self.store.records]
        return [  # of a list or an object its JSON, since it is no key itself
            json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else value
            for value in values
        ]

    def wrong(self, *, fold_case: bool = False) -> list[int]:
        """Indices of misread pictures, the surest mistakes first."""
        right = matches(self.texts, self.targets, fold_case=fold_case)
        wrong = [i for i, is_right in enumerate(right) if not is_right]
        return sorted(wrong, key=lambda i: -self.readings[i].confidence)


def evaluate(
    predictor: Predictor,
    store: Store,
    *,
    constraint: Constraint | None = None,
    beam_width: int = 0,
    on_progress: Callable[[int], None] = lambda done: None,
) -> Evaluation:
    """Read every picture of a set, greedily or (``beam_width`` > 0 or a constraint) by beam.

    With a constraint and no ``beam_width`` it is `BEAM_WIDTH`. A picture that cannot be opened
    raises ImageError: a set is checked before it is measured. One too narrow for any text that
    the constraint allows counts as read empty, surely wrong. ``on_progress`` hears how many
    pictures are done.
    """
    info = predictor.info
    readings: list[Reading | None] = [None] * len(store)
    losses = [math.inf] * len(store)
    # In the store's order, which is the one it reads fast in; widths share batches in a chunk.
    size = max(1, min(CHUNK, CHUNK_LOGITS // info.most_logits))
    for first in range(0, len(store), size):
        chunk = range(first, min(first + size, len(store)))
        arrays = [preprocess(store.open(i), info.image) for i in chunk]
        for indices, batch in _equal_lengths(chunk, predictor.logits(arrays)):
            log_probs = log_softmax(batch, info.temperature)
            for i, reading in zip(
                indices, _decode(log_probs, info.charset, constraint, beam_width)
            ):
                readings[i] = reading
            targets = [store.labels[i].text for i in indices]
            for i, loss in zip(indices, label_losses(log_probs, targets, info.charset)):
                losses[i] = loss
        on_progress(first + len(chunk))
    return Evaluation(store, tuple(r for r in readings if r is not None), tuple(losses))


def label_losses(log_probs: np.ndarray, texts: Sequence[str], charset: Charset) -> list[float]:
    """-ln P(text | picture) for log_probs (N, T, C); infinite for a text that cannot be written:
    a character outside the charset, or more columns needed than there are."""
    losses = [math.inf] * len(texts)
    known = [i for i, text in enumerate(texts) if not charset.unknown(text)]
    if known:
        labels = [charset.encode(texts[i]) for i in known]
        for i, log_prob in zip(known, ctc_log_probs(log_probs[known], labels).tolist()):
            losses[i] = -log_prob
    return losses


def _decode(
    log_probs: np.ndarray, charset: Charset, constraint: Constraint | None, beam_width: int
) -> list[Reading]:
    if constraint is None and not beam_width:
        return greedy_batch(log_probs, charset)
    readings, width = [], beam_width or BEAM_WIDTH
    for one in log_probs:
        try:
            found = prefix_beam(one, charset, beam_width=width, constraint=constraint)
            readings.append(found[0])
        except NoAllowedTextError:
            readings.append(Reading("", 0.0, ()))
    return readings


def _equal_lengths(
    indices: Sequence[int], logits: Sequence[np.ndarray]
) -> list[tuple[list[int], np.ndarray]]:
    """Logits (T, C) of pictures stacked to (N, T, C) wherever T is the same."""
    groups: dict[int, list[int]] = {}
    for position, array in enumerate(logits):
        groups.setdefault(len(array), []).append(position)
    return [
        ([indices[p] for p in positions], np.stack([logits[p] for p in positions]))
        for positions in groups.values()
    ]
