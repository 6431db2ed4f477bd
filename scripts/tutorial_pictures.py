"""Draw the tutorial's pictures, assets/tutorial/*.png, from what its chapters compute.

    python scripts/tutorial_pictures.py                # all of them
    python scripts/tutorial_pictures.py 1-ctc          # those of one chapter

A chapter's cells run first, and its pictures are drawn from their variables: a picture shows the
figures that stand beside it.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import missing

with missing.in_one_line():
    import matplotlib
    import numpy as np
    import torch
    from captcha_ocr.cli.common import Arguments, command
    from captcha_ocr.config import ConfigError
    from captcha_ocr.imaging import open_image
    from captcha_ocr.plots.canvas import BLUE, GREEN, ORANGE, RED, figure
    from ctc_pictures import Names, draw_lattices, draw_reading, draw_texts
    from matplotlib.patches import Rectangle
    from notebooks import TUTORIAL, cells

ASSETS = TUTORIAL.parents[1] / "assets" / "tutorial"


def computed(chapter: str) -> Names:
    """The variables of a chapter after its last cell."""
    names: Names = {"__name__": chapter}
    code = "\n".join(code for code, _ in cells(TUTORIAL / f"{chapter}.md"))
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(code, chapter, "exec"), names)
    return names


# The parts of each network whose feature maps are drawn, bottom to top.
WALKS = {
    "vanilla_crnn": ["cnn.3", "cnn.7", "cnn.14", "cnn.21", "cnn.24"],
    "crnn_resnet34": ["stem", "stages.0", "stages.1", "stages.2", "stages.3"],
    "svtr_tiny": ["patch", "merges.0", "merges.1"],
}


def draw_models(names: Names, path: Path) -> None:
    """Feature maps to scale, from left to right, with their channels below."""
    with figure(path, 9, 4.2) as drawn:
        for axes, (arch, parts) in zip(drawn.subplots(3, 1, sharex=True), WALKS.items()):
            model = names["fresh"](arch)
            shapes = [("picture", (model.in_channels, 32, 88)), *feature_maps(model, parts)]
            x = 0.0
            for name, (channels, height, width) in shapes:
                axes.add_patch(Rectangle((x, -height / 2), width, height, color=BLUE, alpha=0.35))
                axes.text(x, -25, f"{name}\n{channels} x {height} x {width}", fontsize=7, va="top")
                x += max(width, 44) + 18
            axes.set(xlim=(0, 500), ylim=(-44, 20))
            axes.set_title(arch, fontsize=10)
            axes.axis("off")


def feature_maps(model: torch.nn.Module, parts: list[str]) -> list[tuple[str, tuple[int, ...]]]:
    found: list[tuple[str, tuple[int, ...]]] = []
    for name in parts:

        def note(_: Any, __: Any, made: torch.Tensor, name: str = name) -> None:
            found.append((name, tuple(made.shape[1:])))

        model.get_submodule(name).register_forward_hook(note)
    with torch.inference_mode():
        model(torch.zeros(1, model.in_channels, 32, 88))
    return found


def draw_preprocessing(names: Names, path: Path) -> None:
    """A picture before and after: what is added on the right is framed, columns are marked."""
    picture, scaled, padded = names["picture"], names["scaled"], names["padded"]
    stride = names["predictor"].info.width_stride
    with figure(path, 9, 1.6) as drawn:
        steps = drawn.subplots(1, 3)
        for axes, pixels, name in zip(
            steps,
            (np.asarray(picture), scaled, padded),
            ("open_image: {1} x {0}, colour", "scale: {1} x {0}, grey", "pad: {1} x {0}"),
        ):
            axes.imshow(pixels.squeeze(), cmap="gray", vmin=0, vmax=255)
            axes.set_title(name.format(*pixels.shape), fontsize=10)
            axes.axis("off")
        for x in range(0, padded.shape[1] + 1, stride):
            steps[2].axvline(x - 0.5, color=BLUE, linewidth=0.5)
        left, width = scaled.shape[1] - 0.5, padded.shape[1] - scaled.shape[1]
        steps[2].add_patch(Rectangle((left, -0.5), width, len(padded), color=ORANGE, alpha=0.5))


def draw_own_style(names: Names, path: Path) -> None:
    with figure(path, 9, 2) as drawn:
        for seed, axes in enumerate(drawn.subplots(2, 4).flat):
            axes.imshow(open_image(names["root"] / "images" / f"{seed:04}.png"))
            axes.axis("off")


def draw_dial(names: Names, path: Path) -> None:
    """The same texts at each difficulty, and what was read in them."""
    read = names["levels"]
    keys = list(zip(read.keys("style"), read.targets, read.keys("difficulty")))
    texts = [
        next(key[:2] for key in keys if key[0] == style) for style in ("easy", "ctext", "ruoyi")
    ]
    levels = sorted({key[2] for key in keys})
    with figure(path, 9, 3) as drawn:
        panels = drawn.subplots(len(texts), len(levels), squeeze=False)
        for row, text in zip(panels, texts):
            for axes, level in zip(row, levels):
                index = keys.index((*text, level))
                axes.imshow(read.store.open(index))
                colour = GREEN if read.texts[index] == read.targets[index] else RED
                axes.set_title(read.texts[index], fontsize=9, color=colour, loc="center")
                axes.axis("off")
        for axes, level in zip(panels[-1], levels):
            axes.text(
                0.5, -0.15, f"difficulty {level:g}", transform=axes.transAxes, ha="center", va="top"
            )


def copy_results(names: Names, path: Path) -> None:
    shutil.copyfile(names["results"], path)


PICTURES = {
    "1-ctc": {
        "ctc-texts.png": draw_texts,
        "ctc-lattice.png": draw_lattices,
        "ctc-picture.png": draw_reading,
    },
    "2-models": {"models.png": draw_models},
    "3-preprocessing": {"preprocessing.png": draw_preprocessing},
    "4-training": {"training-too-little.png": copy_results},
    "5-your-own": {"own-style.png": draw_own_style},
    "6-strength": {"strength-dial.png": draw_dial},
}


@command
def main(argv: Arguments = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", help=", ".join(PICTURES))
    wanted = parser.parse_args(argv).chapters or list(PICTURES)
    unknown = [chapter for chapter in wanted if chapter not in PICTURES]
    if unknown:
        raise ConfigError(f"no pictures of {unknown}; choose from {', '.join(PICTURES)}")
    matplotlib.use("agg")
    os.chdir(TUTORIAL)  # where the chapters find their files
    ASSETS.mkdir(parents=True, exist_ok=True)
    for chapter in wanted:
        names = computed(chapter)
        for picture, draw in PICTURES[chapter].items():
            draw(names, ASSETS / picture)
            print(ASSETS / picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
