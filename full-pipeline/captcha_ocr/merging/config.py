"""What a merge is asked to do, checked before anything is read."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from captcha_ocr.config import ConfigError
from captcha_ocr.labels import IMAGES_DIR, as_on_disk

TRAIN, TEST = "train", "test"
COPY_MODES = ("copy", "move", "link")
ON_CONFLICT = ("error", "drop", "keep-first")
ON_FAULT = ("error", "drop")
MAX_NEAR = 24  # bits of 128; beyond that, different noise looks like the same picture


class DataError(ValueError):
    """The sources cannot be merged as they are; ``problems`` are whole sentences."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class TargetError(OSError):
    """The target is in the way, or is being written by somebody else."""


@dataclass(frozen=True)
class Source:
    """A folder with ``images/`` and ``labels.txt`` (and maybe ``manifest.jsonl``)."""

    split: str  # train or test
    style: str  # goes into file names and into the manifest's field `style`
    root: Path

    def picture(self, file: str) -> str:
        """Where the picture lies that ``labels.txt`` calls ``file``."""
        folder = self.root / IMAGES_DIR
        return f"{folder}/{as_on_disk(folder, file)}"


@dataclass(frozen=True)
class MergeConfig:
    """Everything that decides a merge. Written to ``merge.json`` in each target."""

    sources: tuple[Source, ...]  # their order decides which copy of a picture is "the first"
    train_dest: Path
    test_dest: Path | None = None  # no test sources: no test target
    copy_mode: str = "copy"  # copy | move | link (hard links)
    dedupe: bool = True  # keep one copy of a picture in a split; across splits always
    near: int = 0  # also drop pictures of one label that differ in this many bits or fewer
    on_conflict: str = "error"  # one picture, two labels: error | drop | keep-first
    on_bad: str = "error"  # rows and files that cannot be used: error | drop
    on_unknown: str = "error"  # test pictures with characters training lacks: error | drop
    seed: int = 0  # order of the pictures in the target
    shuffle: bool = True  # False: in the order of the sources
    limit_train: int = 0  # pictures in the target at most, 0 = all
    limit_test: int = 0
    limit_train_each: int = 0  # pictures from each source at most
    limit_test_each: int = 0
    charset_out: Path | None = None  # a second copy of charset.txt

    def __post_init__(self) -> None:
        self._check_sources()
        self._check_targets()
        for name, value, allowed in (
            ("--copy-mode", self.copy_mode, COPY_MODES),
            ("--on-conflict", self.on_conflict, ON_CONFLICT),
            ("--on-bad", self.on_bad, ON_FAULT),
            ("--on-unknown", self.on_unknown, ON_FAULT),
        ):
            if value not in allowed:
                raise ConfigError(f"{name} is {value!r}; choose from {', '.join(allowed)}")
        for name, value in self.to_json().items():
            if name.startswith("limit_") and value < 0:
                raise ConfigError(f"--{name.replace('_', '-')} is {value}; 0 means all")
        if not 0 <= self.near <= MAX_NEAR:
            raise ConfigError(f"--near is {self.near} bits; choose 0 (off) to {MAX_NEAR}")

    def _check_sources(self) -> None:
        if not any(source.split == TRAIN for source in self.sources):
            raise ConfigError("no training source; give --train-src STYLE FOLDER at least once")
        for source in self.sources:
            try:
                str(source.root).encode()
            except UnicodeEncodeError:
                raise ConfigError(
                    f"the folder's name {str(source.root)!r} is no UTF-8, as the manifest is; "
                    "give it another"
                ) from None
            if not re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", source.style):
                raise ConfigError(
                    f"the style {source.style!r} becomes part of file names; use lower case "
                    "letters, digits, '_' and '-', 32 characters at most"
                )
        roots = [source.root.resolve() for source in self.sources]
        twice = sorted({str(root) for root in roots if roots.count(root) > 1})
        if twice:
            raise ConfigError(f"given as a source more than once: {', '.join(twice)}")

    def _check_targets(self) -> None:
        if any(source.split == TEST for source in self.sources) != bool(self.test_dest):
            raise ConfigError("--test-src and --test-dest go together")
        refuse_nested((source.root for source in self.sources), self.targets.values())

    @property
    def targets(self) -> dict[str, Path]:
        """Split -> the root to write."""
        found = {TRAIN: self.train_dest}
        if self.test_dest is not None:
            found[TEST] = self.test_dest
        return found

    def to_json(self) -> dict[str, Any]:
        """What decides the contents of the targets: all but where they go."""
        skipped = {"sources", "train_dest", "test_dest", "charset_out"}
        names = [field.name for field in dataclasses.fields(self) if field.name not in skipped]
        return {name: getattr(self, name) for name in names}


def refuse_nested(sources: Iterable[Path], targets: Iterable[Path]) -> None:
    """Raise ConfigError when a target and a source, or two targets, lie inside each other."""
    own = [target.resolve() for target in targets]
    all_roots = [*(source.resolve() for source in sources), *own]
    for target in own:
        for other in all_roots:
            if other is not target and (target.is_relative_to(other) or target in other.parents):
                raise ConfigError(
                    f"the target {target} and {other} lie inside each other; "
                    "choose separate folders"
                )
