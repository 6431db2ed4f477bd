"""What a merge did, as numbers and as sentences."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from captcha_ocr.merging.config import TRAIN
from captcha_ocr.merging.rules import REASONS
from captcha_ocr.tables import aligned

LEFT_OUT_FILE = "left_out.jsonl"  # in the training root
EXAMPLES = 10  # of a reason, kept for messages; the file has all
SHOWN = 3  # of them when the merge went well


@dataclass
class SourceReport:
    """What became of one source."""

    split: str
    style: str
    root: str
    rows: int = 0  # labels read
    bad: int = 0  # of them unusable
    left_out: dict[str, int] = field(default_factory=lambda: dict.fromkeys(REASONS, 0))
    kept: int = 0


@dataclass
class MergeReport:
    """The outcome. ``status``: merged, unchanged (the target was there), or dry-run."""

    status: str
    targets: dict[str, str]
    sources: list[SourceReport] = field(default_factory=list)
    characters: int = 0  # in the training charset
    unknown_characters: list[str] = field(default_factory=list)  # in test labels alone
    labels_normalised: int = 0
    suffixes_corrected: int = 0
    records_without_label: int = 0  # manifest lines
    examples: dict[str, list[str]] = field(default_factory=dict)  # reason -> sentences
    seconds: float = 0.0
    not_removed: int = 0  # unchanged: pictures that a killed --copy-mode move left in its sources

    def total(self, reason: str) -> int:
        return sum(source.left_out[reason] for source in self.sources)

    @property
    def bad(self) -> int:
        return sum(source.bad for source in self.sources)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> list[str]:
        """For the terminal."""
        if self.status == "unchanged":
            where = ", ".join(self.targets.values())
            lines = [f"nothing to do: {where} holds this merge already"]
            if self.not_removed:
                lines.append(
                    f"{self.not_removed:,} moved pictures are still in the sources, since "
                    "the run was killed; `origin` in the manifest names them: remove them by hand"
                )
            return lines
        reasons = [reason for reason in REASONS if self.total(reason)]
        head = ["split", "style", "rows", *(["bad"] if self.bad else []), *reasons, "kept"]
        table = [head]
        for source in self.sources:
            bad = [source.bad] if self.bad else []
            counts = [source.rows, *bad, *(source.left_out[r] for r in reasons), source.kept]
            table.append([source.split, source.style, *(f"{count:,}" for count in counts)])
        return [*aligned(table, names=2), *self._notes()]

    def _notes(self) -> list[str]:
        notes = [f"characters of the training labels: {self.characters}"]
        if self.unknown_characters:
            notes.append(f"characters in test alone: {' '.join(self.unknown_characters)}")
        if self.labels_normalised:
            notes.append(f"labels written in ASCII (？ -> ?): {self.labels_normalised:,}")
        if self.suffixes_corrected:
            notes.append(f"suffixes corrected to what the bytes are: {self.suffixes_corrected:,}")
        if self.records_without_label:
            notes.append(f"manifest lines whose name no label has: {self.records_without_label:,}")
        for reason, sentences in self.examples.items():
            notes += [f"{reason}: {sentence}" for sentence in sentences[:SHOWN]]
        left_out = self.bad + sum(map(self.total, REASONS))
        if left_out and self.status == "merged":
            where = f"{self.targets[TRAIN]}/{LEFT_OUT_FILE}"
            notes.append(f"all {left_out:,} left out, and why: {where}")
        if self.status == "dry-run":
            notes.append(f"dry run: nothing was written; {self.seconds:.1f} s")
        else:
            where = ", ".join(self.targets.values())
            notes.append(f"wrote {where} in {self.seconds:.1f} s")
        return notes
