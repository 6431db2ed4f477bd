"""When two texts count as the same in the leaderboard. The rules are the same for every reader.

strict: white space is removed, for no label has any; all else must be equal.
folded: case and full-width forms do not count either. In sums each operator is written one way
(``× x X`` are ``*``, ``÷`` is ``/``, ...), and what stands from the ``=`` on does not count: it is
``=?`` in every sum, so it tells nothing, and several readers were never taught a question mark.
"""

from __future__ import annotations

import unicodedata

from captcha_ocr.arithmetic import fold_operators


def strict(text: str) -> str:
    return "".join(unicodedata.normalize("NFC", text).split())


def folded(text: str, *, arithmetic: bool) -> str:
    """``arithmetic``: the picture is a sum, so that x between digits is an operator."""
    text = strict(unicodedata.normalize("NFKC", text)).casefold()
    if arithmetic:
        text = fold_operators(text).partition("=")[0].rstrip("?")
    return text
