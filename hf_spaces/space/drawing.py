"""A reading as HTML: how sure each character is, and the heat map of the model's columns.

The browser's own fonts write the characters, so that Chinese needs no font on the server.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape

from captcha_ocr.web.schemas import CharacterModel, Explanation, Reading
from PIL import Image

COLUMN, ROW, LEFT, GAP = 12, 20, 26, 8  # units of the drawing
PICTURE_HEIGHTS = (36, 120)  # least and most
FAINTEST = 0.01  # a probability below this is not drawn
BLANK = "∅"


def characters_html(characters: Sequence[CharacterModel]) -> str:
    """A tile a character, with its confidence as a bar and in words."""
    tiles = (
        f'<li><b>{_shown(c.char)}</b><meter min="0" max="1" low="0.5" high="0.8" optimum="1" '
        f'value="{c.confidence}"></meter><span>{c.confidence:.1%}</span></li>'
        for c in characters
    )
    return f'<ol class="characters">{"".join(tiles)}</ol>'


def heatmap_svg(reading: Reading, picture: Image.Image) -> str:
    """The picture, and below it a row for each likely character, column under column."""
    explanation = reading.explain
    if explanation is None:
        raise ValueError("a reading without its explanation; ask for explain=true")
    width = round(min(explanation.picture_columns, explanation.columns) * COLUMN)
    lowest, highest = PICTURE_HEIGHTS
    height = max(lowest, min(highest, round(width * picture.height / picture.width)))
    top = height + GAP
    total = (LEFT + explanation.columns * COLUMN + 2, top + len(explanation.rows) * ROW)
    drawn = [
        f'<image href="{_data_url(picture, (width, height))}" x="{LEFT}" width="{width}" '
        f'height="{height}" preserveAspectRatio="none"/>',
        *_field(explanation, top),
        *_spans(reading.characters, explanation, top),
    ]
    label = f"{len(explanation.rows)} × {explanation.columns}: {escape(reading.text)}"
    return (
        f'<div class="heatmap"><svg viewBox="0 0 {total[0]} {total[1]}" role="img" '
        f'aria-label="{label}" style="min-width:{total[0]}px;max-width:{2 * total[0]}px">'
        f"{''.join(drawn)}</svg></div>"
    )


def _field(explanation: Explanation, top: int) -> list[str]:
    """The rows: a character at the left, a cell for each column where it is noticeable."""
    parts = []
    for number, row in enumerate(explanation.rows):
        y = top + number * ROW
        char = _shown(row.char or BLANK)
        parts.append(f'<text x="{LEFT / 2}" y="{y + ROW * 0.75}">{char}</text>')
        parts.append(
            f'<rect class="row" x="{LEFT}" y="{y}" width="{explanation.columns * COLUMN}" '
            f'height="{ROW}"/>'
        )
        parts += [
            f'<rect class="{"cell" if row.char else "blank"}" x="{LEFT + column * COLUMN}" '
            f'y="{y}" width="{COLUMN}" height="{ROW}" fill-opacity="{p:.2f}">'
            f"<title>{char} {p:.1%}, {column + 1}</title></rect>"
            for column, p in enumerate(row.p)
            if p >= FAINTEST
        ]
    return parts


def _spans(characters: Sequence[CharacterModel], explanation: Explanation, top: int) -> list[str]:
    """A frame round the columns that each character of the text was read from."""
    number = {row.char: index for index, row in enumerate(explanation.rows)}
    return [
        f'<rect class="span" x="{LEFT + c.start * COLUMN}" y="{top + number[c.char] * ROW}" '
        f'width="{(c.end - c.start) * COLUMN}" height="{ROW}" rx="3"/>'
        for c in characters
    ]


def path_text(symbols: Sequence[str]) -> str:
    """The likeliest character of each column in a line; ∅ is the blank."""
    return " ".join(symbol or BLANK for symbol in symbols)


def _shown(char: str) -> str:
    """Safe in HTML, and visible: a space would look like nothing."""
    return escape("␣" if char == " " else char)


def _data_url(picture: Image.Image, size: tuple[int, int]) -> str:
    file = io.BytesIO()
    picture.resize(size).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
