"""The leaderboard file: its schema, its counting, and adding a row from readings."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import add_to_leaderboard
import pytest
from benchmark_set import write_benchmark_set
from captcha_ocr.arithmetic import solve
from captcha_ocr.benchmarking import machine
from captcha_ocr.benchmarking.columns import COLUMNS, PARTS, column_of, part_of, set_digest
from captcha_ocr.benchmarking.documents import PAGES
from captcha_ocr.benchmarking.leaderboard import (
    FIGURES,
    LeaderboardError,
    figure_of,
    figures_of,
    mean_folded,
    put_row,
    read_leaderboard,
    read_readings,
    row_problem,
    write_leaderboard,
)
from captcha_ocr.benchmarking.tables import readme_blocks
from captcha_ocr.datasets.stores import open_store
from captcha_ocr.imaging import open_image

SHIPPED = Path(__file__).parents[1] / "benchmark"


def row(**changes: Any) -> dict[str, Any]:
    figures = {key: {"n": 10, "strict": 0.5, "folded": 0.75} for key in FIGURES}
    values = {"name": "reader", "kind": "submission", "version": "1", "link": "", "load": None}
    values |= {"date": "2026-01-31", "machine": "some", "command": "read", "set": "0"}
    return {**values, "figures": figures, "latency_ms": None, "megabytes": 1.5, **changes}


def test_figures_are_counted(benchmark_root: Path) -> None:
    store = open_store(benchmark_root)
    texts = {label.file: label.text for label in store.labels}
    texts["test_easy-text_0.5_0.png"] = "aB12"  # Ab12
    texts["test_easy-text_0.5_1.png"] = "nothing"  # aB34
    texts["test_ruoyi_0.5_0.png"] = "7×3"  # 7*3=?
    texts["heldout_easy-cn_0.5_0.png"] = ""
    found = figures_of(store, texts)
    assert list(found) == list(FIGURES)
    assert found["easy-text"] == {"n": 2, "strict": 0.0, "folded": 0.5}
    assert found["ruoyi"] == {"n": 2, "strict": 0.5, "folded": 1.0}
    assert found["ctext"] == {"n": 2, "strict": 1.0, "folded": 1.0}
    assert found["heldout"] == {"n": 10, "strict": 0.9, "folded": 0.9}


def test_a_picture_without_a_reading_is_an_error(benchmark_root: Path) -> None:
    with pytest.raises(LeaderboardError, match=r"no reading for 20 pictures such as test_easy"):
        figures_of(open_store(benchmark_root), {})


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, ""),
        ({"kind": "best"}, "kind is 'best'; choose from project, peer, submission"),
        ({"date": "yesterday"}, "write YYYY-MM-DD"),
        ({"date": "20260131"}, "write YYYY-MM-DD"),
        ({"latency_ms": float("inf")}, "give a number above 0 and below 1,000,000, or null"),
        ({"latency_ms": 0}, "give a number above 0"),
        ({"latency_ms": float("nan")}, "give a number above 0"),
        ({"megabytes": 1e300}, "give a number above 0"),
        ({"load": float("nan")}, "give the cores that were busy, or null"),
        ({"load": -1}, "give the cores that were busy, or null"),
        ({"megabytes": True}, "of another type"),
        ({"figures": {}}, "they may be of"),
        ({"figures": {"ctext": {"n": 1, "strict": 1.0, "folded": 2.0}}}, "shares, 0 to 1"),
        ({"figures": {"ctext": {"n": 1, "strict": 1.0, "folded": 0.5}}}, "never above folded"),
        ({"figures": {"ctext": {"strict": 1.0}}}, "expected are n, strict and folded"),
        ({"figures": {"all": {"n": 1, "strict": 1.0, "folded": 1.0}}}, "they may be of"),
        ({"figures": {"ctext": {"n": 0, "strict": 0.0, "folded": 0.0}}}, "n is a count"),
        ({"figures": {"ctext": {"n": 1.5, "strict": 0.0, "folded": 0.0}}}, "n is a count"),
        ({"figures": {"ctext": {"n": True, "strict": 0.0, "folded": 0.0}}}, "n is a count"),
        ({"figures": {"ctext": {"n": 1, "strict": 0.0, "folded": True}}}, "shares, 0 to 1"),
        ({"figures": {"ctext": {"n": 1, "strict": 1.0, "folded": 1.0}}}, ""),
        ({"latency_ms": 0.1, "load": 0}, ""),
        ({"stars": 5}, "has the fields"),
        # What would be markup in the documents, or end the block that the table stands in.
        ({"name": ""}, "name is ''; write one line"),
        ({"name": "mine\n\n# Mine"}, "write one line, of 80 characters at most"),
        ({"name": "x" * 81}, "write one line, of 80 characters at most"),
        ({"name": "a\u202eb"}, "write one line"),  # turns what follows it around
        ({"name": "<b>mine</b>"}, "leave out <, which is markup"),
        ({"name": "<!-- benchmark:end -->"}, "leave out <, which is markup"),
        ({"version": "![](https://example.org/a.png)"}, "leave out [, which is markup"),
        ({"machine": "a | b"}, "leave out |, which is markup"),
        ({"command": "read <!-- leaderboard:end -->"}, "leave out <!--, which is markup"),
        ({"command": "read `now`"}, "leave out `, which is markup"),
        ({"command": "read < paths.txt | sort > readings.jsonl"}, ""),
        ({"link": "javascript:alert(1)"}, "give one that begins with https://"),
        ({"link": "https://example.org/) [here](http://example.com"}, "begins with https://"),
        ({"link": "https://example.org/reader?v=1#readme"}, ""),
        ({"link": "models/svtr_tiny.md", "name": "读者, of three words"}, ""),
    ],
)
def test_the_schema(changes: dict[str, Any], problem: str) -> None:
    found = row_problem(row(**changes))
    assert problem in found and bool(problem) == bool(found)


def test_the_best_comes_first_and_a_name_stands_once(tmp_path: Path) -> None:
    path = tmp_path / "leaderboard.json"
    better = {key: {"n": 10, "strict": 0.9, "folded": 0.9} for key in FIGURES}
    rows = put_row(
        put_row([row(name="a")], row(name="b", figures=better)), row(name="a", version="2")
    )
    write_leaderboard(rows, path)
    assert [(r["name"], r["version"]) for r in read_leaderboard(path)] == [("b", "1"), ("a", "2")]
    rows = put_row(rows, row(name="b", kind="peer"))  # nobody takes the row of another
    assert [(r["name"], r["kind"]) for r in rows if r["name"] == "b"] == [
        ("b", "submission"),
        ("b", "peer"),
    ]
    with pytest.raises(LeaderboardError, match="the row of 'c': kind is 'x'"):
        write_leaderboard([*rows, row(name="c", kind="x")], path)
    assert len(read_leaderboard(path)) == 2


def test_leaving_pictures_out_does_not_pay() -> None:
    one = {"ctext": {"n": 10, "strict": 1.0, "folded": 1.0}}
    assert mean_folded(row(figures=one)) < mean_folded(row())


def test_readings_of_other_systems(tmp_path: Path) -> None:
    """As Windows writes them, and with a line end inside of a text."""
    path = tmp_path / "readings.jsonl"
    record = {"file": "benchmark\\images\\a.png", "text": "x\u2028y"}
    line = json.dumps(record, ensure_ascii=False) + "\n"
    path.write_bytes(line.encode("utf-8-sig"))
    assert read_readings(path) == {"a.png": "x\u2028y"}
    path.write_bytes(line.encode("utf-16"))
    with pytest.raises(LeaderboardError, match=r"readings\.jsonl is not UTF-8 .*save it as UTF-8"):
        read_readings(path)


@pytest.mark.parametrize("line", ["{", "[]", '{"file": "a.png"}', '{"file": "a.png", "text": 1}'])
def test_a_reading_that_is_none_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "readings.jsonl"
    path.write_text('{"file": "b.png", "text": ""}\n' + line, encoding="utf-8")
    with pytest.raises(LeaderboardError, match=r"readings\.jsonl:2: no object with the texts"):
        read_readings(path)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "leaderboard.json"
    assert read_leaderboard(path) == []
    for text, problem in (
        ("{", "is no JSON"),
        ("[]", "expected"),
        ('{"format": 1}', "expected"),
        ('{"format": 1, "rows": 5}', "expected"),
        ('{"rows": []}', "expected"),
        (json.dumps({"format": 1, "rows": [row(kind="x")]}), "row 1: kind is 'x'"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(LeaderboardError, match=problem):
            read_leaderboard(path)


def test_adding_a_row(
    benchmark_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = write_benchmark_set(tmp_path / "benchmark")
    readings = tmp_path / "readings.jsonl"
    labels = open_store(copy).labels
    lines = [json.dumps({"file": f"some/where/{x.file}", "text": x.text.upper()}) for x in labels]
    readings.write_text("\n".join(lines), encoding="utf-8")
    arguments = [str(readings), "--name", "Mine", "--version", "3", "--link", "https://example.org"]
    arguments += ["--ran", "read all", "--ms", "4.5", "--shipped", str(copy)]
    assert add_to_leaderboard.main(arguments) == 0
    (added,) = read_leaderboard(copy / "leaderboard.json")
    assert added["machine"] == machine.describe_machine()
    assert (added["name"], added["kind"], added["latency_ms"]) == ("Mine", "submission", 4.5)
    assert added["set"] == set_digest(benchmark_root)
    assert added["figures"]["easy-text"] == {"n": 2, "strict": 0.0, "folded": 1.0}
    assert "easy-text       2 pictures  100.0%, strict 0.0%" in capsys.readouterr().out

    elsewhere = ["--machine", "AMD EPYC, 2 cores", "--date", "2026-01-31"]
    assert add_to_leaderboard.main([*arguments, *elsewhere]) == 0
    (added,) = read_leaderboard(copy / "leaderboard.json")
    assert (added["machine"], added["date"]) == ("AMD EPYC, 2 cores", "2026-01-31")
    assert add_to_leaderboard.main([*arguments, "--date", "31.1."]) == 2
    assert "date is '31.1.'; write YYYY-MM-DD" in capsys.readouterr().err

    readings.write_text(lines[0] + "\n" + lines[0], encoding="utf-8")
    assert add_to_leaderboard.main(arguments) == 2
    assert "stands there twice" in capsys.readouterr().err


# What the repository ships


def test_the_shipped_set_is_whole_and_small() -> None:
    store = open_store(SHIPPED)
    size = sum(path.stat().st_size for path in (SHIPPED / "images").iterdir())
    assert size <= 8_000_000
    assert len(list((SHIPPED / "images").iterdir())) == len(store)
    found = {(part_of(record), column_of(record)) for record in store.records}
    assert found == {(part, column) for part in PARTS for column in COLUMNS}
    sizes = {size for record, size in zip(store.records, store.sizes) if record["part"] == "sizes"}
    usual = {size for record, size in zip(store.records, store.sizes) if record["part"] == "test"}
    assert not sizes & usual
    for i in range(0, len(store), 100):
        assert open_image(store.read(i)).size == store.sizes[i]


def test_the_shipped_labels_are_of_their_kind_and_their_pictures() -> None:
    """Whoever draws or shrinks the set anew may mix up rows: then all readers look worse."""
    store = open_store(SHIPPED)
    for label, size, record in zip(store.labels, store.sizes, store.records):
        is_sum = column_of(record) in ("easy-arith", "ruoyi")
        assert (solve(label.text) is not None) is is_sum, label
        assert (record["label"], record["length"]) == (label.text, len(label.text))
        assert record["size"] == f"{size[0]}x{size[1]}"
        assert set(record["ambiguous"]) <= set(label.text), label


def test_the_documents_hold_the_leaderboard() -> None:
    rows = read_leaderboard(SHIPPED / "leaderboard.json")
    assert rows and {row["set"] for row in rows} == {set_digest(SHIPPED)}
    for language, pages in PAGES.items():
        blocks = readme_blocks(rows, language)
        text = (SHIPPED.parent / pages[0]).read_text(encoding="utf-8")
        for block in blocks.values():
            assert block in text, f"run: python scripts/benchmark.py --only ({pages[0]})"
        assert text.index("headline:begin") < text.index("make demo")


def test_the_digest_compares_with_peers_alone() -> None:
    """A reader that others add may have been trained on these very styles."""
    rows = read_leaderboard(SHIPPED / "leaderboard.json")
    best = next(found for found in rows if found["kind"] == "project")
    added = [*rows, {**best, "name": "My reader", "kind": "submission"}]
    for language in PAGES:
        digest, whole = (readme_blocks(of, language) for of in (rows, added))
        assert digest["headline"] == whole["headline"]
        assert "My reader" in whole["benchmark"]


def test_all_rows_count_the_same_pictures() -> None:
    """A row that was written by hand, of the pictures that suit it, cannot be compared."""
    store = open_store(SHIPPED)
    counts = Counter(key for key in map(figure_of, store.records) if key is not None)
    for found in read_leaderboard(SHIPPED / "leaderboard.json"):
        assert {key: of["n"] for key, of in found["figures"].items()} == counts, found["name"]


def test_white_space_is_no_error_in_the_strict_figure_either(benchmark_root: Path) -> None:
    store = open_store(benchmark_root)
    texts = {label.file: " ".join(label.text) + " " for label in store.labels}
    found = figures_of(store, texts).values()
    assert {(figure["strict"], figure["folded"]) for figure in found} == {(1.0, 1.0)}
