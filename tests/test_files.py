from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from captcha_ocr import files
from captcha_ocr.files import (
    atomic_write,
    find_files,
    lock,
    take_place,
    unlock,
    write_bytes,
    write_json,
)


def test_an_interrupted_write_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "charset.txt"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(RuntimeError), atomic_write(path) as file:
        file.write("half")
        raise RuntimeError
    assert path.read_text(encoding="utf-8") == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["charset.txt"]


def test_the_notes_of_macos_are_no_files_of_ours(tmp_path: Path) -> None:
    for name in ("b.onnx", "a.onnx", "._a.onnx", ".hidden.onnx", "a.json"):
        (tmp_path / name).touch()
    found = [path.name for path in find_files(tmp_path, "*.onnx")]
    assert found == [".hidden.onnx", "a.onnx", "b.onnx"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no devices in folders")
def test_a_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "null"
    path.symlink_to(os.devnull)
    with atomic_write(path) as file:
        file.write("into nothing")
    write_bytes(path, b"this too")
    assert path.is_char_device() and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_name_that_is_in_use_for_a_moment_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """As Windows has it, while a virus scanner looks."""
    partial, replace, refusals = tmp_path / "new", Path.replace, [1, 2]
    partial.mkdir() if kind == "folder" else partial.touch()

    def refuse(self: Path, target: Path) -> Path:
        if refusals:
            raise PermissionError(13, f"refused {refusals.pop()}")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.setattr("time.sleep", lambda _: None)
    take_place(partial, tmp_path / "there")
    assert [entry.name for entry in tmp_path.iterdir()] == ["there"]
    refusals[:] = range(9)
    with pytest.raises(PermissionError):
        take_place(tmp_path / "there", partial)


def test_of_those_that_wait_for_a_lock_one_gets_it(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    first, second = path.open("ab"), path.open("ab")
    lock(first)
    with pytest.raises(BlockingIOError):
        lock(second)
    unlock(first, path)
    third = path.open("ab")
    lock(third)
    with pytest.raises(BlockingIOError):  # what it opened was removed meanwhile, or is locked
        lock(second)
    second.close()
    unlock(third, path)
    assert not path.exists()


def test_a_name_that_is_no_utf8_is_written_as_json_does(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"folder": "d\udcff", "text": "中文"})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert "中文" in text and json.loads(text)["folder"] == "d\udcff"


def test_a_lock_is_held_until_its_file_has_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a third could lock a file that the first removes then, and a fourth a new one."""

    if sys.platform == "win32":
        pytest.skip("it removes no file that is open")
    path, real, held = tmp_path / ".lock", Path.unlink, []

    def unlink(self, missing_ok=False):
        with self.open("ab") as other:
            try:
                lock(other)
            except BlockingIOError:
                held.append(self)
        real(self, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    file = path.open("ab")
    lock(file)
    unlock(file, path)
    assert held == [path]
    assert file.closed


def test_a_file_is_on_the_disk_before_it_takes_a_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = []
    real = files.take_place
    monkeypatch.setattr(files.os, "fsync", lambda number: done.append("synced"))
    monkeypatch.setattr(
        files, "take_place", lambda *paths: (done.append("in its place"), real(*paths))
    )
    files.write_bytes(tmp_path / "last.pt", b"weights")
    assert done == ["synced", "in its place"]
