"""The scripts that train the shipped models and measure their recipe ask for what is there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from captcha_ocr.models import MODELS
from captcha_ocr.run_folder import RunFolder

pytest.importorskip("torch", reason="the scripts train")

import error_report
import measure_recipe
import recipe_pages
import train_models
from captcha_ocr.checkpoint import save_checkpoint
from generators import EASY_CONFIG
from small_models import small_checkpoint


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What ``train`` is asked for; nothing is trained."""
    asked: list[list[str]] = []

    def train(arguments: list[str]) -> int:
        asked.append(arguments)
        return 0

    monkeypatch.setattr(train_models, "train", train)
    return asked


def configuration(arguments: list[str]):  # type: ignore[no-untyped-def]
    from captcha_ocr.cli.train import build_parser, config_from

    options = vars(build_parser().parse_args(arguments))
    options.pop("resume")
    return config_from(options)


@pytest.mark.parametrize("arch", MODELS)
def test_every_stage_goes_on_from_the_one_before(
    arch: str, tmp_path: Path, trained: list[list[str]]
) -> None:
    before = None
    for number, stage in enumerate(train_models.STAGES[arch], start=1):
        run = tmp_path / f"stage-{number}" / arch
        assert train_models.train_stage(stage, arch, tmp_path, run, before) == 0
        config = configuration(trained[-1])
        assert (config.arch, config.epochs, config.select_on) == (arch, stage.epochs, "val")
        assert Path(config.out) == run.parent
        assert Path(config.train_root) == tmp_path / stage.sets / "train"
        assert config.init_from == (str(before / "best.safetensors") if before else "")
        run.mkdir(parents=True)
        save_checkpoint(run / "best.safetensors", small_checkpoint(arch))
        before = run


def test_a_stage_is_resumed_and_a_finished_one_left_alone(
    tmp_path: Path, trained: list[list[str]]
) -> None:
    run = tmp_path / "stage-1" / "svtr_tiny"
    run.mkdir(parents=True)
    (run / "last.pt").touch()
    stage = train_models.STAGES["svtr_tiny"][0]
    train_models.train_stage(stage, "svtr_tiny", tmp_path, run, None)
    assert trained == [["--arch", "svtr_tiny", "--resume", str(run)]]
    (run / "svtr_tiny.onnx").touch()
    assert train_models.train_stage(stage, "svtr_tiny", tmp_path, run, None) == 0
    assert len(trained) == 1


def test_a_stage_killed_before_its_first_save_begins_anew_in_its_folder(
    tmp_path: Path, trained: list[list[str]]
) -> None:
    run = RunFolder.create(tmp_path / "stage-1", "svtr_tiny").path
    (run / "args.yaml").touch()
    stage = train_models.STAGES["svtr_tiny"][0]
    train_models.train_stage(stage, "svtr_tiny", tmp_path, run, None)
    assert "--resume" not in trained[0]
    assert RunFolder.create(run.parent, "svtr_tiny").path == run  # where the next stage looks


def test_chinese_is_drawn_by_easycaptcha_and_merged_with_its_style(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: dict[str, tuple[str, str]] = {}
    merged: list[str] = []

    def draw(
        style: str, raw: Path, name: str, count: int, seed: int, threads: int, **settings: Path
    ) -> None:
        drawn[name] = (style, settings["config"].name if settings else "")

    monkeypatch.setattr(train_models, "build_tools", lambda: None)
    monkeypatch.setattr(train_models, "draw", draw)
    monkeypatch.setattr(train_models, "merge", lambda arguments: merged.extend(arguments))
    train_models.draw_sets(tmp_path, train_models.CHINESE_SETS, train_models.CHINESE_ONLY)
    assert drawn["chinese_train"] == ("easy", "config-chinese.json")
    assert drawn["easy_train"] == ("easy", "")
    place = merged.index(str(tmp_path / "raw" / "chinese_train"))
    assert merged[place - 2 : place] == ["--train-src", "easy"]


def test_only_the_kinds_of_the_chinese_set_differ() -> None:
    usual, chinese = (
        json.loads(path.read_text(encoding="utf-8"))
        for path in (EASY_CONFIG, train_models.CHINESE_ONLY["chinese"]["config"])
    )
    assert {kind: usual["type_mix"][kind] for kind in chinese["type_mix"]} == chinese["type_mix"]
    assert chinese["sizes"] == usual["sizes"]
    for kind in chinese["type_mix"]:
        assert usual["kinds"][kind].items() <= chinese["default"].items()


def test_every_row_of_the_ablation_changes_the_recipe(tmp_path: Path) -> None:
    configs = [measure_recipe.configured(name, tmp_path) for name in measure_recipe.CHANGES]
    assert all(configs.count(config) == 1 for config in configs)
    assert len({config.seed for config in configs}) == 1


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


@pytest.mark.parametrize(
    ("label", "seen", "whose"),
    [
        ("aBc", "Abc", "model"),  # case does not count
        ("O0Il", "oo1l", "lookalike"),
        ("a2c", "a?c", "eye"),
        ("7*3=?", "7*8=?", "eye"),
    ],
)
def test_whose_mistake_it_is(label: str, seen: str, whose: str) -> None:
    assert error_report.cause(label, seen) == whose
