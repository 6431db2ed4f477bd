"""Which characters this computer can draw, and with which fonts.

matplotlib's own fonts have no Chinese characters. Where no installed font has a character either,
its code point stands in its place (``U+4E2D``): readable, and better than an empty box.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator

from matplotlib import font_manager
from matplotlib.font_manager import FontEntry, FontProperties
from matplotlib.ft2font import FT2Font

# Mono, since one has to tell 0 from O and l from I and 1 in the pictures.
MONO = "DejaVu Sans Mono"
# Families whose Chinese is good to read, by the start of their names; then any other.
PREFERRED = (
    "Noto Sans CJK",
    "Noto Sans SC",
    "Source Han Sans",
    "WenQuanYi",
    "Microsoft YaHei",
    "PingFang",
    "Hiragino Sans",
    "SimHei",
    "SimSun",
)
# Fonts that claim every character and draw boxes, or draw in colours that matplotlib cannot.
USELESS = ("last resort", ".last", "emoji")


class Glyphs:
    """How to draw some texts: ``glyphs.show(text)`` in ``glyphs.font(size)``."""

    def __init__(self, texts: Iterable[str]) -> None:
        """``texts`` holds all that will be shown."""
        wanted = {char for text in texts for char in text if char.isprintable()}
        missing = wanted - covered(_mono_path(), wanted)
        self._families = [MONO]
        for family, path in _candidates() if missing else ():
            found = covered(path, missing)
            if found:
                self._families.append(family)
                missing -= found
            if not missing:
                break
        self._drawable = wanted - missing

    def show(self, text: str) -> str:
        """``text`` with a code point for each character that cannot be drawn, ␣ for a space."""
        return "".join(self.show_char(char) for char in text)

    def show_char(self, char: str) -> str:
        if char == " ":
            return "␣"
        return char if char in self._drawable else f"U+{ord(char):04X}"

    def font(self, size: float) -> FontProperties:
        return FontProperties(family=self._families, size=size)


def covered(path: str, characters: set[str]) -> set[str]:
    """Those of the characters that the font file has glyphs for."""
    try:
        font = FT2Font(path)
    except (OSError, RuntimeError):  # installed, and broken or of a kind FreeType cannot read
        return set()
    if not font.scalable:
        return set()
    return {char for char in characters if font.get_char_index(ord(char))}


@functools.lru_cache(maxsize=1)
def _mono_path() -> str:
    return str(font_manager.findfont(FontProperties(family=MONO)))


def _candidates() -> Iterator[tuple[str, str]]:
    """(family, file) of the upright regular fonts: preferred ones first, then by name."""
    regular = [
        entry
        for entry in font_manager.fontManager.ttflist
        if entry.style == "normal"
        and entry.weight in (400, "normal", "regular", "book")
        and not entry.name.lower().startswith(USELESS)
        and "emoji" not in entry.name.lower()
    ]
    for entry in sorted(regular, key=_preference):
        yield entry.name, entry.fname


def _preference(entry: FontEntry) -> tuple[int, str, str]:
    rank = next((i for i, name in enumerate(PREFERRED) if entry.name.startswith(name)), 99)
    return rank, entry.name, entry.fname
