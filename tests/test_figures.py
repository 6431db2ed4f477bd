"""No figure without a source: what the READMEs and the model cards say was measured, and where.

A figure is a number with a unit. In a README it stands between markers, where a script puts what
is in its JSON file, or it is listed here with its script and with the record that holds it. The
Chinese README has the same figures as the English one: see test_docs.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from captcha_ocr.model_info import ModelInfo, find_models

REPOSITORY = Path(__file__).parents[1]
README = REPOSITORY / "README.md"
CARDS = REPOSITORY / "docs" / "models"
UNITS = r"%|ms|s|seconds?|minutes?|hours?|[kMG]i?B|M|million|times|weights|pictures(?:/s| a second)"
FIGURE = re.compile(rf"(?<![\w.,-])[0-9][0-9,]*(?:\.[0-9]+)? ?(?:{UNITS})(?![\w/])")
BLOCK = re.compile(r"<!-- (?P<name>[a-z]+):begin -->(?P<text>.*?)<!-- (?P=name):end -->", re.S)


@dataclass(frozen=True)
class Source:
    script: str  # what measured it
    record: str  # the file that holds what was measured
    recorded: str = ""  # how it stands there, when it does not stand there as in the README


# The figures of the README outside its blocks.
LISTED = {
    "16 s": Source("scripts/first_answer.py", "docs/serving.md"),
    "82 s": Source("scripts/first_answer.py", "docs/serving.md"),
    "223 MiB": Source("scripts/first_answer.py", "docs/serving.md"),
    "6.0 GiB": Source("scripts/first_answer.py", "docs/serving.md", "6168 MiB"),
    "6 GB": Source("scripts/first_answer.py", "docs/serving.md", "6168 MiB"),
}
# What fills a block, and the file with its figures.
FILLED = {
    "headline": Source("scripts/benchmark.py", "benchmark/leaderboard.json"),
    "benchmark": Source("scripts/benchmark.py", "benchmark/leaderboard.json"),
    "exports": Source("full-pipeline/tools/export_models.py", "docs/exports.json"),
}


def prose(path: Path) -> str:
    text = BLOCK.sub("", path.read_text(encoding="utf-8"))
    return re.sub(r"```.*?```|`[^`\n]*`|\]\([^)]*\)", "", text, flags=re.S)


def test_figures_of_the_readme_are_listed() -> None:
    found = {" ".join(figure.split()) for figure in FIGURE.findall(prose(README))}
    assert found - set(LISTED) == set(), "measure these, and list their script and record here"
    assert set(LISTED) - found == set(), "the README does not say these any more"


@pytest.mark.parametrize("figure", LISTED)
def test_a_listed_figure_is_on_record(figure: str) -> None:
    source = LISTED[figure]
    assert (REPOSITORY / source.script).is_file()
    record = (REPOSITORY / source.record).read_text(encoding="utf-8")
    assert (source.recorded or figure) in record
    assert Path(source.script).name in record, "the record does not say what measured it"


@pytest.mark.parametrize("stem", ["README", "docs/exports"])
@pytest.mark.parametrize("language", ["", ".zh-CN"], ids=["en", "zh"])
def test_figures_of_a_block_are_in_its_record(stem: str, language: str) -> None:
    page = (REPOSITORY / f"{stem}{language}.md").read_text(encoding="utf-8")
    blocks = {block["name"]: block["text"].strip() for block in BLOCK.finditer(page)}
    assert blocks, "no block stands there any more"
    assert set(blocks) <= set(FILLED), "list here what fills the new block"
    for name, text in blocks.items():
        if text:
            source = FILLED[name]
            assert (REPOSITORY / source.script).is_file()
            record = (REPOSITORY / source.record).read_text(encoding="utf-8")
            values = list(numbers(json.loads(record)))
            figures = re.findall(r"(?<![\w.,-])[0-9][0-9,]*(?:\.[0-9]+)?(?![\w.-])", text)
            assert [figure for figure in figures if not stands_for(figure, values)] == []


def numbers(value: Any) -> Iterator[float]:
    """All numbers in a JSON value, and those that stand alone in its texts, as in "17, 2 cores"."""
    if isinstance(value, str):
        yield from map(float, re.findall(r"(?<!\S)[0-9]+(?=[ ,])", value))
    elif isinstance(value, dict):
        for item in value.values():
            yield from numbers(item)
    elif isinstance(value, list):
        for item in value:
            yield from numbers(item)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield float(value)


def stands_for(figure: str, values: list[float]) -> bool:
    """Whether one of the values, perhaps in per cent, thousands or megabytes, reads like this."""
    plain = figure.replace(",", "")
    decimals = len(plain.partition(".")[2])
    scales = (1, 100, 1e3, 1e-3, 1e-6, 2**-10, 2**-20)
    return any(f"{value * scale:.{decimals}f}" == plain for value in values for scale in scales)


def test_a_figure_is_found_where_it_stands() -> None:
    text = "It takes 1.5 ms, 1,200 pictures/s, 97.3% or 98 %, 12 MB; not 160x60, 3.9, v2.0.8."
    assert FIGURE.findall(text) == ["1.5 ms", "1,200 pictures/s", "97.3%", "98 %", "12 MB"]
    assert stands_for("97.3", [0.97349]) and not stands_for("97.3", [0.97351])
    assert stands_for("1,200", [1199.6]) and stands_for("6.0", [5972369.0])


@pytest.mark.parametrize("arch", find_models())
def test_a_model_card_says_what_is_shipped(arch: str) -> None:
    """Sizes, and the figures that come along with the weights: an old card is noticed."""
    weights = find_models()[arch]
    info = ModelInfo.load(weights.with_suffix(".json"))
    card = (CARDS / f"{arch}.md").read_text(encoding="utf-8")
    for fact in (
        f"{info.params:,} weights",
        f"{len(info.charset.symbols):,} characters",
        f"{info.image.height} pixels high",
        f"{weights.stat().st_size / 1e6:.1f} MB",
    ):
        assert fact in card, f"docs/models/{arch}.md does not say {fact!r}"
    # What chose the weights; docs/benchmark.md has what others read.
    chosen_on = info.metrics["selection"]
    figures = re.search(
        r"On the ([\d,]+) pictures that chose the weights: EM ([\d.]+) %, with case folded "
        r"([\d.]+) %, CER ([\d.]+) %.* Temperature ([\d.]+), .* over all of them ([\d.]+) %",
        " ".join(card.split()),
    )
    assert figures is not None, f"docs/models/{arch}.md does not say what chose the weights"
    count, *said = figures.groups()
    assert count == f"{chosen_on['n']:,}"
    names = ("exact_match", "exact_match_folded", "cer", "ece")
    exact, folded, cer, ece = (100 * chosen_on[name] for name in names)
    for text, value in zip(said, (exact, folded, cer, info.temperature, ece)):
        step = 10.0 ** -len(text.partition(".")[2])
        assert float(text) == pytest.approx(value, abs=0.501 * step), f"docs/models/{arch}.md"
