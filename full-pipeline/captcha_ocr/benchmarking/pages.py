"""Generated text in documents: what stands between two markers is replaced, nothing else.

A block is ``<!-- name:begin -->``, anything, ``<!-- name:end -->``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from captcha_ocr.config import ConfigError
from captcha_ocr.files import atomic_write


def replace_block(page: str, name: str, text: str) -> str:
    """``page`` with ``text`` between its markers. ValueError when they are not there once each."""
    begin, end = markers(name)
    head, found, rest = page.partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed or begin in rest or end in head or end in tail:
        raise ValueError(f"it needs {begin} and {end}, each once and in this order")
    return f"{head}{begin}\n{text.strip()}\n{end}{tail}"


def markers(name: str) -> tuple[str, str]:
    return f"<!-- {name}:begin -->", f"<!-- {name}:end -->"


def update_page(path: Path, blocks: Mapping[str, str]) -> None:
    """Replace the blocks of a document; one that is not there is made, with the blocks alone."""
    there = path.is_file()
    empty = "\n\n".join("\n".join(markers(name)) for name in blocks) + "\n"
    page = path.read_text(encoding="utf-8") if there else empty
    replaced = page
    try:
        for name, text in blocks.items():
            replaced = replace_block(replaced, name, text)
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from None
    if replaced != page or not there:
        with atomic_write(path) as file:
            file.write(replaced)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table: the first column to the left, figures to the right."""
    aligned = ["---", *["--:"] * (len(header) - 1)]
    return "\n".join(
        "| " + " | ".join(_cell(cell) for cell in line) + " |" for line in (header, aligned, *rows)
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
