"""The benchmark's tables, and the blocks of the documents that hold them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from captcha_ocr.benchmarking.documents import draw_curves, write_documents
from captcha_ocr.benchmarking.pages import replace_block, table, update_page
from captcha_ocr.benchmarking.tables import group_tables, latencies, measured, reading, throughput
from captcha_ocr.benchmarking.wording import LANGUAGES, words
from captcha_ocr.config import ConfigError


def test_a_gpu_has_columns_only_where_it_was_there() -> None:
    size = {"a": {"params": 2_000_000, "macs": 171_000_000, "megabytes": 6.0}}
    quantiles = {"model_ms": {"p50": 1.0, "p95": 2.0}, "end_to_end_ms": {"p50": 3.0, "p95": 4.0}}
    say = words("en")
    cpu = latencies(size, {"a": {"latency": {"cpu": quantiles}, "load": 0.1}}, say)
    assert "| `a` | 2.00 M | 171 M | 6.0 | 1.0 / 2.0 | 3.0 / 4.0 | 0.1 |" in cpu
    assert "GPU" not in cpu
    assert "GPU" in latencies(size, {"a": {"latency": {"cpu": quantiles, "gpu": quantiles}}}, say)


PERFECT = {
    "n": 2000,
    "exact_match": 0.9,
    "exact_match_interval": (0.88, 0.92),
    "exact_match_folded": 0.95,
    "exact_match_folded_interval": (0.94, 0.96),
    "cer": 0.0123,
    "unambiguous": {"n": 1500, "exact_match": 0.97},
    "calibration_error": 0.0042,
    "accuracy_at_90_coverage": 0.999,
}


def test_every_figure_stands_in_its_column() -> None:
    """Columns, all of the test part, then the other parts; groups by name, numbers in order."""
    unclear = {**PERFECT, "unambiguous": None}
    sizes = {"160x60": PERFECT, "90x30": PERFECT}
    test = {"all": PERFECT, "columns": {"ruoyi": unclear}, "groups": {"size": sizes}}
    unseen = {"all": PERFECT, "groups": {"size": {"100x40": PERFECT}}}
    heldout = {"all": {**PERFECT, "families": 28}}
    fewer = {"test": {**test, "groups": {"size": {"90x30": PERFECT}}}}
    say = words("en")
    parts = {"test": test, "heldout": heldout, "sizes": unseen}
    lines = reading({"a": {"parts": parts}}, say).splitlines()[2:]
    figures = "2,000 | 95.00 | 94.00 – 96.00 | 90.00 | 97.00 (1,500) | 1.23 | 0.42 | 99.90 |"
    assert lines == [
        "| `a` | RuoYi | " + figures.replace("97.00 (1,500)", "–"),
        "| `a` | all of them | " + figures,
        "| `a` | unseen fonts | " + figures.replace("96.00", "96.00 (28 families)"),
        "| `a` | unseen sizes | " + figures,
    ]
    quality = {"a": {"parts": {"test": test, "sizes": unseen}}, "b": {"parts": fewer}}
    (groups,) = group_tables(quality, say)
    assert groups.splitlines()[2:] == [
        "| 90x30 | 2,000 | 95.0 (90.0) | 95.0 (90.0) |",
        "| 100x40 | 2,000 | 95.0 (90.0) | – |",
        "| 160x60 | 2,000 | 95.0 (90.0) | – |",
    ]
    few = {"test": {**test, "groups": {"size": {"90x30": {**PERFECT, "n": 7}}}}}
    (mixed,) = group_tables({"a": {"parts": fewer}, "b": {"parts": few}}, say)
    assert mixed.splitlines()[2:] == ["| 90x30 | 2,000 / 7 | 95.0 (90.0) | 95.0 (90.0) |"]
    at = {"end_to_end": 1234.5, "model": 99.0, "peak_mb": 250.4}
    rates = throughput({"a": {"throughput": {"8": at, "32": {**at, "peak_mb": None}}}}, say)
    assert rates.splitlines()[2:] == [
        "| `a` | 8 | 1,234 | 99 | 250 |",
        "| `a` | 32 | 1,234 | 99 | – |",
    ]


def test_what_was_measured_together_is_said_once() -> None:
    at = {"date": "2026-01-31", "machine": "M", "command": "c"}
    there = {**at, "pictures": {"name": "set", "n": 1234}}
    section = {"a": {"measured": there}, "b": {"measured": there}, "c": {"measured": at}}
    together = "Measured 2026-01-31 on M with `c`; the set is `set`, of 1,234 pictures."
    assert measured(section, words("en")) == (
        f"- `a`; `b`: {together}\n- `c`: Measured 2026-01-31 on M with `c`."
    )
    del section["c"]
    assert measured(section, words("en")) == together


def test_a_block_is_replaced_and_nothing_else() -> None:
    page = "head\n<!-- x:begin -->\nold\n<!-- x:end -->\ntail\n"
    new = replace_block(page, "x", "| new |")
    assert new == "head\n<!-- x:begin -->\n| new |\n<!-- x:end -->\ntail\n"
    assert replace_block(new, "x", "| new |") == new
    for broken in ("", "<!-- x:end --><!-- x:begin -->", page + page):
        with pytest.raises(ValueError, match="each once and in this order"):
            replace_block(broken, "x", "")


def test_a_page_without_markers_is_an_error(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("no markers", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"README\.md: it needs <!-- benchmark:begin -->"):
        update_page(page, {"benchmark": "text"})
    assert page.read_text(encoding="utf-8") == "no markers"


def test_documents_are_written_where_nothing_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who adds a row has read pictures, and needs no matplotlib for that."""
    monkeypatch.setitem(sys.modules, "captcha_ocr.plots", None)
    write_documents({}, [], tmp_path)
    assert (tmp_path / "README.md").is_file()
    with pytest.raises(ModuleNotFoundError):
        draw_curves({}, tmp_path / "curves.png")


def test_a_table_escapes_bars() -> None:
    assert table(["a", "b"], [["x|y", "1"]]) == "| a | b |\n| --- | --: |\n| x\\|y | 1 |"


def test_both_languages_have_all_words() -> None:
    texts = [words(language) for language in LANGUAGES]
    assert all(text for found in texts for text in found.values())
    fields = [{key: text.count("{") for key, text in found.items()} for found in texts]
    assert fields[0] == fields[1]
