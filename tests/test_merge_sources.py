"""What a merge makes of sources that are damaged, change meanwhile, or mean harm."""

from __future__ import annotations

import tempfile
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from captcha_ocr.labels import read_manifest
from captcha_ocr.merging import pipeline
from captcha_ocr.merging.config import COPY_MODES, MergeConfig, Source
from captcha_ocr.merging.engines import SerialEngine
from captcha_ocr.merging.pipeline import merge as merge_sources
from hypothesis import example, given, settings
from hypothesis import strategies as st
from links import link
from merge_harness import (
    Merge,
    contents,
    encode,
    labels,
    picture,
    write_source,
)


@pytest.mark.parametrize("given", [".", "images/.."])
def test_a_source_is_called_as_its_folder_however_it_is_given(
    merge: Merge, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.chdir(merge.source("a", {"1.png": (1, "a")}))
    assert merge("--train-src", "easy", given, train=[]) == 0
    (record,) = read_manifest(merge.train / "manifest.jsonl").values()
    assert record["origin"] == "a/1.png"


def test_a_source_without_labels_is_named(merge: Merge) -> None:
    assert merge(train=["nowhere"]) == 65
    assert str(Path("nowhere", "labels.txt")) in merge.error


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


def test_a_name_does_not_steer_the_terminal(merge: Merge) -> None:
    root = merge.source("a", {"1.png": (1, "a")})
    with (root / "labels.txt").open("a", encoding="utf-8") as file:
        file.write("\x9b31m\u202e.png\tb\n")  # red to some terminals, then from right to left
    assert merge(train=["a"]) == 65
    error = merge.error
    assert merge("--on-bad", "drop", train=["a"]) == 0
    for text in (error, merge.output):
        assert "\x9b" not in text and "\u202e" not in text
    assert r"\x9b31m\u202e.png" in merge.output


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


@pytest.mark.parametrize("copy_mode", COPY_MODES)
def test_names_of_macos_are_found_by_a_list_of_another_system(merge: Merge, copy_mode: str) -> None:
    """Finder writes é as e and an accent; the list has one character."""
    rows = [("\u00e9/1.png", (1, "a")), ("\u00e91.png", (1, "a")), ("\u00e92.png", (2, "b"))]
    rows += [("\u00e93.png", (3, "c")), ("\u00e94.png", (3, "C"))]  # one picture, two labels
    images = merge.source("a", dict(rows)) / "images"
    for file, _ in rows:
        apart = images / unicodedata.normalize("NFD", file)
        apart.parent.mkdir(exist_ok=True)
        (images / file).replace(apart)
    assert merge("--copy-mode", copy_mode, "--on-conflict", "drop", train=["a"]) == 0
    assert sorted(labels(merge.train)) == ["a", "b"] and len(contents(merge.train)) == 2
    assert len(list((merge.train / "quarantine").iterdir())) == 2
    kinds = {record["kind"] for record in read_manifest(merge.train / "manifest.jsonl").values()}
    assert kinds == {"spec"}  # the records of the source were found too
    left = {path.name for path in images.rglob("*.png")}
    assert len(left) == (3 if copy_mode == "move" else 5)


def test_a_link_out_of_the_source_is_refused(merge: Merge) -> None:
    root = merge.source("a", {"1.png": (1, "a")})
    outside = merge.root / "outside.png"
    outside.write_bytes(encode(picture(5)))
    link(root / "images/2.png", outside)
    link(root / "images/up", merge.root, to_folder=True)
    with (root / "labels.txt").open("a", encoding="utf-8") as file:
        file.write("2.png\tb\nup/outside.png\tc\n")
    assert merge(train=["a"]) == 65
    assert merge.error.count("through a link") == 2


def test_links_in_a_circle_are_bad_rows(merge: Merge) -> None:
    root = merge.source("a", {"1.png": (1, "a")})
    link(root / "images/2.png", "2.png")
    link(root / "images/there", "back", to_folder=True)
    link(root / "images/back", "there", to_folder=True)
    with (root / "labels.txt").open("a", encoding="utf-8") as file:
        file.write("2.png\tb\nthere/3.png\tc\n")
    assert merge(train=["a"]) == 65
    assert "labels.txt:2: 2.png" in merge.error and "labels.txt:3: there/3.png" in merge.error
    assert merge("--on-bad", "drop", train=["a"]) == 0
    assert labels(merge.train) == ["a"]


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
        link(source / "images" / "up", root, to_folder=True)
        link(source / "images" / "away.png", root / "victim.png")
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
