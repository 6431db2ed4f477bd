"""How exact match falls as pictures get worse: by distortion, and on the difficulty dial."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from captcha_ocr.benchmarking.columns import COLUMNS, LEVELS, column_of, part_of
from captcha_ocr.benchmarking.distortions import DISTORTIONS, Distortion
from captcha_ocr.datasets.stores import Store, Subset
from captcha_ocr.evaluation import Evaluation, evaluate
from captcha_ocr.metrics import score_by
from captcha_ocr.predictor import Predictor

SEED = 7  # of noise and of the side that pictures are turned to
DIFFICULTY = "difficulty"


class MemoryStore(Store):
    """The pictures of another store with other bytes."""

    def __init__(self, store: Store, pictures: Sequence[bytes]) -> None:
        self.labels, self.sizes, self.records = store.labels, store.sizes, store.records
        self.pictures, self._store = list(pictures), store

    def read(self, index: int) -> bytes:
        return self.pictures[index]

    def where(self, index: int) -> str:
        return self._store.where(index)


def measure_robustness(
    predictors: Mapping[str, Predictor],
    store: Store,
    per_column: int,
    on_progress: Callable[[str], None] = lambda what: None,
) -> dict[str, dict[str, Any]]:
    """Model -> curve -> ``levels``, ``n`` pictures at each, and exact match with case folded:
    ``all`` pictures, and by column. Columns count alike: each has ``per_column`` pictures.
    """
    found: dict[str, dict[str, Any]] = {name: {} for name in predictors}
    for key, level, pictures in _sets(store, per_column):
        on_progress(f"{key} {level:g}")
        for name, predictor in predictors.items():
            curve = found[name].setdefault(key, {"levels": [], "n": [], "all": [], "columns": {}})
            _add(curve, level, evaluate(predictor, pictures))
    return found


def _sets(store: Store, per_column: int) -> Iterator[tuple[str, float, Store]]:
    """(curve, level, pictures); the next set is made when the one before was read."""
    clean = balanced(store, per_column, part="test")
    for distortion in DISTORTIONS.values():
        for level in distortion.levels:
            yield distortion.key, level, distort(clean, distortion, level)
    for level in LEVELS:
        drawn = balanced(store, per_column, part=DIFFICULTY, level=level)
        if len(drawn):
            yield DIFFICULTY, level, drawn


def balanced(
    store: Store, per_column: int, *, part: str | None = None, level: float | None = None
) -> Store:
    return Subset(store, balanced_indices(store, per_column, part=part, level=level))


def balanced_indices(
    store: Store, per_column: int, *, part: str | None = None, level: float | None = None
) -> list[int]:
    """The first pictures of each column, of those in a part and at one level of the dial when
    these are given; columns take turns, so that the first few are balanced too."""
    chosen: dict[str, list[int]] = {key: [] for key in COLUMNS}
    for i, record in enumerate(store.records):
        if (part is None or part_of(record) == part) and level in (None, record.get(DIFFICULTY)):
            chosen[column_of(record)].append(i)
    ranks = range(per_column)
    return [found[rank] for rank in ranks for found in chosen.values() if rank < len(found)]


def distort(store: Store, distortion: Distortion, level: float) -> Store:
    seeds = np.random.SeedSequence([SEED, *distortion.key.encode()]).spawn(len(store))
    return MemoryStore(
        store,
        [
            distortion.apply(store.open(i), level, np.random.default_rng(seed))
            for i, seed in enumerate(seeds)
        ],
    )


def _add(curve: dict[str, Any], level: float, evaluation: Evaluation) -> None:
    keys = [column_of(record) for record in evaluation.store.records]
    curve["levels"].append(level)
    curve["n"].append(len(keys))
    curve["all"].append(evaluation.score().exact_match_folded)
    for key, figures in score_by(evaluation.texts, evaluation.targets, keys).items():
        curve["columns"].setdefault(key, []).append(figures.exact_match_folded)
