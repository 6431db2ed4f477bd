"""Intervals over font families: what if others had been held out?

Pictures of one family stand and fall together. Where the fonts are unseen, families were drawn by
chance, and pictures only within them: an interval for independent pictures is too narrow there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from captcha_ocr.evaluation import Evaluation
from captcha_ocr.metrics import edit_distance
from captcha_ocr.report import is_right

RESAMPLES, SEED = 10_000, 7
# A font's own weight, and the style that the generators add: "Sora ExtraBold Bold Italic" is Sora.
_CUT = re.compile(r"(?: (?:(?:Extra ?)?Bold|Italic))+$")


def families_of(record: Mapping[str, Any]) -> frozenset[str]:
    """The families in a picture, by its manifest record: two where RuoYi's pictures mix fonts."""
    return frozenset(_CUT.sub("", font) for font in (record.get("font") or "").split(" + "))


def family_intervals(evaluation: Evaluation) -> dict[str, Any]:
    """``families``, how many there are, and the intervals of a report (report.py) over them.

    Empty where one of these has no width, as with one family, or with no picture misread: then
    families say nothing about chance, and the intervals over pictures are wider.
    """
    families = [families_of(record) for record in evaluation.store.records]
    targets = evaluation.targets
    ones, edits = [1] * len(targets), [*map(edit_distance, evaluation.texts, targets)]
    found = {
        "exact_match_interval": family_interval(is_right(evaluation), ones, families),
        "exact_match_folded_interval": family_interval(is_right(evaluation, True), ones, families),
        "cer_interval": family_interval(edits, [*map(len, targets)], families),
    }
    if any(low == high for low, high in found.values()):
        return {}
    return {"families": len({name for of in families for name in of}), **found}


def family_interval(
    parts: Sequence[int], wholes: Sequence[int], families: Sequence[frozenset[str]]
) -> list[float]:
    """The 95 % interval, [low, high], of ``sum(parts) / sum(wholes)``; an entry a picture each.

    A cluster bootstrap (Field and Welsh, Bootstrapping clustered data, JRSS B 69, 2007), by
    percentiles: as many families as there are, are drawn with replacement, and a picture counts
    as often as its family was. One of two families counts as often as the product of both says,
    which is Owen's weight for crossed factors (The pigeonhole bootstrap, Annals of Applied
    Statistics 1, 2007). The seed is fixed: the same pictures have the same interval.
    """
    tops: Counter[frozenset[str]] = Counter()
    bottoms: Counter[frozenset[str]] = Counter()
    for part, whole, of in zip(parts, wholes, families):
        tops[of] += part
        bottoms[of] += whole
    place = {name: i for i, name in enumerate(sorted({name for of in families for name in of}))}
    equal = [1 / len(place)] * len(place)
    drawn = np.random.default_rng(SEED).multinomial(len(place), equal, RESAMPLES)
    top = bottom = np.zeros(RESAMPLES, np.int64)
    for of in bottoms:
        times = drawn[:, [place[name] for name in of]].prod(axis=1)
        top, bottom = top + times * tops[of], bottom + times * bottoms[of]
    some = bottom > 0  # of few families, a draw may hold no picture: each was to have two
    low, high = np.percentile(top[some] / bottom[some], (2.5, 97.5)).tolist()
    return [low, high]
