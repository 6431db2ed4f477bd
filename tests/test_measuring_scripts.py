"""The scripts that train the shipped models and measure their recipe ask for what is there."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import blend_weights
import error_report
import experiments
import make_benchmark
import make_data
import measure_recipe
import pytest
import recipe_pages
import record_runs
import ship_model
import torch
import train_models
import yaml
from benchmark_set import write_benchmark_set
from captcha_ocr.benchmarking.columns import COLUMNS
from captcha_ocr.benchmarking.distortions import DISTORTIONS
from captcha_ocr.checkpoint import load_checkpoint, load_state, save_checkpoint, save_state
from captcha_ocr.cli import merge
from captcha_ocr.cli.common import FAILURE, OK, USAGE
from captcha_ocr.config import ConfigError, TrainConfig, TrainingError
from captcha_ocr.exporting.onnx import export_onnx
from captcha_ocr.model_info import WEIGHTS_DIR, find_models
from captcha_ocr.predictor import OnnxPredictor
from captcha_ocr.training.interrupt import Stop
from captcha_ocr.training.run_folder import RunFolder
from generators import EASY_CONFIG, TOOLS
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
    from captcha_ocr.cli.train_config import config_from
    from captcha_ocr.cli.train_options import build_parser

    options = vars(build_parser().parse_args(arguments))
    options.pop("resume")
    return config_from(options)


def test_the_stages_of_every_shipped_model_are_known() -> None:
    assert set(find_models()) <= set(train_models.STAGES)


@pytest.mark.parametrize("arch", train_models.STAGES)
def test_every_stage_goes_on_from_the_one_before(
    arch: str, tmp_path: Path, trained: list[list[str]]
) -> None:
    before = None
    for number, stage in enumerate(train_models.STAGES[arch], start=1):
        run = tmp_path / f"stage-{number}" / arch
        assert train_models.train_stage(stage, arch, tmp_path, run, before) == 0
        config = configuration(trained[-1])
        assert (config.arch, config.epochs, config.select_on) == (arch, stage.epochs, "val")
        _, named, share = f"{stage.options} ".partition("--aug ")
        assert config.aug == (float(share.split()[0]) if named else 1)
        assert Path(config.out) == run.parent
        assert stage.sets in train_models.FOLDERS
        assert Path(config.train_root) == tmp_path / stage.sets / "train"
        assert config.init_from == (str(before / "best.safetensors") if before else "")
        run.mkdir(parents=True)
        save_checkpoint(run / "best.safetensors", small_checkpoint(arch))
        before = run


@pytest.mark.parametrize("arch", find_models())
def test_the_last_stage_is_the_run_that_made_the_shipped_weights(
    arch: str, tmp_path: Path, trained: list[list[str]]
) -> None:
    save_checkpoint(tmp_path / "best.safetensors", small_checkpoint(arch))
    stage, run = train_models.STAGES[arch][-1], tmp_path / "last" / arch
    train_models.train_stage(stage, arch, tmp_path, run, tmp_path)
    config = dataclasses.asdict(configuration(trained[-1]))
    shipped = load_checkpoint(WEIGHTS_DIR / f"{arch}.safetensors").train_config
    told = ("epochs", "batch", "batch_start", "lr", "flat", "aux_weight", "aug", "blend", "seed")
    for name in (*told, "image", "fold_case"):
        assert config[name] == shipped[name], name
    assert config["model"]["detail"] == shipped["model"]["detail"]


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


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[Any, ...]]:
    """Name -> style, folder, (count, seed, threads), settings; nothing is drawn or merged."""
    drawn: dict[str, tuple[Any, ...]] = {}

    def draw(style: str, raw: Path, name: str, *asked: Any, **settings: Any) -> None:
        told = (style, raw, asked, settings)
        assert drawn.setdefault(name, told) == told

    monkeypatch.setattr(train_models, "build_tools", lambda: None)
    monkeypatch.setattr(train_models, "draw", draw)
    monkeypatch.setattr(train_models, "merge", lambda arguments: 0)
    return drawn


def test_chinese_is_drawn_by_easycaptcha_and_merged_with_its_style(
    tmp_path: Path, drawn: dict[str, tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    merged: list[str] = []
    monkeypatch.setattr(train_models, "merge", lambda arguments: merged.extend(arguments))
    sets = train_models.FOLDERS["chinese"]
    train_models.draw_sets(tmp_path / "chinese", tmp_path, sets, train_models.SETTINGS)
    style, _, _, settings = drawn["chinese-104-100000"]
    assert (style, settings["config"].name) == ("easy", "config-chinese.json")
    style, _, _, settings = drawn["easy-101-240000"]
    assert (style, settings) == ("easy", {})
    place = merged.index(str(tmp_path / "chinese-104-100000"))
    assert merged[place - 2 : place] == ["--train-src", "easy"]


def test_hard_fonts_are_drawn_by_ruoyi_with_them_alone(
    tmp_path: Path, drawn: dict[str, tuple[Any, ...]]
) -> None:
    sets = train_models.FOLDERS["hard-fonts"]
    train_models.draw_sets(tmp_path / "hard-fonts", tmp_path, sets, train_models.SETTINGS)
    style, _, _, settings = drawn["hard-fonts-165-80000"]
    assert style == "ruoyi"
    assert settings["fonts"] == TOOLS / "fonts-hard.txt"
    assert settings["options"] == ("--other-share", "1")
    style, _, _, settings = drawn["ruoyi-163-30000"]
    assert (style, settings) == ("ruoyi", {})


def test_hard_fonts_are_some_of_the_training_fonts() -> None:
    hard, train, heldout = (
        {
            line
            for line in (TOOLS / f"fonts-{name}.txt").read_text(encoding="utf-8").splitlines()
            if line and not line.startswith("#")
        }
        for name in ("hard", "train", "heldout")
    )
    assert hard
    assert hard < train
    assert not hard & heldout


def test_only_the_kinds_of_the_chinese_set_differ() -> None:
    usual, chinese = (
        json.loads(path.read_text(encoding="utf-8"))
        for path in (EASY_CONFIG, train_models.SETTINGS["chinese"]["config"])
    )
    assert {kind: usual["type_mix"][kind] for kind in chinese["type_mix"]} == chinese["type_mix"]
    assert chinese["sizes"] == usual["sizes"]
    for kind in chinese["type_mix"]:
        assert usual["kinds"][kind].items() <= chinese["default"].items()


def test_sets_are_drawn_once_for_all_that_hold_them(
    tmp_path: Path, drawn: dict[str, tuple[Any, ...]]
) -> None:
    for folder, sets in train_models.FOLDERS.items():
        train_models.draw_sets(tmp_path / folder, tmp_path / "raw", sets, train_models.SETTINGS)
    assert len(drawn) == 49  # names tell apart what is drawn apart


def test_what_was_learned_from_neither_chooses_nor_measures() -> None:
    """A seed that stands twice would draw the same pictures twice."""
    shipped, rows = [*train_models.FOLDERS.values()], [measure_recipe.SETS]
    for sets in (shipped, rows):
        learned, chosen = (
            {seed for each in sets for _, seed in each[split].values()}
            for split in ("train", "dev")
        )
        assert learned and chosen and not learned & chosen
        assert not {drawing.seed for drawing in make_benchmark.drawings()} & (learned | chosen)
    usual = make_data.build_parser().parse_args([]).seed
    assert usual not in {drawing.seed for drawing in make_benchmark.drawings()}


@pytest.mark.parametrize(
    ("main", "arguments"),
    [
        (error_report.main, ["--sheets", "{nothing}", "--arch", "svtr"]),
        (record_runs.main, ["--runs", "{nothing}"]),
        (ship_model.main, ["{nothing}"]),
        (measure_recipe.main, ["--out", "{file}"]),
        (train_models.main, ["--out", "{file}"]),
    ],
)
def test_what_cannot_be_used_is_named_in_one_line(
    main: Callable[[list[str]], int],
    arguments: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").touch()
    places = {"nothing": tmp_path / "nothing", "file": tmp_path / "file"}
    assert main([argument.format(**places) for argument in arguments]) == FAILURE
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert arguments[-1].strip("{}") in err


def test_the_documents_are_of_one_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert error_report.main(["--arch", "svtr_tiny"]) == USAGE
    assert "the documents are of vanilla_crnn" in capsys.readouterr().err


def run_of_bars(tmp_path: Path) -> tuple[Path, Path]:
    """A run that changed all weights of a small model, and the folder of its start."""
    root = write_benchmark_set(tmp_path / "set")
    start = small_checkpoint("vanilla_crnn")
    save_checkpoint(tmp_path / "start.safetensors", start)
    run = RunFolder.create(tmp_path, "vanilla_crnn")
    config = TrainConfig(
        "vanilla_crnn",
        str(root),
        str(root),
        init_from=str(tmp_path / "start.safetensors"),
        select_on="val",
        model=start.model_config,
    )
    run.args.write_text(yaml.safe_dump(dataclasses.asdict(config)), encoding="utf-8")
    changed = {
        name: value + 1 if value.is_floating_point() else value
        for name, value in start.state.items()
    }
    save_checkpoint(run.best, dataclasses.replace(start, state=changed))
    return run.path, tmp_path / "start.safetensors"


def test_a_blend_lies_between_the_start_and_the_end_of_a_run(tmp_path: Path) -> None:
    run, start = run_of_bars(tmp_path)
    checkpoint = blend_weights.blended(run, 0.25)
    for name, before in load_checkpoint(start).state.items():
        moved = checkpoint.state[name] - before
        assert (moved - (0.75 if before.is_floating_point() else 0)).abs().max() < 1e-5


def test_a_blend_with_fewer_channels_keeps_what_those_did_not_have(tmp_path: Path) -> None:
    """All of the start is the start, to which nothing new is heard."""
    run, _ = run_of_bars(tmp_path)
    start, wide = (small_checkpoint("crnn_resnet34", early=early) for early in (0.125, 0.25))
    save_checkpoint(tmp_path / "start.safetensors", start)
    save_checkpoint(run / "best.safetensors", wide)
    all_of_it = blend_weights.blended(run, 1.0)
    images = torch.rand(2, 3, 32, 64)
    with torch.inference_mode():
        torch.testing.assert_close(all_of_it.build()(images), start.build()(images))
    assert torch.equal(all_of_it.state["stem.0.weight"][8:], wide.state["stem.0.weight"][8:])


def test_all_shares_read_a_set_that_is_opened_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = run_of_bars(tmp_path)
    opened: list[Path] = []
    open_store = blend_weights.open_store
    monkeypatch.setattr(
        blend_weights, "open_store", lambda root: (opened.append(root), open_store(root))[1]
    )
    found = list(blend_weights.measure(run, [0.0, 1.0]))
    assert [list(figures) for figures in found] == [[*COLUMNS, "all"]] * 2
    assert opened == [tmp_path / "set"]


def test_a_blend_that_is_kept_is_a_finished_run(tmp_path: Path) -> None:
    run, start = run_of_bars(tmp_path)
    save_state(run / "last.pt", {"progress": {"history": []}, "average": {"start": {}}})
    (run / "metrics.csv").write_text("pictures\n", encoding="utf-8")
    blend_weights.keep(run, 0.5, tmp_path / "kept")
    kept = tmp_path / "kept" / "vanilla_crnn"
    assert yaml.safe_load((kept / "args.yaml").read_text(encoding="utf-8"))["blend"] == 0.5
    assert load_checkpoint(kept / "best.safetensors").train_config["blend"] == 0.5
    assert OnnxPredictor(kept / "vanilla_crnn.onnx").info.arch == "vanilla_crnn"
    blended_with = load_state(kept / "last.pt")["average"]["start"]  # also where it goes on
    assert blended_with.keys() == load_checkpoint(start).state.keys()


def test_a_run_that_was_blended_is_not_blended_again(tmp_path: Path) -> None:
    run, _ = run_of_bars(tmp_path)
    args = run / "args.yaml"
    settings = {**yaml.safe_load(args.read_text(encoding="utf-8")), "blend": 0.4}
    args.write_text(yaml.safe_dump(settings), encoding="utf-8")
    with pytest.raises(ConfigError, match="without --blend"):
        next(blend_weights.measure(run, [0.2]))
    assert blend_weights.main([str(run)]) == USAGE


def test_a_run_from_nothing_has_nothing_to_blend_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, _ = run_of_bars(tmp_path)
    args = run / "args.yaml"
    settings = {**yaml.safe_load(args.read_text(encoding="utf-8")), "init_from": ""}
    args.write_text(yaml.safe_dump(settings), encoding="utf-8")
    assert blend_weights.main([str(run)]) == USAGE
    assert "must be a run with --init-from" in capsys.readouterr().err


@pytest.mark.parametrize("half", [["--keep", "0.4"], ["--out", "kept"]])
def test_a_share_is_kept_in_a_folder_that_is_named(
    half: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        blend_weights.main([str(tmp_path), *half])
    assert "--keep and --out go together" in capsys.readouterr().err


def test_distorted_pictures_are_neither_plain_nor_at_their_worst(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(blend_weights, "distort", lambda _, kind, level: seen.append((kind, level)))
    read = SimpleNamespace(score=lambda: SimpleNamespace(exact_match_folded=0.5))
    monkeypatch.setattr(blend_weights, "evaluate", lambda *_: read)
    figures = blend_weights.measure_distorted(None, None)  # type: ignore[arg-type]
    assert figures == dict.fromkeys(DISTORTIONS, 0.5)
    between = [(kind, level) for kind in DISTORTIONS.values() for level in kind.levels[1:-1]]
    assert seen == between


@pytest.mark.parametrize("root", ["test", ""])
def test_a_test_set_chooses_no_share(tmp_path: Path, root: str) -> None:
    run, _ = run_of_bars(tmp_path)
    args = run / "args.yaml"
    settings = yaml.safe_load(args.read_text(encoding="utf-8"))
    settings |= {"select_on": "auto", "val_root": root and str(tmp_path / root)}
    args.write_text(yaml.safe_dump(settings), encoding="utf-8")
    with pytest.raises(ConfigError, match="a test set may choose nothing"):
        next(blend_weights.measure(run, [0.2]))


def test_a_blend_is_told_by_columns_that_the_set_must_have(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, _ = run_of_bars(tmp_path)
    assert blend_weights.main([str(run), "--shares", "1"]) == OK
    head, figures = capsys.readouterr().out.splitlines()
    assert head.startswith("share\teasy-text")
    assert blend_weights.main([str(run), "--shares", "1", "--distorted", "2"]) == OK
    head_too, figures_too = capsys.readouterr().out.splitlines()
    assert head_too.split("\t") == [*head.split("\t"), *DISTORTIONS]
    assert figures_too.startswith(f"{figures}\t")
    assert figures_too.count("\t") == head_too.count("\t")
    (tmp_path / "set" / "manifest.jsonl").unlink()
    assert blend_weights.main([str(run)]) == USAGE
    assert "is in no column" in capsys.readouterr().err


def test_a_column_without_pictures_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, _ = run_of_bars(tmp_path)
    for name in ("labels.txt", "manifest.jsonl"):
        lines = (tmp_path / "set" / name).read_text(encoding="utf-8").splitlines(keepends=True)
        kept = (line for line in lines if "ruoyi" not in line)
        (tmp_path / "set" / name).write_text("".join(kept), encoding="utf-8")
    assert blend_weights.main([str(run), "--shares", "1"]) == USAGE
    assert "has no picture of ruoyi" in capsys.readouterr().err


def test_what_is_shipped_is_the_runs_model_and_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, weights = tmp_path / "run", tmp_path / "weights"
    run.mkdir()
    weights.mkdir()
    checkpoint = small_checkpoint("vanilla_crnn")
    save_checkpoint(run / "best.safetensors", checkpoint)
    export_onnx(checkpoint, run)
    (weights / "svtr_tiny.safetensors").write_bytes(bytes(5000))
    with monkeypatch.context() as patched:
        patched.setattr(ship_model, "LARGEST", 10)
        with pytest.raises(SystemExit, match=r"more than 10$"):
            ship_model.ship(run, weights)
    with monkeypatch.context() as patched:
        files = ("vanilla_crnn.onnx", "vanilla_crnn.json", "best.safetensors")
        size = sum((run / name).stat().st_size for name in files)
        patched.setattr(ship_model, "LARGEST_TOGETHER", size + 4999)
        with pytest.raises(SystemExit, match="with vanilla_crnn the package has"):
            ship_model.ship(run, weights)
    name = next(name for name in reversed(list(checkpoint.state)) if name.endswith("weight"))
    other = {**checkpoint.state, name: checkpoint.state[name] + 1}
    save_checkpoint(run / "best.safetensors", dataclasses.replace(checkpoint, state=other))
    with pytest.raises(SystemExit, match="is not the model of this run"):
        ship_model.ship(run, weights)
    assert [file.name for file in weights.iterdir()] == ["svtr_tiny.safetensors"]


def test_a_shipped_model_names_no_folder_of_its_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, weights = tmp_path / "run", tmp_path / "weights"
    run.mkdir()
    weights.mkdir()
    settings = {"train_root": "/a/machine/train", "val_root": "", "out": "/a/machine/runs"}
    settings |= {
        "init_from": "/a/machine/1.safetensors",
        "distill_from": "/a/machine/2.safetensors",
    }
    checkpoint = small_checkpoint("vanilla_crnn")
    save_checkpoint(
        run / "best.safetensors", dataclasses.replace(checkpoint, train_config=settings)
    )
    for suffix in ("onnx", "json"):
        (run / f"vanilla_crnn.{suffix}").touch()
    monkeypatch.setattr(ship_model, "OnnxPredictor", lambda path: None)
    monkeypatch.setattr(ship_model, "verify", lambda *_: 0.0)
    ship_model.ship(run, weights)
    shipped = load_checkpoint(weights / "vanilla_crnn.safetensors")
    assert shipped.train_config["distill_from"] == "2.safetensors"
    assert "machine" not in str(shipped.train_config)


def test_a_run_gives_the_terminal_back_before_the_next_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two bars at once are an error of rich 13."""
    closed: list[Path] = []

    def fit(config: TrainConfig, folder: RunFolder) -> Stop:
        (folder.path / "metrics.csv").touch()
        return Stop("all epochs are done")

    monkeypatch.setattr(experiments, "fit", fit)
    monkeypatch.setattr(RunFolder, "close", lambda folder: closed.append(folder.path))
    config = TrainConfig(arch="svtr_tiny", train_root="x")
    assert experiments.trained(config, tmp_path / "row").path == tmp_path / "row"
    assert closed == [tmp_path / "unfinished" / "row"]


def test_a_run_that_was_cut_off_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiments, "fit", lambda *_: Stop("interrupted", unfinished=True))
    config = TrainConfig(arch="svtr_tiny", train_root="x")
    with pytest.raises(TrainingError, match="row was not trained to its end: interrupted"):
        experiments.trained(config, tmp_path / "row")
    assert not (tmp_path / "row").exists()


def test_the_course_of_a_run_tells_what_its_best_weights_read(tmp_path: Path) -> None:
    run, _ = run_of_bars(tmp_path)
    rows = ["pictures,seconds,exact_match,exact_match_folded,val_loss"]
    rows += ["80,60,0.2,0.3,3", "160,120,0.6,0.7,2", "240,180,0.5,0.8,2"]
    text = "\n".join((*rows, "320,240,0.6,0.75,1", ""))  # of equals, the surest is kept
    (run / "metrics.csv").write_text(text, encoding="utf-8")
    course = record_runs.course(run)
    assert recipe_pages.course_line(course)[-5:] == ["30.0", "70.0", "80.0", "75.0", "75.0"]
    assert course["set"] == tmp_path.name
    settings = run / "args.yaml"
    folded = settings.read_text(encoding="utf-8").replace("fold_case: false", "fold_case: true")
    settings.write_text(folded, encoding="utf-8")
    assert record_runs.course(run)["kept"] == 0.8
    recorded = record_runs.blends(run, (0.0, 0.3, 1.0))
    assert list(recorded["shares"]) == ["0", "0.3", "1"]
    named = (recorded["arch"], recorded["set"], recorded["pictures"])
    assert named == ("vanilla_crnn", tmp_path.name, 320)


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


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What scripts/train_models.py would draw, merge, train and ship: (what, arguments)."""
    told = []

    def note(what, answer):
        return lambda *given, **named: told.append((what, given, named)) or answer

    monkeypatch.setattr(train_models, "build_tools", lambda: None)
    for name, answer in (("draw", None), ("merge", 0), ("train_stage", 0), ("ship", None)):
        monkeypatch.setattr(train_models, name, note(name, answer))
    return told


def test_what_chooses_the_weights_is_not_learned_from(asked: list[Any], tmp_path: Path) -> None:
    sets = {"train": {"easy": (20, 1)}, "dev": {"easy": (3, 2)}}
    settings = {"easy": {"options": ("--other-share", "1")}}
    train_models.draw_sets(tmp_path / "out", tmp_path / "raw", sets, settings)
    (merged,) = (given[0] for what, given, _ in asked if what == "merge")
    config = merge.build_config(merge.build_parser().parse_args(merged))
    assert [(x.split, x.root.name) for x in config.sources] == [
        ("train", "easy-1-20"),
        ("test", "easy-2-3"),
    ]
    assert config.on_unknown == "drop"
    assert [named for what, _, named in asked if what == "draw"] == 2 * [settings["easy"]]


def test_sets_that_are_not_merged_end_the_command(
    asked: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_models, "merge", lambda arguments: 65)
    with pytest.raises(SystemExit, match="could not be merged"):
        train_models.draw_sets(tmp_path / "out", tmp_path / "raw", {"train": {"easy": (20, 1)}})


def test_only_a_finished_model_is_shipped_and_only_when_asked(
    asked: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = ["--out", str(tmp_path)]
    assert train_models.main(out) == 0
    stages = len(train_models.STAGES["vanilla_crnn"])
    last = tmp_path / f"stage-{stages}" / "vanilla_crnn"
    assert [given for what, given, _ in asked if what == "ship"] == [(last,)]
    asked.clear()
    assert train_models.main([*out, "--no-ship"]) == 0
    assert "ship" not in {what for what, *_ in asked}
    monkeypatch.setattr(train_models, "train_stage", lambda *_: 130)
    assert train_models.main(out) == 130
    assert "ship" not in {what for what, *_ in asked}


def test_a_run_is_recorded_once_and_with_the_shares_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record = {}
    monkeypatch.setattr(record_runs, "read_record", lambda: record)
    monkeypatch.setattr(record_runs, "write_record", lambda given: None)
    monkeypatch.setattr(record_runs, "course", lambda run: {"arch": run.name})
    monkeypatch.setattr(record_runs, "blends", lambda run, shares: {"shares": list(shares)})
    for _ in range(2):
        assert record_runs.main(["--runs", "a", "b", "a"]) == 0
    assert record_runs.main(["--blends", "a", "--shares", "0", "0.3"]) == 0
    assert record["runs"] == [{"arch": "a"}, {"arch": "b"}]
    assert record["blends"] == [{"shares": [0.0, 0.3]}]
