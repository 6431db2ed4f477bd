"""What a run says while it goes on: lines, a bar on a terminal, TensorBoard."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from captcha_ocr.config import ConfigError, ImageConfig, TrainConfig
from captcha_ocr.training import run_folder
from captcha_ocr.training.run_folder import Progress, RunFolder, clock
from small_models import small_checkpoint

ROW = {
    "pictures": 500,
    "seconds": 75.0,
    "exact_match": 0.5,
    "exact_match_folded": 0.625,
    "cer": 0.25,
    "train_loss": 1.5,
    "val_loss": 1.25,
}


def config(**settings: Any) -> TrainConfig:
    return TrainConfig(arch="vanilla_crnn", train_root="data", image=ImageConfig(), **settings)


def tell(folder: RunFolder, settings: TrainConfig) -> None:
    """A run of one step and one evaluation."""
    progress = Progress(step=10, pictures=160, loss_sum=30.0, loss_count=10)
    folder.on_start(settings, Progress())
    folder.on_step(progress, total=640, rate=1e-3)
    folder.on_evaluation(ROW, [ROW], best=True)
    folder.close()


def test_lines_say_where_it_stands_and_how_long_it_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_folder, "PLAIN_SECONDS", -1.0)
    folder = RunFolder.create(tmp_path, "vanilla_crnn")
    tell(folder, config())
    step, evaluation = capsys.readouterr().out.splitlines()
    assert step.startswith("epoch 1  step 10  160 of 640 pictures  loss 3.000  lr 1.0e-03")
    assert "pictures/s  ETA " in step
    assert evaluation == (
        "after 500 pictures and 1 min 15 s: exact match 50.00% (case folded 62.50%), "
        "CER 25.00%, loss 1.500 / 1.250  best so far"
    )
    assert folder.metrics.read_text(encoding="utf-8").splitlines()[0] == ",".join(ROW)


def test_a_table_that_a_spreadsheet_shows_stops_no_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Excel lets nobody write to it meanwhile."""
    folder = RunFolder.create(tmp_path, "vanilla_crnn")
    tell(folder, config())
    before, replace = folder.metrics.read_bytes(), Path.replace

    def refuse(self: Path, target: Path) -> Path:
        if target == folder.metrics:
            raise PermissionError(13, "in use")
        return replace(self, target)

    capsys.readouterr()
    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.setattr("time.sleep", lambda _: None)
    folder.on_evaluation(ROW, [ROW, ROW], best=False)
    notice, evaluation = capsys.readouterr().out.splitlines()
    assert "metrics.csv is open elsewhere" in notice and evaluation.startswith("after 500")
    assert folder.metrics.read_bytes() == before
    monkeypatch.setattr(Path, "replace", replace)
    folder.on_evaluation(ROW, [ROW, ROW, ROW], best=False)
    assert len(folder.metrics.read_text(encoding="utf-8").splitlines()) == 4


def test_the_time_left_is_told_at_the_speed_of_now(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither an earlier session nor an evaluation counts, and few lines are enough."""
    now = [0.0]
    monkeypatch.setattr(run_folder.time, "monotonic", lambda: now[0])
    folder = RunFolder.create(tmp_path, "vanilla_crnn")
    folder.on_start(config(), Progress(pictures=1000))
    for seconds, pictures in ((10, 1100), (20, 1200), (30, 1300), (40, 1600)):
        now[0] = seconds
        folder.on_step(Progress(pictures=pictures), total=2200, rate=1e-3)
    now[0] = 100
    folder.on_evaluation({**ROW, "pictures": 1700}, [ROW], best=False)
    now[0] = 120
    folder.on_step(Progress(pictures=1900), total=2200, rate=1e-3)
    first, second, evaluation, third = capsys.readouterr().out.splitlines()
    assert "1,200 of 2,200" in first and first.endswith("10 pictures/s  ETA 1 min 40 s")
    assert "1,600 of 2,200" in second and second.endswith("20 pictures/s  ETA 30 s")
    assert evaluation.startswith("after 1,700") and "best" not in evaluation
    assert third.endswith("10 pictures/s  ETA 30 s")


def test_a_terminal_gets_a_bar(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    now = iter([0.0, 1.0, 2.0])
    monkeypatch.setattr(run_folder, "time", SimpleNamespace(monotonic=lambda: next(now)))
    tell(RunFolder.create(tmp_path, "vanilla_crnn"), config())
    shown = capsys.readouterr().out
    assert "exact match 50.00%" in shown
    assert " 25% " in shown and "160 of 640" not in shown


def test_tensorboard_gets_every_figure(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="the extra 'tensorboard'")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = RunFolder.create(tmp_path, "vanilla_crnn")
    tell(folder, config(tensorboard=True))
    events = EventAccumulator(str(folder.path)).Reload()
    assert set(events.Tags()["scalars"]) == set(ROW)
    (event,) = events.Scalars("cer")
    assert (event.step, event.value) == (500, 0.25)


def test_without_tensorboard_no_run_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    folder = RunFolder.create(tmp_path, "vanilla_crnn")
    with pytest.raises(ModuleNotFoundError):
        folder.on_start(config(tensorboard=True), Progress())
    folder.close()
    assert not folder.path.exists()


def test_a_file_where_runs_should_go_is_an_error(tmp_path: Path) -> None:
    """On Windows it looked like a run that is there, and so did the next, without end."""
    (tmp_path / "runs").touch()
    with pytest.raises(FileExistsError):
        RunFolder.create(tmp_path / "runs", "vanilla_crnn")


def test_an_older_model_does_not_stay_beside_better_weights(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "vanilla_crnn")
    for suffix in (".onnx", ".json"):
        (folder.path / f"vanilla_crnn{suffix}").touch()
    folder.save_best(small_checkpoint("vanilla_crnn"))
    assert [path.name for path in folder.path.iterdir()] == ["best.safetensors"]


def test_a_run_never_writes_over_another(tmp_path: Path) -> None:
    names = [RunFolder.create(tmp_path, "svtr_tiny").path.name for _ in range(3)]
    assert names == ["svtr_tiny", "svtr_tiny-2", "svtr_tiny-3"]


def test_one_command_at_a_time_trains_in_a_folder(tmp_path: Path) -> None:
    first = RunFolder.create(tmp_path, "svtr_tiny")
    (first.path / "last.pt").touch()
    first.claim()
    second = RunFolder(first.path)
    with pytest.raises(ConfigError, match="another command is training in"):
        second.claim()
    second.close()  # as a command that fails does: the first is not let go
    with pytest.raises(ConfigError, match="another command is training in"):
        RunFolder(first.path).claim()
    first.close()
    second.claim()
    second.close()
    assert [path.name for path in first.path.iterdir()] == ["last.pt"]


def test_where_a_disk_has_no_locks_a_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(run_folder, "lock", refuse)
    folder = RunFolder.create(tmp_path, "svtr_tiny")
    folder.claim()
    folder.close()
    assert not folder.path.exists()


def test_the_best_reads_most_and_among_equals_is_surest() -> None:
    progress = Progress()
    told = [(0.0, 5.0), (0.5, 2.0), (0.5, 3.0), (0.4, 1.0), (0.5, 1.0), (0.6, 9.0)]
    best = [progress.is_best(exact_match, loss) for exact_match, loss in told]
    assert best == [True, True, False, False, True, True]
    assert (progress.best_exact_match, progress.best_loss, progress.since_best) == (0.6, 9.0, 0)
    assert not progress.is_best(0.6, float("inf"))
    assert progress.since_best == 1


def test_the_newest_run_that_can_go_on_is_found(tmp_path: Path) -> None:
    assert RunFolder.find(tmp_path, "svtr_tiny") is None
    folders = [RunFolder.create(tmp_path, "svtr_tiny") for _ in range(3)]
    for folder, written in zip(folders, (100, 300)):  # the third has saved nothing yet
        folder.last.touch()
        os.utime(folder.last, (written, written))
    found = RunFolder.find(tmp_path, "svtr_tiny")
    assert found is not None and found.path == folders[1].path
    os.utime(folders[0].last, (400, 400))  # resumed since
    found = RunFolder.find(tmp_path, "svtr_tiny")
    assert found is not None and found.path == folders[0].path


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (59.6, "1 min 00 s"),
        (7.2, "7 s"),
        (75, "1 min 15 s"),
        (3600, "1 h 00 min"),
        (7505, "2 h 05 min"),
    ],
)
def test_times_are_told_in_two_units(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_what_a_killed_run_had_half_written_goes(tmp_path: Path) -> None:
    half = tmp_path / ".last.pt.123.part"
    half.write_bytes(bytes(9))
    folder = RunFolder(tmp_path)
    settings = TrainConfig(arch="vanilla_crnn", train_root="data", image=ImageConfig())
    folder.on_start(settings, Progress())
    folder.close()
    assert [file.name for file in tmp_path.iterdir()] == ["args.yaml"]
