"""When two texts count as the same in the leaderboard. The rules are the same for every reader.

strict: white space is removed, for no label has any; all else must be equal.
folded: case and full-width forms do not count either. In sums each operator is written one way
(``× x X`` are ``*``, ``÷`` is ``/``, ...), dashes of every length and 一 being a minus and 十 a
plus, which readers of Chinese take them for; and what stands from the ``=`` on does not count: it
is ``=?`` in every sum, so it tells nothing, and several readers were never taught a question mark.
"""

from __future__ import annotations

import unicodedata

from captcha_ocr.arithmetic import fold_operators

# Beyond fold_operators, which a served answer goes through as well and need not be so lenient.
_DRAWN_ALIKE = str.maketrans({**dict.fromkeys("‐‒—―─ー一", "-"), "十": "+"})


def strict(text: str) -> str:
    return "".join(unicodedata.normalize("NFC", text).split())


def folded(text: str, *, arithmetic: bool) -> str:
    """``arithmetic``: the picture is a sum, so that x between digits is an operator."""
    text = strict(unicodedata.normalize("NFKC", text)).casefold()
    if arithmetic:
        text = fold_operators(text.translate(_DRAWN_ALIKE)).partition("=")[0].rstrip("?")
    return text
