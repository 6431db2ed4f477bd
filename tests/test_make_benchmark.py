"""The benchmark's drawings: seeds, fonts and sizes of their own, and a sample without loss."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import generators
import make_benchmark
import numpy as np
import pytest
from captcha_ocr.benchmarking import overlap
from captcha_ocr.benchmarking.columns import COLUMNS, LEVELS, PARTS
from captcha_ocr.cli.common import USAGE
from captcha_ocr.imaging import open_image
from captcha_ocr.labels import read_labels, read_manifest
from captcha_ocr.merging.engines import SerialEngine
from drawing import draw_barcode, write_sample_set

SHIPPED = Path(__file__).parents[1] / "benchmark"


def test_drawings_have_seeds_of_their_own() -> None:
    seeds: dict[int, set[tuple[str, str]]] = {}
    for drawing in make_benchmark.drawings():
        seeds.setdefault(drawing.seed, set()).add((drawing.part, drawing.column.key))
    assert len(seeds) == len(PARTS) * len(COLUMNS)
    assert all(len(drawn) == 1 for drawn in seeds.values()), "two sets share a seed"
    names = [drawing.name for drawing in make_benchmark.drawings()]
    assert len(names) == len(set(names)) == (len(PARTS) - 1 + len(LEVELS)) * len(COLUMNS)


@pytest.mark.parametrize("part", PARTS)
def test_what_the_generators_are_asked_for(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[str]] = []
    monkeypatch.setattr(generators, "run", lambda command, folder: calls.append(command))
    for drawing in make_benchmark.drawings():
        if drawing.part == part:
            make_benchmark.draw_one(drawing, tmp_path, 1)
    usual = [size.split(":")[0] for size in generators.SIZES.split(",")]
    for call in calls:
        name = next(word for word in call if word.startswith(part))
        asked = read_config(call) if "fromjson" in call else options(call)
        assert asked["kinds"] <= set(COLUMNS[name.split("_")[1]].kinds), call
        assert (set(asked["sizes"]) & set(usual) == set()) is (part == "sizes"), call
        assert all("fonts-heldout" in fonts for fonts in asked["fonts"]) is (part == "heldout")
        for fonts in asked["fonts"]:
            if fonts.startswith("file:"):
                assert Path(fonts[5:]).is_file(), fonts
    levels = {call[call.index("--difficulty") + 1] for call in calls}
    assert levels == ({str(level) for level in LEVELS} if part == "difficulty" else {"0.5"})
    ruoyi = next(call for call in calls if "RuoyiJarNormalizeSmart.java" in call)
    assert ("--other-share" in ruoyi) is (part == "heldout")


def read_config(call: list[str]) -> dict[str, Any]:
    config = json.loads(Path(call[call.index("fromjson") + 1]).read_text(encoding="utf-8"))
    fonts: list[str] = []
    for setting in (config["default"], *config["kinds"].values()):
        found = setting["fonts"]
        fonts += [found] if isinstance(found, str) else list(found)
    return {"kinds": set(config["type_mix"]), "sizes": config["sizes"], "fonts": fonts}


def options(call: list[str]) -> dict[str, Any]:
    sizes = call[call.index("--sizes") + 1].split(",")
    fonts = f"file:{call[call.index('--fonts-file') + 1]}"
    return {"kinds": set(), "sizes": [size.split(":")[0] for size in sizes], "fonts": [fonts]}


def test_the_first_pictures_are_chosen_and_equal_ones_left_out(tmp_path: Path) -> None:
    drawing = next(iter(make_benchmark.drawings()))
    root = write_sample_set(tmp_path / drawing.name, 6)
    files = [root / "images" / label.file for label in read_labels(root / "labels.txt")]
    counts = {drawing.part: {drawing.column.key: 3}}
    rows = make_benchmark.chosen(drawing, tmp_path, {files[1]: files[0]}, counts)
    assert [row.source for row in rows] == [files[0], files[2], files[3]]
    assert rows[0].fields["part"] == drawing.part
    counts[drawing.part][drawing.column.key] = 6
    with pytest.raises(SystemExit, match="has 5 pictures, 6 are needed"):
        make_benchmark.chosen(drawing, tmp_path, {files[1]: files[0]}, counts)


def test_the_sample_loses_no_pixel(tmp_path: Path) -> None:
    drawing = next(iter(make_benchmark.drawings()))
    write_sample_set(tmp_path / drawing.name, 2)
    counts = {drawing.part: {drawing.column.key: 2}}
    rows = make_benchmark.chosen(drawing, tmp_path, {}, counts)
    gif = tmp_path / "b.gif"
    open_image(rows[1].source).save(gif)
    rows[1] = make_benchmark.Row(gif, gif.name, rows[1].label, rows[1].fields)
    make_benchmark.write_set(rows, tmp_path / "out", shrink=True)
    labels = read_labels(tmp_path / "out" / "labels.txt")
    assert [Path(label.file).suffix for label in labels] == [".webp", ".gif"]
    manifest = read_manifest(tmp_path / "out" / "manifest.jsonl")
    for row, label in zip(rows, labels):
        assert manifest[label.file]["label"] == label.text == row.label
        shipped = open_image(tmp_path / "out" / "images" / label.file)
        np.testing.assert_array_equal(np.asarray(shipped), np.asarray(open_image(row.source)))


@pytest.mark.parametrize("option", ["--out", "--sample"])
def test_the_pictures_of_another_set_stay(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder is emptied for the new set: a training set must not be the one."""
    root = write_sample_set(tmp_path / "mine", 2)
    arguments = ["--skip-drawing", "--out", str(tmp_path / "new"), option, str(root)]
    assert make_benchmark.main(arguments) == USAGE
    assert "is of no benchmark; name an empty folder" in capsys.readouterr().err
    assert len(list((root / "images").iterdir())) == 2
    make_benchmark.keep_others(SHIPPED)  # an earlier set may go
    make_benchmark.keep_others(tmp_path / "new")


def test_more_is_drawn_than_is_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal pictures go; and each set has a seed of its own."""
    asked: dict[str, tuple[int, int]] = {}

    def draw(
        style: str, raw: Path, name: str, count: int, seed: int, threads: int, **_: Any
    ) -> None:
        asked[name] = (count, seed)

    monkeypatch.setattr(make_benchmark, "draw", draw)
    for drawing in make_benchmark.drawings():
        make_benchmark.draw_one(drawing, tmp_path, 1)
        count, seed = asked[drawing.name]
        assert count > make_benchmark.COUNTS[drawing.part][drawing.column.key]
        assert seed == drawing.seed


def test_what_equals_a_training_picture_is_in_no_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = next(iter(make_benchmark.drawings()))
    monkeypatch.setattr(make_benchmark, "drawings", lambda: iter([one]))
    monkeypatch.setattr(make_benchmark, "COUNTS", {one.part: {one.column.key: 3}})
    monkeypatch.setattr(make_benchmark, "SAMPLE", {one.part: {one.column.key: 1}})
    raw = write_sample_set(tmp_path / "out" / "raw" / one.name, 6)
    training = write_sample_set(tmp_path / "training", 2)  # the first two of the six
    arguments = ["--skip-drawing", "--threads", "1", "--out", str(tmp_path / "out")]
    arguments += ["--against", str(training), "--sample", str(tmp_path / "sample")]
    assert make_benchmark.main(arguments) == 0
    drawn = [f"{one.name}_{label.file}" for label in read_labels(raw / "labels.txt")]
    chosen = [label.file for label in read_labels(tmp_path / "out" / "labels.txt")]
    assert chosen == drawn[2:5]
    assert len(read_labels(tmp_path / "sample" / "labels.txt")) == 1


def test_a_picture_may_equal_another_than_the_first_of_its_band(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlap, "band_key", lambda data: b"one band")
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path, text in zip(paths, ("A1", "B2", "B2")):
        draw_barcode(text).save(path)
    assert overlap.find_equal(paths, [], SerialEngine()) == {paths[2]: paths[1]}
