"""The tutorial's chapters as Jupyter notebooks, executed; and what their cells print, back in them.

    python scripts/notebooks.py            # docs/tutorial/*.ipynb, in both languages
    python scripts/notebooks.py --write    # ... and the outputs in the chapters made anew

A chapter is Markdown that reads well as it is. Its ``python`` blocks are the notebook's cells; a
``text`` block right behind one holds what it prints. Git ignores the notebooks: they can be made.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import missing

with missing.in_one_line():
    import nbformat
    from captcha_ocr.cli.common import Arguments, command
    from nbclient import NotebookClient
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

TUTORIAL = Path(__file__).resolve().parents[1] / "docs" / "tutorial"
CELL = re.compile(
    r"^```python\n(?P<code>.*?)^```\n(\n```text\n(?P<output>.*?)^```\n)?", re.M | re.S
)
METADATA = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
SECONDS = 1200  # for one cell


def chapters() -> list[Path]:
    """The chapters that have code, in both languages."""
    found = sorted(TUTORIAL.glob("[0-9]-*.md"))
    return [path for path in found if CELL.search(path.read_text(encoding="utf-8"))]


def cells(chapter: Path) -> Iterator[tuple[str, str]]:
    """The code of each cell, and what the chapter says that it prints."""
    for match in CELL.finditer(chapter.read_text(encoding="utf-8")):
        yield match["code"], match["output"] or ""


def to_notebook(text: str) -> nbformat.NotebookNode:
    """A chapter's cells with the text between them. Outputs are left out: running makes them."""
    found, end = [], 0
    for match in CELL.finditer(text):
        found += [
            new_markdown_cell(text[end : match.start()].strip()),
            new_code_cell(match["code"]),
        ]
        end = match.end()
    found.append(new_markdown_cell(text[end:].strip()))
    return new_notebook(cells=[cell for cell in found if cell.source], metadata=METADATA)


def execute(chapter: Path) -> nbformat.NotebookNode:
    """The chapter as a notebook with outputs. A cell that fails raises CellExecutionError."""
    notebook = to_notebook(chapter.read_text(encoding="utf-8"))
    NotebookClient(
        notebook,
        timeout=SECONDS,
        resources={"metadata": {"path": str(chapter.parent)}},
        extra_arguments=["--log-level=ERROR"],  # the kernel warns of TCP, within this machine
    ).execute()
    return notebook


def printed(notebook: nbformat.NotebookNode) -> list[str]:
    """What each cell wrote to its standard output."""
    return [
        "".join(output.text for output in cell.outputs if output.get("name") == "stdout")
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def with_outputs(text: str, outputs: list[str]) -> str:
    """A chapter's text, with these outputs in place of those that it has."""
    left = iter(outputs)

    def renewed(match: re.Match[str]) -> str:
        output = next(left)
        shown = f"\n```text\n{output}```\n" if output else ""
        return f"```python\n{match['code']}```\n{shown}"

    return CELL.sub(renewed, text)


@command
def main(argv: Arguments = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--write", action="store_true", help="renew the outputs in the chapters")
    parser.add_argument("chapters", nargs="*", type=Path, help="default: all")
    args = parser.parse_args(argv)
    for chapter in [path.resolve() for path in args.chapters] or chapters():
        notebook = execute(chapter)
        target = chapter.with_suffix(".ipynb")
        nbformat.write(notebook, target)
        print(target)
        if args.write:
            text = with_outputs(chapter.read_text(encoding="utf-8"), printed(notebook))
            chapter.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
