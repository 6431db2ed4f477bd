"""The tutorial's chapters run as notebooks, and print what they say they print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("nbclient", reason="notebooks need the dev extra")

from import_graph import needed
from notebooks import TUTORIAL, cells, chapters, execute, printed, with_outputs

CHAPTERS = [path for path in chapters() if not path.stem.endswith("zh-CN")]
TRAINING = ["4-training"]  # minutes on a small machine
NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?%?")
RENEW = "python scripts/notebooks.py --write, then read the text around it again"


def marked(path: Path) -> object:
    marks = [pytest.mark.slow] if path.stem in TRAINING else []
    return pytest.param(path, marks=marks, id=path.stem)


@pytest.mark.parametrize("chapter", [marked(chapter) for chapter in CHAPTERS])
def test_a_chapter_prints_what_it_says(chapter: Path, tmp_path: Path) -> None:
    code = tmp_path / "chapter.py"
    code.write_text("\n".join(code for code, _ in cells(chapter)), encoding="utf-8")
    for package in ("torch", "matplotlib"):
        if package in needed(code):
            pytest.importorskip(package)
    shown, outputs = [output for _, output in cells(chapter)], printed(execute(chapter))
    assert len(outputs) == len(shown) > 0
    for number, (wanted, found) in enumerate(zip(shown, outputs), start=1):
        assert alike(found, wanted), f"{chapter.name}, cell {number} prints\n{found}\nnow: {RENEW}"


def alike(found: str, wanted: str) -> bool:
    """The same words, and the same numbers but for what another processor makes of them."""
    if NUMBER.sub("#", found).split() != NUMBER.sub("#", wanted).split():
        return False
    return all(
        # A share of few pictures jumps when one of them is read otherwise.
        float(a.rstrip("%")) == pytest.approx(float(b.rstrip("%")), abs=3 if "%" in a else 0.002)
        for a, b in zip(NUMBER.findall(found), NUMBER.findall(wanted))
    )


@pytest.mark.parametrize(
    ("found", "same"),
    [
        ("ab 15 paths 0.482 97%\n", True),
        ("ab 15 paths  0.483 95%\n", True),
        ("ab 15 paths 0.49 97%\n", False),
        ("ab 16 paths 0.482 97%\n", False),
        ("ab 15 paths 0.482 93%\n", False),
        ("ba 15 paths 0.482 97%\n", False),
        ("", False),
    ],
)
def test_only_the_last_digits_may_differ(found: str, same: bool) -> None:
    assert alike(found, "ab 15 paths 0.482 97%\n") is same


def test_outputs_are_put_behind_their_cells() -> None:
    text = "One\n\n```python\nprint(1)\n```\n\n```text\nold\n```\n\nTwo\n\n```python\nx = 2\n```\n"
    renewed = with_outputs(text, ["1\n", ""])
    assert renewed == text.replace("old", "1")
    assert with_outputs(renewed, ["", ""]).count("```text") == 0


@pytest.mark.parametrize("ending", [".md", ".zh-CN.md"])
def test_every_chapter_is_in_the_list(ending: str) -> None:
    listed = (TUTORIAL / f"README{ending}").read_text(encoding="utf-8")
    names = [path.name.replace(".md", ending) for path in CHAPTERS]
    assert re.findall(r"^\| \[[^]]*\]\(([^)]*)\)", listed, re.MULTILINE) == names
    assert all((TUTORIAL / name).is_file() for name in names)
