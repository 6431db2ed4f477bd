"""Reading the key table into a report, and what is left out into a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from captcha_ocr.imaging import JPEG_SUFFIXES
from captcha_ocr.labels import IMAGES_DIR, LABELS_FILE
from captcha_ocr.merging.config import TEST, TRAIN, MergeConfig
from captcha_ocr.merging.keytable import KeyTable
from captcha_ocr.merging.report import EXAMPLES, MergeReport, SourceReport
from captcha_ocr.merging.rules import CONFLICT, LIMIT, REASONS, UNKNOWN


def quarantined(number: int, suffix: str) -> str:
    """Where in the training root a picture with two labels is put, to be looked at."""
    return f"quarantine/{number:08d}{suffix}"


def fill_report(report: MergeReport, table: KeyTable, config: MergeConfig) -> None:
    """Counts per source, and a few examples of every reason."""
    report.sources = [
        SourceReport(source.split, source.style, source.root.as_posix())
        for source in config.sources
    ]
    for number, fate, count in table.ask("SELECT source, fate, COUNT(*) FROM rows GROUP BY 1, 2"):
        source = report.sources[number]
        source.rows += count
        if fate is None:
            source.kept += count
        else:
            source.left_out[fate] += count
    for number, count in table.ask("SELECT source, COUNT(*) FROM bad GROUP BY 1"):
        report.sources[number].bad = count
        report.sources[number].rows += count
    report.characters = len(table.characters(TRAIN))
    report.unknown_characters = table.characters_only_in_test()
    report.labels_normalised = table.one("SELECT COUNT(*) FROM rows WHERE changed")
    is_jpeg = " OR ".join(f"lower(file) LIKE '%{suffix}'" for suffix in JPEG_SUFFIXES)
    report.suffixes_corrected = table.one(
        f"""SELECT COUNT(*) FROM rows WHERE lower(file) NOT LIKE '%' || suffix
           AND NOT (suffix = '.jpg' AND ({is_jpeg}))"""
    )
    for reason in REASONS:
        if report.total(reason) and reason != LIMIT:
            report.examples[reason] = _examples(left_out(table, config, reason))
    if report.unknown_characters:  # of rows that stay: dropped ones are among the reasons above
        report.examples[UNKNOWN] = _examples(unknown_rows(table, config, report.unknown_characters))
    if report.bad:
        report.examples["bad"] = _examples(bad_rows(table, config))


def _examples(items: Iterator[dict[str, Any]]) -> list[str]:
    return [sentence(item) for item in islice(items, EXAMPLES)]


def sentence(item: dict[str, Any]) -> str:
    where = f"{item['source']}/{item['list']}:{item['line']}: {item['file'] or 'row'}"
    if "problem" in item:
        return f"{where}: {item['problem']}"
    also = f" (also {item['kept']}, {item['kept_label']!r})" if item.get("kept") else ""
    return f"{where} {item['label']!r}{also}"


def unknown_rows(
    table: KeyTable, config: MergeConfig, characters: list[str]
) -> Iterator[dict[str, Any]]:
    """The test pictures that stay, with one of ``characters`` in their label."""
    for number, line, file, label in table.having(characters, TEST):
        yield {**_row(config, number, LABELS_FILE, line, file), "label": label}


def _row(config: MergeConfig, number: int, list_file: str, line: int, file: str) -> dict[str, Any]:
    source = config.sources[number].root.as_posix()
    return {"source": source, "list": list_file, "line": line, "file": file}


def bad_rows(table: KeyTable, config: MergeConfig) -> Iterator[dict[str, Any]]:
    for split, number, list_file, line, file, problem in table.ask(
        "SELECT split, source, list, line, file, problem FROM bad ORDER BY source, list, line"
    ):
        yield {
            "reason": "bad",
            "split": split,
            **_row(config, number, list_file, line, file),
            "problem": problem,
        }


def left_out(table: KeyTable, config: MergeConfig, reason: str) -> Iterator[dict[str, Any]]:
    """The pictures that went for one reason, each with the copy that stays for it.

    Where that copy went too, since a limit took it, say, none is named.
    """
    # A conflict lists the copies of one picture together.
    order = "one.pixels, one.source, one.line" if reason == CONFLICT else "one.source, one.line"
    for row in table.ask(
        f"""SELECT one.id, one.split, one.source, one.line, one.file, one.label, one.suffix,
            hex(one.pixels), other.source, other.file, other.label FROM rows AS one
            LEFT JOIN rows AS other ON other.id = one.kept AND other.fate IS NULL
            WHERE one.fate = ? ORDER BY {order}""",
        (reason,),
    ):
        id_, split, number, line, file, label, suffix, picture, *kept = row
        kept_source, kept_file, kept_label = kept
        item = {
            "reason": reason,
            "split": split,
            **_row(config, number, LABELS_FILE, line, file),
            "label": label,
        }
        if reason == CONFLICT:
            item["picture"] = picture.lower()
            item["quarantine"] = quarantined(id_, suffix)
        if kept_source is not None:
            root = config.sources[kept_source].root.as_posix()
            item["kept"] = f"{root}/{IMAGES_DIR}/{kept_file}"
            item["kept_label"] = kept_label
        yield item


def all_left_out(table: KeyTable, config: MergeConfig) -> Iterator[str]:
    """Every row that is in no target, as JSON lines."""
    for item in bad_rows(table, config):
        yield json.dumps(item, ensure_ascii=False)
    for reason in REASONS:
        for item in left_out(table, config, reason):
            yield json.dumps(item, ensure_ascii=False)
