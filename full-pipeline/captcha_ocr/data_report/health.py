"""The health of a root: counts, findings, and pictures to look at."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from captcha_ocr.data_report import findings
from captcha_ocr.data_report.findings import Finding
from captcha_ocr.data_report.scan import Fault, Picture, scan_shard, scan_tasks
from captcha_ocr.labels import LABELS_FILE, MANIFEST_FILE, LabelError, read_manifest
from captcha_ocr.merging.engines import Engine

SHEET = 48  # pictures on the contact sheet
COUNTED = ("style", "kind", "size", "length", "font")

Records = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Health:
    """The report on one root."""

    root: str
    against: str  # the root whose pictures must not be in this one; "" when none was given
    rows: int
    pictures: int  # rows whose picture can be read
    counts: dict[str, dict[str, int]]  # style, kind, size, length, font -> value -> pictures
    characters: dict[str, int]  # character -> pictures that show it, most frequent first
    findings: list[Finding]  # those with a case
    sheet: list[tuple[str, str]]  # (file, label) of the contact sheet

    @property
    def healthy(self) -> bool:
        return not any(finding.severity == findings.ERROR for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        return {"healthy": self.healthy, **asdict(self)}


def examine(root: Path, engine: Engine, against: Path | None = None) -> Health:
    """Decode every picture of ``root``, and of ``against`` to find what both hold.

    Holds about a kilobyte a picture. Raises LabelError when there is no label, or when the
    manifest is damaged.
    """
    pictures, faults = _scan(root, engine)
    others = _scan(against, engine)[0] if against else []
    records = read_manifest(root / MANIFEST_FILE)
    characters = findings.character_counts(pictures)
    found = [
        findings.faults(faults),
        findings.conflicts(pictures),
        findings.blank(pictures),
        findings.leaks(pictures, others, str(against)),
        findings.repeated_names(pictures),
        findings.disagreements(pictures, records),
        findings.outside_charset(pictures, root),
        findings.repeated_pictures(pictures),
        findings.unlabelled(pictures, faults, root),
        findings.wrong_suffixes(pictures),
        findings.odd_labels(pictures),
        findings.one_label(pictures),
        findings.rare_characters(characters),
    ]
    return Health(
        root=str(root),
        against=str(against or ""),
        rows=len(pictures) + len(faults),
        pictures=len(pictures),
        counts=count_values(pictures, records),
        characters=characters,
        findings=[finding for finding in found if finding.items],
        sheet=contact_sheet(pictures, records),
    )


def count_values(pictures: Sequence[Picture], records: Records) -> dict[str, dict[str, int]]:
    """Pictures by each property. Size and length are measured, the rest is the manifest's."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in COUNTED}
    for picture in pictures:
        record = records.get(picture.file, {})
        for name in COUNTED:
            if name == "size":
                counts[name][findings.size_name(picture)] += 1
            elif name == "length":
                counts[name][str(len(picture.label))] += 1
            elif name == "kind" and "kind" in record:  # two styles may share a kind's name
                counts[name][f"{record.get('style', '')} {record['kind']}".strip()] += 1
            elif name in record:
                counts[name][str(record[name])] += 1
    return {
        name: dict(sorted(values.items(), key=lambda item: (-item[1], item[0])))
        for name, values in counts.items()
        if values
    }


def contact_sheet(pictures: Sequence[Picture], records: Records) -> list[tuple[str, str]]:
    """Pictures that show the whole range: the styles in turn, and in each its kinds in turn."""
    styles: dict[str, dict[str, deque[Picture]]] = defaultdict(lambda: defaultdict(deque))
    # By key: a fair choice that is the same every time, whatever the order of the rows.
    for picture in sorted(pictures, key=lambda picture: picture.key):
        record = records.get(picture.file, {})
        styles[str(record.get("style", ""))][str(record.get("kind", ""))].append(picture)
    turns = deque(
        deque(kinds[name] for name in sorted(kinds)) for _, kinds in sorted(styles.items())
    )
    chosen: list[tuple[str, str]] = []
    while turns and len(chosen) < SHEET:
        kinds = turns.popleft()
        queue = kinds.popleft()
        picture = queue.popleft()
        chosen.append((picture.file, picture.label))
        if queue:
            kinds.append(queue)
        if kinds:
            turns.append(kinds)
    return chosen


def _scan(root: Path, engine: Engine) -> tuple[list[Picture], list[Fault]]:
    pictures: list[Picture] = []
    faults: list[Fault] = []
    for scan in engine.map(scan_shard, scan_tasks(root)):
        pictures += scan.pictures
        faults += scan.faults
    if not pictures and not faults:  # nothing is wrong with it, and nothing learns from it
        raise LabelError(root / LABELS_FILE, 0, "no labels in the file")
    return pictures, faults
