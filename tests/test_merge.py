"""Merging: which pictures end up where, and what a hostile or half-finished run cannot do."""

from __future__ import annotations

import errno
import io
import json
import os
import random
import shutil
import tempfile
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from captcha_ocr.charset import Charset
from captcha_ocr.cli.merge import main
from captcha_ocr.imaging import open_image
from captcha_ocr.labels import read_labels, read_manifest
from captcha_ocr.merging import pipeline
from captcha_ocr.merging.config import COPY_MODES, DataError, MergeConfig, Source
from captcha_ocr.merging.engines import SerialEngine
from captcha_ocr.merging.pipeline import merge as merge_sources
from captcha_ocr.merging.target import building
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

Sample = dict[str, tuple[int, str]]  # file -> (number of the drawing, label)


def picture(number: int, size: tuple[int, int] = (40, 16)) -> np.ndarray:
    """A picture that differs from those of other numbers: uint8 (H, W, 3)."""
    return np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)


def encode(pixels: np.ndarray, suffix: str = ".png", **options: object) -> bytes:
    buffer = io.BytesIO()
    kind = {".png": "PNG", ".bmp": "BMP", ".gif": "GIF", ".jpg": "JPEG"}[suffix]
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def write_source(root: Path, sample: Sample, manifest: bool = True) -> Path:
    (root / "images").mkdir(parents=True)
    with (root / "labels.txt").open("w", encoding="utf-8") as labels:
        for file, (number, label) in sample.items():
            path = root / "images" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode(picture(number), path.suffix))
            labels.write(f"{file}\t{label}\n")
    if manifest:
        with (root / "manifest.jsonl").open("w", encoding="utf-8") as records:
            for file, (number, label) in sample.items():
                record = {"file": file, "label": label, "kind": "spec", "seed": number}
                earlier = {"style": "of an earlier merge", "origin": "b/1.png"}
                records.write(json.dumps(record | earlier) + "\n")
    return root


class Merge:
    """Sources by name, and a call of the command line in a folder of its own."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self._capsys = root, capsys
        self.train, self.test = root / "out" / "train", root / "out" / "test"
        self.error = ""

    def source(self, name: str, sample: Sample, manifest: bool = True) -> Path:
        return write_source(self.root / name, sample, manifest)

    def __call__(self, *arguments: str, train: list[str], test: tuple[str, ...] = ()) -> int:
        command = ["--train-dest", str(self.train), "--workers", "1", *arguments]
        for name in train:
            command += ["--train-src", "easy", str(self.root / name)]
        if test:
            command += ["--test-dest", str(self.test)]
        for name in test:
            command += ["--test-src", "easy", str(self.root / name)]
        code = main(command)
        self.output, self.error = self._capsys.readouterr()
        return code

    def left_out(self) -> list[dict[str, object]]:
        text = (self.train / "left_out.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def merge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Merge:
    return Merge(tmp_path, capsys)


def contents(root: Path) -> set[tuple[bytes, str]]:
    """(pixels, label) of every row; each picture must be there."""
    return {
        (open_image(root / "images" / row.file).tobytes(), row.text)
        for row in read_labels(root / "labels.txt")
    }


def labels(root: Path) -> list[str]:
    return [row.text for row in read_labels(root / "labels.txt")]


def test_a_root_holds_pictures_labels_manifest_and_charset(merge: Merge) -> None:
    merge.source("a", {"1.png": (1, "ab"), "sub/2.gif": (2, "ca"), "3.bmp": (3, "b")})
    assert merge(train=["a"]) == 0
    assert sorted(labels(merge.train)) == ["ab", "b", "ca"]
    assert Charset.read(merge.train / "charset.txt").symbols == ("a", "b", "c")
    manifest = read_manifest(merge.train / "manifest.jsonl")
    assert list(manifest) == [row.file for row in read_labels(merge.train / "labels.txt")]
    gif = next(record for record in manifest.values() if record["label"] == "ca")
    assert gif["file"].endswith(".gif")
    assert gif == {
        "file": gif["file"],
        "label": "ca",
        "size": "40x16",
        "length": 2,
        "kind": "spec",
        "seed": 2,
        "style": "easy",
        "origin": "a/sub/2.gif",
    }
    names = {path.name for path in (merge.train / "images").iterdir()}
    assert names == set(manifest), "every picture has a row, and no other file is there"


@pytest.mark.parametrize("given", [".", "images/.."])
def test_a_source_is_called_as_its_folder_however_it_is_given(
    merge: Merge, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.chdir(merge.source("a", {"1.png": (1, "a")}))
    assert merge("--train-src", "easy", given, train=[]) == 0
    (record,) = read_manifest(merge.train / "manifest.jsonl").values()
    assert record["origin"] == "a/1.png"


def test_records_in_another_order_find_their_pictures(merge: Merge) -> None:
    root = merge.source("a", {f"{n}.png": (n, f"x{n}") for n in range(600)})
    lines = (root / "manifest.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (root / "manifest.jsonl").write_text("".join(reversed(lines)), encoding="utf-8")
    assert merge(train=["a"]) == 0
    for record in read_manifest(merge.train / "manifest.jsonl").values():
        assert record["label"] == f"x{record['seed']}"


def test_the_same_picture_in_two_encodings_is_one(merge: Merge) -> None:
    """Different bytes, formats and names; equal pixels."""
    merge.source("a", {"1.png": (1, "a"), "2.bmp": (1, "a"), "3.png": (2, "b")})
    (merge.root / "a/images/3.png").write_bytes(encode(picture(1), compress_level=0))
    (merge.root / "a/labels.txt").write_text("1.png\ta\n2.bmp\ta\n3.png\ta\n", encoding="utf-8")
    assert merge(train=["a"]) == 0
    assert len(labels(merge.train)) == 1
    assert [(item["reason"], item["file"]) for item in merge.left_out()] == [
        ("duplicate", "2.bmp"),
        ("duplicate", "3.png"),
    ]


def test_pictures_that_differ_in_their_last_pixel_are_two(merge: Merge) -> None:
    """The band key is equal; the pixel key is not."""
    merge.source("a", {"1.png": (1, "a"), "2.png": (1, "b")})
    pixels = picture(1)
    pixels[-1, -1] ^= 1
    (merge.root / "a/images/2.png").write_bytes(encode(pixels))
    assert merge(train=["a"]) == 0
    assert sorted(labels(merge.train)) == ["a", "b"]


@pytest.mark.parametrize("flags", [(), ("--no-dedupe",)])
def test_test_wins_over_training(merge: Merge, flags: tuple[str, ...]) -> None:
    merge.source("a", {"1.png": (1, "a"), "2.png": (2, "b")})
    merge.source("t", {"9.png": (2, "b")})
    assert (
        merge(
            *flags,
            train=["a"],
            test=("t",),
        )
        == 65
    )  # "b" is in test alone now
    merge.source("b", {"1.png": (1, "a"), "2.png": (2, "b"), "3.png": (3, "b")})
    assert merge(*flags, train=["b"], test=("t",)) == 0
    assert not contents(merge.train) & contents(merge.test)
    assert labels(merge.test) == ["b"]
    [item] = merge.left_out()
    assert (item["reason"], item["file"]) == ("leak", "2.png")
    assert str(item["kept"]).endswith("t/images/9.png")


def test_without_dedupe_a_split_keeps_repeated_pictures(merge: Merge) -> None:
    merge.source("a", {"1.png": (1, "a"), "2.png": (1, "a")})
    assert merge("--no-dedupe", train=["a"]) == 0
    assert labels(merge.train) == ["a", "a"]


CONFLICTING: Sample = {"1.png": (1, "a"), "2.png": (2, "b"), "3.png": (1, "A")}


def test_two_labels_stop_the_merge(merge: Merge) -> None:
    merge.source("a", CONFLICTING)
    assert merge(train=["a"]) == 65
    assert "1.png 'a'" in merge.error and "3.png 'A'" in merge.error
    assert "--on-conflict" in merge.error
    assert not merge.train.exists()


def test_two_labels_dropped_are_put_into_quarantine(merge: Merge) -> None:
    merge.source("a", CONFLICTING)
    assert merge("--on-conflict", "drop", train=["a"]) == 0
    assert labels(merge.train) == ["b"]
    assert Charset.read(merge.train / "charset.txt").symbols == ("b",)
    quarantined = list((merge.train / "quarantine").iterdir())
    assert [open_image(path).tobytes() for path in quarantined] == [picture(1).tobytes()] * 2
    assert [item["reason"] for item in merge.left_out()] == ["conflict"] * 2


def test_two_labels_keep_first_keeps_the_earlier_row(merge: Merge) -> None:
    merge.source("a", CONFLICTING)
    assert merge("--on-conflict", "keep-first", train=["a"]) == 0
    assert sorted(labels(merge.train)) == ["a", "b"]


def test_a_conflict_across_splits_is_a_conflict(merge: Merge) -> None:
    merge.source("a", {"1.png": (1, "a"), "2.png": (2, "b")})
    merge.source("t", {"1.png": (1, "b")})
    assert merge(train=["a"], test=("t",)) == 65
    assert "two labels" in merge.error


def test_characters_only_in_test_are_listed(merge: Merge) -> None:
    merge.source("a", {"1.png": (1, "ab")})
    merge.source("t", {"1.png": (2, "a验"), "2.png": (3, "b")})
    assert merge(train=["a"], test=("t",)) == 65
    assert "验" in merge.error and not merge.train.exists() and not merge.test.exists()
    assert merge("--on-unknown", "drop", train=["a"], test=("t",)) == 0
    assert labels(merge.test) == ["b"]
    assert [item["reason"] for item in merge.left_out()] == ["unknown"]


def test_arithmetic_labels_become_ascii(merge: Merge) -> None:
    merge.source("a", {"1.png": (1, "7×3＝？"), "2.png": (2, "好？"), "3.png": (3, "8÷2=?")})
    assert merge(train=["a"]) == 0
    assert sorted(labels(merge.train)) == ["7×3=?", "8÷2=?", "好？"]


def test_a_gif_named_png_gets_its_own_suffix(merge: Merge) -> None:
    merge.source("a", {"1.png": (1, "a")})
    (merge.root / "a/images/1.png").write_bytes(encode(picture(1), ".gif"))
    assert merge("--json", train=["a"]) == 0
    assert json.loads(merge.output)["suffixes_corrected"] == 1
    [path] = (merge.train / "images").iterdir()
    assert path.suffix == ".gif"


def test_the_report_says_what_became_of_each_source(merge: Merge) -> None:
    root = merge.source("a", {"1.png": (1, "7×3＝？"), "2.png": (1, "7×3=?"), "4.gif": (3, "7")})
    (root / "images/4.gif").rename(root / "images/4.png")
    (root / "images/3.jpeg").write_bytes(jpeg := encode(picture(4), ".jpg"))
    (root / "images/5.png").write_bytes(jpeg[:-200])
    rows = "1.png\t7×3＝？\n2.png\t7×3=?\n3.jpeg\t×\n4.png\t7\n5.png\t7\nno tab\n"
    (root / "labels.txt").write_text(rows, encoding="utf-8")
    with (root / "manifest.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"file": "6.png", "label": "7"}\n')
    merge.source("b", {"1.png": (1, "7×3=?"), "2.png": (5, "3")})
    merge.source("t", {"1.png": (5, "3")})
    assert merge("--on-bad", "drop", train=["a", "b"], test=("t",)) == 0
    head, first, second, third, *notes = merge.output.splitlines()
    assert head.split() == ["split", "style", "rows", "bad", "duplicate", "leak", "kept"]
    assert first.split() == ["train", "easy", "6", "2", "1", "0", "3"]
    assert second.split() == ["train", "easy", "2", "0", "1", "1", "0"]
    assert third.split() == ["test", "easy", "1", "0", "0", "0", "1"]
    assert {len(line) for line in (head, first, second, third)} == {len(head)}
    assert notes[:4] == [
        "characters of the training labels: 5",
        "labels written in ASCII (？ -> ?): 1",
        "suffixes corrected to what the bytes are: 1",
        "manifest lines without a label: 2",
    ]


def damage(data: bytes, kind: str) -> bytes:
    flipped = bytearray(data)
    flipped[len(data) - 30] ^= 0x10  # in the compressed rows, below the band
    return {
        "cut": data[:-20],
        "flipped": bytes(flipped),
        "end": data[:8] + data[-12:],  # a PNG of its last chunk alone
        "empty": b"",
        "text": b"<html>",
    }[kind]


@pytest.mark.parametrize("kind", ["cut", "flipped", "end", "empty", "text", "missing"])
def test_unusable_pictures_are_named(merge: Merge, kind: str) -> None:
    merge.source("a", {"1.png": (1, "a"), "2.png": (2, "b")})
    path = merge.root / "a/images/2.png"
    if kind == "missing":
        path.unlink()
    else:
        path.write_bytes(damage(path.read_bytes(), kind))
    assert merge(train=["a"]) == 65
    assert "a/labels.txt:2: 2.png" in merge.error and "--on-bad" in merge.error
    assert not merge.train.exists()
    assert merge("--on-bad", "drop", train=["a"]) == 0
    assert labels(merge.train) == ["a"]
    [item] = merge.left_out()
    assert (item["reason"], item["list"], item["line"]) == ("bad", "labels.txt", 2)
    assert f"all 1 left out, and why: {merge.train}/left_out.jsonl" in merge.output


@pytest.mark.parametrize(
    "row",
    [
        "no tab",
        "1.png\t",
        "1.png\ta\tb",
        "1.png\ta\u200bb",
        "../1.png\ta",
        "/etc/passwd\ta",
        "C:\\x.png\ta",
    ],
)
def test_bad_rows_are_named(merge: Merge, row: str) -> None:
    root = merge.source("a", {"1.png": (1, "a")})
    with (root / "labels.txt").open("a", encoding="utf-8") as file:
        file.write(row + "\n")
    assert merge(train=["a"]) == 65
    assert "a/labels.txt:2: row" in merge.error
    assert merge("--on-bad", "drop", train=["a"]) == 0
    assert labels(merge.train) == ["a"]


@pytest.mark.parametrize(
    "value", ["[" * depth + "]" * depth for depth in (200, 990, 100_000)] + [r'"\ud800"'], ids=len
)
def test_a_record_that_cannot_be_written_is_a_bad_row(merge: Merge, value: str) -> None:
    root = merge.source("a", {"1.png": (1, "a")})
    record = f'{{"file": "1.png", "x": {value}}}'
    (root / "manifest.jsonl").write_text(record, encoding="utf-8")
    assert merge(train=["a"]) == 65
    assert "a/manifest.jsonl:1: row: no JSON object" in merge.error
    assert merge("--on-bad", "drop", train=["a"]) == 0
    assert labels(merge.train) == ["a"]
    [item] = merge.left_out()
    assert (item["list"], item["line"]) == ("manifest.jsonl", 1)


def test_a_link_out_of_the_source_is_refused(merge: Merge) -> None:
    root = merge.source("a", {"1.png": (1, "a")})
    outside = merge.root / "outside.png"
    outside.write_bytes(encode(picture(5)))
    (root / "images/2.png").symlink_to(outside)
    (root / "images/up").symlink_to(merge.root)
    with (root / "labels.txt").open("a", encoding="utf-8") as file:
        file.write("2.png\tb\nup/outside.png\tc\n")
    assert merge(train=["a"]) == 65
    assert merge.error.count("through a link") == 2


def test_links_in_a_circle_are_bad_rows(merge: Merge) -> None:
    root = merge.source("a", {"1.png": (1, "a")})
    (root / "images/2.png").symlink_to("2.png")
    (root / "images/there").symlink_to("back")
    (root / "images/back").symlink_to("there")
    with (root / "labels.txt").open("a", encoding="utf-8") as file:
        file.write("2.png\tb\nthere/3.png\tc\n")
    assert merge(train=["a"]) == 65
    assert "labels.txt:2: 2.png" in merge.error and "labels.txt:3: there/3.png" in merge.error
    assert merge("--on-bad", "drop", train=["a"]) == 0
    assert labels(merge.train) == ["a"]


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


def test_limits_are_exact_and_the_rest_is_reported(merge: Merge) -> None:
    merge.source("a", {f"{n}.png": (n, "a") for n in range(20)})
    merge.source("b", {f"{n}.png": (n + 20, "a") for n in range(3)})
    merge.source("t", {f"{n}.png": (n + 30, "a") for n in range(9)})
    flags = ("--limit-train-each", "6", "--limit-train", "7", "--limit-test", "2")
    assert merge(*flags, train=["a", "b"], test=("t",)) == 0
    assert (len(labels(merge.train)), len(labels(merge.test))) == (7, 2)
    assert len(merge.left_out()) == 20 + 3 + 9 - 7 - 2


def test_a_copy_that_a_limit_took_is_not_said_to_stay(merge: Merge) -> None:
    """Nor does its twin come back into training, which stays valid for the whole test source."""
    merge.source("a", {"1.png": (1, "a"), "2.png": (2, "a"), "9.png": (9, "a")})
    merge.source("t", {"1.png": (1, "a"), "2.png": (2, "a")})
    assert merge("--limit-test", "1", "--no-shuffle", train=["a"], test=("t",)) == 0
    assert contents(merge.train) == {(picture(9).tobytes(), "a")}
    kept = {(item["reason"], item["file"]): item.get("kept") for item in merge.left_out()}
    stays = (merge.root / "t/images/1.png").as_posix()
    assert kept == {("leak", "1.png"): stays, ("leak", "2.png"): None, ("limit", "2.png"): None}


def test_a_limit_of_a_shuffled_target_takes_a_sample(merge: Merge) -> None:
    """Names are often in order of kind: the first pictures would be of one."""
    merge.source("a", {f"{n:02}.png": (n, f"x{n:02}") for n in range(30)})
    chosen = []
    for number, flags in enumerate([(), ("--seed", "1"), ("--no-shuffle",)]):
        merge.train = merge.root / f"out{number}"
        assert merge("--limit-train", "5", *flags, train=["a"]) == 0
        chosen.append(sorted(labels(merge.train)))
    assert chosen[2] == [f"x{n:02}" for n in range(5)]
    assert len(set(map(tuple, chosen))) == 3


@pytest.mark.parametrize(
    ("limits", "kept", "reasons"),
    [
        # A character that a limit took out of training is none that training teaches ...
        (("--limit-train", "1", "--no-shuffle"), ["a", "aaa"], ["limit", "unknown", "unknown"]),
        # ... and a test set of an asked size is filled without the pictures that nobody can read.
        (("--limit-test", "2", "--no-shuffle"), ["a", "c"], ["limit", "unknown"]),
        (("--limit-test-each", "1", "--no-shuffle"), ["a", "aaa"], ["limit", "unknown"]),
    ],
)
def test_characters_and_limits(
    merge: Merge, limits: tuple[str, ...], kept: list[str], reasons: list[str]
) -> None:
    merge.source("a", {"1.png": (1, "ab"), "2.png": (2, "c")})
    merge.source("t", {"1.png": (3, "验"), "2.png": (4, "a"), "3.png": (5, "c")})
    merge.source("u", {"1.png": (6, "aaa")})
    assert merge("--on-unknown", "drop", *limits, train=["a"], test=("t", "u")) == 0
    assert sorted(labels(merge.test)) == kept
    assert sorted(str(item["reason"]) for item in merge.left_out()) == reasons


def test_the_seed_decides_the_order(merge: Merge) -> None:
    merge.source("a", {f"{n:02}.png": (n, f"x{n:02}") for n in range(30)})
    orders = []
    for number, flags in enumerate([("--seed", "1"), ("--seed", "1"), ("--seed", "2")]):
        merge.train = merge.root / f"out{number}"
        assert merge(*flags, train=["a"]) == 0
        orders.append(labels(merge.train))
    assert orders[0] == orders[1] != orders[2]
    merge.train = merge.root / "plain"
    assert merge("--no-shuffle", train=["a"]) == 0
    assert labels(merge.train) == sorted(orders[0])


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
    try:
        link.symlink_to(root / "images/sub/1.png" if absolute else "sub/1.png")
    except OSError:
        pytest.skip("symbolic links cannot be made here")
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
    assert merge("--copy-mode", "move", train=["a"]) == 0
    assert "nothing to do" in merge.output


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


@pytest.mark.parametrize("copy_mode", COPY_MODES)
@pytest.mark.parametrize("change", [-1, 1])
def test_a_picture_that_is_still_being_written_stops_the_merge(
    merge: Merge, monkeypatch: pytest.MonkeyPatch, copy_mode: str, change: int
) -> None:
    root = merge.source("a", {"1.png": (1, "a")})
    file = root / "images" / "1.png"

    def write_on(*arguments: Any) -> None:
        whole = file.read_bytes()
        file.write_bytes(whole + b"x" if change > 0 else whole[:change])
        choose(*arguments)

    choose = pipeline.choose
    monkeypatch.setattr(pipeline, "choose", write_on)
    assert merge("--copy-mode", copy_mode, train=["a"]) == 1
    assert "when it was hashed" in merge.error
    assert file.is_file() and not merge.train.exists()


def test_near_pictures_with_one_label_go(merge: Merge) -> None:
    merge.source("a", {"1.png": (1, "a"), "2.png": (1, "a"), "3.png": (1, "b"), "4.png": (4, "a")})
    for file in ("2.png", "3.png"):
        pixels = picture(1)
        pixels[0, 0] ^= 1 if file == "2.png" else 2
        (merge.root / "a/images" / file).write_bytes(encode(pixels))
    assert merge("--near", "3", train=["a"]) == 0
    assert sorted(labels(merge.train)) == ["a", "a", "b"]
    assert [(item["reason"], item["file"]) for item in merge.left_out()] == [("near", "2.png")]


def test_charset_out_is_a_second_copy(merge: Merge) -> None:
    merge.source("a", {"1.png": (1, "ba")})
    out = merge.root / "elsewhere" / "charset.txt"
    for _ in range(2):
        assert merge("--charset-out", str(out), train=["a"]) == 0
        assert out.read_text(encoding="utf-8") == "a\nb\n"
        out.unlink()


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


def test_a_source_without_labels_is_named(merge: Merge) -> None:
    assert merge(train=["nowhere"]) == 65
    assert "nowhere/labels.txt" in merge.error


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


# number of the drawing, label; few of each, so that they repeat
drawings = st.lists(st.tuples(st.integers(0, 5), st.sampled_from("ab")), min_size=1, max_size=6)


def expected(
    train: list[tuple[int, str]], test: list[tuple[int, str]]
) -> dict[str, list[tuple[int, str]]]:
    """The rules of a merge with conflicts dropped, over drawings instead of pictures."""
    everywhere = {*train, *test}
    agreed = {row for row in everywhere if sum(row[0] == other[0] for other in everywhere) == 1}
    tested = agreed & set(test)
    return {"train": sorted(agreed & set(train) - tested), "test": sorted(tested)}


@settings(max_examples=25, deadline=None)
@given(st.lists(drawings, min_size=1, max_size=3), st.lists(drawings, max_size=2), st.randoms())
def test_a_merge_is_its_rules_whatever_the_order_of_sources(
    train: list[list[tuple[int, str]]], test: list[list[tuple[int, str]]], rng: random.Random
) -> None:
    rules = expected(list(chain(*train)), list(chain(*test)))
    lacking = {label for _, label in rules["test"]} - {label for _, label in rules["train"]}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        sources = [
            Source(
                split,
                "easy",
                write_source(root / f"{split}{n}", {f"{i}.png": row for i, row in enumerate(rows)}),
            )
            for split, lists in (("train", train), ("test", test))
            for n, rows in enumerate(lists)
        ]
        outcomes = []
        for number in range(2):
            config = MergeConfig(
                tuple(sources),
                root / f"out{number}" / "train",
                root / f"out{number}" / "test" if test else None,
                on_conflict="drop",
            )
            try:
                merge_sources(config, SerialEngine())
            except DataError as error:
                assert lacking or not rules["train"] or (test and not rules["test"]), error
                assert not config.train_dest.exists()
                return
            outcomes.append({split: contents(path) for split, path in config.targets.items()})
            rng.shuffle(sources)
    pixels = {number: picture(number).tobytes() for number in range(6)}
    for split, found in outcomes[0].items():
        assert found == {(pixels[number], label) for number, label in rules[split]}
    assert outcomes[0] == outcomes[1]


nasty = st.lists(
    st.sampled_from(["..", "/", "a", ".", "\\", "C:", "victim", ".png", "\0", " ", "1.png", "\t"]),
    min_size=1,
    max_size=7,
).map("".join)


@settings(max_examples=25, deadline=None)
@given(st.lists(nasty, min_size=1, max_size=5), st.sampled_from(["copy", "move", "link"]))
@example(["../../victim.png"], "move")
@example(["/victim.png", "up/victim.png", "away.png"], "move")
def test_hostile_names_touch_nothing_outside(rows: list[str], copy_mode: str) -> None:
    """Whatever a label file names, the rest of the disk stays as it was."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        source = write_source(root / "deep" / "source", {"1.png": (1, "a")}, manifest=False)
        (root / "victim.png").write_bytes(encode(picture(9)))
        (source / "images" / "up").symlink_to(root)
        (source / "images" / "away.png").symlink_to(root / "victim.png")
        with (source / "labels.txt").open("ab") as file:
            file.writelines(f"{row}\tb\n".encode() for row in rows)
        config = MergeConfig(
            (Source("train", "easy", source),),
            root / "out" / "train",
            copy_mode=copy_mode,
            on_bad="drop",
            on_conflict="keep-first",
        )
        merge_sources(config, SerialEngine())
        assert {path.name for path in root.iterdir()} == {"deep", "out", "victim.png"}
        assert (root / "victim.png").read_bytes() == encode(picture(9))
        assert [path.name for path in (root / "out").iterdir()] == ["train"]
        assert contents(root / "out" / "train") == {(picture(1).tobytes(), "a")}
