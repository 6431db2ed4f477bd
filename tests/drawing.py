"""Pictures for tests, drawn with Pillow alone: no generator, no font of the system."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Sequence
from pathlib import Path

from captcha_ocr.labels import IMAGES_DIR, LABELS_FILE, MANIFEST_FILE, Label, write_labels
from PIL import Image, ImageDraw, ImageFont

# What the model of tiny_model.py reads. Each symbol is a grey level of its own.
SYMBOLS = "0123456789+-*/=?ABab中文"
BAR = 8  # pixels a symbol is wide, and the gap behind it


def draw_picture(
    text: str, size: tuple[int, int] = (96, 32), ink: str = "black", paper: str = "white"
) -> Image.Image:
    """``text`` in Pillow's built-in font (ASCII only), centred."""
    image = Image.new("RGB", size, paper)
    font = ImageFont.load_default(size=size[1] * 0.7)
    ImageDraw.Draw(image).text((size[0] / 2, size[1] / 2), text, fill=ink, font=font, anchor="mm")
    return image


def draw_barcode(text: str) -> Image.Image:
    """``text`` as grey bars on white: a picture that the tiny model reads without error."""
    image = Image.new("RGB", (BAR * (2 * len(text) + 1), 32), "white")
    draw = ImageDraw.Draw(image)
    for number, char in enumerate(text):
        left = BAR * (2 * number + 1)
        grey = level(char)
        draw.rectangle((left, 0, left + BAR - 1, 31), fill=(grey, grey, grey))
    return image


def barcode(text: str) -> bytes:
    """`draw_barcode`, as a PNG file."""
    file = io.BytesIO()
    draw_barcode(text).save(file, "PNG")
    return file.getvalue()


def level(symbol: str) -> int:
    """The grey of a symbol, 0 to 231; 255 is the background, the model's blank."""
    return SYMBOLS.index(symbol) * 11


def write_sample_set(root: Path, count: int = 24, *, seed: int = 0) -> Path:
    """A data set root of easily read pictures, with labels and a manifest of two styles."""
    rng = random.Random(seed)
    (root / IMAGES_DIR).mkdir(parents=True)
    labels, records = [], []
    for number in range(count):
        style = ("digits", "sum")[number % 2]
        text = _random_text(rng, style)
        size = rng.choice([(96, 32), (120, 40)])
        name = f"{style}_{number:04d}.png"
        draw_picture(text, size).save(root / IMAGES_DIR / name)
        labels.append(Label(name, text))
        records.append(
            {
                "file": name,
                "label": text,
                "style": style,
                "kind": style,
                "font": "Pillow",
                "size": f"{size[0]}x{size[1]}",
                "seed": seed,
            }
        )
    write_labels(root / LABELS_FILE, labels)
    _write_lines(root / MANIFEST_FILE, [json.dumps(record) for record in records])
    return root


def _random_text(rng: random.Random, style: str) -> str:
    if style == "sum":
        return f"{rng.randrange(10)}+{rng.randrange(10)}=?"
    return "".join(rng.choice("0123456789") for _ in range(4))


def _write_lines(path: Path, lines: Sequence[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
