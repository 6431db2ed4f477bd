"""Importing: labels of file names and of tables become roots, or nothing is written."""

from __future__ import annotations

import errno
import re
import shlex
import shutil
import sys
import unicodedata
from pathlib import Path

import pytest
from captcha_ocr.cli.data import main
from captcha_ocr.datasets import importing
from captcha_ocr.datasets.label_rows import rows_of_table
from captcha_ocr.labels import read_labels
from captcha_ocr.merging.keys import pixel_key
from drawing import draw_picture
from links import link

TUTORIAL = Path(__file__).resolve().parents[1] / "docs" / "tutorial"


def write_pictures(folder: Path, *names: str) -> Path:
    """Each name's picture shows the name's first part: ``aa_1.png`` and ``aa_2.png`` are equal."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        draw_picture(ascii(path.stem.partition("_")[0])).save(path, "PNG")
    return folder


def bring_in(src: Path, *options: object) -> int:
    return main(["import", str(src), str(src.parent / "out"), *map(str, options), "--workers=1"])


def written(root: Path) -> dict[str, str]:
    """File -> label; every labelled picture is there, and nothing else."""
    labels = {label.file: label.text for label in read_labels(root / "labels.txt")}
    assert sorted(path.name for path in (root / "images").iterdir()) == sorted(labels)
    assert sorted(path.name for path in root.iterdir()) == ["images", "labels.txt"]
    return labels


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(
    ("files", "options", "labels"),
    [
        (["7k3m_001.png", "ab.PNG"], [], {"7k3m_001.png": "7k3m", "ab.PNG": "ab"}),
        (["验证码_1.png"], [], {"验证码_1.png": "验证码"}),
        (["cafe\u0301_1.png"], [], {"cafe\u0301_1.png": "caf\u00e9"}),
        # Composed before the pattern counts: Finder spells a syllable in several characters.
        (["\u1100\u1161_1.png"], ["--label-pattern", "(.).*"], {"\u1100\u1161_1.png": "가"}),
        (["1+2=？_1.png"], [], {"1+2=？_1.png": "1+2=?"}),
        (["1×2=_1.png"], [], {"1×2=_1.png": "1×2="}),
        (["01-ab.c.png"], ["--label-pattern", r"\d+-(.*)"], {"01-ab.c.png": "ab.c"}),
        # Names are unique where case is nothing, and folders are no part of them.
        (["x/ab_1.png", "y/AB_1.png"], [], {"ab_1.png": "ab", "AB_1-2.png": "AB"}),
    ],
)
def test_file_names(
    tmp_path: Path, files: list[str], options: list[str], labels: dict[str, str]
) -> None:
    src = write_pictures(tmp_path / "src", *files)
    before = contents(src)
    assert bring_in(src, *options) == 0
    assert written(tmp_path / "out") == labels
    assert contents(src) == before


def test_what_names_were_taken_to_say_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of captcha_2ZL6.png the default pattern takes the wrong part."""
    src = write_pictures(tmp_path / "src", "2ZL6.png", "9KM3.png")
    for path in list(src.iterdir()):
        path.rename(path.with_name(f"captcha_{path.name}"))
    assert bring_in(src) == 0
    assert "every picture is labelled 'captcha'" in capsys.readouterr().out
    shutil.rmtree(tmp_path / "out")
    assert bring_in(src, "--label-pattern", "captcha_(.+)") == 0
    assert "captcha_2ZL6.png is labelled '2ZL6'" in capsys.readouterr().out


def test_what_is_passed_over_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    src = write_pictures(tmp_path / "src", "ab_1.png", "cd_1.png")
    for name in ("labels.txt", "ef_1.tif", "gh_1.TIF", "ij_1", "._ab_1.png"):
        (src / name).write_bytes(b"")
    assert bring_in(src) == 0
    assert ": 2 .tif, 1 without a suffix\n" in capsys.readouterr().out


def test_pictures_that_a_table_does_not_name_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    src = write_pictures(tmp_path / "src", "a.png", "b.png", "x/c.png")
    (tmp_path / "t.csv").write_text("file,label\na.png,x\n", encoding="utf-8")
    assert bring_in(src, "--table", tmp_path / "t.csv") == 0
    assert f"t.csv: 2 pictures, such as {src / 'b.png'}\n" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_names_become_safe_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bring_in(write_pictures(tmp_path / "src", "1*2=?_a.png", " b\\c_.png")) == 0
    assert written(tmp_path / "out") == {"1_2=__a.png": "1*2=?", "b_c_.png": "b\\c"}
    assert "1*2=?_a.png is 1_2=__a.png" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_names_of_devices_become_names_of_files(tmp_path: Path) -> None:
    names = ["con.png", "Aux.b.png", "com1.png", "nul_1.png", "icon.png"]
    assert bring_in(write_pictures(tmp_path / "src", *names)) == 0
    assert sorted(written(tmp_path / "out")) == [
        *("_Aux.b.png", "_com1.png", "_con.png", "icon.png", "nul_1.png")
    ]


TABLE = {"a.png": "0123", "b/c.png": "1e10", "d.png": "=cmd()"}


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("file,label\na.png,0123\nb/c.png,1e10\nd.png,=cmd()\n", []),
        # As Excel saves it: a mark, CRLF, semicolons where the comma is decimal, empty rows.
        ("\ufeffFilename;Text\r\na.png;0123\r\nb\\c.png;1e10\r\nd.png;=cmd()\r\n;\r\n", []),
        ("image\tlabel\ta,b,c\na.png\t0123\nb/c.png\t1e10\t\nd.png\t=cmd()\n", []),
        ('x,"file","label"\n1,a.png, 0123\n2,b/c.png,1e10\n3,d.png,"=cmd()"', []),
        (
            "file,文件,答案\n,a.png,0123\n,b/c.png,1e10\n,d.png,=cmd()\n,a.png,0123\n",
            ["--file-column", "文件", "--label-column", "答案"],
        ),
    ],
)
def test_tables(tmp_path: Path, text: str, options: list[str]) -> None:
    src = write_pictures(tmp_path / "src", *TABLE)
    table = tmp_path / ("table.tsv" if "\t" in text else "table.csv")
    table.write_bytes(text.encode())
    assert bring_in(src, "--table", table, *options) == 0
    assert written(tmp_path / "out") == {"a.png": "0123", "c.png": "1e10", "d.png": "=cmd()"}


def test_a_file_without_a_suffix_gets_that_of_its_bytes(tmp_path: Path) -> None:
    src = write_pictures(tmp_path / "src", "a")
    (tmp_path / "t.csv").write_text("file,label\na,x\n", encoding="utf-8")
    assert bring_in(src, "--table", tmp_path / "t.csv") == 0
    assert written(tmp_path / "out") == {"a.png": "x"}


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("none.png,x", "cannot open"),
        ("broken.png,x", "broken.png"),
        ("a.png,", "the label of 'a.png' is empty"),
        ("a.png", "the label of 'a.png' is empty"),
        ("a.png,x,y", "more cells than the first row has columns"),
        ('a.png,"x\ny"', "control or invisible characters"),
        (",x", "the file name '' is empty"),
        ("../secret.png,x", "'..' part"),
        ("..\\secret.png,x", "'..' part"),
        ("C:\\secret.png,x", "is absolute"),
        ("/secret.png,x", "is absolute; give it relative to the pictures' folder"),
        ("link.png,x", "outside"),
        ("good.png,two", "labelled 'two', and the same picture is labelled 'good' at"),
        ("good_2.png,two", "labelled 'two', and the same picture is labelled 'good' at"),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], row: str, problem: str
) -> None:
    src = write_pictures(tmp_path / "src", "a.png", "good.png", "good_2.png", "other.png")
    (src / "broken.png").write_bytes((src / "a.png").read_bytes()[:-20])
    write_pictures(tmp_path, "secret.png")
    if row.startswith("link"):
        link(src / "link.png", tmp_path / "secret.png")
    table = tmp_path / "t.csv"
    table.write_text(f"file,label\ngood.png,good\nother.png,o\n{row}\n", encoding="utf-8")
    there = sorted(tmp_path.iterdir())
    assert bring_in(src, "--table", table) == 65
    said = capsys.readouterr().err
    assert f"{table}:4: " in said and problem in said and "--on-bad drop" in said
    assert sorted(tmp_path.iterdir()) == there
    assert bring_in(src, "--table", table, "--on-bad", "drop") == 0
    assert f"left out: {table}:4: " in capsys.readouterr().out
    good = {} if row.startswith("good") else {"good.png": "good"}  # which of two labels is wrong?
    assert written(tmp_path / "out") == {**good, "other.png": "o"}


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ("file,label\na.png,验证\n".encode("gb18030"), ":2: not UTF-8: .*; save the file as UTF-8"),
        ("file,label\na.png,x\n".encode("utf-16"), ":1: not UTF-8: .*; save the file as UTF-8"),
        (b"a.png,x\n", ":1: no column is named file or filename or image; .*--file-column"),
        (b"file,image,label\n", ":1: two columns are named .*--file-column"),
        (b'file,label\na.png,"x\n', ":2: no CSV: "),
        (b"file,label\n", "no picture is left"),
        (b"", ":1: no column"),
    ],
)
def test_a_file_that_is_no_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes, problem: str
) -> None:
    src = write_pictures(tmp_path / "src", "a.png")
    (tmp_path / "t.csv").write_bytes(data)
    assert bring_in(src, "--table", tmp_path / "t.csv") == 65
    assert re.search(problem, capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


def test_names_without_a_label(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    src = write_pictures(tmp_path / "src", "_1.png", "ab_1.png")
    assert bring_in(src) == 65
    said = capsys.readouterr().err
    assert f"{src / '_1.png'}: the name without its suffix does not fit" in said


def test_characters_that_may_stand_for_forbidden_ones_are_no_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names of the original RuoYi tools: the picture shows 0*8=? and 8/2=?."""
    src = write_pictures(tmp_path / "in", "0×8=？_1f.jpg", "8÷2=？_2e.jpg", "3+4=？_3d.jpg")
    assert bring_in(src) == 65
    error = capsys.readouterr().err
    for name in ("0×8=？", "8÷2=？"):
        assert f"the label {name!r} has × or ÷" in error
    assert "3+4" not in error and "cannot hold * / ?" in error and "with --table" in error
    assert not (tmp_path / "out").exists()
    assert bring_in(src, "--on-bad", "drop") == 0
    assert list(written(tmp_path / "out").values()) == ["3+4=?"]
    table = tmp_path / "labels.csv"
    table.write_text("file,label\n0×8=？_1f.jpg,0*8=?\n", encoding="utf-8")
    shutil.rmtree(tmp_path / "out")
    assert bring_in(src, "--table", table) == 0
    assert list(written(tmp_path / "out").values()) == ["0*8=?"]


def test_equal_pictures_lie_on_one_side(tmp_path: Path) -> None:
    names = [f"{text}_{copy}.png" for text in range(100, 125) for copy in (1, 2)]
    src = write_pictures(tmp_path / "src", *names)
    test, train = tmp_path / "test", tmp_path / "out"
    share = ["--test-share", "0.2", "--test-dest", test]
    assert bring_in(src, *share, "--seed", 3) == 0
    assert (len(written(test)), len(written(train))) == (10, 40)
    sides = [
        {pixel_key(path.read_bytes()) for path in root.rglob("*.png")} for root in (test, train)
    ]
    assert not sides[0] & sides[1]


def test_the_seed_decides_what_is_put_away_for_testing(tmp_path: Path) -> None:
    src = write_pictures(tmp_path / "src", *(f"{text}_.png" for text in range(100, 120)))
    chosen = []
    for number, seed in enumerate((3, 3, 4)):
        out, test = tmp_path / f"out{number}", tmp_path / f"test{number}"
        share = ["--test-share", "0.3", "--test-dest", str(test), "--seed", str(seed)]
        assert main(["import", str(src), str(out), *share, "--workers=1"]) == 0
        chosen.append(written(test))
    assert chosen[0] == chosen[1] != chosen[2]
    assert [len(files) for files in chosen] == [6, 6, 6]


def test_the_tutorials_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    chapter = (TUTORIAL / "5-your-own.md").read_text(encoding="utf-8")
    names = [f"a{number}b_{number:03}.png" for number in range(10)]
    src = write_pictures(tmp_path / "pictures", *names)
    rows = [f"{name},{name[:3]}" for name in names]
    (tmp_path / "labels.csv").write_text("\r\n".join(["\ufefffile,label", *rows]), encoding="utf-8")
    commands = re.findall(r"^captcha-ocr data (import .*)", chapter, re.M)
    assert len(commands) == 2
    for command in commands:
        assert main([*shlex.split(command), "--workers=1"]) == 0
        test, train = (written(tmp_path / "mine" / split) for split in ("test", "train"))
        assert (len(test), len(train)) == (2, 8)
        assert test | train == {name: name[:3] for name in names}
        shutil.rmtree(tmp_path / "mine")
    assert len(list(src.iterdir())) == 10


def test_a_run_that_fails_half_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    src = write_pictures(tmp_path / "src", "ab_1.png", "ac_1.png")
    real = importing.put

    def full_disk(path: str, size: int, target: str, copy_mode: str) -> None:
        if Path(path).name.startswith("ac"):
            raise OSError(errno.ENOSPC, "no space")
        real(path, size, target, copy_mode)

    monkeypatch.setattr(importing, "put", full_disk)
    before = sorted(tmp_path.iterdir())
    assert bring_in(src) == 1
    assert sorted(tmp_path.iterdir()) == before


def test_links(tmp_path: Path) -> None:
    src = write_pictures(tmp_path / "src", "ab_1.png")
    assert bring_in(src, "--copy-mode", "link") == 0
    assert (tmp_path / "out/images/ab_1.png").samefile(src / "ab_1.png")


def test_a_test_set_is_another_than_the_training_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Spelt the same, too: the share would be put away nowhere."""
    src = write_pictures(tmp_path / "src", "ab_1.png")
    assert bring_in(src, "--test-share", "0.2", "--test-dest", tmp_path / "out") == 2
    assert "inside each other" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "code", "problem"),
    [
        (["--test-share", "0.2"], 2, "go together"),
        (["--test-share", "0.2", "--test-dest", "out"], 2, "inside each other"),
        (["--test-share", "0.2", "--test-dest", "src/test"], 2, "inside each other"),
        (["--label-column", "x"], 2, "--table"),
        (["--test-share", "0.2", "--test-dest", "full"], 1, "not empty"),
        (["--test-share", "0.2", "--test-dest", "one"], 65, "no picture is left for"),
    ],
)
def test_what_cannot_be(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    code: int,
    problem: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    src = write_pictures(tmp_path / "src", "ab_1.png")
    (tmp_path / "full/file").mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    assert bring_in(src, *options) == code
    assert problem in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("pattern", ["[", "x"])
def test_patterns_that_give_no_label(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        bring_in(tmp_path, "--label-pattern", pattern)


def test_names_that_differ_in_the_way_to_write_accents_are_numbered() -> None:
    """Some file systems take them for one."""
    forms = [unicodedata.normalize(form, "é.png") for form in ("NFC", "NFD")]
    pictures = (importing.Picture("", file, "a", file, 1) for file in forms)
    names = list(importing._new_names(pictures))
    assert names[0] == forms[0]
    assert len({unicodedata.normalize("NFC", name) for name in names}) == 2


def test_a_column_is_found_as_the_table_spells_it(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("Bild,Wort\na.png,7k3m\n", encoding="utf-8")
    for names in (("Bild", "Wort"), ("bild", " WORT ")):
        (row,) = rows_of_table(table, *names)
        assert (row.file, row.label) == ("a.png", "7k3m")
