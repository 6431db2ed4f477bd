"""A whole run on a few pictures, and which figures it keeps, leaves out and refuses."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from captcha_ocr.benchmarking import sections
from captcha_ocr.benchmarking.columns import set_digest
from captcha_ocr.benchmarking.peers import (
    PEERS,
    Peer,
    PeerFailedError,
    PeerMissingError,
    PeerRun,
)
from captcha_ocr.benchmarking.robustness import balanced_indices
from captcha_ocr.benchmarking.run import QUICK, Effort, Run
from captcha_ocr.benchmarking.sections import compare_models, compare_peers, compared
from captcha_ocr.config import ConfigError
from captcha_ocr.datasets.stores import Subset, open_store

import benchmark

REPOSITORY = Path(__file__).parents[1]


def test_a_quick_run_writes_everything(
    benchmark_root: Path, tiny_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    common = [
        "--weights",
        str(tiny_weights),
        "--shipped",
        str(benchmark_root),
        "--out",
        str(out),
        "--quick",
    ]
    common += ["--peers-python", str(tmp_path / "none")]
    assert benchmark.main(common) == 0
    printed = capsys.readouterr().out
    assert "left out: ddddocr: there is no" in printed
    results = json.loads((out / "benchmark" / "results.json").read_text(encoding="utf-8"))
    assert set(results["sections"]) == {"size", "quality", "robustness", "speed"}
    entry = results["sections"]["quality"]["vanilla_crnn"]
    assert entry["parts"]["test"]["all"]["exact_match"] == 1.0
    assert entry["measured"]["pictures"]["name"] == "benchmark"
    rows = json.loads((out / "benchmark" / "leaderboard.json").read_text(encoding="utf-8"))["rows"]
    mine = next(row for row in rows if row["name"] == "vanilla_crnn")
    assert mine["latency_ms"] > 0
    assert mine["figures"]["heldout"] == {"n": 10, "strict": 1.0, "folded": 1.0}
    for page in ("README.md", "README.zh-CN.md", "docs/benchmark.md", "docs/benchmark.zh-CN.md"):
        text = (out / page).read_text(encoding="utf-8")
        assert re.search(r"`vanilla_crnn`[^|]* \| 100\.0 \(100\.0\)", text), page
    assert (out / "assets" / "benchmark-robustness.png").stat().st_size > 10_000

    before = (out / "docs" / "benchmark.md").read_text(encoding="utf-8")
    assert benchmark.main([*common, "--only"]) == 0  # from the JSON alone
    assert (out / "docs" / "benchmark.md").read_text(encoding="utf-8") == before


def test_quick_figures_stay_out_of_the_repository(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(REPOSITORY)
    for arguments in (["--quick"], ["--quick", "--out", "."]):
        assert benchmark.main([*arguments, "--only"]) == 2
        assert "--out" in capsys.readouterr().err


def run_on(root: Path, weights: Path, out: Path) -> Run:
    nobody = out / "none"
    return Run(weights, ["all"], root, root, out, "benchmark", nobody, nobody, QUICK)


def test_a_set_without_test_pictures_is_refused(
    benchmark_root: Path, sample_set: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="this is no benchmark set"):
        run_on(sample_set, tiny_weights, tmp_path).open(sample_set)
    copy = shutil.copytree(benchmark_root, tmp_path / "set")
    manifest = copy / "manifest.jsonl"
    records = manifest.read_text(encoding="utf-8").replace('"test"', '"sizes"')
    manifest.write_text(records, encoding="utf-8")
    with pytest.raises(ConfigError, match="has no picture of the part 'test'"):
        run_on(copy, tiny_weights, tmp_path).open(copy)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"format": 1, "sections": 5}'])
def test_a_broken_record_is_named(
    text: str, benchmark_root: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    (tmp_path / "results.json").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"results\.json is no record of a benchmark"):
        run_on(benchmark_root, tiny_weights, tmp_path)


def test_a_set_that_is_still_being_drawn_is_not_read(
    benchmark_root: Path, tiny_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """make_benchmark.py that was stopped leaves benchmark/full without labels."""
    shipped = shutil.copytree(benchmark_root, tmp_path / "set")
    (shipped / "full" / "raw").mkdir(parents=True)
    out = tmp_path / "out"
    arguments = ["--weights", str(tiny_weights), "--shipped", str(shipped), "--out", str(out)]
    assert benchmark.main([*arguments, "--quick", "--only", "quality"]) == 0
    assert "the smaller set in" in capsys.readouterr().out
    results = json.loads((out / "benchmark" / "results.json").read_text(encoding="utf-8"))
    entry = results["sections"]["quality"]["vanilla_crnn"]
    assert entry["measured"]["pictures"]["name"] == "set"
    assert benchmark.main([*arguments, "--quick", "--only"]) == 0  # reads none
    assert "the smaller set in" not in capsys.readouterr().out


def test_a_row_holds_figures_of_one_machine_and_one_set(
    benchmark_root: Path, tiny_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_on(benchmark_root, tiny_weights, tmp_path)
    about = run.about(run.open(benchmark_root), benchmark_root)
    timed = {"load": 0.1, "latency": {"cpu": {"end_to_end_ms": {"p50": 4.5}}}}
    redrawn = {**about["pictures"], "digest": "0"}
    for changes, expected, said in (
        ({}, 4.5, ""),
        ({"machine": "another"}, None, "timed on another machine"),
        ({"pictures": redrawn}, None, "timed on other pictures"),
    ):
        run.put("speed", {**about, **changes}, {"vanilla_crnn": timed})
        compare_models(run)
        (row,) = run.rows()
        assert row["latency_ms"] == expected
        out = capsys.readouterr().out
        assert said in out and ("timed on" in out) is bool(said)


def test_quick_figures_are_not_taken_for_those_of_the_whole_set(
    benchmark_root: Path, tiny_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quick = run_on(benchmark_root, tiny_weights, tmp_path)
    compare_models(quick)
    assert len(quick.rows()) == 1
    whole = dataclasses.replace(quick, effort=Effort())
    capsys.readouterr()
    assert whole.rows() == []
    assert "left out of the tables: vanilla_crnn, measured on other" in capsys.readouterr().out
    assert whole.digest(benchmark_root) == set_digest(benchmark_root)  # as in what is published
    compare_models(whole)
    assert len(whole.rows()) == 1


def test_figures_of_other_weights_and_other_pictures_are_left_out(
    benchmark_root: Path, tiny_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of readers that are not ours stay, until the pictures change."""
    run = run_on(benchmark_root, tiny_weights, tmp_path)
    about = run.about(run.open(benchmark_root), benchmark_root)
    run.put("size", about, {"vanilla_crnn": {"macs": 1}})
    run.put("size", about, {"vanilla_crnn": {"macs": 2}})
    compare_models(run)
    run.put("speed", about, {"vanilla_crnn": {"load": 1}})
    (mine,) = run.rows()
    for changes in (
        {"name": "a model that is gone"},
        {"name": "peer", "kind": "peer"},
        {"name": "old", "kind": "peer", "set": "0"},
    ):
        run.put_row({**mine, **changes})
    capsys.readouterr()
    assert {row["name"] for row in run.rows()} == {"vanilla_crnn", "peer"}
    assert capsys.readouterr().out.count("left out of the tables: old, ") == 1
    run.put_row({**mine, "version": "earlier"})
    assert {row["name"] for row in run.rows()} == {"peer"}

    results = json.loads(run.results_file.read_text(encoding="utf-8"))
    assert run_on(benchmark_root, tiny_weights, tmp_path).results == results["sections"]
    assert results["sections"]["size"]["vanilla_crnn"]["macs"] == 2
    results["sections"]["speed"]["vanilla_crnn"]["sha256"] = "of other weights"
    run.results_file.write_text(json.dumps(results), encoding="utf-8")
    again = run_on(benchmark_root, tiny_weights, tmp_path)
    assert again.results == {"size": results["sections"]["size"], "speed": {}}
    again.digests["another"] = "of its weights"
    again.put("size", about, {"another": {"macs": 3}})
    assert [*again.results["size"]] == ["another", "vanilla_crnn"]


def test_runs_side_by_side_keep_each_others_figures(
    benchmark_root: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    one, other = (run_on(benchmark_root, tiny_weights, tmp_path) for _ in range(2))
    for run, section in ((one, "size"), (other, "speed")):
        run.put(section, {}, {"vanilla_crnn": {"figure": 1}})
    assert set(run_on(benchmark_root, tiny_weights, tmp_path).results) == {"size", "speed"}


def test_a_set_has_the_name_of_its_folder(
    benchmark_root: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    """Drawn whole, it lies in ``full/`` of a folder that has the name."""
    full = shutil.copytree(benchmark_root, tmp_path / "drawn" / "full")
    run = run_on(benchmark_root, tiny_weights, tmp_path)
    names = [run.about(run.open(path), path)["pictures"]["name"] for path in (benchmark_root, full)]
    assert names == ["benchmark", "drawn/full"]


def test_peers_are_timed_on_the_pictures_that_models_are(
    benchmark_root: Path, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_on(benchmark_root, tiny_weights, tmp_path)
    store, timed = compared(run)
    first = Subset(
        open_store(benchmark_root), balanced_indices(open_store(benchmark_root), 2, part="test")
    )
    assert [label.file for label in store.labels[:timed]] == [label.file for label in first.labels]
    assert {record["part"] for record in store.records} == {"test", "heldout"}
    assert len({label.file for label in store.labels}) == len(store) == 20

    def read(peer: Peer, *given: Any) -> PeerRun:
        if peer.key != "rapidocr":
            raise PeerMissingError("not here")
        assert given[-1] == timed
        texts = {label.file: label.text.upper() for label in store.labels}
        return PeerRun("1.2", 10.5, texts, 4.5)

    monkeypatch.setattr(sections, "run_peer", read)
    compare_peers(run)
    (row,) = run.rows()
    assert (row["name"], row["kind"], row["version"]) == (PEERS["rapidocr"].name, "peer", "1.2")
    assert (row["latency_ms"], row["megabytes"]) == (4.5, 10.5)
    assert row["figures"]["easy-text"] == {"n": 2, "strict": 0.0, "folded": 1.0}


def test_a_peer_that_fails_does_not_keep_the_others_from_reading(
    benchmark_root: Path, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_on(benchmark_root, tiny_weights, tmp_path)
    store, _ = compared(run)
    texts = {label.file: label.text for label in store.labels}
    first, second, *_ = PEERS.values()

    def read(peer: Peer, *given: Any) -> PeerRun:
        if peer == first:
            raise PeerFailedError(f"{peer.name} failed: it broke")
        return PeerRun("1.2", 10.5, texts, 4.5)

    monkeypatch.setattr(sections, "run_peer", read)
    with pytest.raises(PeerFailedError, match="failed: it broke"):
        compare_peers(run)
    names = {row["name"] for row in run.rows()}
    assert second.name in names and first.name not in names
