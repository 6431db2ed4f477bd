"""The servers that scripts start for themselves, and what a script that looks at one may lack."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import screenshots
from servers import free_port, running


def test_a_server_runs_in_its_folder_until_the_block_ends(tmp_path: Path) -> None:
    (tmp_path / "here").touch()
    port = free_port()
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    with running(command, tmp_path, port, "/here") as site:
        assert site.url == f"http://127.0.0.1:{port}"
        assert site.process.poll() is None
    assert site.process.poll() is not None


def test_a_server_that_ends_at_once_is_said_in_one_line(tmp_path: Path) -> None:
    starting = running([sys.executable, "-c", ""], tmp_path, free_port())
    with pytest.raises(SystemExit, match=r"^error: no server answers at http"), starting:
        pass


def test_the_picture_of_the_space_says_what_it_needs(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "python")
    with pytest.raises(SystemExit, match=r"^error: .* make \.venv-space/\.ready"):
        screenshots.main(["--only", "space", "--python", nowhere])
