"""What a data set holds: how often each character, and how long the labels are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from captcha_ocr.plots.canvas import BLUE, GREEN, GREY, ORANGE, RED, figure, say_nothing_to_show
from captcha_ocr.plots.glyphs import Glyphs

GROUPS = {"digits": BLUE, "upper case": ORANGE, "lower case": GREEN, "signs": GREY, "others": RED}
NAMED = 40  # other characters that get a bar and a name each; more of them become a curve


def plot_labels(texts: Iterable[str], path: Path) -> None:
    """Counts of characters by group, and of labels by length."""
    texts = list(texts)
    counts = Counter(char for text in texts for char in text)
    others = {char: count for char, count in counts.items() if group_of(char) == "others"}
    common = {char: count for char, count in counts.items() if char not in others}
    title = f"{len(texts):,} labels: {sum(counts.values()):,} characters of {len(counts):,} classes"
    with figure(path, 10, 6, title=title if counts else "") as drawn:
        if not counts:
            say_nothing_to_show(drawn, "no labels")
            return
        grid = drawn.add_gridspec(2, 5)
        if common:
            _bars(drawn.add_subplot(grid[0, :]), common)
        if others:
            below = drawn.add_subplot(grid[1, :3] if common else grid[0, :])
            (_bars if len(others) <= NAMED else _curve)(below, others)
        _lengths(drawn.add_subplot(grid[1, 3:] if others and common else grid[1, :]), texts)


def group_of(char: str) -> str:
    """One of GROUPS; only ASCII has groups of its own."""
    if not char.isascii():
        return "others"
    if char.isdigit():
        return "digits"
    if char.isalpha():
        return "upper case" if char.isupper() else "lower case"
    return "signs"


def _bars(axes: Axes, counts: Mapping[str, int]) -> None:
    """A bar a character: groups one after the other, characters in the order of their codes."""
    order = list(GROUPS)
    characters = sorted(counts, key=lambda char: (order.index(group_of(char)), char))
    groups = [group_of(char) for char in characters]
    places = range(len(characters))
    axes.bar(places, [counts[char] for char in characters], color=[GROUPS[g] for g in groups])
    glyphs = Glyphs(characters)
    names = [glyphs.show(char) for char in characters]
    turned = 90 if any(len(name) > 1 for name in names) else 0
    axes.set_xticks(places, names, fontproperties=glyphs.font(9), rotation=turned)
    axes.tick_params(axis="x", length=0)
    axes.grid(visible=False, axis="x")
    axes.margins(x=0.01)
    axes.set_title("How often each character stands in a label")
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    handles = [Patch(color=GROUPS[group], label=group) for group in order if group in groups]
    if len(handles) > 1:
        axes.legend(handles=handles, ncols=len(handles), loc="lower right", bbox_to_anchor=(1, 1))


def _curve(axes: Axes, counts: Mapping[str, int]) -> None:
    """Counts from the commonest character to the rarest, both named."""
    ranked = sorted(counts, key=lambda char: (-counts[char], char))
    places = range(1, len(ranked) + 1)
    axes.fill_between(places, [counts[char] for char in ranked], color=RED, alpha=0.35, step="mid")
    axes.step(places, [counts[char] for char in ranked], color=RED, where="mid")
    axes.set(xlim=(0.5, len(ranked) + 0.5), ylim=(0, None), xlabel="rank")
    axes.set_title(f"{len(ranked):,} other characters, ranked")
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    ends = (ranked[:5], ranked[-5:])
    glyphs = Glyphs(char for end in ends for char in end)
    most, least = (" ".join(glyphs.show(char) for char in end) for end in ends)
    note = f"most:  {most}  ({counts[ranked[0]]:,})\nleast: {least}  ({counts[ranked[-1]]:,})"
    axes.text(
        0.03, 0.06, note, transform=axes.transAxes, fontproperties=glyphs.font(9), linespacing=1.6
    )


def _lengths(axes: Axes, texts: list[str]) -> None:
    lengths = Counter(map(len, texts))
    bars = axes.bar(list(lengths), list(lengths.values()), color=BLUE, width=0.72)
    if len(lengths) <= 12:
        shares = [f"{count / len(texts):.0%}" for count in lengths.values()]
        axes.bar_label(bars, labels=shares, padding=2, fontsize=9)
        axes.margins(y=0.12)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=12))
    axes.set_xlim(min(lengths) - 0.8, max(lengths) + 0.8)
    axes.grid(visible=False, axis="x")
    axes.set(xlabel="characters")
    axes.set_title("Length of the labels")
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
