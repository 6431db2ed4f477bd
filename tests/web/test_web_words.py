"""The page's words and scripts, as text: what needs no browser to be found."""

from __future__ import annotations

import re

import pytest
from captcha_ocr.web.catalogue import STATIC

WORDS = ("strings.js", "strings-rules.js")
SCRIPTS = {
    path.name: path.read_text(encoding="utf-8")
    for path in sorted(STATIC.glob("*.js"))
    if path.name not in WORDS
}


def words(language: str) -> dict[str, str]:
    """Each key, and its text as it stands in the code."""
    found: dict[str, str] = {}
    for name in WORDS:
        text = (STATIC / name).read_text(encoding="utf-8")
        (block,) = re.findall(rf"^const {language} = {{$(.*?)^}};$", text, re.M | re.S)
        found.update(re.findall(r'^  "([\w.-]+)":(.*?)(?=^  "|\Z)', block, re.M | re.S))
    assert len(found) > 100
    return found


def test_both_languages_have_the_same_words_with_the_same_values() -> None:
    english, chinese = (
        {key: sorted(re.findall(r"{([a-zA-Z]\w*)}", text)) for key, text in words(name).items()}
        for name in ("en", "zh")
    )
    assert english == chinese


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_a_script_says_has_words(name: str) -> None:
    """One that is missing in both languages would show its key."""
    known = words("en")
    rooms = {key.partition(".")[0] for key in known}
    named = re.findall(r'"(([a-z-]+)\.[\w.-]+)"', SCRIPTS[name])
    assert [key for key, room in named if room in rooms and key not in known] == []


def test_what_a_picture_may_be_doing_has_words() -> None:
    states = set(re.findall(r'\bstatus(?:: | = )"(\w+)"', "".join(SCRIPTS.values())))
    assert {"waiting", "cancelled"} <= states
    drawn_otherwise = {"done", "error"}
    assert {f"row.{state}" for state in states - drawn_otherwise} <= set(words("en"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_makes_html_or_code_of_text(name: str) -> None:
    """File names and readings come from strangers."""
    made = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function"
    assert re.findall(made, SCRIPTS[name]) == []
