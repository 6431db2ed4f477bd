"""Reproduce the shipped weights from nothing: draw the pictures, merge them, train, ship.

    python scripts/train_models.py --arch vanilla_crnn
    python scripts/train_models.py --arch all --no-ship

A JDK (17 or newer), Maven and the fonts of fonts-debian-packages.txt draw. Killed half-way, the
same command goes on where it was. docs/recipe.md says how long it takes.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import missing

with missing.in_one_line():
    from captcha_ocr.cli.common import Arguments, command
    from captcha_ocr.cli.merge import main as merge
    from captcha_ocr.cli.train import main as train
    from captcha_ocr.cores import usable_cores
    from generators import REPOSITORY, build_tools, draw
    from ship_model import ship
    from shipped_recipe import FOLDERS, RECIPE, SETTINGS, STAGES, STYLES, Sets, Stage


@command
def main(argv: Arguments = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--arch", choices=(*STAGES, "all"), default="vanilla_crnn")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "full-pipeline" / "shipped")
    parser.add_argument("--no-ship", action="store_true", help="leave the package as it is")
    args = parser.parse_args(argv)
    out = args.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    archs = list(STAGES) if args.arch == "all" else [args.arch]
    for folder in dict.fromkeys(stage.sets for arch in archs for stage in STAGES[arch]):
        draw_sets(out / folder, out / "raw", FOLDERS[folder], SETTINGS)
    for arch in archs:
        run: Path | None = None
        for number, stage in enumerate(STAGES[arch], start=1):
            before, run = run, out / f"stage-{number}" / arch
            code = train_stage(stage, arch, out, run, before)
            if code:
                return code
        if run is not None and not args.no_ship:
            ship(run)
    return 0


def draw_sets(
    out: Path, raw: Path, sets: Sets, settings: Mapping[str, Mapping[str, Any]] = {}
) -> None:
    """``out/train`` and ``out/dev``, unless that was done: the merge writes both or neither.

    What is drawn stays in ``raw``, where other sets find it and a killed command goes on.
    ``settings`` of a source go to ``draw``.
    """
    if (out / "train").exists():
        return
    build_tools()
    arguments = ["--train-dest", str(out / "train"), "--test-dest", str(out / "dev")]
    for split, sources in sets.items():
        for source, (count, seed) in sources.items():
            style = STYLES.get(source, source)
            name = f"{source}-{seed}-{count}"
            draw(style, raw, name, count, seed, usable_cores(), **settings.get(source, {}))
            option = "--train-src" if split == "train" else "--test-src"
            arguments += [option, style, str(raw / name)]
    if merge([*arguments, "--copy-mode", "link", "--on-unknown", "drop", "--seed", "123"]):
        sys.exit("error: the sets could not be merged")


def train_stage(stage: Stage, arch: str, out: Path, run: Path, before: Path | None) -> int:
    if (run / f"{arch}.onnx").is_file():  # written last
        return 0
    if (run / "last.pt").is_file():
        return train(["--arch", arch, "--resume", str(run)])
    if run.exists():  # killed before the first save: a new run would get another name beside it
        shutil.rmtree(run)
    root = out / stage.sets
    data = ["--train-root", str(root / "train"), "--val-root", str(root / "dev")]
    start = ["--init-from", str(before / "best.safetensors")] if before else []
    options = [*RECIPE.split(), *stage.options.split(), "--epochs", str(stage.epochs)]
    return train(["--arch", arch, *data, *start, *options, "--out", str(run.parent)])


if __name__ == "__main__":  # worker processes import this file again on Windows and macOS
    sys.exit(main())
