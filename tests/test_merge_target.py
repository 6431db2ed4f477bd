"""Where a merge writes: targets are whole or absent, and sources keep what is not placed."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
from pathlib import Path

import pytest
from captcha_ocr.cli.merge import main
from captcha_ocr.merging import keytable, place
from captcha_ocr.merging.config import COPY_MODES
from captcha_ocr.merging.target import building
from links import link as make_link
from merge_harness import (
    CONFLICTING,
    Merge,
    Sample,
    contents,
    encode,
    labels,
    picture,
)


def test_what_a_run_left_that_was_killed_at_its_end_goes_with_the_next(merge: Merge) -> None:
    merge.source("a", {"1.png": (1, "a")})
    assert merge(train=["a"]) == 0
    folder = merge.train.with_name(f".{merge.train.name}.merging")
    lock = folder.with_name(f"{folder.name}.lock")
    (folder / "root").mkdir(parents=True)
    lock.touch()
    assert merge(train=["a"]) == 0
    assert "nothing to do" in merge.output
    assert not folder.exists() and not lock.exists()


def test_a_second_run_changes_nothing(merge: Merge) -> None:
    root = merge.source("a", {"1.png": (1, "a"), "2.png": (2, "b")})
    assert merge("--seed", "3", train=["a"]) == 0
    before = {path: path.stat().st_mtime_ns for path in merge.train.rglob("*")}
    assert merge("--seed", "3", train=["a"]) == 0
    assert "nothing to do" in merge.output
    assert {path: path.stat().st_mtime_ns for path in merge.train.rglob("*")} == before
    assert merge("--seed", "4", train=["a"]) == 1
    assert "seed" in merge.error
    root = root.rename(merge.root / "elsewhere")
    assert merge("--seed", "3", train=["elsewhere"]) == 0
    assert "nothing to do" in merge.output
    root = root.rename(merge.root / "a")
    (root / "images/2.png").write_bytes(encode(picture(7)))
    assert merge("--seed", "3", train=["a"]) == 1
    assert "sources" in merge.error


def test_other_records_are_another_merge(merge: Merge) -> None:
    root = merge.source("a", {"1.png": (1, "a")})
    assert merge(train=["a"]) == 0
    with (root / "manifest.jsonl").open("a", encoding="utf-8") as file:
        file.write("\n")
    assert merge(train=["a"]) == 1
    assert "the sources" in merge.error


def test_two_merges_do_not_write_one_target(merge: Merge) -> None:
    merge.source("a", {"1.png": (1, "a")})
    with building(merge.train):
        assert merge(train=["a"]) == 1
        assert "another merge is writing" in merge.error
    assert merge(train=["a"]) == 0


def test_a_lock_that_leads_elsewhere_empties_nothing(merge: Merge) -> None:
    """As one could lie in a folder that others write to."""
    merge.source("a", {"1.png": (1, "a")})
    kept = merge.root / "kept.txt"
    kept.write_text("mine", encoding="utf-8")
    merge.train.parent.mkdir(parents=True)
    make_link(merge.train.with_name(f".{merge.train.name}.merging.lock"), kept)
    assert merge(train=["a"]) == 0
    assert kept.read_text(encoding="utf-8") == "mine"


def test_a_disk_too_full_for_the_key_table_is_said(
    merge: Merge, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge.source("a", {"1.png": (1, "a")})
    pages = "PRAGMA page_size = 512; PRAGMA max_page_count = 2;"
    monkeypatch.setattr(keytable, "_SCHEMA", pages + keytable._SCHEMA)
    assert merge(train=["a"]) == 1
    assert "cannot write" in merge.error and "disk is full" in merge.error
    assert list(merge.train.parent.iterdir()) == []


def test_a_picture_that_finds_room_for_its_head_alone_is_an_error(
    merge: Merge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that becomes full takes a part, and complains about the next one only."""

    class Full(io.FileIO):
        def write(self, data: bytes) -> int:
            return super().write(data[:-1])

    merge.source("a", {"1.png": (1, "a")})
    monkeypatch.setattr(place.io, "FileIO", Full)
    assert merge(train=["a"]) == 1
    assert os.strerror(errno.ENOSPC) in merge.error
    assert not merge.train.exists()


@pytest.mark.skipif(not hasattr(os, "sync"), reason="this system has no such call")
@pytest.mark.parametrize("copy_mode", COPY_MODES)
def test_a_target_is_on_the_disk_before_it_appears(
    merge: Merge, monkeypatch: pytest.MonkeyPatch, copy_mode: str
) -> None:
    merge.source("a", {"1.png": (1, "a")})
    there = []
    monkeypatch.setattr(os, "sync", lambda: there.append(merge.train.exists()))
    assert merge("--copy-mode", copy_mode, train=["a"]) == 0
    assert there == [False] and merge.train.exists()


@pytest.mark.skipif(not hasattr(os, "sync"), reason="this system has no such call")
def test_a_move_is_on_the_disk_before_the_sources_go(
    merge: Merge, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = merge.source("a", {"1.png": (1, "a")})
    synced = []
    monkeypatch.setattr(os, "sync", lambda: synced.append((root / "images/1.png").exists()))
    assert merge("--copy-mode", "move", train=["a"]) == 0
    assert synced == [True] and not (root / "images/1.png").exists()


@pytest.mark.parametrize(
    "record", ["[]", '{"config": null}', '{"config": {}, "inputs": [3]}', "[" * 100_000], ids=len
)
def test_a_record_of_another_shape_is_no_merges(merge: Merge, record: str) -> None:
    merge.source("a", {"1.png": (1, "a")})
    merge.train.mkdir(parents=True)
    (merge.train / "merge.json").write_text(record, encoding="utf-8")
    assert merge(train=["a"]) == 1
    assert "no merge made it" in merge.error


def test_a_target_that_no_merge_made_is_left_alone(merge: Merge) -> None:
    merge.source("a", {"1.png": (1, "a")})
    (merge.train / "images").mkdir(parents=True)
    (merge.train / "images/stale.png").write_bytes(b"old")
    assert merge(train=["a"]) == 1
    assert "no merge made it" in merge.error
    assert [path.name for path in merge.train.rglob("*")] == ["images", "stale.png"]


def test_what_a_killed_run_left_is_removed(merge: Merge) -> None:
    merge.source("a", {"1.png": (1, "a")})
    leftover = merge.train.parent / ".train.merging" / "images"
    leftover.mkdir(parents=True)
    (leftover / "stale.png").write_bytes(b"old")
    assert merge(train=["a"]) == 0
    assert [path.name for path in merge.train.parent.iterdir()] == ["train"]


def test_a_train_root_that_was_lost_comes_back_beside_its_test_root(merge: Merge) -> None:
    """Killed between the two renames: the same command finishes the job."""
    merge.source("a", {"1.png": (1, "a"), "2.png": (2, "a")})
    merge.source("t", {"1.png": (3, "a")})
    assert merge(train=["a"], test=("t",)) == 0
    whole = contents(merge.train)
    shutil.rmtree(merge.train)
    assert merge(train=["a"], test=("t",)) == 0
    assert contents(merge.train) == whole


def test_dry_run_says_the_same_and_writes_nothing(merge: Merge) -> None:
    merge.source("a", {"1.png": (1, "a"), "2.png": (1, "a")})
    assert merge("--dry-run", "--json", train=["a"]) == 0
    dry = json.loads(merge.output)
    assert not merge.train.parent.exists()
    assert merge("--json", train=["a"]) == 0
    wet = json.loads(merge.output)
    for report in (dry, wet):
        del report["seconds"], report["status"]
    assert dry == wet


def test_links_share_the_file(merge: Merge) -> None:
    root = merge.source("a", {"1.png": (1, "a")})
    assert merge("--copy-mode", "link", train=["a"]) == 0
    [path] = (merge.train / "images").iterdir()
    assert path.samefile(root / "images/1.png")


@pytest.mark.parametrize("copy_mode", COPY_MODES)
@pytest.mark.parametrize("absolute", [False, True])
def test_pictures_that_are_links_arrive_as_files(
    merge: Merge, copy_mode: str, absolute: bool
) -> None:
    root = merge.source("a", {"sub/1.png": (1, "a")})
    link = root / "images/2.png"
    make_link(link, root / "images/sub/1.png" if absolute else Path("sub", "1.png"))
    (root / "labels.txt").write_text("2.png\ta\n", encoding="utf-8")
    assert merge("--copy-mode", copy_mode, train=["a"]) == 0
    [path] = (merge.train / "images").iterdir()
    assert not path.is_symlink()
    assert contents(merge.train) == {(picture(1).tobytes(), "a")}
    assert link.is_symlink() == (copy_mode != "move")
    assert (root / "images/sub/1.png").is_file(), "no row names it, so it stays"


def test_move_takes_what_it_places_and_leaves_the_rest(merge: Merge) -> None:
    root = merge.source("a", {"1.png": (1, "a"), "2.png": (1, "a")})
    assert merge("--copy-mode", "move", train=["a"]) == 0
    assert [path.name for path in (root / "images").iterdir()] == ["2.png"]
    (root / "images" / ".DS_Store").touch()  # as by a file browser
    assert merge("--copy-mode", "move", train=["a"]) == 0
    assert "nothing to do" in merge.output and "still" not in merge.output


def test_a_move_that_was_killed_at_its_end_says_what_it_left(
    merge: Merge, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures: Sample = {"1.png": (1, "a"), "2.png": (1, "a"), "3.png": (2, "b"), "4.png": (3, "c")}
    root = merge.source("a", pictures)
    unlink = Path.unlink

    def die_after_one(path: Path, missing_ok: bool = False) -> None:
        if path.parent == root / "images" and not (root / "images/1.png").exists():
            raise KeyboardInterrupt
        unlink(path, missing_ok)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", die_after_one)
        merge("--copy-mode", "move", train=["a"])
    assert {path.name for path in (root / "images").iterdir()} == {"2.png", "3.png", "4.png"}
    assert merge("--copy-mode", "move", train=["a"]) == 0
    assert "2 moved pictures are still in the sources" in merge.output


@pytest.mark.parametrize(
    ("sample", "flags", "code"),
    [(CONFLICTING, (), 65), ({"1.png": (1, "a")}, ("--dry-run",), 0)],
)
def test_what_is_refused_or_tried_moves_nothing(
    merge: Merge, sample: Sample, flags: tuple[str, ...], code: int
) -> None:
    root = merge.source("a", sample)
    assert merge("--copy-mode", "move", *flags, train=["a"]) == code
    assert len(list((root / "images").iterdir())) == len(sample)


def test_a_move_that_fails_at_its_end_has_taken_nothing(
    merge: Merge, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = merge.source("a", {"1.png": (1, "a")})

    def fail(*_: object) -> None:
        raise OSError("the target cannot get its name")

    monkeypatch.setattr("captcha_ocr.merging.pipeline.appear", fail)
    assert merge("--copy-mode", "move", train=["a"]) == 1
    assert (root / "images" / "1.png").is_file() and not merge.train.exists()


def test_where_no_link_can_be_made_a_move_copies(
    merge: Merge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another disk, say."""
    root = merge.source("a", {"1.png": (1, "a")})

    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    assert merge("--copy-mode", "link", train=["a"]) == 1
    assert "cannot link" in merge.error and "use --copy-mode copy" in merge.error
    assert merge("--copy-mode", "move", train=["a"]) == 0
    assert contents(merge.train) == {(picture(1).tobytes(), "a")}
    assert not list((root / "images").iterdir())


def test_charset_out_is_a_second_copy(merge: Merge) -> None:
    merge.source("a", {"1.png": (1, "ba")})
    out = merge.root / "elsewhere" / "charset.txt"
    for _ in range(2):
        assert merge("--charset-out", str(out), train=["a"]) == 0
        assert out.read_text(encoding="utf-8") == "a\nb\n"
        out.unlink()


def test_a_charset_that_cannot_be_written_is_known_beforehand(merge: Merge) -> None:
    merge.source("a", {"1.png": (1, "ba")})
    assert merge("--charset-out", str(merge.root / "a"), train=["a"]) == 1
    assert "Is a directory" in merge.error
    assert not merge.train.exists()


def test_a_charset_may_be_written_into_the_target(merge: Merge) -> None:
    merge.source("a", {"1.png": (1, "ba")})
    out = merge.train / "meta" / "charset.txt"
    assert merge("--charset-out", str(out), train=["a"]) == 0
    assert out.read_text(encoding="utf-8") == "a\nb\n"


BOTH = ["--train-src", "easy", "{root}/a", "--test-src", "easy", "{root}/t"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--train-src", "easy", "{root}/a", "--test-dest", "{root}/t"], "go together"),
        (["--train-src", "Easy!", "{root}/a"], "file names"),
        (
            ["--train-src", "easy", "{root}/a", "--train-src", "easy", "{root}/./a"],
            "more than once",
        ),
        (["--train-src", "easy", "{root}/\udcff"], "is no UTF-8"),
        (["--train-src", "easy", "{root}"], "inside each other"),
        (["--train-src", "easy", "{root}/out/a"], "inside each other"),
        ([*BOTH, "--test-dest", "{root}/./out"], "inside each other"),
        (["--train-src", "easy", "{root}/a", "--near", "99"], "--near is 99"),
        (["--train-src", "easy", "{root}/a", "--limit-train", "-1"], "--limit-train is -1"),
    ],
)
def test_a_command_line_that_cannot_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    filled = [argument.format(root=tmp_path) for argument in arguments]
    assert main(["--train-dest", str(tmp_path / "out"), *filled]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("target", [".", "sub/.."])
@pytest.mark.parametrize("flags", [(), ("--dry-run",)])
def test_the_current_folder_is_no_target(
    merge: Merge, monkeypatch: pytest.MonkeyPatch, target: str, flags: tuple[str, ...]
) -> None:
    merge.source("a", {"1.png": (1, "a")})
    here = merge.root / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    merge.train = Path(target)
    assert merge(*flags, train=["a"]) == 2
    assert "name a folder in it" in merge.error
    assert sorted(path.name for path in merge.root.iterdir()) == ["a", "here"]


def test_a_target_may_be_named_by_a_detour(merge: Merge, monkeypatch: pytest.MonkeyPatch) -> None:
    merge.source("a", {"1.png": (1, "a")})
    monkeypatch.chdir(merge.root)
    merge.train = Path("out/x/..")
    assert merge(train=["a"]) == 0
    assert labels(merge.root / "out") == ["a"]
