"""The data health report: what it counts, what it finds, and that its page is safe to open."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from captcha_ocr.cli.data import main
from captcha_ocr.data_report import findings
from captcha_ocr.data_report import text as terminal
from captcha_ocr.data_report.findings import ERROR, FAINT, RARE, WARNING
from captcha_ocr.data_report.health import Health, contact_sheet, examine
from captcha_ocr.data_report.page import render
from captcha_ocr.data_report.scan import Picture
from captcha_ocr.imaging import open_image
from captcha_ocr.merging.engines import SerialEngine
from captcha_ocr.tables import display_width
from drawing import draw_picture, write_sample_set
from links import link
from PIL import Image


def report(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict]:
    code = main(["report", *map(str, arguments), "--json", "--workers", "1"])
    return code, json.loads(capsys.readouterr().out)


def cases(found: dict) -> dict[str, list[str]]:
    """Finding -> its cases, without the rare characters that every small set has."""
    return {
        finding["name"]: [item["text"] for item in finding["items"]]
        for finding in found["findings"]
        if not finding["name"].startswith("characters in fewer")
    }


def test_a_good_set_is_healthy_and_counted(
    sample_set: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = report(capsys, sample_set)
    assert (code, found["healthy"], cases(found)) == (0, True, {})
    assert (found["rows"], found["pictures"]) == (24, 24)
    assert found["counts"]["style"] == {"digits": 12, "sum": 12}
    assert found["counts"]["kind"] == {"digits digits": 12, "sum sum": 12}
    assert found["counts"]["length"] == {"4": 12, "5": 12}
    assert sum(found["counts"]["size"].values()) == 24
    assert found["characters"]["="] == found["characters"]["?"] == 12
    assert {label.endswith("=?") for _, label in found["sheet"]} == {True, False}


def test_without_a_manifest_what_can_be_measured_is(
    sample_set: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (sample_set / "manifest.jsonl").unlink()
    code, found = report(capsys, sample_set)
    assert code == 0 and sorted(found["counts"]) == ["length", "size"]


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_a_set_without_labels_is_not_healthy(
    sample_set: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    (sample_set / "labels.txt").write_text(content, encoding="utf-8")
    assert main(["report", str(sample_set), "--workers", "1"]) == 65
    assert capsys.readouterr().err.endswith("labels.txt: no labels in the file\n")


@pytest.mark.skipif(sys.platform != "linux", reason="only there any bytes make a file name")
def test_a_file_name_of_odd_bytes_stands_on_the_page(sample_set: Path, tmp_path: Path) -> None:
    (sample_set / "images" / os.fsdecode(b"\xff.png")).touch()
    page = tmp_path / "page.html"
    assert main(["report", str(sample_set), "--workers", "1", "--html", str(page)]) == 0
    assert "\\udcff.png" in page.read_text(encoding="utf-8")


def test_accents_apart_are_the_same_name(
    sample_set: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Finder of macOS writes them so, and either name opens the file; here it is there twice."""
    first = min((sample_set / "images").iterdir())
    for name in ("e\u0301.png", "é.png"):
        shutil.copy(first, sample_set / "images" / name)
    add_row(sample_set, f"é.png\t{rows(sample_set)[0][1]}")
    assert "files without a label" not in cases(report(capsys, sample_set)[1])


def add_row(root: Path, row: str) -> None:
    with (root / "labels.txt").open("a", encoding="utf-8") as file:
        file.write(row + "\n")


def rows(root: Path) -> list[list[str]]:
    text = (root / "labels.txt").read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines()]


def relabel(root: Path, number: int, label: str) -> None:
    lines = rows(root)
    lines[number][1] = label
    text = "".join("\t".join(line) + "\n" for line in lines)
    (root / "labels.txt").write_text(text, encoding="utf-8")


def break_missing(root: Path) -> None:
    add_row(root, "nowhere.png\t1")


def break_damaged(root: Path) -> None:
    path = root / "images" / rows(root)[3][0]
    path.write_bytes(path.read_bytes()[:-9])


def break_header(root: Path) -> None:
    path = root / "images" / rows(root)[3][0]
    data = path.read_bytes()
    path.write_bytes(data[:8] + data[-12:])  # a PNG of its last chunk alone


def break_row(root: Path) -> None:
    add_row(root, "../outside.png\t1")


def break_link(root: Path) -> None:
    link(root / "images" / "circle.png", "circle.png")
    add_row(root, "circle.png\t1")


def break_label(root: Path) -> None:
    relabel(root, 0, "12\u200b34")


def break_conflict(root: Path) -> None:
    shutil.copy(root / "images" / rows(root)[0][0], root / "images" / "copy.png")
    add_row(root, "copy.png\tother")
    (root / "manifest.jsonl").unlink()


def break_blank(root: Path) -> None:
    path = root / "images" / rows(root)[0][0]
    with Image.open(path) as image:
        Image.new("RGBA", image.size, (255, 255, 255, 40)).save(path, "PNG")


def break_manifest(root: Path) -> None:
    relabel(root, 2, "9999")


def break_charset(root: Path) -> None:
    (root / "charset.txt").write_text("0\n1\n2\n", encoding="utf-8")


def break_name(root: Path) -> None:
    add_row(root, "\t".join(rows(root)[0]))


ERRORS = {
    break_missing: "rows that cannot be used",
    break_damaged: "rows that cannot be used",
    break_header: "rows that cannot be used",
    break_row: "rows that cannot be used",
    break_link: "rows that cannot be used",
    break_label: "rows that cannot be used",
    break_conflict: "the same picture with two labels",
    break_blank: "pictures with nothing on them",
    break_manifest: "the manifest says something else",
    break_charset: "characters that charset.txt lacks",
    break_name: "files named in two rows",
}

ALSO = {  # any other damage is told once
    break_label: ["files without a label"],  # of a row that cannot be read nobody knows the file
    break_conflict: ["the same picture more than once"],
}


@pytest.mark.parametrize("damage", ERRORS, ids=lambda damage: damage.__name__)
def test_errors_are_found_and_fail_the_command(
    sample_set: Path, capsys: pytest.CaptureFixture[str], damage
) -> None:  # type: ignore[no-untyped-def]
    damage(sample_set)
    code, found = report(capsys, sample_set)
    assert (code, found["healthy"]) == (65, False)
    assert list(cases(found)) == [ERRORS[damage], *ALSO.get(damage, [])]
    assert found["rows"] == len(rows(sample_set))


def test_each_lie_of_a_manifest_is_told(
    sample_set: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = sample_set / "manifest.jsonl"
    first, second, third, *others = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    told = [first | {"size": "9x9"}, second | {"length": 9}, *others]
    path.write_text("".join(json.dumps(record) + "\n" for record in told), encoding="utf-8")
    assert cases(report(capsys, sample_set)[1])["the manifest says something else"] == [
        f"{first['file']}: size is {first['size']!r}, the manifest says '9x9'",
        f"{second['file']}: length is {len(second['label'])}, the manifest says 9",
        f"{third['file']} has no line in the manifest",
    ]


def test_a_row_is_told_by_its_line_in_a_long_set(
    sample_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are read in slices."""
    monkeypatch.setattr("captcha_ocr.data_report.scan.SLICE_ROWS", 10)
    break_missing(sample_set)
    (finding,) = (f for f in examine(sample_set, SerialEngine()).findings if f.severity == ERROR)
    assert finding.items[0].text.startswith("line 25: nowhere.png ")


def picture(file: str = "a.png", label: str = "Ab", **values: Any) -> Picture:
    return Picture(file, 1, label, (9, 9), ".png", b"", 99)._replace(**values)


def test_warnings_begin_where_they_say() -> None:
    faint = findings.blank([picture(contrast=FAINT - 1), picture("b.png", contrast=FAINT)])
    assert [item.file for item in faint.items] == ["a.png"]
    rare = findings.rare_characters({"a": RARE - 1, "b": RARE})
    assert [item.text for item in rare.items] == ["'a' in 9"]
    odd = findings.odd_labels([picture(label="a  b"), picture(label="a b")])
    assert [item.text for item in odd.items] == ["a.png: spaces in 'a  b'"]
    assert findings.one_label([picture()]).items == ()


def test_a_suffix_may_be_written_in_any_way() -> None:
    jpegs = [picture(file, suffix=".jpg") for file in ("a.jpg", "a.jpeg", "a.JPG")]
    assert findings.wrong_suffixes([*jpegs, picture("a.PNG")]).items == ()


def test_what_is_left_out_is_counted() -> None:
    items = tuple(findings.Item(f"case {number}") for number in range(201))
    found = [findings.Finding("odd", WARNING, "look", items)]
    counts = {"font": {f"font {number}": 1 for number in range(41)}}
    characters = {"a": 30, "b": 10, "c": 9}
    health = Health("root", "other", 9, 8, counts, characters, found, [])
    told = "\n".join(terminal.lines(health))
    assert "\n  ... and 196 more: --json names all\n" in told and "\n  ... and 21 more\n" in told
    assert "is in 30 pictures, the median in 10, the rarest in 9; 1 in fewer than 10" in told
    page = render(health)
    assert "<p>and 1 more</p>" in page and "and 1 more</td>" in page
    assert "<li>b " in page and "<li class=rare>c " in page
    assert "width:100.0%" in page and "compared with other" in page


def warn_repeated(root: Path) -> None:
    file, label = rows(root)[0]
    shutil.copy(root / "images" / file, root / "images" / "copy.png")
    add_row(root, f"copy.png\t{label}")
    (root / "manifest.jsonl").unlink()


def warn_unlabelled(root: Path) -> None:
    draw_picture("9").save(root / "images" / "stale.png")


def warn_suffix(root: Path) -> None:
    path = root / "images" / rows(root)[0][0]
    with Image.open(path) as image:
        image.save(path, "GIF")


def warn_label(root: Path) -> None:
    relabel(root, 1, "1+2=？")
    (root / "manifest.jsonl").unlink()


def warn_full_width(root: Path) -> None:
    (root / "manifest.jsonl").unlink()
    relabel(root, 1, "ａ7a")


def warn_one_label(root: Path) -> None:
    (root / "manifest.jsonl").unlink()
    for number in range(len(rows(root))):
        relabel(root, number, "111")


WARNINGS = {
    warn_one_label: "one label for all",
    warn_repeated: "the same picture more than once",
    warn_unlabelled: "files without a label",
    warn_suffix: "suffixes that do not fit",
    warn_label: "labels written oddly",
    warn_full_width: "labels written oddly",
}


@pytest.mark.parametrize("damage", WARNINGS, ids=lambda damage: damage.__name__)
def test_warnings_are_found_and_do_not_fail(
    sample_set: Path, capsys: pytest.CaptureFixture[str], damage
) -> None:  # type: ignore[no-untyped-def]
    damage(sample_set)
    code, found = report(capsys, sample_set)
    assert code == 0
    assert list(cases(found)) == [WARNINGS[damage]]
    assert len(cases(found)[WARNINGS[damage]]) == 1


def test_leakage_between_two_roots(
    sample_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_sample_set(tmp_path / "other", 10, seed=5)
    file = rows(sample_set)[7][0]
    shutil.copy(sample_set / "images" / file, other / "images" / "leaked.png")
    add_row(other, "leaked.png\t1")
    code, found = report(capsys, sample_set, "--against", other)
    assert code == 65
    [case] = cases(found)[f"pictures that {other} holds too"]
    assert file in case and "leaked.png" in case and "there '1'" in case


class Page(HTMLParser):
    """Collects tags, addresses and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_self_contained_and_escapes_everything(tmp_path: Path) -> None:
    root = write_sample_set(tmp_path / "<script>alert(1)<", 6)
    hostile = '<img src=x onerror="alert(1)">'
    draw_picture("7").save(root / "images" / "'onload=alert(1) x='.png")
    add_row(root, f"'onload=alert(1) x='.png\t{hostile}")
    add_row(root, f"missing<script>.png\t{hostile}")
    add_row(root, f"$css {hostile}")
    lines = (root / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    record = json.loads(lines[0]) | {"style": "<b>", "kind": "</style><script>"}
    (root / "manifest.jsonl").write_text(
        "\n".join([json.dumps(record), *lines[1:]]) + "\n", encoding="utf-8"
    )
    out = tmp_path / "page.html"
    assert main(["report", str(root), "--html", str(out), "--workers", "1"]) == 65
    text = out.read_text(encoding="utf-8")
    page = Page(text)
    assert not page.tags & {"script", "b", "iframe", "object", "link", "base", "form"}
    assert {name for name, _ in page.attributes if name.startswith("on")} == set()
    assert hostile in page.text and "</style><script>" in page.text
    sources = [value or "" for name, value in page.attributes if name in ("src", "href")]
    assert sources and all(value.startswith("data:image/png;base64,") for value in sources)
    assert "default-src 'none'" in text
    assert not re.search(r"url\(|@import|https?://", text)


def test_the_page_shows_the_pictures(sample_set: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "page.html"
    assert main(["report", str(sample_set), "--html", str(out), "--workers", "1"]) == 0
    page = Page(out.read_text(encoding="utf-8"))
    shown = {
        open_image(base64.b64decode((value or "").partition(",")[2])).tobytes()
        for name, value in page.attributes
        if name == "src"
    }
    assert shown == {open_image(path).tobytes() for path in (sample_set / "images").iterdir()}


def test_the_terminal_gets_a_table(sample_set: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_row(sample_set, "bad\x1b[31mname.png\t1")
    assert main(["report", str(sample_set), "--workers", "1"]) == 65
    output = capsys.readouterr().out
    assert re.search(r"digits +12  #+", output) and "not healthy" in output
    assert "\x1b" not in output


def test_a_folder_without_labels_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(tmp_path)]) == 65
    assert "labels.txt" in capsys.readouterr().err


def test_bars_of_chinese_names_begin_in_one_column() -> None:
    bars = terminal._bars({"思源黑体": 4, "Arial": 4})
    starts = {display_width(bar.partition("#")[0]) for bar in bars}
    assert len(starts) == 1


@pytest.mark.parametrize(
    ("arguments", "lowest"),
    [
        (["pack", "set", "out", "--rows", "0"], 1),
        (["pack", "set", "out", "--seed", "-1"], 0),
        (["report", "set", "--workers", "-1"], 0),
    ],
)
def test_a_number_that_cannot_be_is_told_the_lowest(
    arguments: list[str], lowest: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert f"no whole number from {lowest} up" in capsys.readouterr().err


def test_spaces_and_hidden_files_of_a_set(sample_set: Path) -> None:
    """Spaces that nobody sees are told; what macOS and editors leave is no picture of anybody."""
    labels = sample_set / "labels.txt"
    first, rest = labels.read_text(encoding="utf-8").split("\n", 1)
    labels.write_text(f"{first} \n{rest}", encoding="utf-8")
    (sample_set / "images" / ".DS_Store").touch()
    names = {finding.name for finding in examine(sample_set, SerialEngine()).findings}
    assert "labels written oddly" in names
    assert "files without a label" not in names


def test_the_contact_sheet_takes_styles_and_kinds_in_turn() -> None:
    rows = [("x1", "a", "x"), ("x2", "a", "x"), ("y1", "a", "y"), ("b1", "b", ""), ("b2", "b", "")]
    records = {file: {"style": style, "kind": kind} for file, style, kind in rows}
    pictures = [Picture(file, 1, "t", (9, 9), ".png", file.encode(), 99) for file, _, _ in rows]
    for order in (pictures, pictures[::-1]):
        shown = [file for file, _ in contact_sheet(order, records)]
        assert shown == ["x1", "b1", "y1", "b2", "x2"]


def test_the_contact_sheet_does_not_stay_with_a_kind() -> None:
    names = ("x1", "x2", "x3", "y1")
    records = {name: {"style": "a", "kind": name[0]} for name in names}
    pictures = [Picture(name, 1, "t", (9, 9), ".png", name.encode(), 99) for name in names]
    assert [file for file, _ in contact_sheet(pictures, records)] == ["x1", "y1", "x2", "x3"]


def test_a_picture_of_one_colour_channel_is_not_blank(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    image = Image.new("RGB", (60, 30), (255, 255, 0))  # white text on yellow: blue alone differs
    image.paste((255, 255, 255), (10, 10, 30, 20))
    image.save(tmp_path / "images" / "1.png")
    (tmp_path / "labels.txt").write_text("1.png\tAb\n", encoding="utf-8")
    assert examine(tmp_path, SerialEngine()).healthy
