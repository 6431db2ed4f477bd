"""How much of what clients ask for is taken up before it is answered."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from captcha_ocr.constraints import MAX_EDGES
from captcha_ocr.web.metrics import Metrics
from captcha_ocr.web.problems import Problem

# Transitions of the constraints of all pictures at once: some seconds of searching. A thread of
# the server waits for each request, and with more of them none would be left for others.
MAX_SEARCHED = 4 * MAX_EDGES


@contextmanager
def held(places: threading.Semaphore, seconds: float, otherwise: Exception) -> Iterator[None]:
    """One of the places; ``otherwise`` is raised when none is free within so many seconds."""
    if not places.acquire(timeout=seconds):
        raise otherwise
    try:
        yield
    finally:
        places.release()


class Admission:
    """Pictures that are accepted and not answered yet, and the transitions they search through."""

    def __init__(self, most: int, metrics: Metrics) -> None:
        self._most, self._metrics = most, metrics
        self._changed = threading.Condition()
        self._pictures = self._edges = 0

    def take(self, pictures: int = 0, *, edges: int = 0) -> None:
        """Raises Problem ``busy``. Searches for one request are taken however large they are."""
        with self._changed:
            if self._pictures + pictures > self._most:
                raise Problem(
                    "busy",
                    f"{self._pictures} pictures are waiting and {self._most} may; "
                    "try again in a second",
                )
            if edges and self._edges and self._edges + edges > MAX_SEARCHED:
                raise Problem(
                    "busy", "others are being read under large constraints; try again in a second"
                )
            self._change(pictures, edges)

    def give_back(self, pictures: int = 0, *, edges: int = 0) -> None:
        with self._changed:
            self._change(-pictures, -edges)

    def _change(self, pictures: int, edges: int) -> None:
        self._pictures += pictures
        self._edges += edges
        self._metrics.pending.set(self._pictures)
        self._changed.notify_all()

    def wait_until_empty(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._pictures, seconds)
