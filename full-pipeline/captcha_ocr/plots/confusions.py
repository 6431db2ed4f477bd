"""The commonest confusions of characters, as ranked bars.

A matrix of five hundred classes is empty almost everywhere; the ranking says what to look at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from captcha_ocr.plots.canvas import BLUE, GREY, ORANGE, RED, figure, say_nothing_to_show
from captcha_ocr.plots.glyphs import Glyphs
from captcha_ocr.report import ranked

Pair = tuple[str, str]

KINDS = {
    "another character": BLUE,
    "the other case": ORANGE,
    "missed": RED,
    "made up": GREY,
}


def plot_confusions(pairs: Counter[Pair], path: Path, top: int = 40) -> None:
    """The ``top`` commonest (true, read) pairs; see `metrics.confusions` for what they mean."""
    shown = ranked(pairs)[:top]
    columns = 2 if len(shown) > 12 else 1
    rows = -(-len(shown) // columns)
    total = sum(pairs.values())
    share = sum(count for _, count in shown) / max(1, total)
    title = (
        f"Confusions: the commonest {len(shown)} of {len(pairs):,} pairs, "
        f"{share:.0%} of {total:,} wrong characters"
    )
    with figure(path, 10, 1.6 + 0.26 * max(rows, 5), title=title if shown else "") as drawn:
        if not shown:
            say_nothing_to_show(drawn, "no confusions: every character was read right")
            return
        glyphs = Glyphs(text for pair, _ in shown for text in pair)
        panels = drawn.subplots(1, columns, sharex=True, squeeze=False)[0]
        for number, axes in enumerate(panels):
            part = shown[number * rows : (number + 1) * rows]
            _bars(axes, part, rows, number * rows, glyphs)
        handles = [Patch(color=colour, label=kind) for kind, colour in KINDS.items()]
        drawn.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=9)


def kind_of(true: str, read: str) -> str:
    """One of KINDS."""
    substituted, case, missed, made_up = KINDS
    if not true or not read:
        return made_up if not true else missed
    return case if true.casefold() == read.casefold() else substituted


def _name(true: str, read: str) -> str:
    if not true or not read:
        return f"{read} made up" if not true else f"{true} missed"
    return f"{true} → {read}"


def _bars(
    axes: Axes, part: Sequence[tuple[Pair, int]], rows: int, first: int, glyphs: Glyphs
) -> None:
    places = range(len(part))
    counts = [count for _, count in part]
    bars = axes.barh(places, counts, color=[KINDS[kind_of(*pair)] for pair, _ in part], height=0.72)
    axes.bar_label(bars, labels=[f"{count:,}" for count in counts], padding=3, fontsize=9)
    names = [_name(glyphs.show(true), glyphs.show(read)) for (true, read), _ in part]
    axes.set_yticks(places, names, fontproperties=glyphs.font(11))
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(rows - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.margins(x=0.12)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.set_title(f"drawn → read, ranks {first + 1} to {first + len(part)}", fontsize=10)
