"""``captcha-ocr eval``: the figures it gives, where it writes them, and the exit codes."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from captcha_ocr import plots
from captcha_ocr.cli import common
from captcha_ocr.cli.eval import main
from captcha_ocr.datasets.stores import FolderStore
from captcha_ocr.decoding import Reading
from captcha_ocr.evaluation import Evaluation
from captcha_ocr.labels import IMAGES_DIR, LABELS_FILE, MANIFEST_FILE, Label, write_labels
from captcha_ocr.metrics import wilson_interval
from captcha_ocr.report import choose_groups
from captcha_ocr.report_tables import MAX_ROWS, score_table
from captcha_ocr.tables import natural
from drawing import draw_barcode
from PIL import Image
from tiny_model import write_tiny_model

REPOSITORY = Path(__file__).parents[1]

# (drawn, label, kind, ambiguous): five read right, one wrong in case alone, two wrong anyway.
PICTURES = [
    ("7*3=?", "7*3=?", "arith", ""),
    ("1+1=?", "1+1=?", "arith", ""),
    ("中文", "中文", "cn", ""),
    ("12", "12", "spec", ""),
    ("A1", "A1", "spec", "A"),
    ("AB", "aB", "spec", "A"),
    ("34", "84", "spec", ""),
    ("=2", "=", "spec", ""),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Eight pictures of bars with a manifest; what is labelled is not always what is drawn."""
    root = tmp_path / "root"
    (root / IMAGES_DIR).mkdir(parents=True)
    labels, lines = [], []
    for number, (drawn, label, kind, ambiguous) in enumerate(PICTURES):
        name = f"{number}.png"
        draw_barcode(drawn).save(root / IMAGES_DIR / name)
        labels.append(Label(name, label))
        record = {"file": name, "style": "bars", "kind": kind, "font": "=font", "tags": ["a", 1]}
        lines.append(json.dumps({**record, "ambiguous": ambiguous}) + "\n")
    write_labels(root / LABELS_FILE, labels)
    (root / MANIFEST_FILE).write_text("".join(lines), encoding="utf-8")
    return root


def run(capsys: pytest.CaptureFixture[str], *argv: str | Path) -> tuple[int, str, str]:
    code = main([str(argument) for argument in argv])
    out, err = capsys.readouterr()
    return code, out, err


def draw_coarsely(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same pictures with fewer pixels, drawn sooner."""
    pytest.importorskip("matplotlib")
    from captcha_ocr.plots import canvas

    monkeypatch.setattr(canvas, "DPI", 50)


def measured(capsys: pytest.CaptureFixture[str], *argv: str | Path) -> dict[str, Any]:
    """The report of the only model."""
    code, out, err = run(capsys, *argv, "--json", "-")
    assert (code, err) == (0, "")
    (report,) = json.loads(out)["models"]
    return report


def test_figures(root: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = measured(capsys, "--data", root, "--weights", tiny_weights)
    assert (report["arch"], report["n"]) == ("vanilla_crnn", 8)
    assert report["exact_match"] == 5 / 8
    assert report["exact_match_interval"] == list(wilson_interval(5, 8))
    assert report["exact_match_folded"] == 6 / 8
    assert report["cer"] == pytest.approx(3 / 21)
    assert report["unambiguous"]["n"] == 6
    assert report["unambiguous"]["exact_match"] == pytest.approx(4 / 6)
    assert report["calibration_error"] == pytest.approx(3 / 8, abs=0.01)
    assert report["accuracy_at_90_coverage"] == 5 / 8  # nine tenths of eight are all of them
    assert report["accuracy_at_10_coverage"] == 1  # the surest one, of one character
    assert report["pictures_per_second"] > 0
    assert report["impossible"]["count"] == report["impossible"]["too_long"] == 0
    pairs = {(pair["true"], pair["read"]): pair["count"] for pair in report["confusions"]}
    assert pairs == {("a", "A"): 1, ("8", "3"): 1, ("", "2"): 1}
    assert list(report["groups"]) == ["style", "kind", "size", "length"]
    kinds = {name: score["exact_match"] for name, score in report["groups"]["kind"].items()}
    assert kinds == {"arith": 1, "cn": 1, "spec": 2 / 5}
    assert list(report["groups"]["length"]) == ["1", "2", "5"]
    assert list(report["groups"]["size"]) == ["40x32", "88x32"]


def test_case_does_not_count_when_it_is_folded(
    root: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = measured(capsys, "--data", root, "--weights", tiny_weights, "--fold-case")
    assert report["exact_match"] == 5 / 8, "exact match is always given both ways"
    assert report["calibration_error"] == pytest.approx(2 / 8, abs=0.01)
    assert {pair["true"] for pair in report["confusions"]} == {"8", ""}


def test_tables(root: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(
        capsys, "--data", root, "--weights", tiny_weights, "--by", "kind,font,tags"
    )
    assert (code, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert ["EM", "62.50%", "95", "%:", "30.6%", "to", "86.3%"] in lines
    assert ["spec", "5", "40.00%", "11.8%", "to", "76.9%", "60.00%", "33.33%"] in lines
    assert ["accuracy", "at", "10", "%"] in [line[:4] for line in lines]
    assert ["EM,", "unambiguous", "66.67%"] in [line[:3] for line in lines]
    assert "of 6 whose font tells all characters apart" in out
    assert "8 → 3  1" in out
    assert "nothing → 2  1" in out
    assert '["a", 1]' in out
    rows = [line for line in out.splitlines() if line.startswith(("  by kind", "  arith", "  cn"))]
    assert len({len(line) for line in rows}) == 1, "columns do not line up"


def test_pictures_predictions_and_report_in_a_folder(
    root: Path,
    tiny_weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    draw_coarsely(monkeypatch)
    out = tmp_path / "deep" / "out"
    assert run(capsys, "--data", root, "--weights", tiny_weights, "--out", out)[0] == 0
    for name in ("confusion.png", "worst.png", "reliability.png"):
        with Image.open(out / name) as image:
            assert min(image.size) > 70
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["exact_match"] == 5 / 8
    text = (out / "predictions.csv").read_text(encoding="utf-8")
    assert text.startswith("\ufefffile,"), "Excel takes a file without the mark for another code"
    rows = list(csv.DictReader(text.lstrip("\ufeff").splitlines()))
    assert [row["correct"] for row in rows] == list("11111000")
    assert [row["correct_folded"] for row in rows] == list("11111100")
    assert (rows[2]["label"], rows[2]["width"], rows[2]["kind"]) == ("中文", "40", "cn")
    assert 0.99 < float(rows[0]["confidence"]) <= 1
    # Cells that a spreadsheet would run.
    assert (rows[7]["label"], rows[7]["text"], rows[7]["font"]) == ("'=", "'=2", "'=font")


def test_all_models_side_by_side(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_coarsely(monkeypatch)
    weights, out, figures = tmp_path / "weights", tmp_path / "out", tmp_path / "all.json"
    write_tiny_model(weights, "crnn_resnet34")
    write_tiny_model(weights, "svtr_tiny", symbols="0123456789+-*/=?")
    arguments = ("--data", root, "--weights", weights, "--arch", "all", "--out", out)
    code, printed, _ = run(capsys, *arguments, "--json", figures)
    assert code == 0
    good, poor = json.loads(figures.read_text(encoding="utf-8"))["models"]
    assert (good["arch"], good["exact_match"]) == ("crnn_resnet34", 5 / 8)
    assert (poor["arch"], poor["exact_match"]) == ("svtr_tiny", 3 / 8)
    assert sorted(path.name for path in out.iterdir()) == ["crnn_resnet34", "svtr_tiny"]
    assert (out / "svtr_tiny" / "worst.png").is_file()
    table = printed[printed.index("  model ") :].splitlines()
    assert [line.split()[0] for line in table] == ["model", "crnn_resnet34", "svtr_tiny"]


def test_labels_that_a_model_cannot_write_are_counted_and_named(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = write_tiny_model(tmp_path / "weights", symbols="0123456789+-*/=?").parent
    arguments = ("--data", root, "--weights", weights)
    impossible = measured(capsys, *arguments)["impossible"]
    assert (impossible["count"], impossible["unknown_characters"]) == (3, "ABa中文")
    assert impossible["examples"][0] == "2.png '中文'"
    out = run(capsys, *arguments)[1]
    assert "cannot write, without loss and wrong: 3 (3 since it has no ABa中文)" in out


def test_labels_without_columns_are_told_from_those_without_a_character(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of many too long ones and one strange character, the first are what is to be mended."""
    weights = write_tiny_model(tmp_path / "weights", symbols="0123456789+-*/=?").parent
    rows = (root / "labels.txt").read_text(encoding="utf-8").splitlines()
    files = [row.partition("\t")[0] for row in rows]
    texts = ["é", *["1" * 300] * (len(files) - 1)]
    labels = "".join(f"{file}\t{text}\n" for file, text in zip(files, texts))
    (root / "labels.txt").write_text(labels, encoding="utf-8")
    out = run(capsys, "--data", root, "--weights", weights)[1]
    why = f"(1 since it has no é, {len(files) - 1} since they need more columns than there are)"
    assert why in out


def test_no_loss_at_all_is_null(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Infinity is no JSON."""
    weights = write_tiny_model(tmp_path / "weights", symbols="-").parent
    arguments = ("--data", root, "--weights", weights)
    assert measured(capsys, *arguments)["loss"] is None
    assert "  loss                      -" in run(capsys, *arguments)[1]


def test_constraints_and_beam(
    root: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--data", root, "--weights", tiny_weights)
    plain = measured(capsys, *arguments)
    beam = measured(capsys, *arguments, "--beam", "4")
    assert beam["exact_match"] == plain["exact_match"]
    digits = measured(capsys, *arguments, "--pattern", "[0-9]{2}")
    assert digits["exact_match"] == 1 / 8
    # 88 pixels are 22 columns, 40 are 10: too few for 12 characters, which counts as wrong.
    long = measured(capsys, *arguments, "--length", "12")
    assert long["exact_match"] == 0
    assert {pair["read"] for pair in long["confusions"] if pair["true"] in ("中", "文")} == {""}


def test_labels_that_the_rule_forbids_are_counted_and_named(
    root: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rule with a slip in it would make the strength of a CAPTCHA of its own."""
    arguments = ("--data", root, "--weights", tiny_weights)
    assert measured(capsys, *arguments)["forbidden"] == {"count": 0, "examples": []}
    forbidden = measured(capsys, *arguments, "--length", "2-5")["forbidden"]
    assert forbidden == {"count": 1, "examples": ["7.png '='"]}
    out = run(capsys, *arguments, "--length", "2-5")[1]
    assert "  labels that the rule does not allow: 1, such as 7.png '='\n" in out


def test_limit_spreads_over_the_set(
    root: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--data", root, "--weights", tiny_weights)
    report = measured(capsys, *arguments, "--limit", "4")
    kinds = {name: score["n"] for name, score in report["groups"]["kind"].items()}
    assert kinds == {"arith": 1, "cn": 1, "spec": 2}
    assert measured(capsys, *arguments, "--limit", "99")["n"] == 8


def test_without_a_manifest_everything_still_works(
    root: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / MANIFEST_FILE).unlink()
    report = measured(capsys, "--val-root", root, "--weights", tiny_weights)
    assert list(report["groups"]) == ["size", "length"]
    assert report["unambiguous"] is None
    code, out, _ = run(
        capsys, "--test-root", root, "--weights", tiny_weights, "--by", "style,length"
    )
    assert code == 0
    assert "no manifest.jsonl says the style of a picture here" in out
    assert "by length" in out
    assert "unambiguous" not in out


def test_a_checkpoint_gives_what_its_model_reads(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    from captcha_ocr.charset import Charset
    from captcha_ocr.checkpoint import Checkpoint, save_checkpoint
    from captcha_ocr.config import ImageConfig
    from captcha_ocr.models import build_model
    from captcha_ocr.runtimes.torch import TorchPredictor
    from drawing import SYMBOLS

    charset, image = Charset(tuple(SYMBOLS)), ImageConfig(height=32, channels=1)
    model = build_model("vanilla_crnn", charset.num_classes, image, {"width": 0.125})
    path = tmp_path / "best.safetensors"
    save_checkpoint(
        path, Checkpoint("vanilla_crnn", {"width": 0.125}, charset, image, model.state_dict())
    )
    report = measured(capsys, "--data", root, "--checkpoint", path, "--threads", "1")
    files = [root / IMAGES_DIR / f"{number}.png" for number in range(len(PICTURES))]
    read = [prediction.text for prediction in TorchPredictor.load(path).predict(files)]
    right = sum(text == label for text, (_, label, _, _) in zip(read, PICTURES))
    assert report["exact_match"] == right / 8
    assert report["params"] == sum(weights.numel() for weights in model.parameters())
    code, _, err = run(capsys, "--data", root, "--checkpoint", path, "--arch", "all")
    assert code == common.USAGE
    assert "names its own arch" in err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--by", "colour"], common.USAGE, "choose from ambiguous, file, font, kind"),
        (["--pattern", "[0-9"], common.USAGE, "error:"),
        (["--arch", "nothing"], common.FAILURE, "choose from vanilla_crnn"),
        (["--weights", "nowhere"], common.FAILURE, "nowhere is no folder"),
        (["--checkpoint", "no.safetensors", "--weights", "w"], common.USAGE, "leave out"),
        (["--data", "nowhere"], common.BAD_DATA, "labels.txt"),
        (["--json", "."], common.FAILURE, "Is a directory: '.'"),
    ],
)
def test_exit_codes(
    arguments: list[str],
    code: int,
    message: str,
    root: Path,
    tiny_weights: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [] if {"--weights", "--checkpoint"} & {*arguments} else ["--weights", tiny_weights]
    found, _, err = run(capsys, "--data", root, *given, *arguments)
    assert found == code
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_folder_for_the_figures_is_made(root: Path, tiny_weights: Path, tmp_path: Path) -> None:
    file = tmp_path / "new" / "figures.json"
    assert main(["--data", str(root), "--weights", str(tiny_weights), "--json", str(file)]) == 0
    assert json.loads(file.read_text(encoding="utf-8"))["models"]


@pytest.mark.parametrize("option", ["--json", "--out"])
def test_a_folder_that_cannot_be_written_to_is_said_before_the_first_picture(
    option: str,
    root: Path,
    tiny_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    draw_coarsely(monkeypatch)
    (folder := tmp_path / "figures").mkdir()
    monkeypatch.setattr(common.os, "access", lambda place, mode: place != folder)
    target = folder / "x.json" if option == "--json" else folder
    given = ("--weights", tiny_weights, "--data", root, option, target)
    code, out, err = run(capsys, *given)
    assert (code, out) == (common.FAILURE, "")
    assert "Permission denied" in err and str(folder) in err


@pytest.mark.skipif(os.name == "nt", reason="its NUL is in no folder")
def test_what_is_no_file_is_written_to_where_its_folder_takes_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(common.os, "access", lambda place, mode: False)
    common.make_room(Path(os.devnull))


def test_usage_errors_of_argparse(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["--data", ".", "--limit", "0"], ["--data", ".", "--beam", "-1"]):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == common.USAGE
    capsys.readouterr()


def test_a_broken_picture_is_named(
    root: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = root / IMAGES_DIR / "3.png"
    broken.write_bytes(broken.read_bytes()[:60])  # the header is whole: only reading shows it
    code, _, err = run(capsys, "--data", root, "--weights", tiny_weights)
    assert code == common.BAD_DATA
    assert "labels.txt:4: '3.png': the picture is cut off" in err


@pytest.mark.parametrize("folder", ["training-ready", "full-pipeline"])
def test_the_scripts(folder: str, root: Path, tiny_weights: Path) -> None:
    """The real program, from its own folder, without torch and, unless it draws, matplotlib."""
    code = (
        "import sys, runpy\n"
        "sys.argv = ['eval.py', *sys.argv[1:]]\n"
        "try:\n    runpy.run_path('eval.py', run_name='__main__')\n"
        "except SystemExit as stop:\n    print(stop.code)\n"
        "print([name for name in ('torch', 'pandas', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--data", root, "--weights", tiny_weights],
        cwd=REPOSITORY / folder,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout.splitlines()[-2:] == ["0", "[]"]
    assert "62.50%" in done.stdout


def test_groups_stand_in_natural_order() -> None:
    assert sorted(["10", "9", "160x60", "96x32", "b", "a2", "a10", ""], key=natural) == [
        *("", "9", "10", "96x32", "160x60", "a2", "a10", "b")
    ]
    assert sorted([1.0, 0.25, 0.5, 0], key=natural) == [0, 0.25, 0.5, 1.0]


def test_scores_by_length_count_up(root: Path) -> None:
    labels = [Label("0.png", "123456789012"), Label("1.png", "1234"), Label("2.png", "12345")]
    write_labels(root / LABELS_FILE, labels)
    store = FolderStore(root)
    readings = tuple(Reading(label.text, 1.0, ()) for label in labels)
    scores = Evaluation(store, readings, (0.0,) * 3).score_by("length")
    assert list(scores) == [4, 5, 12]


def test_mistakes_are_found_with_one_look_at_the_labels(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list of them all for each picture took half an hour of a set of 100,000."""
    looks: list[Evaluation] = []
    store = FolderStore(root)
    readings = tuple(Reading(drawn, 0.5, ()) for drawn, *_ in PICTURES)
    evaluation = Evaluation(store, readings, (0.0,) * len(store))

    def targets(self: Evaluation) -> list[str]:
        looks.append(self)
        return [label.text for label in self.store.labels]

    monkeypatch.setattr(Evaluation, "targets", property(targets))
    assert evaluation.wrong() == [5, 6, 7]
    assert evaluation.wrong(fold_case=True) == [6, 7]
    assert len(looks) == 2


def test_fonts_are_listed_only_when_asked_for() -> None:
    records = [{"file": "1.png", "font": "F", "style": "s"}]
    assert choose_groups(records, None) == ["style", "size", "length"]
    assert choose_groups(records, "font, kind") == ["font"]


def test_a_long_table_shows_the_largest_groups_and_says_so() -> None:
    score = {
        "exact_match": 1.0,
        "exact_match_interval": [0.5, 1.0],
        "exact_match_folded": 1.0,
        "cer": 0.0,
    }
    scores = {f"font {i}": {**score, "n": i} for i in range(MAX_ROWS + 3)}
    table = score_table("by font", scores)
    assert "(3 smaller groups are in the JSON)" in table
    assert "font 2 " not in table
    assert f"font {MAX_ROWS + 2} " in table
    hostile = score_table("by font", {"\x1b[31m": {**score, "n": 1}, "": {**score, "n": 1}})
    assert "\x1b" not in hostile
    assert "(none)" in hostile


def test_case_is_folded_in_pictures_too(
    tmp_path: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``eval --out --fold-case``: a text that is wrong in case alone is nowhere a mistake."""
    pytest.importorskip("matplotlib")

    (tmp_path / "set" / "images").mkdir(parents=True)
    draw_barcode("Ab").save(tmp_path / "set" / "images" / "1.png")
    (tmp_path / "set" / "labels.txt").write_text("1.png\taB\n", encoding="utf-8")
    drawn = {}
    for name in ("reliability", "confusions", "worst"):
        keep = lambda what, file, name=name, **options: drawn.update({name: (what, options)})  # noqa: E731
        monkeypatch.setattr(plots, f"plot_{name}", keep)
    arguments = ["--data", str(tmp_path / "set"), "--weights", str(tiny_weights), "--fold-case"]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 0
    (bin_,) = (each for each in drawn["reliability"][0] if each.count)
    assert bin_.accuracy == 1.0
    assert not any(true != read for true, read in drawn["confusions"][0])
    assert drawn["worst"][1] == {"fold_case": True}
