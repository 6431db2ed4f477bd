"""The answer to an arithmetic picture: ``7*3=?`` -> 21. A small parser, never ``eval``.

What the generators draw (read in their source):

* EasyCaptcha ``arith``: two or three single digits with ``+ - x``; multiplication binds
  tighter; the answer may be negative. No division.
* RuoYi (``KaptchaTextCreator``): two single digits with ``+ - * /``; it divides only where the
  division comes out even and otherwise draws a sum, so an uneven division is a misread.
"""

from __future__ import annotations

import re

MAX_LENGTH = 64  # longer texts are no picture's, and bound the work

# Characters that people and models use for one operator, and full-width forms.
_LOOKALIKES = str.maketrans(
    {
        "×": "*",
        "✕": "*",
        "∗": "*",
        "＊": "*",
        "÷": "/",
        "／": "/",
        "∕": "/",
        "＋": "+",
        "−": "-",
        "－": "-",
        "–": "-",
        "＝": "=",
        "？": "?",
    }
)
_TIMES_LETTER = re.compile(r"(?<=[0-9])(\s*)[xX](?=\s*[0-9])")
_EXPRESSION = re.compile(r"([0-9]+(?:[-+*/][0-9]+)+)=\??")
_TOKEN = re.compile(r"[0-9]+|[-+*/]")


def fold_operators(text: str) -> str:
    """Write each operator one way: ``3×4＝？`` -> ``3*4=?``, so that readers compare fairly.

    The letters x and X become ``*`` only between digits; elsewhere they are letters.
    """
    return _TIMES_LETTER.sub(r"\1*", text.translate(_LOOKALIKES))


def solve(text: str) -> int | None:
    """The answer to ``text``, or None when it is not an arithmetic picture's text.

    Whole numbers of any length, two or more operands, ``+ - * /`` and their look-alikes
    (``x X × ÷ ＋ …``); ``*`` and ``/`` first, then from left to right; white space is ignored.
    The text must end in ``=`` or ``=?``: without it ``3x4`` is an ordinary text that happens
    to look like a product.

    None as well for a division by zero, or one that does not come out even (at any step):
    no generator draws it, so it was misread, and a rounded answer would be a wrong one.
    """
    if len(text) > MAX_LENGTH:
        return None
    match = _EXPRESSION.fullmatch("".join(fold_operators(text).split()))
    return _evaluate(_TOKEN.findall(match.group(1))) if match else None


def _evaluate(tokens: list[str]) -> int | None:
    """``["3", "+", "4", "*", "2"]`` -> 11: products are folded into terms, terms are added."""
    terms = [int(tokens[0])]
    for operator, operand in zip(tokens[1::2], tokens[2::2]):
        number = int(operand)
        if operator == "*":
            terms[-1] *= number
        elif operator == "/":
            if number == 0 or terms[-1] % number:
                return None
            terms[-1] //= number
        else:
            terms.append(number if operator == "+" else -number)
    return sum(terms)
