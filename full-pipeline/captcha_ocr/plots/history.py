"""How a run went: a curve for each figure of metrics.csv."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, LogLocator, PercentFormatter, StrMethodFormatter

from captcha_ocr.plots.canvas import BLUE, GREEN, GREY, ORANGE, figure, say_nothing_to_show

Rows = Sequence[Mapping[str, Any]]


def plot_history(history: Rows, path: Path, *, fold_case: bool = False) -> None:
    """Loss, exact match, CER and learning rate over the pictures learned from.

    ``fold_case`` rings the best exact match with case folded, which chose the weights then.
    ``history`` holds a row an evaluation, with the columns of metrics.csv; values may be texts.
    """
    with figure(path, 10, 6.5) as drawn:
        if not history:
            say_nothing_to_show(drawn, "no evaluation yet")
            return
        (loss, exact), (cer, rate) = drawn.subplots(2, 2, sharex=True)
        _curve(loss, history, "train_loss", GREY, "training")
        _curve(loss, history, "val_loss", BLUE, "validation")
        _finish(loss, "CTC loss, nats a picture", logarithmic=_spread(history) > 30)
        _curve(exact, history, "exact_match_folded", ORANGE, "case folded")
        _curve(exact, history, "exact_match", BLUE, "exact match")
        _finish(exact, "Exact match", per_cent=True)
        exact.set_ylim(-0.02, 1.02)
        _mark_best(exact, history, "exact_match_folded" if fold_case else "exact_match")
        _curve(cer, history, "cer", BLUE, "validation")
        _finish(cer, "Character error rate", per_cent=True)
        cer.set_ylim(bottom=0)
        _curve(rate, history, "lr", BLUE, "learning rate")
        _finish(rate, "Learning rate")
        rate.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        rate.set_ylim(bottom=0)
        for axes in (cer, rate):
            axes.set_xlabel("pictures learned from")
            axes.xaxis.set_major_formatter(EngFormatter(sep=""))


def _points(history: Rows, name: str) -> list[tuple[float, float]]:
    """(pictures, value) of the rows where the value is a finite number."""
    pairs = [(float(row["pictures"]), float(row[name])) for row in history if name in row]
    return [pair for pair in pairs if math.isfinite(pair[1])]


def _curve(axes: Axes, history: Rows, name: str, colour: str, label: str) -> None:
    points = _points(history, name)
    marker = "o" if len(points) <= 40 else ""
    if points:
        axes.plot(*zip(*points), color=colour, label=label, marker=marker)


def _finish(axes: Axes, title: str, *, per_cent: bool = False, logarithmic: bool = False) -> None:
    axes.set_title(title)
    if logarithmic:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.yaxis.set_minor_formatter("")
    if per_cent:
        axes.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    if len(axes.get_lines()) > 1:
        axes.legend(loc="best")


def _spread(history: Rows) -> float:
    """Largest over smallest loss: many decades need a logarithmic axis."""
    values = [y for name in ("train_loss", "val_loss") for _, y in _points(history, name) if y > 0]
    return max(values) / min(values) if values else 1.0


def _mark_best(axes: Axes, history: Rows, name: str) -> None:
    points = _points(history, name)
    x, y = max(points, key=lambda point: point[1], default=(0.0, 0.0))
    if y > 0:
        axes.plot(x, y, marker="o", markersize=9, color=GREEN, fillstyle="none", linestyle="")
        below = y > 0.5
        axes.annotate(
            f"best {y:.1%}",
            (x, y),
            xytext=(0, -14 if below else 10),
            textcoords="offset points",
            ha="right" if x > points[0][0] else "left",
            va="top" if below else "bottom",
            color=GREEN,
            fontweight="bold",
        )
