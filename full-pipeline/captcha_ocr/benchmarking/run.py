"""A run of the benchmark: what is measured on what, and the figures, saved section by section."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from captcha_ocr.benchmarking.columns import column_of, part_of, set_digest
from captcha_ocr.benchmarking.leaderboard import put_row, read_leaderboard, write_leaderboard
from captcha_ocr.benchmarking.machine import stamp
from captcha_ocr.benchmarking.speed import BATCHES
from captcha_ocr.config import ConfigError
from captcha_ocr.datasets.stores import Store, Subset, open_store
from captcha_ocr.files import write_json
from captcha_ocr.model_info import ModelInfo, find_models

FORMAT = 1


@dataclass(frozen=True)
class Effort:
    """How much is measured; the usual figures take minutes."""

    quality: int | None = None  # pictures of each column in each part; None: all
    robustness: int = 100  # pictures of each column at each step of a curve
    latency: int = 60  # pictures of each column, read one by one
    seconds: float = 3.0  # of reading at each batch size
    batches: tuple[int, ...] = BATCHES


QUICK = Effort(quality=2, robustness=1, latency=2, seconds=0.02, batches=(1, 4))


@dataclass
class Run:
    """Settings and figures of one run."""

    weights: Path  # folder of <arch>.onnx and <arch>.json
    archs: list[str]  # names, or "all"
    data: Path  # set for reading and robustness
    shipped: Path  # set that all readers are compared on
    out: Path  # folder of results.json and leaderboard.json
    command: str  # that was typed; goes with the figures
    peers_python: Path  # interpreter that has the peers
    peer_worker: Path  # script that runs one
    effort: Effort = Effort()

    def __post_init__(self) -> None:
        found = find_models(self.weights)
        unknown = sorted(set(self.archs) - {"all", *found})
        if unknown:
            raise ConfigError(f"no weights for {unknown}; choose from all, {', '.join(found)}")
        infos = {name: ModelInfo.load(file.with_suffix(".json")) for name, file in found.items()}
        self.digests = {name: info.sha256 for name, info in infos.items()}
        self.models = {
            name: file for name, file in found.items() if "all" in self.archs or name in self.archs
        }
        self.out.mkdir(parents=True, exist_ok=True)
        self.results = self._earlier()  # section -> model -> figures

    @property
    def results_file(self) -> Path:
        return self.out / "results.json"

    @property
    def leaderboard_file(self) -> Path:
        return self.out / "leaderboard.json"

    def open(self, root: Path) -> Store:
        store = limited(open_store(root), self.effort.quality)
        if not any(part_of(record) == "test" for record in store.records):
            raise ConfigError(
                f"{root} has no picture of the part 'test', which models are compared and timed "
                "on; scripts/make_benchmark.py draws a whole set"
            )
        return store

    def about(self, store: Store, root: Path) -> dict[str, Any]:
        """Where the figures on a set come from."""
        parts = root.resolve().parts[-2 if root.name == "full" else -1 :]
        pictures = {"name": "/".join(parts), "n": len(store), "digest": self.digest(root)}
        return {**stamp(self.command), "pictures": pictures}

    def digest(self, root: Path) -> str:
        """Stands for what is read of a set: a few pictures of each column are not the set."""
        few = self.effort.quality
        return set_digest(root) if few is None else f"{set_digest(root)}-{few}"

    def put(self, section: str, about: Mapping[str, Any], figures: Mapping[str, Any]) -> None:
        """Save the figures of a section, model by model, in place of earlier ones."""
        self.results = self._earlier()  # once more: another run may have put something there
        entries = dict(self.results.get(section, {}))
        for arch, values in figures.items():
            entries[arch] = {"sha256": self.digests[arch], "measured": dict(about), **values}
        self.results[section] = dict(sorted(entries.items()))
        write_json(self.results_file, {"format": FORMAT, "sections": self.results})

    def rows(self) -> list[dict[str, Any]]:
        """The leaderboard's rows on today's pictures; those on others are named."""
        rows, digest = self._rows_in_file(), self.digest(self.shipped)
        for row in rows:
            if row["set"] != digest:
                print(f"left out of the tables: {row['name']}, measured on other pictures")
        return [row for row in rows if row["set"] == digest]

    def put_row(self, row: dict[str, Any]) -> None:
        write_leaderboard(put_row(self._rows_in_file(), row), self.leaderboard_file)

    def _rows_in_file(self) -> list[dict[str, Any]]:
        """All but those of this project's earlier weights."""
        current = {(name, version_of(digest)) for name, digest in self.digests.items()}
        return [
            row
            for row in read_leaderboard(self.leaderboard_file)
            if row["kind"] != "project" or (row["name"], row["version"]) in current
        ]

    def _earlier(self) -> dict[str, dict[str, Any]]:
        """Earlier figures, but for those of other weights: these say nothing about today's."""
        if not self.results_file.is_file():
            return {}
        try:
            values = json.loads(self.results_file.read_text(encoding="utf-8"))
            if values["format"] != FORMAT:
                raise ValueError(f"its format is not {FORMAT}")
            return {
                section: {
                    arch: entry
                    for arch, entry in entries.items()
                    if entry["sha256"] == self.digests.get(arch)
                }
                for section, entries in values["sections"].items()
            }
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            problem = f"is no record of a benchmark ({error!r}); remove it, or mend it"
            raise ConfigError(f"{self.results_file} {problem}") from None


def version_of(sha256: str) -> str:
    """What stands for weights in the leaderboard."""
    return sha256[:12]


def limited(store: Store, per_column: int | None) -> Store:
    """The first pictures of each column in each part, and at each level of the dial."""
    if per_column is None:
        return store
    counts: dict[tuple[Any, ...], int] = {}
    chosen = []
    for i, record in enumerate(store.records):
        key = (part_of(record), column_of(record), record.get("difficulty"))
        counts[key] = counts.get(key, 0) + 1
        if counts[key] <= per_column:
            chosen.append(i)
    return Subset(store, chosen)
