"""The data of a training run: what it learns from, what chooses its best weights, its charset."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from captcha_ocr.charset import Charset
from captcha_ocr.config import ConfigError, TrainConfig
from captcha_ocr.datasets.augment import Augmenter
from captcha_ocr.datasets.ocr import OCRDataset
from captcha_ocr.datasets.stores import Store, Subset, open_store

FEW = 200  # pictures: their exact match is known to about 3 points, at 95 per cent


@dataclass(frozen=True)
class RunData:
    train: OCRDataset
    selection: Store  # chooses the best weights; never trained on, never a test set
    report: Store | None  # a test set: read once, at the end
    charset: Charset
    note: str  # what was done with the validation set, for the user


def prepare_data(config: TrainConfig, known: Charset | None = None) -> RunData:
    """Open the sets a configuration names. ``known`` symbols keep their class numbers in front.

    The charset comes from training labels only. Raises ConfigError when ``select_on="val"`` names
    a validation root that is not given.
    """
    if config.select_on == "val" and not config.val_root:
        raise ConfigError("--select-on val chooses on the validation root: name it with --val-root")
    store = open_store(Path(config.train_root))
    val = open_store(Path(config.val_root)) if config.val_root else None
    charset = Charset.from_texts(label.text for label in store.labels)
    if known is not None:
        charset = known.extended(charset)
    if val is not None and settle_selection(config) == "val":
        train, selection, report = store, val, None
        note = f"the best weights are chosen on the {len(val)} pictures of {config.val_root}"
    else:
        train, selection = split(store, config.val_fraction, config.seed)
        report = val
        note = f"the best weights are chosen on {len(selection)} pictures of the training set"
    if len(selection) < FEW:
        note += ", so few that luck has a say: fewer evaluations (--eval-every) leave it less"
    if report is not None:
        note += f"; {config.val_root} is a test set and is only read at the end"
    strange = charset.unknown("".join(label.text for label in val.labels)) if val else []
    if strange:
        note += f"; no training label has {''.join(strange[:20])!r}, which {config.val_root} has"
    dataset = OCRDataset(
        train,
        charset,
        config.image,
        augment=Augmenter(config.aug) if config.aug else None,
        seed=config.seed,
        cache=config.cache,
    )
    return RunData(dataset, selection, report, charset, note)


def settle_selection(config: TrainConfig) -> str:
    """What chooses the best weights, "val" or "split". A validation root named ``test...`` takes no
    part in that: a split of the training set does. Settled once, since a root may be moved."""
    if config.select_on != "auto":
        return config.select_on
    named_test = Path(config.val_root).absolute().stem.lower().startswith("test")
    return "val" if config.val_root and not named_test else "split"


def split(store: Store, fraction: float, seed: int) -> tuple[Store, Store]:
    """Two parts of a store, the second of ``fraction`` of it; at least one picture in each."""
    if len(store) < 2:
        raise ConfigError("a training set of one picture cannot be split; give --val-root")
    order = np.random.default_rng((seed, len(store))).permutation(len(store)).tolist()
    held_out = min(max(1, round(len(store) * fraction)), len(store) - 1)
    return Subset(store, sorted(order[held_out:])), Subset(store, sorted(order[:held_out]))
