"""The rules of a merge as pure functions: what a label says, and which copy of a picture stays."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from captcha_ocr.merging.config import TEST

# Why a picture is not in the target.
DUPLICATE = "duplicate"  # the split has it already
LEAK = "leak"  # a training picture that the test set holds too
CONFLICT = "conflict"  # the same picture stands elsewhere with another label
NEAR = "near"  # almost the same picture, the same label
LIMIT = "limit"  # more than was asked for
UNKNOWN = "unknown"  # a test picture with characters that training lacks
REASONS = (DUPLICATE, LEAK, CONFLICT, NEAR, LIMIT, UNKNOWN)

_ARITHMETIC = re.compile(r"[0-9]+(?:[-+*/×÷−xX][0-9]+)+[=＝][?？]?")
_TO_ASCII = str.maketrans("？＝", "?=")


def normalise_label(text: str) -> str:
    """Write the ``？＝`` of an arithmetic label in ASCII, as our generators draw them.

    Nothing else changes: ``×`` and ``÷`` stay, since they say what is drawn, and other texts stay
    since a full-width mark may be drawn in them.
    """
    return text.translate(_TO_ASCII) if _ARITHMETIC.fullmatch(text) else text


class Copy(NamedTuple):
    """One of several files that hold the same picture."""

    id: int
    split: str
    source: int  # its number on the command line
    line: int
    label: str


class Fate(NamedTuple):
    """Why the copy ``id`` goes; ``kept`` is the copy that stays for it, None when none does."""

    id: int
    reason: str
    kept: int | None


def rank(copy: Copy) -> tuple[bool, int, int]:
    """Sorts test before training, then the earlier source, then the earlier line."""
    return (copy.split != TEST, copy.source, copy.line)


def judge(copies: Sequence[Copy], *, keep_first: bool, dedupe: bool) -> list[Fate]:
    """Which copies of one picture go, and why. The order of ``copies`` does not matter.

    Two labels for one picture: at least one is wrong, so all copies go; with ``keep_first`` those
    with the first copy's label stay. A picture in both splits: training loses it. More than
    one copy in a split: with ``dedupe`` the first stays.

    Limits come later and change nothing here: training loses what the test *sources* hold, even
    where a limit leaves that out of the test set, so that it stays valid for all of them.
    """
    ordered = sorted(copies, key=rank)
    first = ordered[0]
    others = [copy for copy in ordered if copy.label != first.label]
    if others and not keep_first:
        return [Fate(copy.id, CONFLICT, None) for copy in ordered]
    fates = [Fate(copy.id, CONFLICT, first.id) for copy in others]
    for copy in ordered[1:]:
        if copy.label != first.label:
            continue
        if copy.split != first.split:  # first is of the test split, since test sorts before
            fates.append(Fate(copy.id, LEAK, first.id))
        elif dedupe:
            fates.append(Fate(copy.id, DUPLICATE, first.id))
    return fates


class JudgeTask(NamedTuple):
    """A shard of groups of equal pictures."""

    groups: list[list[Copy]]
    keep_first: bool
    dedupe: bool


def judge_shard(task: JudgeTask) -> list[Fate]:
    return [
        fate
        for group in task.groups
        for fate in judge(group, keep_first=task.keep_first, dedupe=task.dedupe)
    ]
