"""How the benchmark takes times: rates, batches, memory, and what others do meanwhile."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import bench_keytable
import bench_merge
import numpy as np
import pytest
from captcha_ocr.benchmarking import machine, speed
from captcha_ocr.benchmarking.speed import throughput
from captcha_ocr.predictor import load_predictors
from drawing import barcode, write_sample_set


def test_quantiles_and_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    assert speed._quantiles([1.0, 2.0, 3.0, 4.0, 105.0]) == {"p50": 3.0, "p95": pytest.approx(84.8)}
    clock = iter(np.arange(0, 100, 0.5))  # each look at the clock is half a second later
    monkeypatch.setattr(speed.time, "perf_counter", lambda: next(clock))
    work: list[list[int]] = []
    rate = speed._rate([[1, 2], [3, 4]], [1, 1], work.append, seconds=1.25)
    assert len(work) == 2 + 2 * 2  # a round that is not counted, then two
    assert rate == 2 / 0.5
    # Three pictures in four take a quarter of a second each, the fourth takes half of one.
    assert speed._rate([[1, 2], [3]], [3, 1], work.append, seconds=1) == pytest.approx(4 / 1.25)


def test_batches_are_full_and_of_one_width(tiny_weights: Path) -> None:
    """Each stands for the pictures of its width: rare ones weigh no more in large batches."""
    predictor = load_predictors(folder=tiny_weights)["vanilla_crnn"]
    texts = ["1", "2", "12", "3", "21", "34", "43", "45", "54"]  # three and six of a width
    pictures = {barcode(text): text for text in texts}
    batches = speed._batches(predictor, list(pictures), 4)
    found = [([pictures[data] for data in batch], share) for batch, share in batches]
    assert found == [(["1", "2", "3", "1"], 3), (["12", "21", "34", "43"], 6)]
    small = speed._batches(predictor, list(pictures), 2)
    assert [share for _, share in small] == [3, 2, 2, 2]


def test_memory_is_counted() -> None:
    before = speed.peak_memory_mb()
    if before is None:
        pytest.skip("this system does not say how much memory a process had")
    block = np.ones(30_000_000, np.uint8)
    after = speed.peak_memory_mb()
    assert after is not None and after >= before and after > block.nbytes / 1e6


def test_the_load_is_that_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Own work does not count, that of others does, by the second."""
    others = iter([100.0, 101.5])
    monkeypatch.setattr(machine, "_seconds_of_others", lambda: next(others))
    clock = iter([7.0, 9.0])
    monkeypatch.setattr(machine.time, "perf_counter", lambda: next(clock))
    assert machine.OtherLoad().cores() == 0.8  # 1.5 seconds of processor time in 2 seconds
    monkeypatch.undo()
    if Path("/proc/stat").is_file():
        started = machine._seconds_of_others()
        assert started is not None and started > 0


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("AMD EPYC", "AMD EPYC, family 25, model 17"),
        ("AMD EPYC 9R14", "AMD EPYC 9R14"),
    ],
)
def test_a_processor_without_a_number_in_its_name_is_told_by_its_family(
    name: str, shown: str
) -> None:
    listing = "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 17\n"
    other = "\n\nprocessor\t: 1\nmodel name\t: another\n"
    assert machine.name_in(f"{listing}model name\t: {name}{other}") == shown
    assert machine.name_in("processor\t: 0\nBogoMIPS\t: 50.00\n") == ""  # as on ARM


def test_a_device_that_is_not_there_has_no_figures(
    tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if speed.GPU in speed.devices().values():
        pytest.skip("this onnxruntime has a GPU provider")
    weights = tiny_weights / "vanilla_crnn.onnx"
    assert speed.latency_on(speed.GPU, weights, [barcode("A1")]) is None
    assert "not measured on CUDAExecutionProvider" in capsys.readouterr().err
    figures = speed.latency_on(speed.CPU, weights, [barcode("A1"), barcode("B2")])
    assert figures is not None and figures["n"] == 2
    assert 0 < figures["model_ms"]["p50"] <= figures["model_ms"]["p95"]


def test_the_key_table_is_measured_on_every_system(capsys: pytest.CaptureFixture[str]) -> None:
    """Windows counts no memory, and removes no file that is open."""
    assert bench_keytable.main(["sqlite", "--rows", "600"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("sqlite, 600 rows: fill ")
    assert ("at the peak" in out) is (machine.peak_memory_mb() is not None)


def test_the_merge_is_measured_with_a_style_twice(tmp_path: Path) -> None:
    roots = [write_sample_set(tmp_path / name, 4, seed=seed) for seed, name in enumerate("ab")]
    sources = [word for root in roots for word in ("--src", "easy", str(root))]
    figures = tmp_path / "a new folder" / "figures.json"
    options = ["--counts", "6", "--workers", "1", "--scratch", str(tmp_path / "scratch")]
    assert bench_merge.main([*sources, *options, "--json", str(figures)]) == 0
    (found,) = json.loads(figures.read_text(encoding="utf-8"))
    assert found["pictures"] == 6 and found["one"] > 0 and found["ours"] > 0


@pytest.mark.parametrize(("workers", "said"), [("0", True), ("1", False)])
def test_the_processor_time_of_workers_is_not_passed_over_in_silence(
    workers: str,
    said: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As on Windows, which counts a process's own time alone."""
    monkeypatch.setattr(bench_merge, "CHILDREN_COUNT", False)
    source = str(write_sample_set(tmp_path / "set", 4))
    with pytest.raises(SystemExit, match=r"^error: .* 9 were asked for"):
        bench_merge.main(["--src", "easy", source, "--counts", "9", "--workers", workers])
    assert ("give --workers 1 for" in capsys.readouterr().out) is said


def test_a_batch_is_read_as_one_from_bytes_to_text() -> None:
    asked = []

    def predict(pictures, batch_size=32):
        asked.append((len(pictures), batch_size))

    predictor = SimpleNamespace(
        prepare=lambda data: SimpleNamespace(array=np.zeros((1, 32, 64))),
        predict=predict,
        logits=lambda arrays, batch_size: asked.append((len(arrays), batch_size)),
    )
    throughput(predictor, [b"1", b"2"], 128, 0.0)
    assert set(asked) == {(128, 128)}
