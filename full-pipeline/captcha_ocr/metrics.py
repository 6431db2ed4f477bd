"""How well texts were read: exact match, character error rate, intervals and confusions.

Nothing is dropped and nothing is normalised in silence: what a target holds is what counts.
Some fonts draw upper and lower case alike, and EasyCaptcha and RuoYi compare answers without
case, so `Score` has exact match both as it is and with case folded (``str.casefold``).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rapidfuzz.distance import Levenshtein

__all__ = [
    "Score",
    "character_error_rate",
    "confusions",
    "edit_distance",
    "exact_match",
    "matches",
    "score",
    "score_by",
    "wilson_interval",
]

Key = TypeVar("Key", bound=Hashable)
Interval = tuple[float, float]

Z_95 = 1.959963984540054  # the normal distribution's 97.5 % quantile: a two-sided 95 % interval


@dataclass(frozen=True)
class Score:
    """Figures over n pictures, as fractions (not per cent), with 95 % intervals."""

    n: int
    exact_match: float
    exact_match_interval: Interval
    exact_match_folded: float
    exact_match_folded_interval: Interval
    cer: float
    cer_interval: Interval


def matches(texts: Sequence[str], targets: Sequence[str], *, fold_case: bool = False) -> list[bool]:
    """Whether each text is right: equal to its target, or, with ``fold_case``, but for case."""
    _check(texts, targets, allow_empty=True)
    fold = str.casefold if fold_case else str
    return [fold(text) == fold(target) for text, target in zip(texts, targets)]


def exact_match(texts: Sequence[str], targets: Sequence[str], *, fold_case: bool = False) -> float:
    """The fraction of texts that equal their target, in [0, 1]."""
    _check(texts, targets)
    return sum(matches(texts, targets, fold_case=fold_case)) / len(targets)


def edit_distance(text: str, target: str) -> int:
    """Levenshtein: the fewest insertions, deletions and substitutions of one character."""
    return Levenshtein.distance(text, target)


def character_error_rate(texts: Sequence[str], targets: Sequence[str]) -> float:
    """All edits over all target characters. May exceed 1 when texts are too long.

    Raises:
        ValueError: no pairs, lists of different length, or targets without any character.
    """
    _check(texts, targets)
    characters = sum(map(len, targets))
    if characters == 0:
        raise ValueError("all targets are empty: a character error rate needs characters")
    return sum(map(edit_distance, texts, targets)) / characters


def wilson_interval(successes: int, n: int) -> Interval:
    """The 95 % interval of a proportion (Wilson 1927): sound near 0 and 1 and for small n."""
    if not 0 <= successes <= n or n < 1:
        raise ValueError(f"got {successes} successes of {n}; expected 0 <= successes <= n, n >= 1")
    share, z2 = successes / n, Z_95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    # At the ends the bound is the share itself; say so exactly, whatever rounding makes of it.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return low, high


def score(texts: Sequence[str], targets: Sequence[str]) -> Score:
    """All figures for one group of pictures; errors as in `character_error_rate`."""
    cer = character_error_rate(texts, targets)
    n = len(targets)
    strict = sum(matches(texts, targets))
    folded = sum(matches(texts, targets, fold_case=True))
    return Score(
        n=n,
        exact_match=strict / n,
        exact_match_interval=wilson_interval(strict, n),
        exact_match_folded=folded / n,
        exact_match_folded_interval=wilson_interval(folded, n),
        cer=cer,
        cer_interval=_cer_interval(texts, targets, cer),
    )


def score_by(texts: Sequence[str], targets: Sequence[str], keys: Sequence[Key]) -> dict[Key, Score]:
    """One `Score` a key (style, kind, size, length ...), in the order of first appearance."""
    _check(texts, targets)
    if len(keys) != len(targets):
        raise ValueError(f"got {len(keys)} keys for {len(targets)} targets")
    groups: dict[Key, tuple[list[str], list[str]]] = {}
    for text, target, key in zip(texts, targets, keys):
        read, true = groups.setdefault(key, ([], []))
        read.append(text)
        true.append(target)
    return {key: score(read, true) for key, (read, true) in groups.items()}


def confusions(texts: Sequence[str], targets: Sequence[str]) -> Counter[tuple[str, str]]:
    """How often each (true, read) pair of characters was confused; correct ones are left out.

    ``(c, "")`` is a character that was missed, ``("", c)`` one that was made up. Where several
    shortest edits exist (``ab`` read as ``ba``), one is chosen.
    """
    _check(texts, targets, allow_empty=True)
    pairs: Counter[tuple[str, str]] = Counter()
    for text, target in zip(texts, targets):
        for edit in Levenshtein.editops(target, text):
            true = "" if edit.tag == "insert" else target[edit.src_pos]
            read = "" if edit.tag == "delete" else text[edit.dest_pos]
            pairs[true, read] += 1
    return pairs


def _cer_interval(texts: Sequence[str], targets: Sequence[str], cer: float) -> Interval:
    """95 % for a ratio of sums over pictures (Cochran, Sampling Techniques, 3rd ed., 2.11).

    Errors of one picture come together, so pictures are the unit, not characters. Without any
    spread (no error, or one picture) that interval has no width; then the bounds of the share
    of pictures with an error stand in, which are wider.
    """
    n, characters = len(targets), sum(map(len, targets))
    edits = [edit_distance(a, b) for a, b in zip(texts, targets)]
    total = sum(edits)
    # In whole numbers, times `characters`: rounding would make a spread of none.
    residuals = sum((e * characters - total * len(b)) ** 2 for e, b in zip(edits, targets))
    if n == 1 or residuals == 0:
        low, high = wilson_interval(sum(e > 0 for e in edits), n)
        return min(low, cer), max(high, cer)
    half = Z_95 * math.sqrt(residuals * n / (n - 1)) / characters**2
    return max(0.0, cer - half), cer + half


def _check(texts: Sequence[str], targets: Sequence[str], allow_empty: bool = False) -> None:
    if len(texts) != len(targets):
        raise ValueError(f"got {len(texts)} texts for {len(targets)} targets")
    if not targets and not allow_empty:
        raise ValueError("nothing to score: no texts were given")
