"""``train.py`` as a user runs it: SPEC's flags, all architectures, interrupted and killed runs."""

from __future__ import annotations

import csv
import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch
import yaml
from captcha_ocr.checkpoint import load_checkpoint, load_state, save_checkpoint
from captcha_ocr.cli import train
from captcha_ocr.cli.common import BAD_DATA, FAILURE, OK, USAGE, program
from captcha_ocr.cli.train import Plan, command_to_resume, main, plan
from captcha_ocr.cli.train_config import config_from
from captcha_ocr.cli.train_options import build_parser
from captcha_ocr.config import ConfigError, ImageConfig, TrainConfig
from captcha_ocr.exporting import onnx
from captcha_ocr.models import MODELS
from captcha_ocr.predictor import OnnxPredictor
from captcha_ocr.training.run_folder import Progress, RunFolder
from small_models import small_checkpoint
from torch.torch_version import TorchVersion

SCRIPT = Path(__file__).parents[1] / "training-ready" / "train.py"
TINY = ["--batch", "8", "--batch-start", "8", "--width", "0.25", "--device", "cpu"]
SPEC = ["--epochs", "1", "--aug", "--num-workers", "1"]
PICTURES = ("results", "confusion", "worst", "labels", "reliability", "batch")


Begun = tuple[list[str], list[Plan]]


def arguments(root: Path, out: Path, arch: str = "vanilla_crnn") -> list[str]:
    return ["--arch", arch, "--train-root", str(root), "--out", str(out), *TINY]


def test_all_architectures_from_data_to_models(
    sample_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command of the documentation, with fewer epochs and a smaller batch."""
    test_root = tmp_path / "test"
    sample_set.rename(test_root)
    shapes = ["--imgH", "60", "--imgW", "256", "--pad-multiple", "4", "--downsample", "4"]
    given = arguments(test_root, tmp_path / "runs", "all")
    code = main([*given, "--val-root", str(test_root), *shapes, *SPEC, "--cache"])
    assert code == OK
    out = capsys.readouterr().out
    assert "is a test set and is only read at the end" in out
    assert "stopped: all 1 epochs are done" in out
    assert out.count("test set: 24 pictures") == len(MODELS)
    for arch in MODELS:
        run = tmp_path / "runs" / arch
        assert yaml.safe_load((run / "args.yaml").read_text(encoding="utf-8"))["arch"] == arch
        with (run / "metrics.csv").open(encoding="utf-8", newline="") as file:
            assert [row["pictures"] for row in csv.DictReader(file)] == ["23"]
        assert all((run / f"{name}.png").stat().st_size > 1000 for name in PICTURES)
        checkpoint = load_checkpoint(run / "best.safetensors")
        assert checkpoint.image.height == 60
        assert checkpoint.metrics["test"]["n"] == 24
        predictor = OnnxPredictor(run / f"{arch}.onnx")
        assert predictor.info.temperature == checkpoint.temperature
        predictor.predict([test_root / "images" / "sum_0001.png"])


@pytest.mark.parametrize("source", ["init_from", "distill_from"])
def test_training_keeps_the_sizes_that_the_weights_know(source: str, tmp_path: Path) -> None:
    weights = tmp_path / "known.safetensors"
    checkpoint = small_checkpoint("vanilla_crnn", max_width=128)
    checkpoint = dataclasses.replace(checkpoint, image=ImageConfig(40, 128, channels=3))
    save_checkpoint(weights, checkpoint)
    options = {"arch": "vanilla_crnn", "train_root": "x", source: str(weights)}
    image = config_from(options).image
    assert (image.height, image.max_width) == (40, 128)
    assert image.channels == (3 if source == "init_from" else 1)
    assert config_from({**options, "channels": 1}).image.channels == 1
    config = config_from({**options, "height": 48})
    assert (config.image.height, config.image.max_width) == (48, 128)
    assert config.model == (checkpoint.model_config if source == "init_from" else {})
    config = config_from({**options, "width": 0.5})
    assert config.model.items() >= {"width": 0.5}.items()


def test_a_student_has_as_many_columns_as_its_teacher(
    sample_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    teacher = tmp_path / "teacher.safetensors"
    save_checkpoint(teacher, small_checkpoint("vanilla_crnn", detail=4))
    given = arguments(sample_set, tmp_path / "runs", "svtr_tiny")
    given += ["--distill-from", str(teacher)]
    options = vars(build_parser().parse_args(given))
    del options["resume"]
    config = config_from(options)
    assert (config.model["detail"], config.image.height, config.image.pad_multiple) == (4, 64, 8)
    assert main([*given, "--detail", "0"]) == USAGE
    said = "one column of 8 pixels, the student of 4; give --detail 4, as the teacher has"
    assert said in capsys.readouterr().err


def test_the_hint_after_an_interruption_names_a_command_that_knows_resume(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for typed, name in (
        ("/x/train.py", "train.py"),
        ("/x/train_models.py", "captcha-ocr train"),
        ("/bin/captcha-ocr", "captcha-ocr train"),
    ):
        monkeypatch.setattr(sys, "argv", [typed])
        assert program("train") == name


def test_the_hint_can_be_pasted_as_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py"])
    typed = 'python train.py --arch svtr_tiny --resume "my runs/svtr_tiny"'
    assert command_to_resume("svtr_tiny", Path("my runs", "svtr_tiny")) == typed.replace(
        "/", os.sep
    )
    monkeypatch.setattr(sys, "argv", ["captcha-ocr"])
    typed = "captcha-ocr train --arch svtr_tiny --resume runs"
    assert command_to_resume("svtr_tiny", Path("runs")) == typed
    # Unquoted, a shell would take the rest for another command, or for its own.
    for name in ("runs&more", "a;b", "it's", "(1)"):
        assert command_to_resume("svtr_tiny", Path(name)).endswith(f'--resume "{name}"')


def test_torchrun_trains_one_architecture(
    sample_set: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(arguments(sample_set, tmp_path / "runs", "all")) == USAGE
    assert "give the --arch of one" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("extra", "code", "message"),
    [
        (["--downsample", "8"], USAGE, "--downsample is 8, but vanilla_crnn makes one step of 4"),
        (["--pad-multiple", "6"], USAGE, "choose a multiple of 4"),
        (["--imgW", "250"], USAGE, "image width 250 is not a multiple of pad multiple 4"),
        (["--init-from", "absent.safetensors"], FAILURE, "absent.safetensors is no checkpoint"),
        (["--init-from", "svtr_tiny"], USAGE, "holds weights of svtr_tiny; give --arch svtr_tiny"),
        (["--blend", "0.5"], USAGE, "--blend keeps a share of the weights that --init-from"),
        (["--batch", "0"], USAGE, "--batch is 0; choose 1 or more"),
        (["--width", "nan"], USAGE, "vanilla_crnn: width is nan; choose more than 0"),
        (["--val-root", "absent"], BAD_DATA, "missing; a root holds images/ and labels.txt"),
        (["--device", "cuda:99"], USAGE, "device 'cuda:99' is not here"),
        (["--resume"], USAGE, "no run of vanilla_crnn"),
    ],
)
def test_what_cannot_work_is_said_before_training(
    extra: list[str],
    code: int,
    message: str,
    sample_set: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [*arguments(sample_set, tmp_path / "runs"), *extra]
    assert main(given) == code
    assert message in capsys.readouterr().err


def test_a_missing_compiler_is_said_before_training(
    sample_set: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(function: object) -> None:
        raise RuntimeError("no compiler found\nand a long story")

    monkeypatch.setattr("torch.compile", fail)
    assert main([*arguments(sample_set, tmp_path / "runs"), "--compile"]) == USAGE
    assert "--compile does not work here (no compiler found); install" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_damaged_picture_is_named(
    workers: str, sample_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line, also where another process read it."""
    file = sample_set / "images" / "digits_0004.png"
    file.write_bytes(file.read_bytes()[:-40])
    given = [*arguments(sample_set, tmp_path / "runs"), "--num-workers", workers]
    assert main([*given, "--val-root", str(sample_set), "--select-on", "val"]) == BAD_DATA
    named = f"error: {sample_set / 'labels.txt'}:5: 'digits_0004.png': the picture is cut off"
    assert capsys.readouterr().err.startswith(named)


@pytest.fixture
def begun(sample_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Begun:
    """The options of a run of ``vanilla_crnn``, and what is trained from then on (nothing is)."""
    given = [*arguments(sample_set, tmp_path / "runs"), "--init-from", "vanilla_crnn"]
    given += ["--imgH", "96", "--epochs", "2"]
    folder = RunFolder.create(tmp_path / "runs", "vanilla_crnn")
    options = vars(build_parser().parse_args(given))
    config, _ = plan(options, options.pop("resume"))
    folder.on_start(config, Progress())
    folder.last.touch()
    trained: list[Plan] = []
    monkeypatch.setattr(train, "train", lambda *given: not trained.append(given))
    return given, trained


def test_what_is_given_again_as_it_was_resumes(begun: Begun) -> None:
    given, trained = begun
    same = ["--downsample", "8", "--imgW", "640", "--width", "0.25", "--max-minutes", "7"]
    same += ["--amp", "auto", "--select-on", "auto"]  # as it was settled when the run began
    assert main([*given, *same, "--resume"]) == OK
    ((config, folder),) = trained
    assert folder is not None
    assert (folder.path.name, config.max_minutes, config.epochs) == ("vanilla_crnn", 7, 2)


@pytest.mark.parametrize(
    "anew", ["--save-minutes 9.0", "--num-workers 1", "--device auto", "--cache", "--tensorboard"]
)
def test_what_does_not_change_the_outcome_may_be_given_anew(anew: str, begun: Begun) -> None:
    given, trained = begun
    assert main([*given, *anew.split(), "--resume"]) == OK
    name, value = (*anew[2:].split(), "True")[:2]
    ((config, _),) = trained
    assert str(getattr(config, name.replace("-", "_"))) == value


def test_a_step_of_a_model_with_details_is_twice_as_wide(sample_set: Path, tmp_path: Path) -> None:
    def planned(*extra: str) -> TrainConfig:
        given = [*arguments(sample_set, tmp_path / "runs", "svtr_tiny"), *extra]
        options = vars(build_parser().parse_args(given))
        del options["resume"]
        return config_from(options)

    config = planned("--detail", "4", "--downsample", "8", "--imgH", "64", "--imgW", "512")
    assert (config.image.pad_multiple, config.model) == (8, {"width": 0.25, "detail": 4})
    assert planned("--detail", "0").image.pad_multiple == 4
    with pytest.raises(ConfigError, match="--downsample is 4, but svtr_tiny makes one step of 8"):
        planned("--detail", "4", "--downsample", "4")
    with pytest.raises(ConfigError, match="--pad-multiple is 4; choose a multiple of 8"):
        planned("--detail", "4", "--pad-multiple", "4")


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("--epochs 60 --resume", "with --epochs 2.0 (not 60.0) and goes on as it began: leave"),
        ("--imgH 32 --width 1 --resume", "--imgH 96 (not 32)"),
        ("--imgH 32 --width 1 --resume", "--width 0.25 (not 1.0)"),
        ("--imgW 256 --resume", "--imgW 640 (not 256)"),
        ("--detail 4 --resume", "--detail 16 (not 4)"),
        ("--batch-start 4 --resume", "--batch-start 8 (not 4)"),
        ("--init-from svtr_tiny --resume", "svtr_tiny.safetensors)"),
        ("--distill-from svtr_tiny --resume", "without --distill-from and goes on"),
        ("--downsample 4 --resume", "--downsample 8 (not 4)"),
        ("--aug --resume", "with --aug 0.0 (not 1.0)"),
        ("--arch svtr_tiny --resume RUN", "--arch vanilla_crnn (not svtr_tiny)"),
        ("--arch all --resume RUN", "is one run; give its --arch, or --resume without a folder"),
    ],
)
def test_what_a_run_cannot_go_on_with_is_said(
    extra: str, message: str, begun: Begun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given, trained = begun
    run = str(tmp_path / "runs" / "vanilla_crnn")
    assert main([*given, *extra.replace("RUN", run).split()]) == USAGE
    assert message in capsys.readouterr().err
    assert not trained


def test_folders_that_moved_are_asked_for(
    begun: Begun, sample_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, trained = begun
    resume = ["--arch", "vanilla_crnn", "--resume", str(tmp_path / "runs" / "vanilla_crnn")]
    moved = sample_set.rename(tmp_path / "moved")
    assert main(resume) == USAGE
    assert f"learns from {sample_set}, which is not here; say where" in capsys.readouterr().err
    assert not trained
    assert main([*resume, "--train-root", str(moved)]) == OK
    assert trained[0][0].train_root == str(moved)


@pytest.mark.parametrize("text", ["", "arch: [svtr", "arch: svtr_tiny\n", "epochs: 3\nimage: 3\n"])
def test_settings_that_were_edited_to_nonsense_are_named(
    text: str, begun: Begun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given, trained = begun
    settings = tmp_path / "runs" / "vanilla_crnn" / "args.yaml"
    settings.write_text(text, encoding="utf-8")
    assert main([*given, "--resume"]) == USAGE
    assert f"error: {settings} no longer says how the run began" in capsys.readouterr().err
    assert not trained


@pytest.mark.parametrize("width", ["0,25", ".nan", "-1"])
def test_a_model_that_was_edited_to_nonsense_is_named(
    width: str, begun: Begun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given, trained = begun
    settings = tmp_path / "runs" / "vanilla_crnn" / "args.yaml"
    text = settings.read_text(encoding="utf-8")
    assert "  width: 0.25\n" in text
    settings.write_text(text.replace("  width: 0.25\n", f"  width: {width}\n"), encoding="utf-8")
    assert main([*given, "--resume"]) == USAGE
    said = capsys.readouterr().err
    assert f"error: {settings} no longer says how the run began (vanilla_crnn: width is" in said
    assert not trained


@pytest.mark.parametrize("kind", ["nothing", "a file", "an empty folder"])
def test_what_is_no_run_cannot_go_on(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    if kind == "a file":
        run.touch()
    elif kind == "an empty folder":
        run.mkdir()
    assert main(["--arch", "vanilla_crnn", "--resume", str(run)]) == USAGE
    assert f"error: {run} holds no run (no args.yaml); --resume takes" in capsys.readouterr().err


def test_all_go_on_where_they_were(
    begun: Begun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given, trained = begun
    start = given.index("--init-from")  # weights of one, which the others cannot start from
    whole = [*given[:start], *given[start + 2 :], "--arch", "all", "--resume"]
    assert main(whole) == OK
    runs = [(config.arch, folder.path.name if folder else None) for config, folder in trained]
    assert runs == [("crnn_resnet34", None), ("svtr_tiny", None), ("vanilla_crnn", "vanilla_crnn")]
    trained.clear()
    assert main(["--arch", "all", "--resume", "--out", str(tmp_path / "runs")]) == USAGE
    assert "--train-root is missing, to train crnn_resnet34" in capsys.readouterr().err
    assert not trained  # not after hours of the others


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--early", "0.8"], "svtr_tiny has no argument ['early']"),
        (["--imgH", "24"], "vanilla_crnn reads pictures of height 32 or more"),
        (
            ["--detail", "4", "--imgH", "60"],
            "vanilla_crnn with details reads pictures of height 64",
        ),
        (["--channels", "1"], "crnn_resnet34 reads 3 channel(s), the image config has 1"),
        (["--distill-from", "svtr_tiny"], "the teacher reads colours, the student grey"),
    ],
)
def test_what_one_of_all_cannot_is_said_before_the_first_trains(
    extra: list[str],
    message: str,
    sample_set: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*arguments(sample_set, tmp_path / "runs", "all"), *extra]) == USAGE
    assert message in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_a_torch_that_cannot_export_is_refused_before_training(
    sample_set: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no numel() of symbolic sizes\nmore of that")

    monkeypatch.setattr(onnx, "export_onnx", fail)
    monkeypatch.setattr(torch, "__version__", TorchVersion("2.7.1+cu124"))
    assert main(arguments(sample_set, tmp_path / "runs")) == USAGE
    message = capsys.readouterr().err
    assert "torch 2.7.1+cu124 cannot export vanilla_crnn" in message
    assert "(no numel() of symbolic sizes)" in message
    assert not (tmp_path / "runs").exists()
    monkeypatch.setattr(onnx, "export_onnx", Mock(side_effect=AssertionError()))
    with pytest.raises(ConfigError, match=r"\(AssertionError\)"):  # it may say nothing at all
        onnx.require_exporter("vanilla_crnn", {}, ImageConfig())
    monkeypatch.setattr(torch, "__version__", TorchVersion(f"{onnx.KNOWN_TORCH}.0+cpu"))
    onnx.require_exporter("vanilla_crnn", {}, ImageConfig())  # not asked: it is known


def test_what_the_end_of_a_run_needs_is_asked_for_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = arguments(tmp_path / "nowhere", tmp_path / "runs")
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "onnxscript", None)
        assert main(given) == FAILURE
    assert "needs the Python package 'onnxscript'" in capsys.readouterr().err
    # As where it cannot import matplotlib.
    monkeypatch.setitem(sys.modules, "captcha_ocr.training.finishing", None)
    with pytest.raises(ModuleNotFoundError):
        main(given)
    assert not (tmp_path / "runs").exists()


def test_an_older_torch_that_can_export_may_train(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "__version__", TorchVersion("2.7.1+cu124"))
    onnx.require_exporter("vanilla_crnn", {"width": 0.125, "hidden": 32}, ImageConfig())


def test_an_unknown_architecture_is_a_usage_error(
    sample_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(sample_set, tmp_path, "svtr")) == USAGE
    assert "choose from crnn_resnet34, svtr_tiny, vanilla_crnn" in capsys.readouterr().err


def start(root: Path, out: Path, *extra: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(SCRIPT), *arguments(root, out), *extra]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",  # whatever the system's is: see prepare_console
    )


def wait_for(file: Path, process: subprocess.Popen[str]) -> None:
    """Until the file is there; five minutes at most, and only while the process lives."""
    for _ in range(3000):
        if file.is_file():
            return
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.1)
    raise AssertionError(f"{file} did not appear")


def test_a_killed_run_goes_on(sample_set: Path, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "vanilla_crnn"
    process = start(sample_set, tmp_path / "runs", "--epochs", "100000", "--save-minutes", "0.001")
    wait_for(run / "last.pt", process)
    process.kill()
    process.communicate()
    killed_at = load_state(run / "last.pt")["progress"]["step"]
    assert killed_at > 0
    (run / ".best.safetensors.1.part").write_bytes(b"killed while saving")
    done = start(sample_set, tmp_path / "runs", "--resume", "--max-minutes", "0.0001")
    assert "its 0.0001 minutes are used up" in done.communicate()[0]
    assert done.returncode == OK
    assert load_state(run / "last.pt")["progress"]["step"] == killed_at + 1
    assert not list(run.glob(".*.part"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c_saves_and_says_how_to_go_on(sample_set: Path, tmp_path: Path) -> None:
    process = start(sample_set, tmp_path / "runs", "--epochs", "100000", "--save-minutes", "0.001")
    run = tmp_path / "runs" / "vanilla_crnn"
    wait_for(run / "last.pt", process)
    process.send_signal(signal.SIGINT)
    out = process.communicate()[0]
    assert process.returncode == 130
    assert f"go on with: python train.py --arch vanilla_crnn --resume {run}" in out
    load_state(run / "last.pt")


def test_a_run_that_diverges_ends_in_a_line(
    sample_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [*arguments(sample_set, tmp_path), "--lr", "1e30", "--epochs", "3"]
    assert main(given) == FAILURE
    assert capsys.readouterr().err.startswith("error: the loss is nan at step ")


def test_a_command_that_cannot_begin_leaves_no_run(tmp_path: Path) -> None:
    assert main(arguments(tmp_path / "nowhere", tmp_path / "runs")) == BAD_DATA
    assert not any((tmp_path / "runs").iterdir())
