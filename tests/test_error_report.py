"""The report on what is misread, and the sheets for the eye."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import error_report
import pytest
from captcha_ocr.predictor import load_predictors
from PIL import Image


@pytest.fixture
def eye(
    benchmark_root: Path, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """scripts/error_report.py on the tiny set, in documents of its own."""
    (tmp_path / "docs").mkdir()
    monkeypatch.setattr(error_report, "REPOSITORY", tmp_path)
    monkeypatch.setattr(error_report, "BENCHMARK", benchmark_root)
    monkeypatch.setattr(error_report, "BY_EYE", tmp_path / "by_eye.tsv")
    monkeypatch.setattr(
        error_report, "load_predictors", lambda archs: load_predictors(archs, tiny_weights)
    )
    return error_report


@pytest.fixture
def mistakes(eye: Any) -> Any:
    """Five of the ten test pictures are misread, in all but case."""
    found = eye.read_test_pictures("vanilla_crnn")
    assert len(found.store) == 10
    readings = [
        dataclasses.replace(reading, text="x" * len(reading.text) if i % 2 else reading.text)
        for i, reading in enumerate(found.readings)
    ]
    return dataclasses.replace(found, readings=tuple(readings))


def test_sheets_have_the_misread_pictures_numbered_on(
    eye: Any, mistakes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eye, "PER_SHEET", 2)
    out = tmp_path / "sheets"
    eye.draw_sheets(mistakes, out, 80)
    names = (out / "names.txt").read_text(encoding="utf-8").split()
    wrong = {mistakes.store.labels[i].file for i in (1, 3, 5, 7, 9)}
    assert len(names) == 5
    assert set(names) == wrong
    # The sheets do not begin at 1 each.
    heads = [
        Image.open(out / f"sheet-{number}.png").crop((0, 0, 60, 16)).tobytes()
        for number in (1, 2, 3)
    ]
    assert len(set(heads)) == 3
    eye.draw_sheets(mistakes, out, 3)
    assert sorted(file.name for file in out.iterdir()) == [
        "names.txt",
        "sheet-1.png",
        "sheet-2.png",
    ]


def test_whose_mistakes_they_are_is_counted_by_column(
    eye: Any, mistakes: Any, tmp_path: Path
) -> None:
    labels = [label.text for label in mistakes.store.labels]
    files = [label.file for label in mistakes.store.labels]
    # The eye reads the first misread picture as its label says, misses the second as the model
    # did, and has not looked at the others.
    rows = f"{files[1]}\t{labels[1].swapcase()}\n{files[3]}\t{'x' * len(labels[3])}\n"
    (tmp_path / "by_eye.tsv").write_text(rows, encoding="utf-8")
    eye.write_documents(mistakes)
    for page in ("errors.md", "errors.zh-CN.md"):
        lines = (tmp_path / "docs" / page).read_text(encoding="utf-8").splitlines()
        cells = [line.split(" | ")[1:] for line in lines if line.startswith("|")]
        assert cells[-1] == ["10", "5", "2", "1", "0", "1 |"]  # all
        assert cells[2] == ["2", "1", "1", "1", "0", "0 |"]  # the first column
