"""Sources of drawn noise, and merges of them on the command line."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from captcha_ocr.cli.merge import main
from captcha_ocr.imaging import open_image
from captcha_ocr.labels import read_labels
from PIL import Image

Sample = dict[str, tuple[int, str]]  # file -> (number of the drawing, label)
CONFLICTING: Sample = {"1.png": (1, "a"), "2.png": (2, "b"), "3.png": (1, "A")}


def picture(number: int, size: tuple[int, int] = (40, 16)) -> np.ndarray:
    """A picture that differs from those of other numbers: uint8 (H, W, 3)."""
    return np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)


def encode(pixels: np.ndarray, suffix: str = ".png", **options: object) -> bytes:
    buffer = io.BytesIO()
    kind = {".png": "PNG", ".bmp": "BMP", ".gif": "GIF", ".jpg": "JPEG"}[suffix]
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def write_source(root: Path, sample: Sample, manifest: bool = True) -> Path:
    (root / "images").mkdir(parents=True)
    with (root / "labels.txt").open("w", encoding="utf-8") as labels:
        for file, (number, label) in sample.items():
            path = root / "images" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode(picture(number), path.suffix))
            labels.write(f"{file}\t{label}\n")
    if manifest:
        with (root / "manifest.jsonl").open("w", encoding="utf-8") as records:
            for file, (number, label) in sample.items():
                record = {"file": file, "label": label, "kind": "spec", "seed": number}
                earlier = {"style": "of an earlier merge", "origin": "b/1.png"}
                records.write(json.dumps(record | earlier) + "\n")
    return root


class Merge:
    """Sources by name, and a call of the command line in a folder of its own."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self._capsys = root, capsys
        self.train, self.test = root / "out" / "train", root / "out" / "test"
        self.error = ""

    def source(self, name: str, sample: Sample, manifest: bool = True) -> Path:
        return write_source(self.root / name, sample, manifest)

    def __call__(self, *arguments: str, train: list[str], test: tuple[str, ...] = ()) -> int:
        command = ["--train-dest", str(self.train), "--workers", "1", *arguments]
        for name in train:
            command += ["--train-src", "easy", str(self.root / name)]
        if test:
            command += ["--test-dest", str(self.test)]
        for name in test:
            command += ["--test-src", "easy", str(self.root / name)]
        code = main(command)
        self.output, self.error = self._capsys.readouterr()
        return code

    def left_out(self) -> list[dict[str, object]]:
        text = (self.train / "left_out.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]


def contents(root: Path) -> set[tuple[bytes, str]]:
    """(pixels, label) of every row; each picture must be there."""
    return {
        (open_image(root / "images" / row.file).tobytes(), row.text)
        for row in read_labels(root / "labels.txt")
    }


def labels(root: Path) -> list[str]:
    return [row.text for row in read_labels(root / "labels.txt")]
