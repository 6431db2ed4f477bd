"""What every reader of an exported model needs around it: a picture to an array, logits to a text.

numpy and Pillow, nothing else of this project: copy it. It computes what `captcha_ocr` does, and
leaves out what that checks: give it still PNG or JPEG pictures of 8 bits that you trust.
"""

import json
from pathlib import Path

import numpy as np
from PIL import Image


def describe(weights):
    """The .json beside a model: its characters, and how it wants its pictures."""
    return json.loads(Path(weights).with_suffix(".json").read_text(encoding="utf-8"))


def prepare(file, info):
    """A picture as float32 (1, C, H, W) in [-1, 1]: scaled to the model's height, aspect kept."""
    config = info["image"]
    height, multiple = config["height"], config["pad_multiple"]
    image = Image.open(file).convert("RGBA")
    white = Image.new("RGBA", image.size, "white")  # what is transparent lies on it
    image = Image.alpha_composite(white, image).convert("RGB")
    if config["channels"] == 1:
        image = image.convert("L")
    exact = (2 * image.width * height + image.height) // (2 * image.height)  # halves up
    width = max(1, min(exact, config["max_width"]))
    pixels = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
    pixels = pixels.reshape(height, width, config["channels"])
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    ground = np.sort(border, axis=0)[len(border) // 2]  # the background: the border's median
    missing = -width % multiple
    filler = np.broadcast_to(ground, (height, missing, config["channels"]))
    pixels = np.concatenate([pixels, filler], axis=1)
    # In this order in memory too: ncnn asks for no other.
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], dtype=np.float32) / 127.5 - 1


def decode(logits, info):
    """The text of logits (T, classes): the best class of each column, repeats joined, blanks (0)
    dropped."""
    best = logits.argmax(axis=1)
    starts = best[np.flatnonzero(np.diff(best, prepend=-1))]
    return "".join(info["charset"][label - 1] for label in starts if label)
