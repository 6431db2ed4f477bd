"""A benchmark set of bars, which the tiny model reads without error: every part and column."""

from __future__ import annotations

import json
from pathlib import Path

from captcha_ocr.benchmarking.columns import COLUMNS, LEVELS, PARTS
from captcha_ocr.labels import IMAGES_DIR, LABELS_FILE, MANIFEST_FILE, Label, write_labels
from drawing import draw_barcode

TEXTS = {
    "easy-text": ("Ab12", "aB34"),
    "easy-cn": ("中文中", "文中文"),
    "easy-arith": ("1+2=?", "7-4=?"),
    "ctext": ("A1b2", "B3a4"),
    "ruoyi": ("7*3=?", "8/2=?"),
}


def write_benchmark_set(root: Path) -> Path:
    """Two pictures of each column in each part, and at each level of the difficulty part."""
    (root / IMAGES_DIR).mkdir(parents=True)
    labels, records = [], []
    for part in PARTS:
        for column in COLUMNS.values():
            for level in LEVELS if part == "difficulty" else (0.5,):
                for number, text in enumerate(TEXTS[column.key]):
                    name = f"{part}_{column.key}_{level:g}_{number}.png"
                    draw_barcode(text).save(root / IMAGES_DIR / name)
                    labels.append(Label(name, text))
                    fields = {"style": column.style, "kind": column.kinds[0], "part": part}
                    fields["font"] = ("Sora + Arimo Bold", "Sora")[number]
                    fields |= {"difficulty": level, "ambiguous": "A" if "A" in text else ""}
                    records.append({"file": name, "label": text, **fields})
    write_labels(root / LABELS_FILE, labels)
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    (root / MANIFEST_FILE).write_text(lines, encoding="utf-8")
    return root
