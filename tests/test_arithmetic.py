"""Answers of arithmetic pictures, against an evaluator that works another way."""

from __future__ import annotations

from fractions import Fraction

import pytest
from captcha_ocr.arithmetic import MAX_LENGTH, fold_operators, solve
from hypothesis import given, settings
from hypothesis import strategies as st

SPELLINGS = {"+": "+＋", "-": "-−－–", "*": "*xX×✕∗＊", "/": "/÷／∕"}


def oracle(numbers: list[int], operators: list[str]) -> int | None:
    """Reduce the list in place, products first; fractions, and None once one is not whole."""
    values, signs = [Fraction(n) for n in numbers], list(operators)
    for group in ("*/", "+-"):
        i = 0
        while i < len(signs):
            if signs[i] not in group:
                i += 1
                continue
            sign, left, right = signs.pop(i), values[i], values.pop(i + 1)
            if sign == "/" and right == 0:
                return None
            values[i] = {
                "+": lambda a, b: a + b,
                "-": lambda a, b: a - b,
                "*": lambda a, b: a * b,
                "/": lambda a, b: a / b,
            }[sign](left, right)
            if values[i].denominator != 1:
                return None
    return int(values[0])


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_solve_agrees_with_the_oracle(data: st.DataObject) -> None:
    numbers = data.draw(st.lists(st.integers(0, 120), min_size=2, max_size=4))
    operators = data.draw(st.lists(st.sampled_from("+-*/"), min_size=3, max_size=3))
    operators = operators[: len(numbers) - 1]
    text = str(numbers[0])
    for sign, number in zip(operators, numbers[1:]):
        text += data.draw(st.sampled_from(SPELLINGS[sign])) + str(number)
    text += data.draw(st.sampled_from(["=?", "=", "＝？", "=？"]))
    assert solve(text) == oracle(numbers, operators)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("7*3=?", 21),
        ("8÷2=?", 4),
        ("3+4x2=?", 11),
        ("2X3X4=?", 24),
        ("9-4-3=?", 2),
        ("3-8=?", -5),
        ("8/2/2=?", 2),
        ("8/2*3=?", 12),
        ("0/7=", 0),
        ("12 + 30 = ?", 42),
        ("2 x 3 = ?", 6),
        ("007+1=?", 8),
    ],
)
def test_answers(text: str, answer: int) -> None:
    assert solve(text) == answer


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "=?", "7", "7=?", "3x4", "3x4?", "aB3x", "7*=?", "*3=?", "7**3=?", "7*3=?=?"),
        *("7*3==?", "7*3=21", "-3+4=?", "(1+2)*3=?", "7.5+1=?", "x3x=?", "3xx4=?", "²+1=?"),
        *("7/0=?", "1+0/0=?", "7/2=?", "7/2*2=?", "__import__('os')=?", "1\n+1=?;", "中文=?"),
    ],
)
def test_not_an_arithmetic_picture(text: str) -> None:
    assert solve(text) is None


def test_a_very_long_text_is_no_picture() -> None:
    assert solve("1+" * (MAX_LENGTH // 2 - 2) + "10=?") == MAX_LENGTH // 2 + 8
    assert solve("1+" * (MAX_LENGTH // 2 - 2) + "100=?") is None


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=20))
def test_no_text_breaks_it(text: str) -> None:
    answer = solve(text)
    assert answer is None or isinstance(answer, int)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("3×4＝？", "3*4=?"),
        ("3x4X5=?", "3*4*5=?"),
        ("8÷2=?", "8/2=?"),
        ("1−2＋3=?", "1-2+3=?"),
        ("3 x 4", "3 * 4"),
        ("axXb", "axXb"),
        ("x3X", "x3X"),
        ("验证码", "验证码"),
    ],
)
def test_fold_operators(text: str, folded: str) -> None:
    assert fold_operators(text) == folded
