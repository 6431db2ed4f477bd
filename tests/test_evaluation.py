"""Reading a labelled set: texts, confidences and losses of each picture, in the set's order."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from captcha_ocr import evaluation
from captcha_ocr.alignment import ctc_log_prob
from captcha_ocr.charset import Charset
from captcha_ocr.constraints import Constraint
from captcha_ocr.datasets.stores import FolderStore, Subset
from captcha_ocr.decoding import BEAM_WIDTH, Reading
from captcha_ocr.evaluation import Evaluation
from captcha_ocr.labels import IMAGES_DIR, LABELS_FILE, Label, write_labels
from captcha_ocr.model_info import ModelInfo
from captcha_ocr.predictor import OnnxPredictor
from captcha_ocr.report import build_report
from drawing import draw_barcode
from tiny_model import write_tiny_model

# (drawn, label), of three widths. The last two labels cannot be written: one has a character that
# the model lacks, the other needs 13 columns of 6.
PICTURES = [("7*3=?", "7*3=?"), ("12", "12"), ("3", "3"), ("AB", "aB"), ("中文", "é文")]
PICTURES += [("4", "4444444")]


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    (tmp_path / "set" / IMAGES_DIR).mkdir(parents=True)
    labels = [Label(f"{number}.png", label) for number, (_, label) in enumerate(PICTURES)]
    for label, (drawn, _) in zip(labels, PICTURES):
        draw_barcode(drawn).save(tmp_path / "set" / IMAGES_DIR / label.file)
    write_labels(tmp_path / "set" / LABELS_FILE, labels)
    return FolderStore(tmp_path / "set")


@pytest.fixture
def unsure(tmp_path: Path) -> OnnxPredictor:
    """The tiny model at a temperature that is seen in its confidences."""
    weights = write_tiny_model(tmp_path / "weights")
    info = ModelInfo.load(weights.with_suffix(".json"))
    dataclasses.replace(info, temperature=5.0).save(weights.with_suffix(".json"))
    return OnnxPredictor(weights, threads=1)


@pytest.mark.parametrize("at_once", [evaluation.CHUNK_LOGITS, 1])
def test_a_set_is_read_as_its_pictures_are_one_by_one(
    at_once: int, store: FolderStore, unsure: OnnxPredictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With many symbols few pictures are held at once: the smallest chunk is of one."""
    monkeypatch.setattr(evaluation, "CHUNK_LOGITS", at_once)
    done: list[int] = []
    found = evaluation.evaluate(unsure, store, on_progress=done.append)
    assert done == (list(range(1, 7)) if at_once == 1 else [6])
    alone = [unsure.read(store.read(index)) for index in range(6)]
    assert found.texts == [one.text for one in alone] == [drawn for drawn, _ in PICTURES]
    expected = [one.confidence for one in alone]
    assert found.confidences == pytest.approx(expected, rel=1e-4)
    assert max(expected) < 0.99, "no temperature is seen in these"


def test_the_loss_is_of_the_label_and_not_of_what_was_read(
    store: FolderStore, unsure: OnnxPredictor
) -> None:
    """It chooses the best weights among those that read equally many."""
    found = evaluation.evaluate(unsure, store)
    right, misread, lost = found.losses[:3], found.losses[3], found.losses[4:]
    surprise = [-math.log(confidence) for confidence in found.confidences]
    assert right == pytest.approx(surprise[:3], rel=1e-3)
    log_probs = unsure.read(store.read(3)).log_probs
    expected = -ctc_log_prob(log_probs, unsure.info.charset.encode("aB"))
    assert misread == pytest.approx(expected, rel=1e-3)
    assert misread > surprise[3] + 1
    assert lost == (math.inf, math.inf)
    assert found.loss == pytest.approx(np.mean([*right, misread]))


@pytest.mark.parametrize(
    ("asked", "kept"),
    [({"beam_width": 3}, 3), ({"length": 2}, BEAM_WIDTH), ({"length": 2, "beam_width": 3}, 3)],
)
def test_the_beam_has_the_width_that_was_asked_for(
    asked: dict[str, Any],
    kept: int,
    store: FolderStore,
    unsure: OnnxPredictor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    widths: list[int] = []
    search = evaluation.prefix_beam

    def note(*given: Any, beam_width: int, **options: Any) -> list[Reading]:
        widths.append(beam_width)
        return search(*given, beam_width=beam_width, **options)

    monkeypatch.setattr(evaluation, "prefix_beam", note)
    length, width = asked.get("length"), asked.get("beam_width", 0)
    rule = Constraint.build(unsure.info.charset, length=length) if length else None
    found = evaluation.evaluate(unsure, store, constraint=rule, beam_width=width)
    assert widths == [kept] * 6
    assert rule is None or {len(text) for text in found.texts} == {2}


def test_a_manifest_may_hold_lists(sample_set: Path) -> None:
    store = FolderStore(sample_set)
    for record in store.records:
        record["tags"] = ["bold", "slanted"]
    readings = [Reading(label.text, 0.9, ()) for label in store.labels]
    found = evaluation.Evaluation(store, tuple(readings), (0.0,) * len(readings))
    assert list(found.score_by("tags")) == ['["bold", "slanted"]']


def test_accuracy_of_the_surest_is_not_that_of_all(sample_set: Path) -> None:
    """Of 24 pictures: the surest is misread, and so are the two least sure ones."""
    store = FolderStore(sample_set)
    readings = [Reading(label.text, 0.9, ()) for label in store.labels]
    for index, confidence in ((0, 0.99), (7, 0.1), (8, 0.1)):
        readings[index] = Reading("", confidence, ())
    found = evaluation.Evaluation(store, tuple(readings), (0.0,) * 24)
    report = build_report(found, Charset.from_texts(found.targets), by=())
    assert report["exact_match"] == 21 / 24
    assert report["accuracy_at_90_coverage"] == pytest.approx(21 / 22)  # 21.6 pictures, rounded up
    assert report["accuracy_at_10_coverage"] == pytest.approx(2 / 3)


def test_the_surest_mistakes_come_first(sample_set: Path) -> None:
    store = FolderStore(sample_set)
    confidences = [0.5, 0.9, 0.7] + [1.0] * (len(store) - 3)
    readings = [
        Reading("" if i < 3 else label.text, confidence, ())
        for i, (label, confidence) in enumerate(zip(store.labels, confidences))
    ]
    found = evaluation.Evaluation(store, tuple(readings), (0.0,) * len(store))
    assert found.wrong() == [1, 2, 0]


def test_of_fonts_that_nobody_knows_none_is_clear(sample_set: Path) -> None:
    store = Subset(FolderStore(sample_set), [0, 1, 2])
    store.records = [{}, {"ambiguous": ""}, {"ambiguous": "0"}]
    readings = tuple(Reading(label.text, 1.0, ()) for label in store.labels)
    charset = Charset.from_texts(label.text for label in store.labels)
    report = build_report(Evaluation(store, readings, (0.0,) * 3), charset, by=())
    assert report["unambiguous"]["n"] == 1
