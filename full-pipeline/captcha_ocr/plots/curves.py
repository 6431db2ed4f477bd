"""Figures over a few steps, for several models: one panel a question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from captcha_ocr.plots.canvas import BLUE, GREEN, GREY, ORANGE, RED, figure, say_nothing_to_show

COLOURS = (BLUE, ORANGE, GREEN, RED, GREY)
DASHES = ("-", "--", ":", "-.")  # the next one when all colours are taken
PER_ROW = 3


@dataclass(frozen=True)
class Panel:
    """``curves``: name -> a value for each of ``steps``, which stand at equal distances."""

    title: str
    step_name: str
    steps: Sequence[float]
    curves: Mapping[str, Sequence[float]]
    per_cent: bool = True  # else plain numbers from 0


def plot_curves(panels: Sequence[Panel], path: Path) -> None:
    """All panels in one picture. A name has the same colour and dashes in each of them."""
    rows = max(1, -(-len(panels) // PER_ROW))
    names = list(dict.fromkeys(name for panel in panels for name in panel.curves))
    with figure(path, 10, 2.9 * rows + 0.4) as drawn:
        if not names:
            say_nothing_to_show(drawn, "nothing was measured")
            return
        grid = drawn.subplots(rows, min(PER_ROW, len(panels)), squeeze=False).ravel()
        for axes, panel in zip(grid, panels):
            _panel(axes, panel, names)
        for axes in grid[len(panels) :]:
            axes.axis("off")
        handles = [
            line for line in grid[0].get_lines() if not str(line.get_label()).startswith("_")
        ]
        columns = min(len(names), len(COLOURS))
        drawn.legend(handles=handles, loc="outside lower center", ncols=columns)


def _panel(axes: Axes, panel: Panel, names: Sequence[str]) -> None:
    places = range(len(panel.steps))
    for number, name in enumerate(names):
        again, place = divmod(number, len(COLOURS))
        values = panel.curves.get(name, ())
        axes.plot(
            places[: len(values)],
            values,
            color=COLOURS[place],
            linestyle=DASHES[again % len(DASHES)],
            marker="o",
            label=name,
        )
    axes.set_title(panel.title)
    axes.set_xlabel(panel.step_name)
    axes.set_xticks(list(places), [f"{step:g}" for step in panel.steps])
    if panel.per_cent:
        axes.set_ylim(-0.02, 1.02)
        axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    else:
        axes.set_ylim(bottom=0)
