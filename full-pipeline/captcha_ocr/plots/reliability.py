"""Whether confidences mean what they say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from captcha_ocr.calibration import ReliabilityBin, calibration_error
from captcha_ocr.plots.canvas import BLUE, GREY, INK, RED, figure, say_nothing_to_show


def plot_reliability(bins: Sequence[ReliabilityBin], path: Path) -> None:
    """Accuracy over confidence; on the diagonal the two agree. See `reliability_bins`."""
    with figure(path, 6, 6.5) as drawn:
        if not bins:
            say_nothing_to_show(drawn, "nothing was read")
            return
        upper, lower = drawn.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        _reliability(upper, bins)
        _counts(lower, bins)
        upper.set_xlim(0, 1)
        drawn.legend(loc="outside lower center", ncols=2, fontsize=9)


def _reliability(axes: Axes, bins: Sequence[ReliabilityBin]) -> None:
    lefts = [b.lower for b in bins]
    widths = [b.upper - b.lower for b in bins]
    axes.bar(lefts, [b.accuracy for b in bins], widths, align="edge", color=BLUE, edgecolor="white")
    axes.bar(
        lefts,
        [b.confidence - b.accuracy for b in bins],
        widths,
        [b.accuracy for b in bins],
        align="edge",
        color=(0, 0, 0, 0),
        edgecolor=RED,
        hatch="////",
        linewidth=0,
        label="gap to the confidence",
    )
    axes.plot([0, 1], [0, 1], color=INK, linestyle="--", linewidth=1.2, label="perfect agreement")
    axes.set_title(f"Reliability: expected calibration error {calibration_error(bins):.1%}")
    axes.set(ylim=(0, 1), ylabel="of these were read right")
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))


def _counts(axes: Axes, bins: Sequence[ReliabilityBin]) -> None:
    total = sum(b.count for b in bins)
    axes.bar(
        [b.lower for b in bins],
        [b.count / total for b in bins],
        [b.upper - b.lower for b in bins],
        align="edge",
        color=GREY,
        edgecolor="white",
    )
    axes.set(xlabel="confidence of the text", ylabel="share of pictures")
    axes.set_title(f"{total:,} pictures", fontsize=10)
    axes.xaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
