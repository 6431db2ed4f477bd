"""Merging: which pictures and labels end up where."""

from __future__ import annotations

import json
import random
import struct
import tempfile
import zlib
from itertools import chain
from pathlib import Path

import pytest
from captcha_ocr.charset import Charset
from captcha_ocr.cli.merge import main
from captcha_ocr.imaging import open_image
from captcha_ocr.labels import Label, read_labels, read_manifest, write_labels
from captcha_ocr.merging.config import DataError, MergeConfig, Source
from captcha_ocr.merging.engines import SerialEngine
from captcha_ocr.merging.pipeline import merge as merge_sources
from hypothesis import given, settings
from hypothesis import strategies as st
from merge_harness import (
    CONFLICTING,
    Merge,
    contents,
    encode,
    labels,
    picture,
    write_source,
)


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


def test_records_in_another_order_find_their_pictures(merge: Merge) -> None:
    root = merge.source("a", {f"{n}.png": (n, f"x{n}") for n in range(600)})
    lines = (root / "manifest.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (root / "manifest.jsonl").write_text("".join(reversed(lines)), encoding="utf-8")
    assert merge(train=["a"]) == 0
    for record in read_manifest(merge.train / "manifest.jsonl").values():
        assert record["label"] == f"x{record['seed']}"


def test_records_in_another_order_stay_with_their_source(merge: Merge) -> None:
    """All generators write the same names."""
    for source, start in (("a", 0), ("b", 1000)):
        root = merge.source(source, {f"{n}.png": (start + n, f"x{start + n}") for n in range(600)})
        lines = (root / "manifest.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
        (root / "manifest.jsonl").write_text("".join(reversed(lines)), encoding="utf-8")
    assert merge(train=["a", "b"]) == 0
    records = read_manifest(merge.train / "manifest.jsonl").values()
    assert len(records) == 1200
    assert all(record["label"] == f"x{record['seed']}" for record in records)


@pytest.mark.parametrize("line", [1, 700])
def test_two_records_of_a_picture_that_differ_are_bad(line: int, merge: Merge) -> None:
    """In one slice, and in two. An equal one again is none too many."""
    root = merge.source("a", {f"{n}.png": (n, f"x{n}") for n in range(800)})
    manifest = root / "manifest.jsonl"
    lines = manifest.read_text(encoding="utf-8").splitlines(keepends=True)
    turned = json.dumps(dict(reversed(json.loads(lines[0]).items()))) + "\n"
    lines[line:line] = [turned, lines[0].replace("spec", "odd")]
    manifest.write_text("".join(lines), encoding="utf-8")
    assert merge(train=["a"]) == 65
    place = f"{root.as_posix()}/manifest.jsonl:{line + 2}: 0.png"
    assert f"{place}: it has another record, too" in merge.error
    assert "1 rows cannot be used" in merge.error
    assert merge("--on-bad", "drop", train=["a"]) == 0
    kinds = {record["kind"] for record in read_manifest(merge.train / "manifest.jsonl").values()}
    assert kinds == {"spec"} and len(labels(merge.train)) == 800


def test_why_no_picture_is_left_is_said(merge: Merge) -> None:
    merge.source("a", {"1.png": (1, "a")})
    merge.source("t", {"2.png": (2, "b"), "3.png": (3, "c"), "4.png": (1, "a")})
    assert merge("--on-unknown", "drop", "--limit-test", "1", train=["a"], test=("t",)) == 65
    assert f"no picture is left for {merge.train}; left out: 1 leak" in merge.error
    assert f"no picture is left for {merge.test}; left out: 3 unknown" in merge.error


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
    assert merge(*flags, train=["a"], test=("t",)) == 65  # "b" is in test alone now
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
    named = {merge.train / str(item["quarantine"]): item["label"] for item in merge.left_out()}
    assert named == dict(zip(sorted(quarantined), ["a", "A"]))


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
    merge.source("t", {"1.png": (3, "b"), "2.png": (2, "a验"), "3.png": (4, "码")})
    assert merge(train=["a"], test=("t",)) == 65
    assert ": 码 验; " in merge.error and "labels.txt:1:" not in merge.error
    assert "t/labels.txt:2: 2.png 'a验'" in merge.error
    assert "t/labels.txt:3: 3.png '码'" in merge.error
    assert not merge.train.exists() and not merge.test.exists()
    assert merge("--on-unknown", "drop", train=["a"], test=("t",)) == 0
    assert labels(merge.test) == ["b"]
    assert [item["reason"] for item in merge.left_out()] == ["unknown"] * 2


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


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".jfif"])
def test_a_jpeg_has_its_own_suffix_however_it_is_spelt(merge: Merge, suffix: str) -> None:
    root = merge.source("a", {"1.jpg": (1, "a")}, manifest=False)
    (root / "images/1.jpg").rename(root / f"images/1{suffix}")
    write_labels(root / "labels.txt", [Label(f"1{suffix}", "a")])
    assert merge("--json", train=["a"]) == 0
    assert json.loads(merge.output)["suffixes_corrected"] == 0


def test_what_a_record_no_longer_knows_is_measured(merge: Merge) -> None:
    """The label was corrected, and the picture scaled, since the record was written."""
    root = merge.source("a", {"1.png": (1, "ab")})
    record = {"file": "1.png", "label": "abc", "size": "9x9", "length": 3, "kind": "spec"}
    (root / "manifest.jsonl").write_text(json.dumps(record), encoding="utf-8")
    assert merge(train=["a"]) == 0
    [(file, found)] = read_manifest(merge.train / "manifest.jsonl").items()
    measured = {"file": file, "label": "ab", "size": "40x16", "length": 2}
    assert found == {**measured, "kind": "spec", "style": "easy", "origin": "a/1.png"}


def test_the_record_of_a_picture_that_cannot_be_used_is_none_without_a_label(
    merge: Merge,
) -> None:
    """The record is read with another slice than the label."""
    root = merge.source("a", {f"{n}.png": (n, "x") for n in range(600)})
    lines = (root / "manifest.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (root / "manifest.jsonl").write_text("".join(reversed(lines)), encoding="utf-8")
    (root / "images" / "0.png").unlink()
    assert merge("--on-bad", "drop", train=["a"]) == 0
    assert len(merge.left_out()) == 1
    assert "manifest lines" not in merge.output


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
        "manifest lines whose name no label has: 2",
    ]


def test_limits_are_exact_and_the_rest_is_reported(merge: Merge) -> None:
    merge.source("a", {f"{n}.png": (n, "a") for n in range(20)})
    merge.source("b", {f"{n}.png": (n + 20, "a") for n in range(3)})
    merge.source("t", {f"{n}.png": (n + 30, "a") for n in range(9)})
    flags = ("--limit-train-each", "6", "--limit-train", "7", "--limit-test", "2")
    assert merge(*flags, train=["a", "b"], test=("t",)) == 0
    assert (len(labels(merge.train)), len(labels(merge.test))) == (7, 2)
    assert len(merge.left_out()) == 20 + 3 + 9 - 7 - 2


def test_a_limit_beyond_what_sqlite_counts_keeps_all(merge: Merge) -> None:
    merge.source("a", {f"{n}.png": (n, "a") for n in range(3)})
    assert merge("--limit-train", str(10**20), train=["a"]) == 0
    assert len(labels(merge.train)) == 3


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


def test_a_picture_that_is_broken_below_its_band_is_bad(merge: Merge) -> None:
    """Its checksums are right: only comparing it whole shows that its rows break off."""
    root = merge.source("a", {"1.png": (1, "a"), "2.png": (1, "a"), "3.png": (3, "a")})
    path = root / "images" / "2.png"
    data = encode(picture(1), compress_level=0)
    start = data.index(b"IDAT")
    (length,) = struct.unpack(">I", data[start - 4 : start])
    packed = data[start : start + 4 + length * 3 // 4]
    cut = struct.pack(">I", len(packed) - 4) + packed + struct.pack(">I", zlib.crc32(packed))
    path.write_bytes(data[: start - 4] + cut + data[start + 8 + length :])
    assert merge(train=["a"]) == 65
    assert "labels.txt:2: 2.png" in merge.error
    assert merge("--on-bad", "drop", train=["a"]) == 0
    assert len(labels(merge.train)) == 2


def test_what_has_gone_takes_nothing_along(merge: Merge) -> None:
    """2.png is nearly 1.png, which goes itself: it has two labels."""
    merge.source("a", {"1.png": (1, "a"), "2.png": (1, "a"), "3.png": (1, "b"), "4.png": (4, "b")})
    pixels = picture(1)
    pixels[0, 0] ^= 1
    (merge.root / "a/images/2.png").write_bytes(encode(pixels))
    assert merge("--near", "3", "--on-conflict", "drop", train=["a"]) == 0
    assert sorted(labels(merge.train)) == ["a", "b"]
    reasons = {(item["file"], item["reason"]) for item in merge.left_out()}
    assert reasons == {("1.png", "conflict"), ("3.png", "conflict")}


def test_near_pictures_with_one_label_go(merge: Merge) -> None:
    merge.source("a", {"1.png": (1, "a"), "2.png": (1, "a"), "3.png": (1, "b"), "4.png": (4, "a")})
    for file in ("2.png", "3.png"):
        pixels = picture(1)
        pixels[0, 0] ^= 1 if file == "2.png" else 2
        (merge.root / "a/images" / file).write_bytes(encode(pixels))
    assert merge("--near", "3", train=["a"]) == 0
    assert sorted(labels(merge.train)) == ["a", "a", "b"]
    assert [(item["reason"], item["file"]) for item in merge.left_out()] == [("near", "2.png")]


def test_a_training_picture_that_is_nearly_one_of_the_test_set_goes(merge: Merge) -> None:
    merge.source("a", {"1.png": (1, "a"), "2.png": (2, "a")})
    merge.source("t", {"9.png": (1, "a")})
    pixels = picture(1)
    pixels[0, 0] ^= 1
    (merge.root / "a/images/1.png").write_bytes(encode(pixels))
    assert merge("--near", "3", train=["a"], test=("t",)) == 0
    assert contents(merge.train) == {(picture(2).tobytes(), "a")}
    assert contents(merge.test) == {(picture(1).tobytes(), "a")}
    [item] = merge.left_out()
    assert (item["reason"], item["split"], item["file"]) == ("near", "train", "1.png")
    assert str(item["kept"]).endswith("t/images/9.png")


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


def test_a_merge_that_is_refused_says_so_in_json(merge: Merge) -> None:
    merge.source("a", {"1.png": (1, "a"), "2.png": (1, "b")})
    assert merge("--json", train=["a"]) == 65
    told = json.loads(merge.output)
    assert told["status"] == "refused"
    assert "2.png" in " ".join(told["problems"])


def test_a_style_that_may_be_misspelled_is_told(
    merge: Merge, capsys: pytest.CaptureFixture[str]
) -> None:
    merge.source("a", {"1.png": (1, "a")})
    arguments = ["--train-dest", str(merge.train), "--workers", "1", "--dry-run"]
    sources = ["--train-src", "esay", str(merge.root / "a")]
    assert main([*arguments, *sources]) == 0
    assert "note: the style 'esay' is none of easy, ctext, ruoyi" in capsys.readouterr().err
