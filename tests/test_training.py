"""The training loop: it learns, it resumes bit for bit, it spreads, it stops with a reason."""

from __future__ import annotations

import dataclasses
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.distributed as dist
import yaml
from captcha_ocr.checkpoint import load_checkpoint, load_state, save_state
from captcha_ocr.config import ConfigError, TrainConfig, TrainingError
from captcha_ocr.datasets.ocr import Batch
from captcha_ocr.device import pick_device
from captcha_ocr.labels import Label, read_labels, write_labels
from captcha_ocr.model_info import ModelError
from captcha_ocr.models import MODELS
from captcha_ocr.training import loop as training
from captcha_ocr.training import precision
from captcha_ocr.training.distributed import World, join_world
from captcha_ocr.training.interrupt import Interrupt
from captcha_ocr.training.loop import Run, fit
from captcha_ocr.training.run_folder import RunFolder
from drawing import draw_picture, write_sample_set
from small_run import SMALL, config_for, write_a_new_symbol

NO_DROPOUT = {
    arch: {"width": width, **({"dropout": 0.0, "drop_path_rate": 0.0} if "svtr" in arch else {})}
    for arch, width in SMALL.items()
}


def same_weights(one: Path, other: Path) -> bool:
    a, b = load_state(one), load_state(other)
    return all(
        torch.equal(mine[name], theirs[name])
        for mine, theirs in (
            (a["objective"], b["objective"]),
            (a["average"]["state"], b["average"]["state"]),
        )
        for name in mine
    )


@pytest.mark.parametrize("arch", sorted(MODELS))
def test_eight_pictures_are_learned_by_heart(arch: str, tmp_path: Path) -> None:
    root = tmp_path / "eight"
    (root / "images").mkdir(parents=True)
    texts = ["73", "15", "20", "94", "68", "31", "47", "52"]
    for text in texts:
        draw_picture(text, (48, 32)).save(root / "images" / f"{text}.png")
    write_labels(root / "labels.txt", [Label(f"{text}.png", text) for text in texts])
    config = config_for(
        root, arch, val_root=str(root), select_on="val", epochs=160, batch=8, batch_start=8,
        lr=2e-3, flat=1.0, eval_every=320, ema=0.9, model=NO_DROPOUT.get(arch, {}),
    )  # fmt: skip
    folder = RunFolder(tmp_path)
    fit(config, folder)
    assert load_state(folder.last)["progress"]["best_exact_match"] == 1.0


def test_a_fraction_of_an_epoch_ends_the_last_one_early(sample_set: Path, tmp_path: Path) -> None:
    config = config_for(sample_set, epochs=1.5)
    folder = RunFolder(tmp_path)
    assert fit(config, folder).why == "all 1.5 epochs are done"
    progress = load_state(folder.last)["progress"]
    pictures = len(read_labels(sample_set / "labels.txt")) * (1 - config.val_fraction)
    assert 1.5 * pictures <= progress["pictures"] < 1.5 * pictures + config.batch
    assert progress["epoch"] == 1
    counts = [19, progress["pictures"]]  # it is evaluated after each epoch, and at the end
    assert [row["pictures"] for row in progress["history"]] == counts
    assert [row["epoch"] for row in progress["history"]] == [count / 19 for count in counts]
    assert progress["history"][-1]["lr"] < config.lr / 2  # it has fallen


@pytest.mark.parametrize("by", ["a signal", "its time"])
def test_a_resumed_run_equals_an_uninterrupted_one(
    by: str, sample_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in the middle of an epoch, with augmentation, dropout and a growing batch."""
    config = config_for(sample_set, "svtr_tiny", epochs=3, aug=1.0)
    whole, parts = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "parts")
    for folder in (whole, parts):
        folder.path.mkdir()
    fit(config, whole)

    step = Run.train_step
    late = 0.0

    def stop_at_seven(run: Run, batch: object) -> None:
        nonlocal late
        step(run, batch)  # type: ignore[arg-type]
        if run.progress.step == 7 and by == "its time":
            late = 7200.0
        elif run.progress.step == 7:
            signal.raise_signal(signal.SIGINT)  # os.kill would end this process on Windows

    clock = training.time.monotonic
    monkeypatch.setattr(training.time, "monotonic", lambda: clock() + late)
    monkeypatch.setattr(Run, "train_step", stop_at_seven)
    stop = fit(dataclasses.replace(config, max_minutes=60), parts)
    assert stop.why in ("it was interrupted", "its 60 minutes are used up")
    stopped = load_state(parts.last)["progress"]
    assert stopped["step"] == 7
    assert stopped["batch"] > 0  # in the middle of an epoch
    shown = len(parts.metrics.read_text(encoding="utf-8").splitlines()) - 1
    assert shown == len(stopped["history"]) + (by == "its time")  # one for who does not go on
    assert not same_weights(whole.last, parts.last)

    monkeypatch.setattr(Run, "train_step", step)
    fit(config, parts, resume=True)
    assert same_weights(whole.last, parts.last)
    best, other_best = (load_checkpoint(folder.best) for folder in (parts, whole))
    assert best.metrics == other_best.metrics
    assert all(torch.equal(best.state[name], other_best.state[name]) for name in best.state)
    ours, theirs = (load_state(folder.last)["progress"]["history"] for folder in (parts, whole))
    assert len(ours) == len(theirs) >= 3
    for mine, other in zip(ours, theirs):
        assert {**mine, "seconds": 0} == {**other, "seconds": 0}


@pytest.mark.filterwarnings("ignore:This DataLoader will create 2 worker")  # where one core is
def test_the_same_seed_gives_the_same_run(sample_set: Path, tmp_path: Path) -> None:
    folders = [RunFolder(tmp_path / name) for name in ("one", "two", "other")]
    for folder, seed, workers in zip(folders, (5, 5, 6), (0, 2, 0)):
        folder.path.mkdir()
        fit(config_for(sample_set, epochs=1, aug=1.0, seed=seed, num_workers=workers), folder)
    assert same_weights(folders[0].last, folders[1].last)
    assert not same_weights(folders[0].last, folders[2].last)


def test_two_processes_equal_one(sample_set: Path, tmp_path: Path) -> None:
    """torchrun with two processes over gloo, against the same run in one process."""
    script = Path(__file__).parent / "ddp_run.py"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name, launcher in (  # the port is free now, so it is used first
        ("two", ["-m", "torch.distributed.run", "--nproc-per-node=2", f"--master-port={port}"]),
        ("one", []),
    ):
        (tmp_path / name).mkdir()
        command = [sys.executable, *launcher, str(script), str(sample_set), str(tmp_path / name)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("on cpu x") == 1  # one process talks and writes, for all
    one, two = (load_state(tmp_path / name / "last.pt") for name in ("one", "two"))
    assert one["progress"]["step"] == two["progress"]["step"] > 4
    assert one["progress"]["pictures"] == two["progress"]["pictures"]
    for name, value in one["objective"].items():
        torch.testing.assert_close(value, two["objective"][name], rtol=1e-4, atol=1e-5)


def test_processes_wait_while_the_main_one_reads_a_large_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(dist, "init_process_group", lambda _, **options: given.update(options))
    monkeypatch.setattr(dist, "get_rank", lambda: 1)
    monkeypatch.setattr(dist, "destroy_process_group", lambda: None)
    with join_world("cpu") as world:
        assert (world.rank, world.size) == (1, 2)
    assert given["timeout"] >= timedelta(hours=1)  # torch's own: 10 minutes on GPUs


def test_where_another_process_stops_this_one_does_too(
    sample_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would wait for the other at the next step. What is left to do can be resumed."""
    monkeypatch.setattr(World, "agree", lambda world, flag: True)
    stop = fit(config_for(sample_set), RunFolder(tmp_path))
    assert (stop.why, stop.unfinished) == ("another process stopped", True)
    assert load_state(tmp_path / "last.pt")["progress"]["step"] == 1


def test_each_process_has_dropout_of_its_own_and_the_main_one_goes_on() -> None:
    drawn = []
    for rank in range(3):
        torch.manual_seed(7)
        World(torch.device("cpu"), rank, size=3).part_ways(7, step=5)
        drawn.append(torch.rand(4).tolist())
    torch.manual_seed(7)
    assert drawn[0] == torch.rand(4).tolist()  # as in a run of one process
    assert len(set(map(tuple, drawn))) == 3


def write_narrow_set(root: Path, text: str, size: tuple[int, int]) -> Path:
    """Two pictures that can be learned, and ``narrow.png`` with this text and size."""
    (root / "images").mkdir(parents=True)
    labels = [Label("a.png", "12"), Label("b.png", "34"), Label("narrow.png", text)]
    for label, shape in zip(labels, ((48, 32), (48, 32), size)):
        draw_picture("1", shape).save(root / "images" / label.file)
    write_labels(root / "labels.txt", labels)
    return root


def test_labels_that_cannot_fit_are_named_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_narrow_set(tmp_path / "set", "1122334455", (48, 32))
    config = config_for(root, epochs=1, val_root=str(root), select_on="val")
    fit(config, RunFolder(tmp_path))
    out = capsys.readouterr().out
    assert "1 pictures have too few columns" in out
    assert "narrow.png '1122334455'" in out
    progress = load_state(tmp_path / "last.pt")["progress"]
    assert (progress["pictures"], progress["history"][-1]["epoch"]) == (2, 1.0)


def test_a_picture_of_a_single_step_is_left_out_where_batch_norm_would_fail(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is alone in its batch, being narrower than the others."""
    root = write_narrow_set(tmp_path / "set", "1", (8, 64))
    for arch, learned in (("crnn_resnet34", 2), ("vanilla_crnn", 3), ("svtr_tiny", 3)):
        folder = RunFolder(tmp_path / arch)
        folder.path.mkdir()
        fit(config_for(root, arch, epochs=1, val_root=str(root), select_on="val"), folder)
        assert load_state(folder.last)["progress"]["pictures"] == learned
        out = capsys.readouterr().out
        assert (f"for their label or for {arch} and are left out: narrow.png" in out) is (
            learned == 2
        )


def test_early_stop_says_why(sample_set: Path, tmp_path: Path) -> None:
    config = config_for(sample_set, epochs=50, lr=1e-9, ema=0.0, patience=1)
    why = fit(config, RunFolder(tmp_path)).why
    assert why == "1 evaluations brought nothing better"
    assert load_state(tmp_path / "last.pt")["progress"]["since_best"] == 1


def test_a_run_that_stopped_early_has_ended(sample_set: Path, tmp_path: Path) -> None:
    config = config_for(sample_set, epochs=50, lr=1e-9, ema=0.0, patience=1)
    fit(config, RunFolder(tmp_path))
    state = load_state(tmp_path / "last.pt")
    again = fit(config, RunFolder(tmp_path), resume=True)
    assert (again.why, again.unfinished) == ("1 evaluations brought nothing better", False)
    assert load_state(tmp_path / "last.pt")["progress"] == state["progress"]


def test_what_only_a_stopped_run_read_is_forgotten_when_it_goes_on(
    sample_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Evaluated after 19 pictures, when its time is up, after 38 and at the end."""
    config = config_for(sample_set, epochs=3, eval_every=19)
    told = iter([0.5, 0.9, 0.4, 0.3])

    def read(predictor: Any, store: Any) -> Any:
        right = next(told)
        score = SimpleNamespace(exact_match=right, exact_match_folded=right, cer=0.1)
        return SimpleNamespace(score=lambda: score, loss=1.0)

    monkeypatch.setattr("captcha_ocr.training.loop.evaluate", read)
    step, clock, late = Run.train_step, training.time.monotonic, 0.0

    def slow(run: Run, batch: Batch) -> None:
        nonlocal late
        step(run, batch)
        late = 7200.0 * (run.progress.pictures > 19)

    monkeypatch.setattr(training.time, "monotonic", lambda: clock() + late)
    monkeypatch.setattr(Run, "train_step", slow)
    folder = RunFolder(tmp_path)
    assert fit(dataclasses.replace(config, max_minutes=60), folder).unfinished
    assert load_checkpoint(folder.best).metrics["pictures_seen"] > 19
    model = folder.path / "vanilla_crnn.onnx"
    model.write_bytes(b"of the weights that go")
    fit(config, folder, resume=True)
    assert load_checkpoint(folder.best).metrics["pictures_seen"] == 19
    assert not folder.aside.exists() and not model.exists()


@pytest.mark.parametrize(("fold_case", "kept"), [(False, 19), (True, 38)])
def test_case_counts_in_choosing_weights_unless_it_is_folded(
    sample_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fold_case: bool, kept: int
) -> None:
    config = config_for(sample_set, epochs=3, fold_case=fold_case)  # of 19 pictures
    told = iter([(0.5, 0.6), (0.4, 0.7), (0.3, 0.5)])

    def read(predictor: Any, store: Any) -> Any:
        strict, folded = next(told)
        score = SimpleNamespace(exact_match=strict, exact_match_folded=folded, cer=0.1)
        return SimpleNamespace(score=lambda: score, loss=1.0)

    monkeypatch.setattr("captcha_ocr.training.loop.evaluate", read)
    folder = RunFolder(tmp_path)
    fit(config, folder)
    assert load_checkpoint(folder.best).metrics["pictures_seen"] == kept


def test_a_time_budget_stops_and_saves(sample_set: Path, tmp_path: Path) -> None:
    why = fit(config_for(sample_set, max_minutes=1e-6), RunFolder(tmp_path)).why
    assert why == "its 1e-06 minutes are used up"
    assert load_state(tmp_path / "last.pt")["progress"]["step"] == 1
    load_checkpoint(tmp_path / "best.safetensors").build()


def test_a_resumed_run_has_its_time_budget_anew(sample_set: Path, tmp_path: Path) -> None:
    config, folder = config_for(sample_set, max_minutes=60), RunFolder(tmp_path)
    fit(dataclasses.replace(config, max_minutes=1e-6), folder)
    state = load_state(folder.last)
    state["progress"]["seconds"] = 3600.0
    save_state(folder.last, state)
    assert fit(config, folder, resume=True).why == "all 2 epochs are done"
    assert load_state(folder.last)["progress"]["seconds"] > 3600


def test_minutes_have_sixty_seconds(
    sample_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step takes 25 seconds here: it saves after every third, and ends after the seventh."""
    now, saved = [1000.0], []
    step, save = Run.train_step, Run.save

    def slow_step(run: Run, batch: Batch) -> None:
        step(run, batch)
        now[0] += 25

    def noted_save(run: Run) -> None:
        saved.append(run.progress.step)
        save(run)

    monkeypatch.setattr(training, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(Run, "train_step", slow_step)
    monkeypatch.setattr(Run, "save", noted_save)
    config = config_for(sample_set, epochs=50, max_minutes=2.5, save_minutes=1)
    assert fit(config, RunFolder(tmp_path)).why == "its 2.5 minutes are used up"
    assert saved == [3, 6, 7]
    assert load_state(tmp_path / "last.pt")["progress"]["seconds"] == 175


def test_it_is_evaluated_every_so_many_pictures(sample_set: Path, tmp_path: Path) -> None:
    fit(config_for(sample_set, epochs=1, eval_every=6), RunFolder(tmp_path))
    history = load_state(tmp_path / "last.pt")["progress"]["history"]
    assert [row["pictures"] // 6 for row in history[:3]] == [1, 2, 3]


def test_short_labels_come_first_in_the_first_epoch_alone(sample_set: Path, tmp_path: Path) -> None:
    for short_first in (False, True):
        config = config_for(sample_set, short_first=short_first)
        with join_world("cpu") as world:
            run = Run(config, RunFolder(tmp_path), world, resume=False)
        lengths: dict[int, list[int]] = {0: [], 1: []}
        for batch in run.batches():
            lengths[run.progress.epoch] += batch.target_lengths.tolist()
        in_order = [found == sorted(found) for found in lengths.values()]
        assert in_order == [short_first, False]


def test_the_batch_grows_over_all_epochs_and_an_epoch_goes_on_as_it_began(
    sample_set: Path, tmp_path: Path
) -> None:
    config = config_for(sample_set, batch=4, batch_start=1, grow_steps=8)
    with join_world("cpu") as world:
        run, resumed = (Run(config, RunFolder(tmp_path), world, resume=False) for _ in range(2))
    epochs: list[list[tuple[int, ...]]] = [[], []]
    for batch in run.batches():
        progress = run.progress
        epochs[progress.epoch].append(batch.indices)
        progress.step, progress.batch = progress.step + 1, progress.batch + 1
        if (progress.epoch, progress.batch) == (1, 3):
            resumed.progress = dataclasses.replace(progress)
    first, second = epochs
    assert (max(map(len, first)), max(map(len, second))) == (2, 4)
    assert [batch.indices for batch in resumed.batches()] == second[3:]


def test_every_epoch_has_an_order_of_its_own(sample_set: Path, tmp_path: Path) -> None:
    config = config_for(sample_set, batch=1, batch_start=1)
    with join_world("cpu") as world:
        run = Run(config, RunFolder(tmp_path), world, resume=False)
    orders: list[list[int]] = [[], []]
    for batch in run.batches():
        orders[run.progress.epoch] += batch.indices
    assert sorted(orders[0]) == sorted(orders[1]) and orders[0] != orders[1]


def test_no_step_is_larger_than_the_clip_allows(sample_set: Path, tmp_path: Path) -> None:
    with join_world("cpu") as world:
        run = Run(config_for(sample_set, clip=0.125), RunFolder(tmp_path), world, resume=False)
    batch = next(run.batches())
    with torch.no_grad():
        losses = run.objective.train()(batch.images, batch.targets, batch.target_lengths)
    run.train_step(batch)
    assert run.progress.loss_count == len(batch.indices) > 1
    told = run.progress.loss_sum / run.progress.loss_count  # a picture's
    assert told == pytest.approx(losses.mean().item(), rel=1e-3)
    gradients = [parameter.grad.flatten() for parameter in run.objective.parameters()]  # type: ignore[union-attr]
    assert torch.cat(gradients).norm().item() == pytest.approx(0.125, rel=1e-3)


def test_a_second_signal_ends_at_once_and_the_listeners_come_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with Interrupt() as interrupt:
        assert not interrupt.requested
        signal.raise_signal(signal.SIGTERM)
        assert interrupt.requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.parametrize(
    ("name", "problem"), [("gpu", "unknown device 'gpu'"), ("mps", "'mps' is not supported")]
)
def test_a_device_that_cannot_be_is_named(name: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=f"{problem}; choose auto, cpu, cuda or cuda:N"):
        pick_device(name)


def test_cuda_without_a_number_is_this_process_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch.cuda.set_device() refuses a device that has none."""
    given: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", given.append)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert pick_device("cuda") == pick_device("auto") == torch.device("cuda:0")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert pick_device("cuda") == pick_device("auto") == torch.device("cuda:1")
    assert all(device.index is not None for device in given)


def test_mixed_precision_learns_alike(sample_set: Path, tmp_path: Path) -> None:
    losses = []
    for amp in ("off", "bf16"):
        folder = RunFolder(tmp_path / amp)
        folder.path.mkdir()
        fit(config_for(sample_set, amp=amp), folder)
        losses.append(load_state(folder.last)["progress"]["history"][-1]["train_loss"])
    assert losses[0] != losses[1]  # it was on
    assert losses[1] == pytest.approx(losses[0], rel=0.05)


def try_bf16(monkeypatch: pytest.MonkeyPatch, *, fast: bool) -> None:
    """As on a CPU where a layer takes two seconds in float32, and one or three in bf16."""
    seconds = {torch.float32: 2.0, torch.bfloat16: 1.0 if fast else 3.0}
    monkeypatch.setattr(precision, "convolution_seconds", seconds.__getitem__)


@pytest.mark.parametrize("fast, settled", [(True, "bf16"), (False, "off")])
def test_automatic_precision_is_bf16_only_where_that_is_fast(
    sample_set: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fast: bool,
    settled: str,
) -> None:
    try_bf16(monkeypatch, fast=fast)
    runs = []
    for amp in ("auto", settled):
        folder = RunFolder(tmp_path / amp)
        folder.path.mkdir()
        fit(config_for(sample_set, amp=amp, epochs=1), folder)
        runs.append(folder.last)
        assert yaml.safe_load(folder.args.read_text(encoding="utf-8"))["amp"] == settled
    assert same_weights(*runs)


def test_all_processes_have_the_precision_of_the_main_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other(World):
        def agree(self, flag: bool) -> bool:
            return not flag  # the main one measured something else

    world = Other(torch.device("cpu"), rank=1, size=2)
    for fast, settled in ((True, "off"), (False, "bf16")):
        try_bf16(monkeypatch, fast=fast)
        assert precision.settle_amp("auto", world) == settled
        assert precision.settle_amp("fp16", world) == "fp16"


def test_slow_bf16_is_told(
    sample_set: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = "--amp auto would choose float32 here"
    for fast in (True, False):
        try_bf16(monkeypatch, fast=fast)
        folder = RunFolder(tmp_path / str(fast))
        folder.path.mkdir()
        fit(config_for(sample_set, amp="bf16", max_minutes=1e-6), folder)
        assert (told in capsys.readouterr().out) is not fast


def test_fp16_without_a_gpu_is_told() -> None:
    assert "fp16 is for GPUs" in precision.spell_amp(torch.float16, torch.device("cpu"))
    assert precision.spell_amp(torch.float16, torch.device("cuda")) == "float16"


def test_a_precision_is_tried_without_a_random_number() -> None:
    """A run draws the same ones whether it has been tried before, as on a resumed run, or not."""
    state = torch.get_rng_state()
    precision.convolution_seconds.cache_clear()
    for dtype in (torch.float32, torch.bfloat16):
        assert 0 < precision.convolution_seconds(dtype, tries=1) < 60
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # torch.compile warns about its own insides
def test_a_compiled_model_learns_alike(sample_set: Path, tmp_path: Path) -> None:
    losses = []
    for compile_ in (False, True):
        folder = RunFolder(tmp_path / str(compile_))
        folder.path.mkdir()
        fit(config_for(sample_set, compile=compile_, epochs=1), folder)
        losses.append(load_state(folder.last)["progress"]["history"][-1]["train_loss"])
        load_checkpoint(folder.best).build()
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)


def test_a_loss_that_is_not_a_number_stops_the_run(
    sample_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = training.build_model

    def broken(*arguments: object) -> torch.nn.Module:
        model = build(*arguments)  # type: ignore[arg-type]
        with torch.no_grad():
            next(model.parameters()).fill_(float("nan"))
        return model

    monkeypatch.setattr(training, "build_model", broken)
    with pytest.raises(TrainingError, match="the loss is nan at step 0; try a lower --lr"):
        fit(config_for(sample_set), RunFolder(tmp_path))


def test_fine_tuning_starts_from_what_was_learned(sample_set: Path, tmp_path: Path) -> None:
    first, second = RunFolder(tmp_path / "first"), RunFolder(tmp_path / "second")
    for folder in (first, second):
        folder.path.mkdir()
    fit(config_for(sample_set, epochs=1), first)
    write_a_new_symbol(sample_set)
    config = config_for(sample_set, epochs=1, lr=1e-12, ema=0.0, init_from=str(first.best))
    fit(config, second)
    old, new = load_checkpoint(first.best), load_checkpoint(second.best)
    assert new.charset.symbols[: len(old.charset.symbols)] == old.charset.symbols
    assert "零" in new.charset
    name = "cnn.0.weight"
    torch.testing.assert_close(new.state[name], old.state[name], rtol=0, atol=1e-6)


def write_one_row_less(root: Path) -> None:
    write_labels(root / "labels.txt", read_labels(root / "labels.txt")[:-1])


@pytest.mark.parametrize("change", [write_a_new_symbol, write_one_row_less])
def test_changed_labels_cannot_be_resumed(
    change: Callable[[Path], None], sample_set: Path, tmp_path: Path
) -> None:
    config = config_for(sample_set, max_minutes=1e-6)
    fit(config, RunFolder(tmp_path))
    change(sample_set)
    with pytest.raises(ConfigError, match=r"the labels in .* changed"):
        fit(config, RunFolder(tmp_path), resume=True)


@pytest.mark.parametrize("state", [{"model": {}, "epoch": 3}, [1, 2]])
def test_a_state_of_another_program_cannot_be_resumed(
    sample_set: Path, tmp_path: Path, state: Any
) -> None:
    folder = RunFolder(tmp_path)
    save_state(folder.last, state)
    with pytest.raises(ModelError, match="is no state of a run of this version"):
        fit(config_for(sample_set), folder, resume=True)


def test_a_state_of_a_model_of_other_sizes_cannot_be_resumed(
    sample_set: Path, tmp_path: Path
) -> None:
    """As where a later version builds a larger model of the same settings."""
    config = config_for(sample_set, max_minutes=1e-6)
    fit(config, RunFolder(tmp_path))
    larger = dataclasses.replace(config, model={"width": 0.5})
    with pytest.raises(ModelError, match="is no state of a run of this version"):
        fit(larger, RunFolder(tmp_path), resume=True)


def test_changed_labels_of_the_validation_set_cannot_be_resumed(
    sample_set: Path, tmp_path: Path
) -> None:
    val_root = write_sample_set(tmp_path / "val", 10)
    config = config_for(sample_set, val_root=str(val_root), max_minutes=1e-6)
    fit(config, RunFolder(tmp_path))
    write_one_row_less(val_root)
    with pytest.raises(ConfigError, match=r"the labels in .*val changed"):
        fit(config, RunFolder(tmp_path), resume=True)


def test_a_run_without_its_best_weights_is_not_resumed(sample_set: Path, tmp_path: Path) -> None:
    """If none better came it would train to its end, and not end."""
    config = config_for(sample_set, epochs=3, eval_every=19)
    fit(config, RunFolder(tmp_path))
    (tmp_path / "best.safetensors").unlink()
    with pytest.raises(ModelError, match="is no checkpoint"):
        fit(config, RunFolder(tmp_path), resume=True)


def test_another_teacher_cannot_be_resumed(sample_set: Path, tmp_path: Path) -> None:
    teachers = [RunFolder(tmp_path / name) for name in ("one", "other")]
    for seed, teacher in enumerate(teachers):
        teacher.path.mkdir()
        fit(config_for(sample_set, epochs=1, seed=seed), teacher)
    moved = tmp_path / "moved.safetensors"
    moved.write_bytes(teachers[0].best.read_bytes())
    config = config_for(sample_set, distill_from=str(teachers[0].best), max_minutes=1e-6)
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    fit(config, folder)
    with pytest.raises(ConfigError, match=r"the teacher .*other.* changed"):
        fit(dataclasses.replace(config, distill_from=str(teachers[1].best)), folder, resume=True)
    assert fit(dataclasses.replace(config, distill_from=str(moved)), folder, resume=True)
    state = load_state(folder.last)
    del state["teacher"]  # as before it was noted
    save_state(folder.last, state)
    assert fit(config, folder, resume=True)


def test_a_test_set_may_move_to_a_folder_of_another_name(sample_set: Path, tmp_path: Path) -> None:
    root = write_sample_set(tmp_path / "test", 10)
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    fit(config_for(sample_set, val_root=str(root), max_minutes=1e-6), folder)
    recorded = TrainConfig.from_dict(yaml.safe_load(folder.args.read_text(encoding="utf-8")))
    assert recorded.select_on == "split"
    moved = root.rename(tmp_path / "held out")
    fit(dataclasses.replace(recorded, val_root=str(moved)), folder, resume=True)


def test_a_resumed_run_needs_no_file_of_its_start(sample_set: Path, tmp_path: Path) -> None:
    first, second = RunFolder(tmp_path / "first"), RunFolder(tmp_path / "second")
    for folder in (first, second):
        folder.path.mkdir()
    fit(config_for(sample_set, epochs=1), first)
    start = load_checkpoint(first.best).state
    write_a_new_symbol(sample_set)  # and one that only the start knows
    config = config_for(sample_set, init_from=str(first.best), blend=0.5, max_minutes=1e-6)
    fit(config, second)
    first.best.unlink()
    fit(config, second, resume=True)
    kept = load_state(second.last)["average"]["start"]
    assert start.keys() <= kept.keys()
    assert all(torch.equal(kept[name], start[name]) for name in start)


def test_a_run_goes_on_where_there_are_fewer_devices(
    sample_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, config = RunFolder(tmp_path), config_for(sample_set, max_minutes=1e-6)
    fit(config, folder)
    state = load_state(folder.last)
    save_state(folder.last, {**state, "cuda_rng": [state["rng"], state["rng"]]})
    restored: list[list[torch.Tensor]] = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "set_rng_state_all", restored.append)
    fit(config, folder, resume=True)
    assert [len(states) for states in restored] == [1]


def test_a_run_of_less_than_a_picture_learns_from_one_batch(
    sample_set: Path, tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path)
    assert fit(config_for(sample_set, epochs=0.001), folder).why == "all 0.001 epochs are done"
    assert load_state(folder.last)["progress"]["step"] == 1
