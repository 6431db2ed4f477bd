"""One look for all pictures: colours, sizes, and a file that is written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from captcha_ocr.files import whole_file

DPI = 150  # 10 inches are 1,500 pixels: sharp where a README shows them at 900
INK, GREY, FAINT = "#22262e", "#7b828d", "#e3e6ea"
BLUE, ORANGE, RED, GREEN = "#2a6ebb", "#e08a1e", "#c8372d", "#2f8f5b"

STYLE = {
    "font.family": ["DejaVu Sans"],  # comes with matplotlib, so it looks the same everywhere
    "font.size": 10,
    "text.color": INK,
    "text.usetex": False,
    "text.parse_math": False,  # a label such as $1$ is no formula
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.8,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 4,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "savefig.bbox": None,
}


@contextmanager
def figure(path: Path, width: float, height: float, *, title: str = "") -> Iterator[Figure]:
    """A figure of ``width`` x ``height`` inches that is saved when the block ends well."""
    # Whatever style the user has configured: ours, for as long as the figure is drawn.
    with style.context(["default", STYLE]):
        margins = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1)
        drawn = Figure(figsize=(width, height), dpi=DPI, layout=margins)
        if title:
            drawn.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold")
        yield drawn
        _save(drawn, Path(path))


def say_nothing_to_show(drawn: Figure, why: str) -> None:
    """An empty picture that says why, for data without anything to draw."""
    axes = drawn.add_subplot()
    axes.axis("off")
    axes.text(0.5, 0.5, why, ha="center", va="center", fontsize=12, color=GREY)


def point_canvas(drawn: Figure) -> Axes:
    """Axes over the whole figure, in points from the lower left corner, for free layouts."""
    drawn.set_layout_engine("none")
    axes = drawn.add_axes((0, 0, 1, 1))
    axes.axis("off")
    axes.autoscale(False)
    axes.set(xlim=(0, drawn.get_figwidth() * 72), ylim=(0, drawn.get_figheight() * 72))
    return axes


def _save(drawn: Figure, path: Path) -> None:
    with whole_file(path) as partial:
        # Without the version of matplotlib in the file, equal data makes equal files.
        drawn.savefig(partial, format="png", dpi=DPI, metadata={"Software": None})
