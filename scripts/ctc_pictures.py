"""The pictures of the tutorial's first chapter: paths, lattices, a model's columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from captcha_ocr.imaging import open_image, pad, scale
from captcha_ocr.plots.canvas import BLUE, GREY, ORANGE, figure
from captcha_ocr.plots.glyphs import Glyphs
from matplotlib.axes import Axes

Names = dict[str, Any]  # the variables of a chapter after its last cell


def draw_texts(names: Names, path: Path) -> None:
    """A bar a text, a piece of it a path."""
    ranking = names["ranking"][:7]
    with figure(path, 8, 3, title="81 paths, and the texts they spell") as drawn:
        axes = drawn.add_subplot()
        for row, text in enumerate(ranking):
            pieces = sorted(names["paths_of"][text], reverse=True)
            lefts = np.cumsum([0, *pieces[:-1]])
            colour = ORANGE if row == 0 else BLUE
            axes.barh(row, pieces, left=lefts, color=colour, edgecolor="white", height=0.7)
            note = f"{sum(pieces):.3f} = {len(pieces)} paths, the best of them {pieces[0]:.3f}"
            axes.text(sum(pieces) + 0.005, row, note, va="center", fontsize=9)
        axes.set_yticks(range(len(ranking)), ranking, family="monospace", fontsize=12)
        axes.set(xlim=(0, 0.75), ylim=(len(ranking) - 0.5, -0.5), xlabel="probability")
        axes.grid(visible=False, axis="y")


def draw_lattices(names: Names, path: Path) -> None:
    with figure(path, 9, 3.6) as drawn:
        for axes, text in zip(drawn.subplots(1, 2), ("ab", "aa")):
            draw_lattice(axes, text, names["probs"])


def draw_lattice(axes: Axes, text: str, probs: np.ndarray) -> None:
    """The states of a text over the columns, alpha in each, and the moves that are allowed."""
    states = f"-{text[0]}-{text[1]}-"
    labels = ["-ab".index(char) for char in states]
    alpha = np.zeros((len(probs), len(states)))
    alpha[0, :2] = probs[0, labels[:2]]
    arrow = {"arrowstyle": "-|>", "color": GREY, "shrinkA": 12, "shrinkB": 12, "linewidth": 1}
    for t in range(1, len(probs)):
        for s in range(len(states)):
            skip = s >= 2 and states[s] != "-" and states[s] != states[s - 2]
            froms = [before for before in (s, s - 1) if before >= 0] + [s - 2] * skip
            alpha[t, s] = alpha[t - 1, froms].sum() * probs[t, labels[s]]
            for before in froms:
                if alpha[t - 1, before] > 0:
                    axes.annotate("", (t, s), (t - 1, before), arrowprops=arrow)
    for t, s in np.argwhere(alpha > 0):
        ends = t == len(probs) - 1 and s >= len(states) - 2
        axes.plot(t, s, "o", markersize=25, color=ORANGE if ends else BLUE)
        axes.text(t, s, f"{alpha[t, s]:.3f}"[1:], ha="center", va="center", color="white")
    total = alpha[-1, -2:].sum()
    axes.set_title(f"{text}: the orange ones add up to {total:.3f}")
    axes.set_yticks(range(len(states)), states, family="monospace", fontsize=12)
    axes.set_xticks(range(len(probs)), [f"column {t + 1}" for t in range(len(probs))])
    axes.set(xlim=(-0.4, len(probs) - 0.6), ylim=(len(states) - 0.4, -0.6))
    axes.grid(visible=False)


def draw_reading(names: Names, path: Path) -> None:
    """A picture as the model gets it, and the classes that are likely somewhere, by column."""
    predictor, read = names["predictor"], names["read"]
    image = predictor.info.image
    picture = pad(scale(open_image(names["picture"]), image), image)  # (H, W, C)
    probabilities = np.exp(read.log_probs)  # (T, C)
    symbols = "-" + "".join(predictor.info.charset.symbols)
    likely = [c for c in np.argsort(-probabilities.max(axis=0)) if probabilities[:, c].max() > 0.05]
    rows = [0, *sorted(c for c in likely[:9] if c)]
    glyphs = Glyphs(symbols[c] for c in rows)
    stride = predictor.info.width_stride
    with figure(path, 9, 4, title=f"{read.text}, {read.confidence:.1%}") as drawn:
        upper, lower = drawn.subplots(2, 1, sharex=True, height_ratios=(2, 2))
        upper.imshow(picture.squeeze(), cmap="gray", vmin=0, vmax=255, aspect="auto")
        upper.axis("off")
        for x in range(0, picture.shape[1] + 1, stride):
            upper.axvline(x - 0.5, color=BLUE, linewidth=0.6)
        extent = (-0.5, picture.shape[1] - 0.5, len(rows) - 0.5, -0.5)
        lower.imshow(
            probabilities[:, rows].T, cmap="Blues", vmin=0, vmax=1, aspect="auto", extent=extent
        )
        lower.set_yticks(range(len(rows)), [glyphs.show(symbols[c]) for c in rows])
        lower.set_yticklabels(lower.get_yticklabels(), fontproperties=glyphs.font(11))
        middles = np.arange(len(probabilities)) * stride + stride / 2 - 0.5
        lower.set_xticks(middles, range(1, len(middles) + 1), fontsize=8)
        lower.set_xlabel("column")
        lower.grid(visible=False)
