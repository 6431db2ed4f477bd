"""Everything that is generated in the documents, from results.json and the leaderboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from captcha_ocr.benchmarking.pages import update_page
from captcha_ocr.benchmarking.tables import docs_blocks, readme_blocks

# Language -> the pages with blocks.
PAGES = {
    "en": ("README.md", "docs/benchmark.md"),
    "zh": ("README.zh-CN.md", "docs/benchmark.zh-CN.md"),
}
TITLES = {
    "noise": ("Noise", "standard deviation, of 255"),
    "blur": ("Blur", "radius, pixels at a height of 60"),
    "jpeg": ("JPEG", "quality"),
    "scale": ("Scale", "of the picture's own size"),
    "rotation": ("Rotation", "degrees, to either side"),
    "difficulty": ("Difficulty dial", "0 is clean print, 0.5 usual, 1 hardest"),
}


def write_documents(
    results: Mapping[str, Mapping[str, Any]], rows: Sequence[Mapping[str, Any]], root: Path
) -> None:
    """The blocks of both READMEs and of docs/benchmark*.md, and the pictures in assets/."""
    for language, (readme, docs) in PAGES.items():
        (root / docs).parent.mkdir(parents=True, exist_ok=True)
        update_page(root / readme, readme_blocks(rows, language))
        update_page(root / docs, docs_blocks(results, rows, language))
    if results.get("robustness"):
        (root / "assets").mkdir(exist_ok=True)
        draw_curves(results["robustness"], root / "assets" / "benchmark-robustness.png")


def draw_curves(robustness: Mapping[str, Any], path: Path) -> None:
    """A panel a curve, a line a model; a curve that a model lacks, or has other levels of, is left
    out."""
    from captcha_ocr.plots import Panel, plot_curves  # who adds a row may lack matplotlib

    curves = {arch: entry["curves"] for arch, entry in robustness.items()}
    panels = []
    for key, words in TITLES.items():
        levels = [entry[key]["levels"] if key in entry else None for entry in curves.values()]
        if levels and levels[0] and levels.count(levels[0]) == len(levels):
            lines = {arch: entry[key]["all"] for arch, entry in curves.items()}
            panels.append(Panel(*words, levels[0], lines))
    plot_curves(panels, path)
