"""The ablation of the recipe, and the pages that show it and the runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import measure_recipe
import pytest
import recipe_pages
from benchmark_set import write_benchmark_set
from captcha_ocr.benchmarking.columns import COLUMNS
from captcha_ocr.checkpoint import save_checkpoint
from captcha_ocr.cli.common import OK
from captcha_ocr.datasets.styles import STYLES, Style
from captcha_ocr.training.run_folder import RunFolder
from small_models import small_checkpoint


def test_every_row_of_the_ablation_changes_the_recipe(tmp_path: Path) -> None:
    configs = [measure_recipe.configured(name, 7, tmp_path) for name in measure_recipe.CHANGES]
    assert all(configs.count(config) == 1 for config in configs)
    assert list(recipe_pages.CHINESE) == list(measure_recipe.CHANGES)
    assert {config.seed for config in configs} == {7}


def test_a_new_style_leaves_the_recorded_table_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = recipe_pages.read_record()["ablation"]["rows"]
    lines = recipe_pages.ablation_lines(rows, {})
    assert all(row["date"] and row["machine"] for row in rows)
    monkeypatch.setitem(STYLES, "digits", Style("digits", "Digits", ("digits",)))
    assert recipe_pages.ablation_lines(rows, {}) == lines
    assert {len(line) for line in lines} == {len(recipe_pages.PAGES["recipe.md"]["ablation"])}


def test_a_taught_row_brings_its_teacher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its weights are asked for, hours later, though nobody named its row."""
    measured: list[tuple[str, int]] = []

    def measure(name: str, seed: int, out: Path) -> dict[str, Any]:
        measured.append((name, seed))
        return run_of_a_row(seed)

    written: list[dict[str, Any]] = []
    monkeypatch.setattr(measure_recipe, "draw_sets", lambda *_: None)
    monkeypatch.setattr(measure_recipe, "measure", measure)
    monkeypatch.setattr(measure_recipe, "read_record", dict)
    monkeypatch.setattr(measure_recipe, "write_record", written.append)
    taught = "batch of 16, taught"
    args = ["--out", str(tmp_path), "--rows", taught, "--seeds", "4", "5"]
    assert measure_recipe.main(args) == OK
    rows = (recipe_pages.FULL, measure_recipe.TEACHER, taught)
    assert measured == [(name, seed) for seed in (4, 5) for name in rows]
    (row,) = written[0]["ablation"]["rows"]
    assert (row["name"], row["time"]) == (taught, 1.0)
    assert [run["seed"] for run in row["runs"]] == [4, 5]
    teachers = {
        Path(measure_recipe.configured(taught, seed, tmp_path).distill_from).parent
        for seed in (4, 5)
    }
    assert teachers == {
        measure_recipe.run_of(measure_recipe.TEACHER, seed, tmp_path) for seed in (4, 5)
    }


def run_of_a_row(seed: int = 1, **other: Any) -> dict[str, Any]:
    run: dict[str, Any] = {
        "seed": seed,
        "seconds": 2.0,
        "date": "2026-12-01",
        "machine": "this one",
    }
    run.update(exact_match_folded=dict.fromkeys(("easy", "ctext", "ruoyi"), 0.5))
    return {**run, "pictures": [10, 20, 30], "curve": [0.1, 0.2, 0.5], **other}


def test_a_row_tells_the_mean_of_its_runs_and_how_far_they_lie_apart() -> None:
    """One run of each said nothing of how much of a difference is chance."""
    read = dict.fromkeys(("easy", "ctext", "ruoyi"), 0.2)
    other = run_of_a_row(2, exact_match_folded=read, curve=[0.0, 0.1, 0.2], seconds=4.0)
    full = measure_recipe.row_of(recipe_pages.FULL, [run_of_a_row(1)], [run_of_a_row(1)])
    row = measure_recipe.row_of("plain", [run_of_a_row(1), other], [run_of_a_row(1)] * 2)
    assert row["time"] == 1.5
    assert recipe_pages.ablation_lines([full, row], {"plain": "simple"}) == [
        ["recipe", "50.0", "50.0", "50.0", "50.0", "50.0", "", "20.0", "1.00"],
        ["simple", "35.0", "35.0", "35.0", "35.0", "20.0 – 50.0", "-15.0", "15.0", "1.50"],
    ]
    assert recipe_pages.curve(row) == pytest.approx([0.05, 0.15, 0.35])


def test_a_row_that_was_measured_before_keeps_its_day_and_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that is given again, to go on, trains none of them anew."""
    root = write_benchmark_set(tmp_path / "dev")
    run = RunFolder.create(tmp_path / "runs", "plain-3")
    save_checkpoint(run.best, small_checkpoint("vanilla_crnn"))
    (run.path / "metrics.csv").write_text("pictures,exact_match_folded\n", encoding="utf-8")
    measured = {"seconds": 7.5, "date": "2026-01-01", "machine": "an old one"}
    (run.path / "measured.json").write_text(json.dumps(measured), encoding="utf-8")
    monkeypatch.setattr(measure_recipe, "trained", lambda config, done: run)
    measured["seed"] = 3
    assert measure_recipe.measure("plain", 3, root.parent).items() >= measured.items()


def test_times_of_two_machines_are_not_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure_recipe, "draw_sets", lambda *_: None)
    monkeypatch.setattr(measure_recipe, "read_record", dict)
    monkeypatch.setattr(
        measure_recipe, "measure", lambda name, seed, out: run_of_a_row(seed, machine=f"of {name}")
    )
    with pytest.raises(SystemExit, match="compare: of plain; of recipe; remove"):
        measure_recipe.main(["--out", str(tmp_path), "--rows", "plain"])


def test_rows_that_stay_keep_their_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They were all said to be of the machine that measured last."""
    older = {"name": "plain", "time": 1, "date": "2026-01-01", "machine": "an old one", "runs": []}
    record: dict[str, Any] = {"ablation": {"rows": [older]}}
    monkeypatch.setattr(measure_recipe, "draw_sets", lambda *_: None)
    monkeypatch.setattr(measure_recipe, "measure", lambda name, seed, out: run_of_a_row(seed))
    monkeypatch.setattr(measure_recipe, "read_record", lambda: record)
    monkeypatch.setattr(measure_recipe, "write_record", record.update)
    assert measure_recipe.main(["--out", str(tmp_path), "--rows", recipe_pages.FULL]) == OK
    ablation = record["ablation"]
    assert [row["machine"] for row in ablation["rows"]] == ["this one", "an old one"]
    assert ablation["rows"][1]["date"] == "2026-01-01"
    assert "rows of 2 machines: an old one; this one" in capsys.readouterr().out
    assert measure_recipe.main(["--out", str(tmp_path), "--rows", recipe_pages.FULL, "plain"]) == OK
    assert {row["machine"] for row in record["ablation"]["rows"]} == {"this one"}
    assert "note:" not in capsys.readouterr().out


def test_a_run_whose_time_was_lost_is_not_taken_for_a_quick_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = measure_recipe.run_of("plain", 1, tmp_path)
    done.mkdir(parents=True)
    monkeypatch.setattr(measure_recipe, "trained", lambda config, path: RunFolder(path))
    with pytest.raises(SystemExit, match="before its time was written; remove it"):
        measure_recipe.measure("plain", 1, tmp_path)


def test_a_course_over_time_shows_what_was_reached_by_then() -> None:
    run: dict[str, Any] = {
        "arch": "svtr_tiny",
        "plain": False,
        "batch": 8,
        "pictures": [1000, 2000],
    }
    run.update({"minutes": [7.0, 15.0], "exact_match_folded": [0.1, 0.25]})
    line = recipe_pages.scratch_line(run, {})
    assert line[:4] == ["`svtr_tiny`", "recipe", "8", "2,000"]
    assert line[4:] == ["", "10.0", "25.0", "", "", ""]  # it ended with the second evaluation


def test_each_share_of_a_blend_is_a_line() -> None:
    figures = dict.fromkeys((*COLUMNS, "all"), 0.5)
    run = {"arch": "svtr_tiny", "set": "fresh", "pictures": 1200}
    run["shares"] = {"0": figures, "0.4": figures}
    assert recipe_pages.blend_lines(run) == [
        ["`svtr_tiny`", "fresh", "1,200", share, *["50.0"] * 6] for share in ("0", "0.4")
    ]
