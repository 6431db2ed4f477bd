"""What pip is told: the files in each folder, the project's extras and the badges agree."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement  # pytest brings it

REPOSITORY = Path(__file__).parents[1]


def test_requirements_equal_the_extras() -> None:
    tomllib = pytest.importorskip("tomllib", reason="Python 3.11 reads TOML")
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    listed = [*project["dependencies"], *extras["serve"], *extras["train"], *extras["export"]]
    wanted = [line for line in listed if not line.startswith(project["name"])]  # extras of extras
    lines = (REPOSITORY / "full-pipeline" / "requirements.txt").read_text(encoding="utf-8")
    found = [line for line in lines.splitlines() if line and not line.startswith("#")]
    assert found == wanted


def test_the_oldest_torch_is_the_same_everywhere() -> None:
    """What pip asks for, and what the badges promise."""
    texts = {
        "project": REPOSITORY / "pyproject.toml",
        "english": REPOSITORY / "README.md",
        "chinese": REPOSITORY / "README.zh-CN.md",
    }
    pattern = r"""(?:"torch>=|badge/pytorch-|\[PyTorch )(\d+\.\d+)"""
    found = {key: re.findall(pattern, path.read_text("utf-8")) for key, path in texts.items()}
    oldest = found["project"][0]
    assert found == {
        "project": [oldest, oldest],
        "english": [oldest, oldest],
        "chinese": [oldest, oldest],
    }


@pytest.mark.parametrize("folder", ["", "demo", "hf_spaces", "training-ready"])
def test_requirements_lead_to_the_project(folder: str) -> None:
    """Run by pip in its own folder, each file installs the one core."""
    path = REPOSITORY / folder / "requirements.txt"
    (target,) = re.findall(r"^-e ([^\[\n]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert ((REPOSITORY / folder / target).resolve() / "pyproject.toml").is_file()


def test_pip_is_asked_for_nothing_that_the_oldest_python_has_not() -> None:
    """`make test` with macOS' own Python 3.9 ended in "No matching distribution found"."""
    tomllib = pytest.importorskip("tomllib", reason="Python 3.11 reads TOML")
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = project["optional-dependencies"]["runtimes"]
    [marker] = [Requirement(line).marker for line in lines if line.startswith("ai-edge-litert")]
    assert marker is not None
    for system, version in (("darwin", "3.9"), ("win32", "3.9")):
        assert not marker.evaluate({"sys_platform": system, "python_version": version})
    for system, version in (("linux", "3.9"), ("darwin", "3.10"), ("win32", "3.14")):
        assert marker.evaluate({"sys_platform": system, "python_version": version})


needs_make = pytest.mark.skipif(
    sys.platform == "win32" or shutil.which("make") is None, reason="Windows has no make"
)


@needs_make
@pytest.mark.parametrize("target", ["nowhere/.ready", ".venv-peers/.ready"])
def test_make_says_what_to_install_where_venv_is_missing(target: str, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\n[ "$1" = -c ]\n', encoding="utf-8")  # new enough, without venv
    python.chmod(0o755)
    command = ["make", "-W", "scripts/peers-requirements.txt", target, f"PYTHON={python}"]
    done = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 2
    assert "apt-get install python3-venv" in done.stdout


@needs_make
def test_make_brings_a_pip_that_installs_in_place(tmp_path: Path) -> None:
    """That of macOS' own Python 3.9 refuses a project without setup.py."""
    command = [
        "make",
        "--dry-run",
        f"{tmp_path}/.ready",
        "EXTRAS=serve",
        f"PYTHON={sys.executable}",
    ]
    done = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, encoding="utf-8", check=True
    )
    steps = [line for line in done.stdout.splitlines() if "pip install" in line]
    assert steps[0].endswith('"pip>=21.3"') and steps[1].endswith('-e ".[serve]"')


@needs_make
def test_make_clean_removes_what_a_release_builds() -> None:
    done = subprocess.run(
        ["make", "--dry-run", "clean"],
        cwd=REPOSITORY,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert {"build", "dist"} <= set(done.stdout.split())
