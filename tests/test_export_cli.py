"""``captcha-ocr export``: what it writes, prints, refuses and puts into documents."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from captcha_ocr.checkpoint import save_checkpoint
from captcha_ocr.cli import export as command
from captcha_ocr.cli.common import FAILURE, OK, USAGE
from captcha_ocr.cli.eval import main as evaluate
from captcha_ocr.cli.export import main
from captcha_ocr.config import ConfigError
from captcha_ocr.datasets.stores import open_store
from captcha_ocr.exporting import FORMATS, tflite
from captcha_ocr.exporting.run import find_checkpoints
from captcha_ocr.exporting.tables import CAPTIONS, HEADERS, LANGUAGES, REMARKS, render
from captcha_ocr.model_info import ModelError
from captcha_ocr.models import MODELS
from captcha_ocr.packages import NOT_FOR_HERE, requirements
from small_models import small_checkpoint

REPOSITORY = Path(__file__).parents[1]
SCRIPT = REPOSITORY / "full-pipeline" / "tools" / "export_models.py"


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """As train.py leaves one."""
    folder = tmp_path / "runs" / "vanilla_crnn"
    folder.mkdir(parents=True)
    save_checkpoint(folder / "best.safetensors", small_checkpoint("vanilla_crnn"))
    return folder


def test_files_figures_and_table(
    run_folder: Path, sample_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, record = tmp_path / "exports", tmp_path / "new" / "figures.json"
    arguments = ["--format", "ncnn,torchscript", "--checkpoint", str(run_folder)]
    arguments += ["--out", str(out), "--check", str(sample_set), "--json", str(record)]
    assert command.main(arguments) == OK
    report = json.loads(record.read_text(encoding="utf-8"))
    assert report["pictures"] == 24 and report["set"] == sample_set.name
    reference, *rows = report["rows"]
    assert [row["format"] for row in (reference, *rows)] == ["torch", "torchscript", "ncnn"]
    for row in rows:
        assert row["arch"] == "vanilla_crnn"
        assert row["same_text"] == 1 and row["exact_match"] == reference["exact_match"]
        assert row["largest_difference"] <= report["tolerance"]
        assert [int(width) for width in row["milliseconds"]] == report["widths"]
    files = [out / "ncnn" / f"vanilla_crnn{suffix}" for suffix in (".param", ".bin")]
    assert rows[1]["bytes"] == sum(file.stat().st_size for file in files)
    printed = capsys.readouterr().out
    assert printed.strip() == render(report)
    assert "| vanilla_crnn, torchscript |" in printed and "legacy" in printed
    # Whatever reads pictures takes such a folder.
    scores = tmp_path / "scores.json"
    read = ["--weights", str(out / "ncnn"), "--data", str(sample_set), "--json", str(scores)]
    assert evaluate(read) == OK
    found = json.loads(scores.read_text(encoding="utf-8"))
    assert found["models"][0]["exact_match"] == reference["exact_match"]


def test_a_wrong_file_fails_the_command(
    run_folder: Path,
    sample_set: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The others are written and measured all the same."""
    module = importlib.import_module(FORMATS["torchscript"].module)
    convert, other = module.convert, small_checkpoint("vanilla_crnn")
    other.state["rnn.1.project.bias"] += 1
    monkeypatch.setattr(module, "convert", lambda given, *rest: convert(other, *rest))
    arguments = ["--format", "torchscript,ncnn", "--checkpoint", str(run_folder)]
    arguments += ["--out", str(tmp_path / "out"), "--check", str(sample_set)]
    assert command.main(arguments) == FAILURE
    printed = capsys.readouterr().out
    assert "failed: vanilla_crnn: exported logits differ by 1" in printed
    assert not list((tmp_path / "out" / "torchscript").iterdir())
    assert (tmp_path / "out" / "ncnn" / "vanilla_crnn.param").is_file()


def test_a_difference_on_real_pictures_fails_too(
    run_folder: Path, sample_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("captcha_ocr.exporting.run.verify", lambda *_: 0.0)
    module = importlib.import_module(FORMATS["torchscript"].module)
    convert, other = module.convert, small_checkpoint("vanilla_crnn")
    other.state["rnn.1.project.bias"] += 0.01
    monkeypatch.setattr(module, "convert", lambda given, *rest: convert(other, *rest))
    arguments = ["--format", "torchscript", "--checkpoint", str(run_folder)]
    arguments += ["--out", str(tmp_path / "out")]
    assert command.main(arguments) == OK  # nobody looked
    files = tmp_path / "out" / "torchscript"
    assert len(list(files.iterdir())) == 2
    assert command.main([*arguments, "--check", str(sample_set)]) == FAILURE
    assert not list(files.iterdir())


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--format", "onxx"], USAGE, "choose from all, torchscript, onnx"),
        (["--format", "onnx-int8"], USAGE, "needs --calibrate ROOT: training pictures"),
        (["--format", "all", "--check", "a", "--calibrate", "a"], USAGE, "are one set"),
        (["--calibrate", "a"], USAGE, "--calibrate is for onnx-int8, which --format does not name"),
        (["--format", "onnx", "--docs"], USAGE, "it needs --format all and --check"),
        (["--json", "."], FAILURE, "Is a directory: '.'"),
        (["--checkpoint", "nowhere"], FAILURE, "nowhere holds no weights of any architecture"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_is_said(
    arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(arguments) == code
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("package", "name", "extra"),
    [
        ("pnnx", "ncnn", "export-ncnn"),
        ("ncnn", "ncnn", "runtimes"),
        ("onnxscript", "onnx", "export"),
        ("ai_edge_litert", "tflite", "runtimes"),
    ],
)
def test_a_missing_package_is_named_with_its_pip_line(
    package: str,
    name: str,
    extra: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Before any work is done: the checkpoint that is named here does not exist."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda module: None if module == package else find(module)
    )
    assert command.main(["--format", name, "--checkpoint", "none"]) == FAILURE
    error = capsys.readouterr().err
    asked = package.replace("_", "-")
    offered = requirements()[extra][asked]  # Python 3.9 has no ai-edge-litert but on Linux
    assert (f'pip install -e ".[{extra}]"' if offered else NOT_FOR_HERE) in error
    assert asked in error


def test_tflite_says_where_its_converter_may_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(tflite.VARIABLE, raising=False)
    if importlib.util.find_spec("litert_torch"):
        pytest.skip("litert-torch is installed here")
    assert command.main(["--format", "tflite", "--checkpoint", "none"]) == FAILURE
    error = capsys.readouterr().err
    own = Path(".venv-tflite", "Scripts/python.exe" if os.name == "nt" else "bin/python")
    assert "python -m venv .venv-tflite" in error
    assert f'{own} -m pip install -e ".[export-tflite]"' in error
    place = tmp_path / ".venv-tflite" / "bin"
    place.mkdir(parents=True)
    (place / "python").write_bytes(b"")
    assert tflite.find_python() == str(Path(".venv-tflite") / "bin" / "python")
    monkeypatch.setenv(tflite.VARIABLE, sys.executable)
    assert tflite.find_python() == sys.executable
    monkeypatch.setenv(tflite.VARIABLE, str(tmp_path / "none"))
    with pytest.raises(ModelError, match=f"{tflite.VARIABLE} is .*none.*, which is no program"):
        tflite.check()


def test_a_converter_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This interpreter has no litert-torch, and says so."""
    if importlib.util.find_spec("litert_torch"):
        pytest.skip("litert-torch is installed here")
    monkeypatch.setenv(tflite.VARIABLE, sys.executable)
    with pytest.raises(ModelError, match="No module named 'litert_torch'"):
        tflite.convert(small_checkpoint("vanilla_crnn"), tmp_path / "vanilla_crnn.tflite")
    assert list(tmp_path.iterdir()) == []


def test_checkpoints_are_found(run_folder: Path, tmp_path: Path) -> None:
    best = run_folder / "best.safetensors"
    svtr = tmp_path / "runs" / "svtr_tiny" / "best.safetensors"
    svtr.parent.mkdir()
    save_checkpoint(svtr, small_checkpoint("svtr_tiny"))
    assert find_checkpoints(best) == find_checkpoints(run_folder) == {"vanilla_crnn": best}
    # In the order of the registry, which the tables have too.
    found = find_checkpoints(tmp_path / "runs")
    assert list(found) == ["vanilla_crnn", "svtr_tiny"] and found["svtr_tiny"] == svtr
    assert find_checkpoints(tmp_path / "runs", "svtr_tiny") == {"svtr_tiny": svtr}
    shipped = tmp_path / "weights"
    shipped.mkdir()
    shutil.copyfile(best, shipped / "vanilla_crnn.safetensors")
    assert list(find_checkpoints(shipped)) == ["vanilla_crnn"]
    with pytest.raises(ModelError, match="no weights of svtr_tiny"):
        find_checkpoints(shipped, "svtr_tiny")
    shutil.copyfile(best, shipped / "again.safetensors")
    with pytest.raises(ModelError, match="are both vanilla_crnn"):
        find_checkpoints(shipped)
    shutil.copyfile(svtr, shipped / "svtr_tiny.safetensors")
    (shipped / "._svtr_tiny.safetensors").write_bytes(b"macOS's own notes")
    assert list(find_checkpoints(shipped, "svtr_tiny")) == ["svtr_tiny"]
    other = tmp_path / "other.safetensors"
    save_checkpoint(other, dataclasses.replace(small_checkpoint("vanilla_crnn"), arch="crnn_9"))
    with pytest.raises(ConfigError, match="unknown arch 'crnn_9'; choose from"):
        find_checkpoints(other)


def test_the_script_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--help"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("usage: export_models.py") and "--calibrate" in done.stdout


WITHOUT_TORCH = """
import runpy, sys
sys.modules["torch"] = None
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def test_the_script_says_what_is_missing() -> None:
    command = [sys.executable, "-c", WITHOUT_TORCH, str(SCRIPT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == FAILURE
    assert done.stderr.startswith("error: this needs the Python package 'torch'")


# Tables and documents

FIGURES = {"bytes": 6_000_000, "same_text": 1, "exact_match": 0.8, "largest_difference": 2e-5}
EIGHT = {"variant": "static", "speed": 1.5, "pictures": 450, "right": 360, "right_full": 361}
REPORT: dict[str, Any] = {
    "date": "2026-11-24",
    "machine": "a machine",
    "runtimes": "torch 2.15.0",
    "set": "dataset/test",
    "pictures": 240,
    "tolerance": 1e-3,
    "widths": [64, 256],
    "height": 32,
    "rows": [
        {"arch": "a", "format": "torch", **FIGURES, "milliseconds": {64: 1.5}, "remark": {}},
        {"arch": "a", "format": "torchscript", **FIGURES, "remark": {"kind": "legacy"}},
        {"arch": "a", "format": "tflite", "remark": {"kind": "widths", "widths": [128, 256]}},
        {"arch": "a", "format": "onnx-int8", "remark": {"kind": "int8", **EIGHT}},
        {"arch": "b", "format": "onnx-int8", "remark": {"kind": "not_kept", "variants": [EIGHT]}},
        {"arch": "b", "format": "onnx", "remark": {"kind": "failed", "message": "x | y"}},
    ],
}


def test_the_table_says_what_was_found() -> None:
    lines = render(REPORT).splitlines()
    assert lines[2] == "| **a, torch** | 6.0 | 100.00% | 80.00% | 2e-05 | 1.5 |  |  |"
    assert "| a, tflite |  |  |  |  |  |  | fixed widths 128, 256 px;" in lines[4]
    assert "not kept: static, 1.5 times as fast as float32; of 450 training" in lines[6]
    assert "failed: x \\| y" in lines[7]
    assert "the 240 pictures in `dataset/test`" in lines[-1]
    assert "240" not in render({**REPORT, "set": None}).splitlines()[-1]


def test_both_languages_have_the_same_tables() -> None:
    english, chinese = (render(REPORT, language).splitlines() for language in LANGUAGES)
    assert [line.count("|") for line in english] == [line.count("|") for line in chinese]
    assert len(HEADERS["en"]) == len(HEADERS["zh"])
    texts = [(part, CAPTIONS["zh"][n]) for n, part in enumerate(CAPTIONS["en"])]
    for one, other in (*texts, *REMARKS.values()):
        assert sorted(fields(one)) == sorted(fields(other))


def fields(template: str) -> list[str]:
    return [part.partition("}")[0] for part in template.split("{")[1:]]


def test_documents_are_filled(
    run_folder: Path, sample_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "REPOSITORY", tmp_path)
    monkeypatch.setattr(command, "choose_formats", lambda names: list(FORMATS))
    rows = [dict(row) for row in REPORT["rows"]]
    monkeypatch.setattr(command, "check_packages", lambda formats: None)
    monkeypatch.setattr(command, "export_all", lambda *_, **__: rows)
    for name in command.DOCUMENTS:
        page = tmp_path / name
        page.parent.mkdir(exist_ok=True)
        page.write_text("# Head\n<!-- exports:begin -->\n<!-- exports:end -->\n", encoding="utf-8")
    arguments = ["--format", "all", "--check", str(sample_set), "--docs"]
    arguments += ["--calibrate", str(tmp_path), "--checkpoint", str(run_folder)]
    monkeypatch.setattr(command, "open_sets", lambda args, formats: (open_store(sample_set), None))
    assert command.main(arguments) == FAILURE  # a row has failed: nothing is written
    assert not (tmp_path / command.RECORD).exists()
    rows[-1]["remark"] = {}
    assert command.main(arguments) == OK
    report = json.loads((tmp_path / command.RECORD).read_text(encoding="utf-8"))
    for name, language in command.DOCUMENTS.items():
        assert render(report, language) in (tmp_path / name).read_text(encoding="utf-8")


def test_the_tables_are_those_of_the_record() -> None:
    """Nobody edits them by hand, and all documents show the same run."""
    record = REPOSITORY / command.RECORD
    report = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else None
    for name, language in command.DOCUMENTS.items():
        text = (REPOSITORY / name).read_text(encoding="utf-8")
        block = text.partition("<!-- exports:begin -->")[2].partition("<!-- exports:end -->")[0]
        assert block.strip() == (render(report, language) if report else "")
    if report:
        assert {row["arch"] for row in report["rows"]} <= set(MODELS)
        assert {row["format"] for row in report["rows"]} == {"torch", *FORMATS}


def test_one_set_is_one_set_however_it_is_spelled(
    sample_set: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(sample_set.parent)
    sets = ["--check", sample_set.name, "--calibrate", str(sample_set)]
    assert main(["--format", "onnx-int8", *sets, "--out", str(tmp_path / "out")]) == 2
    assert "are one set" in capsys.readouterr().err
