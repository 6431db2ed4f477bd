"""A disk that fills up: it is said, what was there stays, and the same command goes on later."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from captcha_ocr.cli import merge, train
from captcha_ocr.cli.common import FAILURE, OK

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="mounts a small tmpfs"),
]
MIB = 1 << 20


class SmallDisk:
    """A file system of 64 MiB; `fill` takes what is free but for some bytes."""

    def __init__(self, root: Path) -> None:
        self.root, self._filler = root, root / "filler"

    def fill(self, left: int) -> None:
        self._filler.write_bytes(bytes(64 * MIB - self._used() - left))

    def free(self) -> None:
        self._filler.unlink()

    def _used(self) -> int:
        blocks = subprocess.run(
            ["df", "--output=used", "-B1", str(self.root)], check=True, capture_output=True
        )
        return int(blocks.stdout.split()[-1])


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    root = tmp_path / "disk"
    root.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(root)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount a tmpfs: {done.stderr.strip()}")
    yield SmallDisk(root)
    subprocess.run(["umount", "-l", str(root)], check=True)


def test_training_keeps_its_last_save(
    sample_set: Path, disk: SmallDisk, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--arch", "vanilla_crnn", "--out", str(disk.root), "--max-minutes", "0.0001"]
    tiny = ["--batch", "8", "--batch-start", "8", "--width", "0.25", "--device", "cpu"]
    assert train.main([*given, *tiny, "--train-root", str(sample_set)]) == OK
    run = disk.root / "vanilla_crnn"
    saved = (run / "last.pt").read_bytes()
    disk.fill(left=100_000)
    capsys.readouterr()
    assert train.main([*given, "--resume"]) == FAILURE
    said = capsys.readouterr().err
    assert "No space left on device" in said
    assert f"then go on with: captcha-ocr train --arch vanilla_crnn --resume {run}\n" in said
    assert (run / "last.pt").read_bytes() == saved
    assert not list(run.glob(".*.part"))
    disk.free()
    assert train.main([*given, "--resume"]) == OK
    assert (run / "last.pt").read_bytes() != saved


def test_a_merge_leaves_nothing_behind(
    sample_set: Path, disk: SmallDisk, capsys: pytest.CaptureFixture[str]
) -> None:
    target = disk.root / "train"
    command = ["--train-dest", str(target), "--train-src", "easy", str(sample_set)]
    disk.fill(left=40_000)
    assert merge.main(command) == FAILURE
    assert "No space left on device" in capsys.readouterr().err
    assert [path.name for path in disk.root.iterdir()] == ["filler"]
    disk.free()
    assert merge.main(command) == OK
    assert (target / "labels.txt").is_file()
