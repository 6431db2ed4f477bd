"""A batch as files: CSV for a spreadsheet, JSON without loss."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

from captcha_ocr.tables import spreadsheet_cell
from captcha_ocr.web.schemas import FileResult

COLUMNS = ("file", "text", "confidence", "answer", "arch", "error")


def rows(results: Sequence[FileResult]) -> list[list[str | float | int | None]]:
    """One row a picture, in the order of COLUMNS."""
    return [
        [r.file, r.text, r.confidence, r.answer, r.arch, r.error.message if r.error else None]
        for r in results
    ]


def to_csv(results: Sequence[FileResult]) -> bytes:
    """UTF-8 with the mark that Excel looks for. No cell of text can become a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in rows(results):
        writer.writerow([spreadsheet_cell(cell) if isinstance(cell, str) else cell for cell in row])
    return out.getvalue().encode("utf-8-sig")


def to_json(results: Sequence[FileResult]) -> bytes:
    return json.dumps([r.model_dump() for r in results], ensure_ascii=False, indent=2).encode()
