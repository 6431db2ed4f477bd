"""``captcha-ocr infer``: what it reads, how it answers, and the exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from captcha_ocr.cli import common, infer
from captcha_ocr.cli.infer import main
from captcha_ocr.cli.reading import read_lexicon
from captcha_ocr.labels import IMAGES_DIR, LABELS_FILE, Label, read_labels, write_labels
from captcha_ocr.sources import NamedSource
from captcha_ocr.tables import (
    FORMULA_STARTS,
    csv_writer,
    display_width,
    pad,
    printable,
    spreadsheet_cell,
)
from drawing import draw_barcode
from links import link
from tiny_model import write_tiny_model

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures of different width, and a file that is none."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, text in enumerate(("7*3=?", "AbaB", "中文")):
        draw_barcode(text).save(folder / f"{number}.png")
    (folder / "notes.md").write_text("no picture", encoding="utf-8")
    return folder


@pytest.fixture
def root(folder: Path) -> Path:
    """A data set root of the same pictures, the second one labelled wrongly."""
    root = folder.parent / "root"
    root.mkdir()
    folder.rename(root / IMAGES_DIR)
    labels = [Label("0.png", "7*3=?"), Label("1.png", "abaB"), Label("2.png", "中文")]
    write_labels(root / LABELS_FILE, labels)
    return root


def run(capsys: pytest.CaptureFixture[str], *argv: str | Path) -> tuple[int, str, str]:
    code = main([str(argument) for argument in argv])
    out, err = capsys.readouterr()
    return code, out, err


def rows(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_folder_as_json_lines(
    folder: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "--dir", folder, "--weights", tiny_weights, "--json")
    assert code == 0
    assert err.startswith("passed over, no pictures by their names: 1 .md;")
    found = rows(out)
    assert [row["file"] for row in found] == [str(folder / f"{n}.png") for n in range(3)]
    assert [row["text"] for row in found] == ["7*3=?", "AbaB", "中文"]
    assert [row["answer"] for row in found] == [21, None, None]
    assert {row["arch"] for row in found} == {"vanilla_crnn"}
    assert set(found[0]) == {"file", "text", "confidence", "answer", "arch"}
    assert all(0.99 < row["confidence"] <= 1 for row in found)


@pytest.mark.parametrize("batch", ["1", "2", "100"])
def test_batch_size_changes_nothing(
    folder: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str], batch: str
) -> None:
    arguments = ("--dir", folder, "--weights", tiny_weights, "--json")
    assert run(capsys, *arguments, "--batch", batch) == run(capsys, *arguments)


def test_unreadable_file_is_a_row_and_the_rest_is_read(
    folder: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = folder / "1.png"
    broken.write_bytes(broken.read_bytes()[:60])
    code, out, _ = run(capsys, "--dir", folder, "--weights", tiny_weights, "--json")
    found = rows(out)
    assert code == common.BAD_DATA
    assert "text" not in found[1]
    assert "damaged" in found[1]["error"]
    assert found[1]["file"] == str(broken)
    assert [row.get("text") for row in found] == ["7*3=?", None, "中文"]


def test_files_by_position_and_by_flag(
    folder: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(
        capsys, folder / "2.png", "--image", folder / "0.png", "--weights", tiny_weights, "--json"
    )
    assert code == 0
    assert [row["text"] for row in rows(out)] == ["中文", "7*3=?"]


def test_missing_file(tiny_weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--image", "nowhere.png", "--weights", tiny_weights, "--json")
    assert code == common.BAD_DATA
    assert "cannot open nowhere.png" in rows(out)[0]["error"]


def test_a_folder_in_place_of_a_file(
    folder: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, folder, folder / "0.png", "--weights", tiny_weights, "--json")
    assert code == common.BAD_DATA
    assert rows(out)[0]["error"] == f"{folder} is a folder; read it with --dir"
    assert rows(out)[1]["text"] == "7*3=?"


def test_a_name_that_no_file_can_have_is_a_row(
    tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "x" * 290, "--weights", tiny_weights, "--json")
    assert code == common.BAD_DATA
    assert rows(out)[0]["error"].startswith("cannot open xxx")


def test_patterns_that_a_shell_of_windows_leaves_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "._0.png").touch()  # a note of macOS
    (folder / "d.png").mkdir()
    some, none, stdin = str(folder / "*.p**"), str(folder / "[0-9].pn?"), infer.STDIN
    pictures = [str(folder / f"{number}.png") for number in range(3)]
    for system, found in (("win32", pictures), ("linux", [some])):
        monkeypatch.setattr(infer.sys, "platform", system)
        assert [*map(infer.expand, (some, none, stdin))] == [found, [none], [stdin]]


def test_standard_input_through_the_script(folder: Path, tiny_weights: Path) -> None:
    """The real program, with bytes on stdin and UTF-8 on stdout."""
    script = REPOSITORY / "full-pipeline" / "infer.py"
    done = subprocess.run(
        [sys.executable, script, "-", "--weights", tiny_weights, "--json"],
        input=(folder / "2.png").read_bytes(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    (found,) = rows(done.stdout.decode("utf-8"))
    assert (found["file"], found["text"]) == ("stdin", "中文")


def test_sub_folders_only_when_asked(
    folder: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "deep").mkdir()
    draw_barcode("99").save(folder / "deep" / "UPPER.PNG")
    arguments = ("--dir", folder, "--weights", tiny_weights, "--json")
    assert len(rows(run(capsys, *arguments)[1])) == 3
    assert [row["text"] for row in rows(run(capsys, *arguments, "--recursive")[1])] == [
        "7*3=?",
        "AbaB",
        "中文",
        "99",
    ]


def test_folder_without_pictures(
    tmp_path: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "--dir", tmp_path, "--weights", tiny_weights, "--json")
    assert (code, out) == (common.BAD_DATA, "")
    assert err.startswith("error: no pictures in")


def test_table_lines_up_with_chinese_text(
    folder: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = run(capsys, "--dir", folder, "--weights", tiny_weights)[1]
    starts = set()
    for line in out.splitlines():
        name = "arch" if line.startswith("file") else "vanilla_crnn"
        starts.add(display_width(line[: line.index(name)]))
    assert len(starts) == 1


def test_table_shows_other_readings_below(
    folder: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = run(capsys, folder / "1.png", "--weights", tiny_weights, "--top-k", "3")[1]
    assert len(out.splitlines()) == 4  # the head, the reading, two more


def test_csv_cells_cannot_be_formulas(
    tmp_path: Path,
    tiny_weights: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    draw_barcode("=1+2").save("@SUM(1).png")
    draw_barcode("3-9=?").save("minus.png")
    out = run(capsys, "@SUM(1).png", "minus.png", "--weights", tiny_weights, "--csv")[1]
    found = list(csv.DictReader(io.StringIO(out)))
    assert [(row["file"], row["text"]) for row in found] == [
        ("'@SUM(1).png", "'=1+2"),
        ("minus.png", "3-9=?"),
    ]
    assert found[1]["answer"] == "-6"  # a number, which a spreadsheet may take for one


@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_every_formula_start_is_quoted(start: str) -> None:
    assert spreadsheet_cell(f"{start}cmd|' /C calc'!A0") == f"'{start}cmd|' /C calc'!A0"
    assert spreadsheet_cell(f"a{start}") == f"a{start}"


@pytest.mark.parametrize("cut", [";", "; ", ';"', "\t", "\n"])
def test_a_formula_behind_what_may_cut_a_row_is_quoted(cut: str) -> None:
    """``a;=cmd()`` is two cells where commas are in numbers, as in German."""
    assert spreadsheet_cell(f"a{cut}=cmd();-1;b;") == f"a{cut}'=cmd();'-1;b;"
    assert spreadsheet_cell(f"+{cut}=cmd()") == f"'+{cut}'=cmd()"
    assert spreadsheet_cell("\t=cmd()") == "'\t'=cmd()"  # what cuts may begin a cell, too


def test_a_row_of_csv_is_a_row_whatever_is_in_it() -> None:
    """A file may be called ``a<CR>=cmd()``: Excel would start a row, and run it."""
    out = io.StringIO()
    csv_writer(out).writerow(["a\r=cmd()", "b\nc", 'd"', "e,f", 1.5, None])
    assert out.getvalue() == '"a\r=cmd()","b\nc","d""","e,f",1.5,\n'


def test_json_is_lossless_where_csv_is_quoted(
    tmp_path: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "a.png"
    draw_barcode("=1+2").save(picture)
    found = rows(run(capsys, picture, "--weights", tiny_weights, "--json")[1])
    assert found[0]["text"] == "=1+2"


@pytest.mark.parametrize(
    ("constraint", "allowed"),
    [
        (["--length", "3"], "..."),
        (["--length", "5-6"], ".{5,6}"),
        (["--alphabet", "0123456789"], "[0-9]+"),
        (["--pattern", "[0-9]{2}"], "[0-9]{2}"),
        (["--alphabet", "0123456789", "--length", "4"], "[0-9]{4}"),
    ],
)
def test_constraints_are_obeyed(
    folder: Path,
    tiny_weights: Path,
    capsys: pytest.CaptureFixture[str],
    constraint: list[str],
    allowed: str,
) -> None:
    out = run(capsys, folder / "1.png", "--weights", tiny_weights, "--json", *constraint)[1]
    assert re.fullmatch(allowed, rows(out)[0]["text"])


def test_lexicon(folder: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = folder / "words.txt"
    words.write_text("\ufeffAbab\n\naaaa\n中文\n", encoding="utf-8")
    arguments = (folder / "1.png", "--weights", tiny_weights, "--json", "--lexicon", words)
    assert rows(run(capsys, *arguments)[1])[0]["text"] == "Abab"
    words.write_bytes(b"\xff\xfe")
    code, _, err = run(capsys, *arguments)
    assert code == common.BAD_DATA
    assert "not UTF-8" in err
    words.write_text("xyz\n", encoding="utf-8")
    assert run(capsys, *arguments)[0] == common.BAD_DATA  # the charset cannot write it


def test_picture_too_narrow_for_the_constraint_is_a_row(
    folder: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(
        capsys, "--dir", folder, "--weights", tiny_weights, "--length", "15", "--json"
    )
    assert code == common.BAD_DATA
    assert ["error" in row for row in rows(out)] == [False, False, True]


def test_all_models_read_each_file(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = tmp_path / "weights"
    write_tiny_model(weights, "svtr_tiny")
    write_tiny_model(weights, "vanilla_crnn")
    found = rows(run(capsys, "--dir", folder, "--weights", weights, "--json", "--arch", "all")[1])
    assert sorted((row["arch"], row["text"]) for row in found) == [
        (arch, text) for arch in ("svtr_tiny", "vanilla_crnn") for text in ("7*3=?", "AbaB", "中文")
    ]
    only = rows(run(capsys, folder / "0.png", "--weights", weights, "--json")[1])
    assert [row["arch"] for row in only] == ["vanilla_crnn"]
    for file in weights.glob("vanilla_crnn.*"):
        file.unlink()
    alone = rows(run(capsys, folder / "0.png", "--weights", weights, "--json")[1])
    assert [row["arch"] for row in alone] == ["svtr_tiny"]


def test_check_prints_scores(
    root: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "--dir", root, "--weights", tiny_weights, "--check")
    assert code == 0
    summary = out.splitlines()[-1]
    assert "EM 66.7%" in summary
    assert "case folded 100.0%" in summary
    assert "CER 9.09%" in summary  # one of eleven characters
    assert "3 pictures" in summary
    arguments = ("--dir", root, "--weights", tiny_weights, "--check", "--length", "4-5")
    summary = run(capsys, *arguments)[1].splitlines()[-1]
    assert "; 1 have a label that the rule does not allow" in summary


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_suffixes_cannot_speak_to_the_terminal(
    root: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / IMAGES_DIR / "a.\x1b[31m").touch()
    err = run(capsys, "--dir", root, "--weights", tiny_weights)[2]
    assert "passed over" in err and "\x1b" not in err


def test_a_labelled_picture_is_read_whatever_its_name_ends_in(
    root: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = read_labels(root / LABELS_FILE)
    renamed = [Label(f"{Path(label.file).stem}.bin", label.text) for label in labels]
    for label, other in zip(labels, renamed):
        (root / IMAGES_DIR / label.file).rename(root / IMAGES_DIR / other.file)
    (root / IMAGES_DIR / "notes.txt").touch()
    write_labels(root / LABELS_FILE, renamed)
    code, out, _ = run(capsys, "--dir", root, "--weights", tiny_weights, "--check")
    assert code == 0
    assert f"{len(labels)} pictures" in out.splitlines()[-1]


def test_check_finds_labels_of_sub_folders_and_marks_each_row(
    root: Path,
    tiny_weights: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = root / IMAGES_DIR
    (images / "easy").mkdir()
    (images / "0.png").rename(images / "easy" / "1.png")  # a name that stands twice
    labels = [Label("easy/1.png", "7*3=?"), Label("1.png", "abaB"), Label("2.png", "中文")]
    write_labels(root / LABELS_FILE, labels)
    monkeypatch.chdir(images)  # the labels are beside a folder that has no name of its own
    code, out, _ = run(capsys, "--dir", ".", "--recursive", "--weights", tiny_weights, "--check")
    assert code == 0
    marks = {line.split()[0]: line.split()[-1] for line in out.splitlines()[1:-1]}
    assert marks == {"1.png": "no", "2.png": "yes", str(Path("easy", "1.png")): "yes"}


def test_check_keeps_json_clean_and_counts_what_is_missing(
    root: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = root / IMAGES_DIR
    (images / "0.png").write_bytes(b"broken")
    (images / "1.png").unlink()
    draw_barcode("00").save(images / "new.png")
    (images / "no picture.png").write_bytes(b"broken, and without a label")
    arguments = ("--dir", images, "--weights", tiny_weights, "--check", "--json")
    code, out, err = run(capsys, *arguments)
    assert code == common.BAD_DATA
    assert [row.get("correct") for row in rows(out)] == [False, True, None, None]
    assert "EM 50.0%" in err
    assert "1 could not be read and count as wrong" in err
    assert "2 have no label" in err
    assert "1 are labelled, but not among those read" in err


def test_check_without_labels(
    folder: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, "--dir", folder, "--weights", tiny_weights, "--check")
    assert code == common.BAD_DATA
    assert "captcha-ocr data import makes one" in err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["a.png", "--check"],
        ["a.png", "--recursive"],
        ["-", "--image", "-"],
        ["a.png", "--backend", "torch"],
        ["a.png", "--checkpoint", "best.safetensors"],
        ["a.png", "--backend", "torch", "--checkpoint", "best.safetensors"],  # and --weights
        ["a.png", "--pattern", "["],
        ["a.png", "--length", "5-4"],
        ["a.png", "--csv", "--top-k", "3"],
        ["a.png", "--lexicon", os.devnull],
    ],
)
def test_impossible_requests_are_usage_errors(
    tiny_weights: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    code, out, err = run(capsys, *arguments, "--weights", tiny_weights)
    assert (code, out) == (common.USAGE, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_threads_are_torchs_too(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    torch = pytest.importorskip("torch")
    from captcha_ocr.checkpoint import save_checkpoint
    from small_models import small_checkpoint

    save_checkpoint(tmp_path / "best.safetensors", small_checkpoint("vanilla_crnn"))
    asked: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    source = ("--backend", "torch", "--checkpoint", tmp_path / "best.safetensors")
    code, _, _ = run(capsys, folder / "0.png", *source, "--threads", "2")
    assert (code, asked) == (common.OK, [2])


@pytest.mark.parametrize(
    "arguments",
    [
        ["--length", "x"],
        ["--batch", "0"],
        ["--batch", "9" * 30],
        ["--top-k", "0"],
        ["--json", "--csv"],
    ],
)
def test_malformed_flags_are_usage_errors(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["a.png", *arguments])
    assert caught.value.code == common.USAGE


def test_a_huge_picture_is_an_error_and_no_warning(
    tmp_path: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(b"GIF89a\x10\x27\x10\x27\0\0\0,\0\0\0\0\x10\x27\x10\x27\0\x08\1\0\0;")
    out = run(capsys, path, "--weights", tiny_weights, "--json")[1]
    assert "10000x10000 pixels" in rows(out)[0]["error"]  # a warning would have come before


def test_missing_model_is_a_failure(
    folder: Path, tmp_path: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, "--dir", folder, "--weights", tmp_path / "none")
    assert code == common.FAILURE
    assert "none" in err
    code, _, err = run(capsys, "--dir", folder, "--weights", tiny_weights, "--arch", "svtr")
    assert code == common.FAILURE
    assert "choose from vanilla_crnn" in err


def test_file_names_do_not_steer_the_terminal() -> None:
    assert printable("a\x1b[31mb\n") == "a\\x1b[31mb\\n"
    assert printable("验证码.png") == "验证码.png"


def test_display_width() -> None:
    assert [display_width(text) for text in ("abc", "中文", "e\u0301", "")] == [3, 4, 1, 0]
    assert pad("中", 4) == "中  "
    assert pad("long", 2) == "long"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes")
def test_a_pipe_in_a_folder_is_not_waited_for(
    folder: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(folder / "3.png")
    (folder / "4.png").symlink_to(os.devnull)
    code, out, _ = run(capsys, "--dir", folder, "--weights", tiny_weights, "--json")
    assert code == common.BAD_DATA
    assert ["a pipe or a device" in row.get("error", "") for row in rows(out)] == 3 * [False] + [
        True,
        True,
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="its shell cannot close a stream")
@pytest.mark.parametrize(("closed", "code"), [("<&-", common.USAGE), (">&-", 0), ("2>&-", 0)])
def test_a_stream_may_be_closed(folder: Path, tiny_weights: Path, closed: str, code: int) -> None:
    picture = "-" if closed == "<&-" else folder / "0.png"
    command = f'exec "$0" -m captcha_ocr infer "$1" --weights "$2" {closed}'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable, picture, tiny_weights], capture_output=True
    )
    assert done.returncode == code
    assert said(done.stderr) == (b"error: standard input (-) is closed\n" if code else b"")


def said(stderr: bytes) -> bytes:
    """Without what onnxruntime says when it is imported: of WSL's graphics card, among others'."""
    lines = stderr.splitlines(keepends=True)
    return b"".join(line for line in lines if b":onnxruntime:" not in line)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends pipes in another way")
def test_a_reader_that_goes_away_is_no_traceback(folder: Path, tiny_weights: Path) -> None:
    """As in ``infer --json | head -1``, once head has ended."""
    command = [sys.executable, "-m", "captcha_ocr", "infer", "--json", "--batch", "1"]
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as stdout:
        done = subprocess.run(
            [*command, "--dir", folder, "--weights", tiny_weights],
            stdout=stdout,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, said(done.stderr)) == (common.FAILURE, b"")


def test_results_leave_batch_by_batch(
    folder: Path,
    tiny_weights: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A folder of any size streams: the first rows are out before the last picture is opened."""
    written: list[int] = []
    opened = infer.open_source

    def watch(source: NamedSource) -> object:
        written.append(len(capsys.readouterr().out.splitlines()))
        return opened(source)

    monkeypatch.setattr(infer, "open_source", watch)
    run(capsys, "--dir", folder, "--weights", tiny_weights, "--json", "--batch", "1")
    assert written == [0, 1, 1]


@pytest.mark.skipif(sys.platform != "linux", reason="only there any bytes make a file name")
def test_file_names_that_are_no_text(tmp_path: Path, tiny_weights: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff.png")
    with path.open("wb") as file:
        draw_barcode("7").save(file, "PNG")
    command = [sys.executable, "-m", "captcha_ocr", "infer", "--dir", tmp_path]
    command += ["--weights", tiny_weights]
    for flags in (["--json"], ["--csv"], []):
        done = subprocess.run([*command, *flags], capture_output=True, check=False)
        assert (done.returncode, said(done.stderr)) == (0, b"")
        assert b"udcff.png" in done.stdout
        if flags == ["--json"]:
            assert rows(done.stdout.decode())[0]["file"] == str(path)


def test_a_folder_from_macos(
    tmp_path: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its names may have accents apart, as Finder writes them, and notes of its own beside them."""
    draw_barcode("7").save(tmp_path / "e\u0301.png")
    (tmp_path / "._e\u0301.png").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X")
    (tmp_path / "labels.txt").write_text("é.png\t7\n", encoding="utf-8")
    code, out, err = run(capsys, "--dir", tmp_path, "--weights", tiny_weights, "--json", "--check")
    assert code == 0
    assert [(row["label"], row["correct"]) for row in rows(out)] == [("7", True)]
    assert "1 pictures" in err and "no label" not in err


def test_links_to_folders_are_not_followed(
    folder: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link(folder / "round", folder, to_folder=True)
    out = run(capsys, "--dir", folder, "--recursive", "--weights", tiny_weights, "--json")[1]
    assert len(rows(out)) == 3


def test_the_score_stays_out_of_the_table(
    tmp_path: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "images").mkdir()
    draw_barcode("Ab").save(tmp_path / "images" / "1.png")
    (tmp_path / "labels.txt").write_text("1.png\tAb\n", encoding="utf-8")
    assert main(["--dir", str(tmp_path), "--weights", str(tiny_weights), "--check", "--csv"]) == 0
    out, err = capsys.readouterr()
    head, row = out.splitlines()
    assert ",label,correct," in head
    assert ",Ab," in row
    assert err.startswith("vanilla_crnn: ")


def test_spaces_around_a_text_of_a_lexicon_do_not_count(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("  Abab \r\n \r\naaaa\r\n", encoding="utf-8")
    assert read_lexicon(words) == ["Abab", "aaaa"]


@pytest.mark.parametrize("option", ["--alphabet", "--lexicon", "--pattern"])
def test_an_empty_rule_is_not_passed_over(
    option: str, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a variable that is not set."""
    assert main(["a.png", "--weights", str(tiny_weights), option, ""]) in (1, 2)
    assert capsys.readouterr().out == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has it")
def test_output_that_cannot_be_written_is_an_error_of_one_line(sample_set: Path) -> None:
    command = [sys.executable, "-m", "captcha_ocr", "data", "report", str(sample_set)]
    buffered = {**os.environ, "PYTHONUNBUFFERED": ""}
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, env=buffered, check=False
        )
    assert done.returncode == common.FAILURE
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
