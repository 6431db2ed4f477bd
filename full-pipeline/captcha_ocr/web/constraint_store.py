"""The constraints that requests ask for: built few at a time, and the last ones kept.

A pattern of a few bytes may need a second and tens of MB to be built, so a handful of requests
must not build at the same time; and the page sends the same constraint with every picture.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Optional, Union

from captcha_ocr.charset import Charset
from captcha_ocr.constraints import MAX_EDGES, Constraint, ConstraintError
from captcha_ocr.web.admission import held
from captcha_ocr.web.options import Options
from captcha_ocr.web.problems import Problem

BUILDS = 2  # at the same time
WAITING = 8  # for those; each holds a thread of the server
KEPT = 64
KEPT_EDGES = 4 * MAX_EDGES  # of all that are kept together; some 25 MB

Key = tuple[Charset, Union[int, tuple[int, int], None], Optional[str], Optional[str]]


class ConstraintStore:
    def __init__(self) -> None:
        self._places = threading.Semaphore(BUILDS)
        self._waiting = threading.Semaphore(BUILDS + WAITING)
        self._lock = threading.Lock()
        # A refusal is kept too: it may have cost as much.
        self._kept: OrderedDict[Key, Constraint | Problem] = OrderedDict()

    def get(self, charset: Charset, options: Options, seconds: float) -> Constraint:
        """Raises Problem ``invalid``, or ``busy`` when many wait or build for so many seconds."""
        key = (charset, options.length, options.alphabet, options.pattern)
        found = self._find(key)
        if found is None:
            busy = Problem("busy", "other requests' constraints are being built; try again")
            with held(self._waiting, 0, busy), held(self._places, seconds, busy):
                found = self._find(key) or self._keep(key, _build(charset, options))
        if isinstance(found, Problem):
            raise Problem(found.code, found.detail, **found.extra)
        return found

    def _find(self, key: Key) -> Constraint | Problem | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _keep(self, key: Key, built: Constraint | Problem) -> Constraint | Problem:
        with self._lock:
            self._kept[key] = built
            while len(self._kept) > KEPT or sum(map(_edges, self._kept.values())) > KEPT_EDGES:
                self._kept.popitem(last=False)
        return built


def _edges(kept: Constraint | Problem) -> int:
    return 0 if isinstance(kept, Problem) else len(kept.symbol)


def _build(charset: Charset, options: Options) -> Constraint | Problem:
    try:
        return Constraint.build(
            charset, length=options.length, alphabet=options.alphabet, pattern=options.pattern
        )
    except ConstraintError as error:
        where = {} if error.position is None else {"position": error.position}
        field = _wrong_field(error, options)
        return Problem("invalid", str(error), field=field, kind=error.kind, **where)


def _wrong_field(error: ConstraintError, options: Options) -> str:
    """An alphabet may be wrong by itself; otherwise the pattern is, or what must agree with it."""
    if error.kind == "unknown_alphabet":
        return "alphabet"
    fields = ("pattern", "length", "alphabet")
    return next(name for name in fields if getattr(options, name) is not None)
