"""The pictures of a run: what they show, and that no character and no empty set upsets them."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from captcha_ocr import plots
from captcha_ocr.benchmarking.documents import draw_curves
from captcha_ocr.calibration import reliability_bins
from captcha_ocr.datasets.stores import FolderStore
from captcha_ocr.decoding import Reading
from captcha_ocr.evaluation import Evaluation
from captcha_ocr.plots import canvas, confusions, galleries, label_counts
from captcha_ocr.plots.glyphs import Glyphs
from captcha_ocr.report import ranked
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from PIL import Image

# A formula, a backslash, a zero-width space, an accent of its own, right-to-left, past 16 bits.
ODD = ("$x^2$", "\\", "a\u200bb", "e\u0301", "\u05e9", "\U0002070e", "\U0001f600", "A B", "中文")


def read_as(root: Path, *misread: tuple[int, str, float]) -> Evaluation:
    """Everything read right with confidence 0.9, but for (index, text, confidence)."""
    store = FolderStore(root)
    readings = [Reading(label.text, 0.9, ()) for label in store.labels]
    for index, text, confidence in misread:
        readings[index] = Reading(text, confidence, ())
    return Evaluation(store, tuple(readings), (0.1,) * len(store))


@pytest.fixture(autouse=True)
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer pixels: the same figures, drawn sooner."""
    monkeypatch.setattr(canvas, "DPI", 50)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures as they are saved."""
    figures: list[Figure] = []
    save = canvas._save

    def keep(figure: Figure, path: Path) -> None:
        save(figure, path)
        figures.append(figure)

    monkeypatch.setattr(canvas, "_save", keep)
    return figures


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]  # type: ignore


def row(pictures: int, **values: float) -> dict[str, Any]:
    figures = {"exact_match": 0.5, "exact_match_folded": 0.6, "cer": 0.2, "lr": 1e-3}
    return {"pictures": pictures, "train_loss": 3.0, "val_loss": 2.0, **figures, **values}


BATCH = np.linspace(-1, 1, 4 * 32 * 80, dtype=np.float32).reshape(4, 1, 32, 80)

DRAW: dict[str, Callable[[Path, Path], None]] = {
    "history": lambda root, path: plots.plot_history([row(100), row(200, exact_match=0.7)], path),
    "history-1": lambda root, path: plots.plot_history([row(1)], path),
    "history-0": lambda root, path: plots.plot_history([], path),
    "confusions": lambda root, path: plots.plot_confusions(Counter({("0", "O"): 3}), path),
    "confusions-0": lambda root, path: plots.plot_confusions(Counter(), path),
    "worst": lambda root, path: plots.plot_worst(read_as(root, (0, "12", 0.99)), path),
    "worst-0": lambda root, path: plots.plot_worst(read_as(root), path),
    "labels": lambda root, path: plots.plot_labels(["7*3=?", "aB", "中文"], path),
    "labels-0": lambda root, path: plots.plot_labels([], path),
    "batch": lambda root, path: plots.plot_batch(BATCH, ["a", "b", "c", "d"], path),
    "batch-0": lambda root, path: plots.plot_batch(BATCH[:0], [], path),
    "reliability": lambda root, path: plots.plot_reliability(
        reliability_bins([0.1, 0.95], [False, True]), path
    ),
    "reliability-0": lambda root, path: plots.plot_reliability([], path),
}


@pytest.mark.parametrize("name", DRAW)
def test_a_picture_is_written(name: str, sample_set: Path, tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    path = tmp_path / "picture.png"
    DRAW[name](sample_set, path)
    with Image.open(path) as image:
        assert image.format == "PNG"
        pixels = np.asarray(image.convert("L"))
    assert pixels.shape[1] in (300, 500)  # 6 or 10 inches
    assert len(np.unique(pixels)) > 5, "nothing was drawn"
    assert dict(matplotlib.rcParams) == before
    assert sorted(tmp_path.glob(".*.part")) == []


def test_equal_data_makes_equal_files(sample_set: Path, tmp_path: Path) -> None:
    for path in (tmp_path / "first.png", tmp_path / "second.png"):
        DRAW["worst"](sample_set, path)
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()


def test_a_users_style_changes_nothing(tmp_path: Path) -> None:
    plain, styled = tmp_path / "plain.png", tmp_path / "styled.png"
    plots.plot_labels(["a1"], plain)
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black", "text.color": "red"}):
        plots.plot_labels(["a1"], styled)
    assert plain.read_bytes() == styled.read_bytes()


def test_pyplot_stays_away() -> None:
    """It would choose a display and keep every figure alive."""
    code = "import sys, captcha_ocr.plots; print('matplotlib.pyplot' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_an_error_leaves_the_old_picture(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"the old one")
    with pytest.raises(ValueError, match="expected"):
        plots.plot_batch(BATCH[0], ["a"], path)
    with pytest.raises(ZeroDivisionError), canvas.figure(path, 2, 2):
        _ = 1 / 0
    assert path.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [path]


def test_odd_characters_are_drawn_as_they_are_or_as_code_points(
    sample_set: Path, tmp_path: Path, drawn: list[Figure]
) -> None:
    """Warnings are errors here: a glyph that no font has would raise."""
    pairs = Counter({(a, b): 1 for a, b in zip("".join(ODD), reversed("".join(ODD))) if a != b})
    plots.plot_confusions(pairs, tmp_path / "confusion.png")
    assert any("U+200B" in text for text in texts(drawn[-1]))
    plots.plot_labels(ODD, tmp_path / "labels.png")
    assert {"$", "U+200B", "␣"} <= set(texts(drawn[-1]))
    plots.plot_batch(np.repeat(BATCH, 3, axis=0)[: len(ODD)], ODD, tmp_path / "batch.png")
    plots.plot_worst(
        read_as(sample_set, *((i, text, 0.5) for i, text in enumerate(ODD))), tmp_path / "worst.png"
    )
    assert {"$", "\\", "U+200B"} <= set(texts(drawn[-1]))


def test_without_a_chinese_font_code_points_are_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, drawn: list[Figure]
) -> None:
    fonts = font_manager.fontManager.ttflist
    own = [
        entry
        for entry in fonts
        if Path(entry.fname).parent.name == "ttf" and "mpl-data" in entry.fname
    ]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", own)
    glyphs = Glyphs(["7中="])
    assert glyphs.show("7中=") == "7U+4E2D="
    assert "Last Resort" not in " ".join(glyphs.font(9).get_family())
    plots.plot_confusions(Counter({("中", "文"): 1}), tmp_path / "confusion.png")
    assert "U+4E2D → U+6587" in texts(drawn[-1])


def test_any_installed_font_that_has_a_character_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """STIX comes with matplotlib and stands for a Chinese font that nobody has heard of."""
    fonts = font_manager.fontManager.ttflist
    two = [entry for entry in fonts if entry.name in ("STIXGeneral", "DejaVu Sans Mono")]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", two)
    glyphs = Glyphs(["a\u2a87"])  # not in DejaVu Sans Mono
    assert glyphs.font(9).get_family() == ["DejaVu Sans Mono", "STIXGeneral"]
    assert glyphs.show("a\u2a87") == "a\u2a87"


def test_history_takes_rows_of_a_csv_file_and_leaves_out_infinite_losses(
    tmp_path: Path, drawn: list[Figure]
) -> None:
    rows = [row(1000, val_loss=float("inf")), row(2000, exact_match=0.75), row(3000)]
    plots.plot_history([{k: str(v) for k, v in r.items()} for r in rows], tmp_path / "a.png")
    loss, exact, cer, rate = drawn[-1].axes
    training, validation = loss.get_lines()
    assert list(training.get_xdata()) == [1000, 2000, 3000]
    assert list(validation.get_xdata()) == [2000, 3000]
    assert "best 75.0%" in texts(drawn[-1])
    assert [len(axes.get_lines()) for axes in (exact, cer, rate)] == [3, 1, 1]


def test_the_best_exact_match_is_the_one_that_chose_the_weights(
    tmp_path: Path, drawn: list[Figure]
) -> None:
    rows = [
        row(1000, exact_match=0.7, exact_match_folded=0.8),
        row(2000, exact_match=0.6, exact_match_folded=0.9),
    ]
    for fold_case, best in ((False, "best 70.0%"), (True, "best 90.0%")):
        plots.plot_history(rows, tmp_path / "a.png", fold_case=fold_case)
        assert best in texts(drawn[-1])


def test_confusions_are_ranked_and_named(tmp_path: Path, drawn: list[Figure]) -> None:
    pairs = Counter({("0", "O"): 9, ("k", "K"): 7, ("1", ""): 5, ("", "x"): 3, ("a", "b"): 1})
    plots.plot_confusions(pairs, tmp_path / "confusion.png", top=4)
    (axes,) = drawn[-1].axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["0 → O", "k → K", "1 missed", "x made up"]
    assert [bar.get_width() for bar in axes.patches] == [9, 7, 5, 3]  # type: ignore[attr-defined]
    title = "Confusions: the commonest 4 of 5 pairs, 96% of 25 wrong characters"
    assert title in texts(drawn[-1])
    kinds = [confusions.kind_of(*pair) for pair, _ in ranked(pairs)]
    assert kinds == [
        "another character",
        "the other case",
        "missed",
        "made up",
        "another character",
    ]


def test_many_confusions_stand_in_two_columns(tmp_path: Path, drawn: list[Figure]) -> None:
    pairs = Counter({(chr(65 + i), "0"): 20 - i for i in range(15)})
    plots.plot_confusions(pairs, tmp_path / "confusion.png")
    names = [label.get_text() for axes in drawn[-1].axes for label in axes.get_yticklabels()]
    assert names == [f"{chr(65 + i)} → 0" for i in range(15)]


def test_the_surest_mistakes_come_first_with_their_differences_marked(
    sample_set: Path, tmp_path: Path, drawn: list[Figure]
) -> None:
    evaluation = read_as(sample_set, (0, "", 0.4), (2, "x", 0.97), (5, "y", 0.7))
    plots.plot_worst(evaluation, tmp_path / "worst.png", count=2)
    shown = texts(drawn[-1])
    assert "The 2 surest of 3 mistakes in 24 pictures" in shown
    assert [text for text in shown if text.endswith("%")] == ["97.0%", "70.0%"]
    (axes,) = drawn[-1].axes
    assert len(axes.images) == 2
    marks = [p for p in axes.patches if isinstance(p, Rectangle) and p.get_fill()]
    # Every column of both lines differs: 4 digits against x, 5 signs against y.
    assert len(marks) == 2 * (4 + 5)


def test_of_an_endless_text_the_beginning_is_drawn(
    sample_set: Path, tmp_path: Path, drawn: list[Figure]
) -> None:
    plots.plot_worst(read_as(sample_set, (0, "x" * 2000, 0.9)), tmp_path / "worst.png")
    assert texts(drawn[-1]).count("x") == 100


def test_case_alone_is_no_mistake_when_case_is_folded(tmp_path: Path, drawn: list[Figure]) -> None:
    from captcha_ocr.labels import IMAGES_DIR, LABELS_FILE, Label, write_labels
    from drawing import draw_picture

    (tmp_path / IMAGES_DIR).mkdir()
    draw_picture("aB").save(tmp_path / IMAGES_DIR / "1.png")
    write_labels(tmp_path / LABELS_FILE, [Label("1.png", "aB")])
    evaluation = read_as(tmp_path, (0, "ab", 0.9))
    plots.plot_worst(evaluation, tmp_path / "strict.png")
    plots.plot_worst(evaluation, tmp_path / "folded.png", fold_case=True)
    strict, folded = drawn
    assert "The 1 surest of 1 mistakes in 1 pictures" in texts(strict)
    assert texts(folded) == ["no mistakes"]


@pytest.mark.parametrize(
    ("true", "read", "pairs"),
    [
        ("abc", "abc", [("a", "a"), ("b", "b"), ("c", "c")]),
        ("abc", "ac", [("a", "a"), ("b", ""), ("c", "c")]),
        ("ac", "abc", [("a", "a"), ("", "b"), ("c", "c")]),
        ("aXc", "aYc", [("a", "a"), ("X", "Y"), ("c", "c")]),
        ("ab", "", [("a", ""), ("b", "")]),
        ("", "x", [("", "x")]),
    ],
)
def test_texts_are_aligned(true: str, read: str, pairs: list[tuple[str, str]]) -> None:
    assert galleries.aligned(true, read) == pairs


def test_grounds_tell_case_from_other_mistakes() -> None:
    assert galleries.ground("a", "a") == galleries.RIGHT
    assert galleries.ground("a", "A") == galleries.CASE
    assert {galleries.ground("a", "b"), galleries.ground("a", "")} == {galleries.WRONG}


def test_labels_by_group_and_by_length(tmp_path: Path, drawn: list[Figure]) -> None:
    plots.plot_labels(["7*3=?", "aB", "aa", "中文"], tmp_path / "labels.png")
    common, others, lengths = drawn[-1].axes
    assert [label.get_text() for label in common.get_xticklabels()] == list("37Ba*=?")
    assert [bar.get_height() for bar in common.patches] == [1, 1, 1, 3, 1, 1, 1]  # type: ignore
    assert {label.get_text() for label in others.get_xticklabels()} == {"中", "文"}
    heights = {
        round(bar.get_x() + bar.get_width() / 2): bar.get_height()  # type: ignore[attr-defined]
        for bar in lengths.patches
    }
    assert heights == {5: 1, 2: 3}
    assert "4 labels: 11 characters of 9 classes" in texts(drawn[-1])
    assert label_counts.group_of("中") == "others"


def test_many_chinese_characters_become_a_curve(tmp_path: Path, drawn: list[Figure]) -> None:
    labels = [chr(0x4E00 + i) for i in range(60)] + ["\u4e00"] * 3
    plots.plot_labels(labels, tmp_path / "labels.png")
    shown = texts(drawn[-1])
    assert "60 other characters, ranked" in shown
    assert any(text.startswith("most:  \u4e00") and "(4)" in text for text in shown)


def test_a_batch_shows_what_the_model_gets(tmp_path: Path, drawn: list[Figure]) -> None:
    images = np.stack([np.full((3, 32, 96), value, np.float32) for value in (-1.0, 0.0, 1.0)])
    plots.plot_batch(images, ["a", "b", "c"], tmp_path / "batch.png", count=2)
    (axes,) = drawn[-1].axes
    assert [int(np.asarray(image.get_array()).mean()) for image in axes.images] == [0, 128]
    assert "2 of 3 pictures of a batch, 96 x 32 pixels" in texts(drawn[-1])
    assert "c" not in texts(drawn[-1])


def test_reliability_names_the_calibration_error(tmp_path: Path, drawn: list[Figure]) -> None:
    bins = reliability_bins([0.9] * 10, [True] * 5 + [False] * 5)
    plots.plot_reliability(bins, tmp_path / "reliability.png")
    assert "Reliability: expected calibration error 40.0%" in texts(drawn[-1])
    accuracy, gap = drawn[-1].axes[0].patches
    assert accuracy.get_height() == pytest.approx(0.5)  # type: ignore[attr-defined]
    assert gap.get_height() == pytest.approx(0.4)  # type: ignore[attr-defined]


@pytest.mark.parametrize("count", [1, 4, 5, 6])
def test_only_panels_with_curves_have_axes(count: int, tmp_path: Path, drawn: list[Figure]) -> None:
    panel = plots.Panel("Noise", "level", [0, 1], {"a": [1.0, 0.5]})
    plots.plot_curves([panel] * count, tmp_path / "curves.png")
    assert sum(axes.axison for axes in drawn[0].axes) == count


def test_curves_of_many_models_can_be_told_apart(tmp_path: Path, drawn: list[Figure]) -> None:
    names = [f"model {number}" for number in range(7)]
    panel = plots.Panel("Noise", "level", [0, 1], {name: [1.0, 0.5] for name in names})
    plots.plot_curves([panel], tmp_path / "curves.png")
    looks = {(line.get_color(), line.get_linestyle()) for line in drawn[0].axes[0].get_lines()}
    assert len(looks) == len(names)


def test_curves_over_other_levels_share_no_panel(tmp_path: Path, drawn: list[Figure]) -> None:
    """Measured before the levels changed, a model's line would lie beside its steps."""
    curve = {"levels": [0, 10], "all": [1.0, 0.5]}
    old = {"noise": {"levels": [0, 20], "all": [1.0, 0.4]}, "blur": curve}
    robustness = {"a": {"curves": {"noise": curve, "blur": curve}}, "b": {"curves": old}}
    draw_curves(robustness, tmp_path / "curves.png")
    shown = [axes for axes in drawn[0].axes if axes.axison]
    assert [axes.get_title(loc="left") for axes in shown] == ["Blur"]
