"""What stands between a model and 100 %: its misread pictures, read once more by eye.

    python scripts/error_report.py --sheets DIR    # numbered pictures, without their labels
    python scripts/error_report.py                 # the tables, from benchmark/by_eye.tsv

Somebody looks at the sheets, writes what the pictures say into benchmark/by_eye.tsv (file, text;
`?` for a character that cannot be read), and only then sees the labels. The second command compares
the label, the model and the eye, and fills docs/errors.md and docs/errors.zh-CN.md.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from pathlib import Path

import missing

with missing.in_one_line():
    from captcha_ocr.benchmarking.columns import COLUMNS, column_of, part_of
    from captcha_ocr.benchmarking.pages import table, update_page
    from captcha_ocr.cli.common import Arguments, at_least, command
    from captcha_ocr.config import ConfigError
    from captcha_ocr.datasets.stores import FolderStore, Subset
    from captcha_ocr.evaluation import Evaluation, evaluate
    from captcha_ocr.labels import read_labels
    from captcha_ocr.predictor import load_predictors
    from generators import REPOSITORY
    from PIL import Image, ImageDraw

BENCHMARK = REPOSITORY / "benchmark"
BEST = "vanilla_crnn"  # whose mistakes the documents are of
BY_EYE = BENCHMARK / "by_eye.tsv"
PER_SHEET, ACROSS, CELL = 40, 5, (270, 110)  # pictures, pictures, pixels
# Much alike in many fonts, one glyph in some, when case does not count.
LOOKALIKES = str.maketrans({"0": "o", "1": "l", "i": "l"})

CAUSES = ("model", "lookalike", "eye")
PAGES = {
    "errors.md": {
        "": "pictures of",
        "test": "read",
        "wrong": "misread",
        "judged": "looked at",
        "model": "the eye reads them",
        "lookalike": "look-alikes",
        "eye": "the eye misreads them too",
        "all": "all of them",
    },
    "errors.zh-CN.md": {
        "": "图片",
        "test": "读了",
        "wrong": "读错",
        "judged": "人工看过",
        "model": "人眼能读对",
        "lookalike": "形似",
        "eye": "人眼也读错",
        "all": "全部",
    },
}


@command
def main(argv: Arguments = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--arch", default=BEST, help="whose mistakes the sheets show")
    parser.add_argument("--sheets", type=Path, metavar="DIR", help="draw them there")
    parser.add_argument("--count", type=at_least(1), default=80, help="pictures on the sheets (80)")
    args = parser.parse_args(argv)
    if args.arch != BEST and not args.sheets:
        raise ConfigError(f"the documents are of {BEST}; --arch goes with --sheets")
    evaluation = read_test_pictures(args.arch)
    if args.sheets:
        draw_sheets(evaluation, args.sheets, args.count)
    else:
        write_documents(evaluation)
    return 0


def read_test_pictures(arch: str) -> Evaluation:
    store = FolderStore(BENCHMARK)
    chosen = [i for i, record in enumerate(store.records) if part_of(record) == "test"]
    return evaluate(load_predictors([arch])[arch], Subset(store, chosen))


def draw_sheets(evaluation: Evaluation, folder: Path, count: int) -> None:
    """Sheets of misread pictures in random order, so that no style is expected, and their names."""
    folder.mkdir(parents=True, exist_ok=True)
    for earlier in folder.glob("sheet-*.png"):  # of another model, more of them: no names for these
        earlier.unlink()
    wrong = sorted(evaluation.wrong(fold_case=True))  # in order: which are drawn hangs on it
    chosen = random.Random(0).sample(wrong, min(count, len(wrong)))
    names = []
    for first in range(0, len(chosen), PER_SHEET):
        part = chosen[first : first + PER_SHEET]
        sheet = Image.new("RGB", (ACROSS * CELL[0], -(-len(part) // ACROSS) * CELL[1]), "white")
        pen = ImageDraw.Draw(sheet)
        for place, index in enumerate(part):
            left, top = place % ACROSS * CELL[0], place // ACROSS * CELL[1]
            picture = evaluation.store.open(index).convert("RGB")
            scale = min((CELL[0] - 10) / picture.width, (CELL[1] - 22) / picture.height)
            size = (round(picture.width * scale), round(picture.height * scale))
            sheet.paste(picture.resize(size, Image.Resampling.BICUBIC), (left + 5, top + 17))
            pen.text((left + 5, top + 3), str(first + place + 1), fill="black")
            names.append(evaluation.store.labels[index].file)
        sheet.save(folder / f"sheet-{first // PER_SHEET + 1}.png")
    (folder / "names.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    print(f"{len(chosen)} of {len(wrong)} misread pictures are in {folder}")


def cause(label: str, seen: str) -> str:
    """Whose mistake it is: of ``model``, when the eye read the label; perhaps of the font, when
    label and eye differ in LOOKALIKES alone (``lookalike``); else the eye could not either."""
    label, seen = label.casefold(), seen.casefold()
    if label == seen:
        return "model"
    alike = label.translate(LOOKALIKES) == seen.translate(LOOKALIKES)
    return "lookalike" if alike else "eye"


def write_documents(evaluation: Evaluation) -> None:
    seen = {label.file: label.text for label in read_labels(BY_EYE)}
    columns = [column_of(record) for record in evaluation.store.records]
    wrong = evaluation.wrong(fold_case=True)
    files = [label.file for label in evaluation.store.labels]
    targets = evaluation.targets
    judged = {i: cause(targets[i], seen[files[i]]) for i in wrong if files[i] in seen}
    for page, words in PAGES.items():
        lines = []
        for key in (*COLUMNS, "all"):
            of_column = [i for i, column in enumerate(columns) if key in (column, "all")]
            counts = Counter(judged[i] for i in of_column if i in judged)
            number = [len(of_column), len(set(of_column) & set(wrong)), sum(counts.values())]
            number += [counts[name] for name in CAUSES]
            lines.append([words.get(key, f"`{key}`"), *(f"{n:,}" for n in number)])
        header = [words[name] for name in ("", "test", "wrong", "judged", *CAUSES)]
        update_page(REPOSITORY / "docs" / page, {"errors": table(header, lines)})


if __name__ == "__main__":
    sys.exit(main())
