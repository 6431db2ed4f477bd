"""Pictures in rows, with their texts below: a batch, and the surest mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from rapidfuzz.distance import Levenshtein

from captcha_ocr.evaluation import Evaluation
from captcha_ocr.plots.canvas import FAINT, GREY, INK, figure, point_canvas, say_nothing_to_show
from captcha_ocr.plots.glyphs import Glyphs
from captcha_ocr.tables import display_width

# In points, 72 to an inch. The origin of a picture is its lower left corner.
WIDTH, MARGIN, GAP, TITLE = 720.0, 12.0, 10.0, 30.0
COLUMNS = 6
MAX_PAIRS = 100  # of characters in a cell; more would be smaller than a dot, and take minutes
CELL = (WIDTH - 2 * MARGIN + GAP) / COLUMNS - GAP
LINE = 14.0  # of text
ADVANCE = 0.602  # of a character in DejaVu Sans Mono, in font sizes
RIGHT, CASE, WRONG = "none", "#fbe3bd", "#f7c6c1"  # grounds behind a character


def plot_worst(
    evaluation: Evaluation, path: Path, count: int = 48, *, fold_case: bool = False
) -> None:
    """The surest mistakes: picture, drawn text, read text, confidence.

    Characters that differ stand on red, on orange where only their case does; an empty place is a
    character that was missed or made up. ``fold_case`` leaves out texts that differ in case alone.
    """
    wrong = evaluation.wrong(fold_case=fold_case)
    shown = wrong[:count]
    rows = max(1, -(-len(shown) // COLUMNS))
    height = 46 + 2 * LINE + GAP  # of a row
    with figure(path, WIDTH / 72, (TITLE + rows * height + MARGIN) / 72) as drawn:
        if not shown:
            say_nothing_to_show(drawn, "no mistakes")
            return
        axes = point_canvas(drawn)
        glyphs = Glyphs("".join(evaluation.texts[i] + evaluation.targets[i] for i in shown))
        title = f"The {len(shown)} surest of {len(wrong):,} mistakes in {len(evaluation.texts):,}"
        _title(axes, f"{title} pictures")
        for number, index in enumerate(shown):
            x, y = _corner(axes, number, height)
            picture = np.asarray(evaluation.store.open(index))
            _picture(axes, picture, x, y + 2 * LINE + 2, 44)
            _comparison(axes, evaluation, index, (x, y), glyphs)


def plot_batch(images: np.ndarray, texts: Sequence[str], path: Path, *, count: int = 24) -> None:
    """The first pictures of a batch as the model gets them, with their labels.

    ``images`` is (N, C, H, W) float32 in [-1, 1], grey or colour.
    """
    pictures = np.asarray(images, np.float32)[:count]
    if pictures.ndim != 4 or pictures.shape[1] not in (1, 3) or len(images) != len(texts):
        raise ValueError(
            f"got images of shape {np.shape(images)} for {len(texts)} texts; "
            "expected (N, 1 or 3, H, W) and N texts"
        )
    pixels = ((pictures.clip(-1, 1) + 1) * 127.5).round().astype(np.uint8).transpose(0, 2, 3, 1)
    rows = max(1, -(-len(pixels) // COLUMNS))
    height = 46 + LINE + GAP
    with figure(path, WIDTH / 72, (TITLE + rows * height + MARGIN) / 72) as drawn:
        if not len(pixels):
            say_nothing_to_show(drawn, "an empty batch")
            return
        axes = point_canvas(drawn)
        glyphs = Glyphs(texts[: len(pixels)])
        size = " x ".join(map(str, reversed(pictures.shape[2:])))
        _title(axes, f"{len(pixels)} of {len(texts)} pictures of a batch, {size} pixels")
        for number, (picture, text) in enumerate(zip(pixels, texts)):
            x, y = _corner(axes, number, height)
            _picture(axes, picture, x, y + LINE + 2, 44)
            tokens = [glyphs.show_char(char) for char in text]
            _tokens(axes, tokens, [_columns(t) for t in tokens], (x, y), CELL, glyphs)


def aligned(true: str, read: str) -> list[tuple[str, str]]:
    """Both texts character by character; "" where one of them has none."""
    pairs: list[tuple[str, str]] = []
    for part in Levenshtein.opcodes(true, read):
        drawn, found = true[part.src_start : part.src_end], read[part.dest_start : part.dest_end]
        pairs += zip_longest(drawn, found, fillvalue="")
    return pairs


def _title(axes: Axes, text: str) -> None:
    axes.text(MARGIN, axes.get_ylim()[1] - 20, text, fontsize=13, fontweight="bold")


def _corner(axes: Axes, number: int, height: float) -> tuple[float, float]:
    """Lower left corner of a cell; cells run from left to right, then down."""
    row, column = divmod(number, COLUMNS)
    return MARGIN + column * (CELL + GAP), axes.get_ylim()[1] - TITLE - (row + 1) * height + GAP


def _picture(axes: Axes, pixels: np.ndarray, x: float, y: float, height: float) -> None:
    """``pixels`` (H, W, 1 or 3) as large as fits into CELL x height, at the lower left."""
    high, wide = pixels.shape[:2]
    scale = min(CELL / wide, height / high)
    box = (x, x + wide * scale, y, y + high * scale)
    grey = pixels.shape[2:] == (1,)
    axes.imshow(
        pixels[..., 0] if grey else pixels,
        cmap="gray" if grey else None,
        vmin=0,
        vmax=255,
        extent=box,
        aspect="auto",
        interpolation="bilinear",
        origin="upper",
    )
    frame = Rectangle((x, y), wide * scale, high * scale, fill=False, edgecolor=FAINT, linewidth=1)
    axes.add_patch(frame)


def _comparison(
    axes: Axes, evaluation: Evaluation, index: int, corner: tuple[float, float], glyphs: Glyphs
) -> None:
    """The two lines below a picture, a column an aligned pair of characters."""
    x, y = corner
    pairs = aligned(evaluation.targets[index], evaluation.texts[index])[:MAX_PAIRS]
    shown = [[glyphs.show_char(char) if char else "" for char in pair] for pair in pairs]
    columns = [max(map(_columns, pair)) for pair in shown]
    grounds = [ground(*pair) for pair in pairs]
    for name, side, base in (("drawn", 0, y + LINE), ("read", 1, y)):
        axes.text(x, base + 3, name, fontsize=7, color=GREY)
        tokens = [pair[side] for pair in shown]
        _tokens(axes, tokens, columns, (x + 26, base), CELL - 62, glyphs, grounds)
    confidence = evaluation.readings[index].confidence
    axes.text(x + CELL, y + 3, f"{confidence:.1%}", fontsize=8, color=GREY, ha="right")


def ground(true: str, read: str) -> str:
    """The colour behind a pair of characters."""
    if true == read:
        return RIGHT
    return CASE if true and read and true.casefold() == read.casefold() else WRONG


def _columns(token: str) -> float:
    """Room for a character, in widths of a letter: more for Chinese, and for a code point."""
    return len(token) + 0.5 if len(token) > 1 else 1.75 if display_width(token) > 1 else 1.0


def _tokens(
    axes: Axes,
    tokens: Sequence[str],
    columns: Sequence[float],
    corner: tuple[float, float],
    width: float,
    glyphs: Glyphs,
    grounds: Sequence[str] = (),
) -> None:
    """Characters in columns, smaller where ``width`` points would not hold them."""
    x, y = corner
    size = min(11.0, width / (ADVANCE * 1.1 * max(1, sum(columns))))
    font = glyphs.font(size)
    for number, (token, taken) in enumerate(zip(tokens, columns)):
        step = taken * size * ADVANCE * 1.1
        if grounds and grounds[number] != RIGHT:
            colour = grounds[number]
            axes.add_patch(Rectangle((x, y), step, LINE - 1, facecolor=colour, edgecolor="none"))
        axes.text(x + step / 2, y + 3.5, token, fontproperties=font, ha="center", color=INK)
        x += step
