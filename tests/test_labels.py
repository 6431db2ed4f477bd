"""labels.txt and manifest.jsonl: what is read back, what is refused, and where names may lead."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from captcha_ocr.charset import Charset, CharsetError, unprintable
from captcha_ocr.labels import (
    MAX_DEPTH,
    Label,
    LabelError,
    check_name,
    iter_labels,
    parse_row,
    read_labels,
    read_manifest,
    resolve_inside,
    write_labels,
)
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from links import link

# Hypothesis shrinks towards the front: plain characters first, then what breaks parsers.
NASTY = st.sampled_from(
    [*"ab.7/\\: ", "..", "../", "C:", "\0", "\n", "\t", "é", "验", "\u2028", "～"]
)
names = st.lists(NASTY, min_size=1, max_size=8).map("".join)
texts = (
    st.text(st.characters().filter(lambda char: not unprintable(char)), min_size=1, max_size=12)
    .map(lambda text: unicodedata.normalize("NFC", text))
    .filter(str.strip)
)


def allowed(name: str) -> bool:
    try:
        check_name(name)
    except ValueError:
        return False
    return True


@settings(deadline=None)
@given(names)
@example("a/../../b")
@example("/etc/passwd")
@example("C:/x.png")
@example("//server/share/x.png")
def test_an_allowed_name_stays_inside_on_every_system(name: str) -> None:
    if not allowed(name):
        return
    for kind, root in ((PurePosixPath, "/data/images"), (PureWindowsPath, "D:\\data\\images")):
        joined = kind(root) / name
        assert joined.is_relative_to(kind(root)) and ".." not in joined.parts
        assert len(joined.parts) == len(kind(root).parts) + len(name.split("/"))
    assert "\0" not in name and "\n" not in name


@pytest.mark.parametrize("name", ["1.png", "easy/1.png", "验证码.png", "a b.png", "..a", "a..png"])
def test_ordinary_names_are_allowed(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", " 1.png", "1.png ", "1\x7f.png", "c:1.png", "/1.png", "a//1.png", "./1.png", "..\\1"],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="file name"):
        check_name(name)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.dictionaries(names.filter(allowed), texts, min_size=1, max_size=6))
def test_what_is_written_is_read(tmp_path: Path, rows: dict[str, str]) -> None:
    path = tmp_path / "labels.txt"
    write_labels(path, [Label(file, text) for file, text in rows.items()])
    found = read_labels(path)
    assert [(row.file, row.text) for row in found] == list(rows.items())
    assert [row.line for row in found] == list(range(1, len(rows) + 1))


def test_labels_are_nfc_when_read(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes("1.png\te\u0301\n".encode())
    assert read_labels(path)[0].text == "é"


def test_bom_carriage_returns_and_blank_lines_are_tolerated(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(b"\xef\xbb\xbf1.png\ta\r\n\r\n2.png\tb")
    assert [(row.file, row.text, row.line) for row in iter_labels(path)] == [
        ("1.png", "a", 1),
        ("2.png", "b", 3),
    ]


@pytest.mark.parametrize(
    ("data", "line", "problem"),
    [
        (b"1.png\ta\nno tab\n", 2, "no tab"),
        (b"1.png\t\n", 1, "empty"),
        (b"1.png\t \n", 1, "empty"),
        (b"1.png\ta\tb\n", 1, "exactly one"),
        (b"1.png\ta\x07\n", 1, "control"),
        ("1.png\ta\n2.png\tab\u200bcd\n".encode(), 2, r"invisible characters: \['\\u200b'\]"),
        ("1.png\ta\n2.png\t\ufeffb\n".encode(), 2, "invisible"),
        (b"1.png\ta\n2.png\t\xff\n", 2, "not UTF-8.*save the file as UTF-8"),
        (b"1.png\ta\n1.png\tb\n", 2, "line 1 already"),
        (b"\n\n", 0, "no labels"),
    ],
)
def test_bad_files_are_refused_with_their_line(
    tmp_path: Path, data: bytes, line: int, problem: str
) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(data)
    with pytest.raises(LabelError, match=problem) as caught:
        read_labels(path)
    assert caught.value.line == line
    assert str(caught.value).startswith(f"{path}:{line}: " if line else f"{path}: ")


@settings(deadline=None)
@given(st.characters(exclude_characters="\t"))
@example("\u00ad")
@example("\u200b")
@example("\u2028")
@example("\u2029")
@example("\ue000")
@example("\ufeff")
@example("\U000e0000")
@example("×")
@example("验")
@example("\u3000")
def test_a_label_may_hold_what_a_charset_may(char: str) -> None:
    """Else a merge or a training accepts the row, and fails later without a file and a line."""
    try:
        _, text = parse_row(f"1.png\ta{char}b")
    except ValueError:
        with pytest.raises(CharsetError):
            Charset((char,))
    else:
        assert set(text) <= set(Charset.from_texts([text]).symbols)


def test_a_bad_label_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    write_labels(path, [Label("1.png", "a")])
    with pytest.raises(ValueError, match="absolute"):
        write_labels(path, [Label("2.png", "b"), Label("/etc/passwd", "c")])
    assert path.read_text(encoding="utf-8") == "1.png\ta\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["labels.txt"]


def test_links_inside_are_followed_and_links_outside_refused(tmp_path: Path) -> None:
    images = tmp_path / "images"
    (images / "deep").mkdir(parents=True)
    (tmp_path / "secret").write_text("untouched", encoding="utf-8")
    (images / "deep" / "1.png").write_bytes(b"")
    link(images / "inside.png", Path("deep", "1.png"))
    link(images / "outside.png", tmp_path / "secret")
    link(images / "up", tmp_path, to_folder=True)
    assert resolve_inside(images, "inside.png") == (images / "deep" / "1.png").resolve()
    for name in ("outside.png", "up/secret"):
        with pytest.raises(ValueError, match="through a link"):
            resolve_inside(images, name)


def test_manifest_lines_are_records(tmp_path: Path) -> None:
    path = tmp_path / "manifest.jsonl"
    assert read_manifest(path) == {}
    record = {"file": "1.png", "label": "验", "seed": -1}
    path.write_text(json.dumps(record) + "\n\n", encoding="utf-8-sig")
    assert read_manifest(path) == {"1.png": record}


def test_a_file_has_one_record(tmp_path: Path) -> None:
    path = tmp_path / "manifest.jsonl"
    row = '{"file": "1.png", "font": "Arimo"}\n'
    path.write_text(row + row, encoding="utf-8")
    assert read_manifest(path)["1.png"]["font"] == "Arimo"
    path.write_text(row + row.replace("Arimo", "Tinos"), encoding="utf-8")
    with pytest.raises(LabelError, match="has another record above") as caught:
        read_manifest(path)
    assert caught.value.line == 2


def nested(depth: int, begin: str = "[", end: str = "]") -> str:
    """A manifest record of lists in lists; the object is the first level."""
    return '{"file": "2.png", "x": ' + begin * (depth - 1) + "7" + end * (depth - 1) + "}"


BAD_RECORDS = ["{", "[]", "{}", '{"file": 7}', "\udcff", "null", "[" * 100_000]
BAD_RECORDS += [r'{"file": "\ud800"}', r'{"file": "2.png", "font": {"\uDfff": 1}}']
BAD_RECORDS += [nested(MAX_DEPTH + 1), nested(MAX_DEPTH + 1, '{"y": ', "}"), nested(100_000)]


@pytest.mark.parametrize("row", BAD_RECORDS, ids=lambda row: row[:20])
def test_a_bad_manifest_line_is_named(tmp_path: Path, row: str) -> None:
    path = tmp_path / "manifest.jsonl"
    path.write_bytes(b'{"file": "1.png"}\n' + row.encode("utf-8", "surrogateescape") + b"\n")
    with pytest.raises(LabelError) as caught:
        read_manifest(path)
    assert caught.value.line == 2


def test_escapes_that_are_whole_characters_are_read(tmp_path: Path) -> None:
    path = tmp_path / "manifest.jsonl"
    path.write_text(r'{"file": "1.png", "label": "\u9a8c\ud83d\ude00"}', encoding="utf-8")
    assert read_manifest(path)["1.png"]["label"] == "验😀"


def test_a_nested_record_is_read(tmp_path: Path) -> None:
    path = tmp_path / "manifest.jsonl"
    boxes = {"file": "1.png", "boxes": [[[n, 0], [n, 9]] for n in range(500)]}  # many, not deep
    path.write_text(f"{json.dumps(boxes)}\n{nested(MAX_DEPTH)}\n", encoding="utf-8")
    assert read_manifest(path)["1.png"] == boxes
    assert list(read_manifest(path)) == ["1.png", "2.png"]
