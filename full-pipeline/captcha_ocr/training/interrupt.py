"""Why a run stops; and Ctrl-C and SIGTERM as a request: the step at hand is finished and saved."""

from __future__ import annotations

import signal
import threading
from dataclasses import dataclass
from types import FrameType
from typing import Any


@dataclass(frozen=True)
class Stop:
    why: str  # a sentence
    unfinished: bool = False  # there are steps left, which --resume takes
    interrupted: bool = False  # somebody wants it to end now

    def __str__(self) -> str:
        return self.why


class Interrupt:
    """``with Interrupt() as interrupt:`` and look at ``interrupt.requested`` where it suits.

    A second Ctrl-C ends at once.
    """

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():  # only there can one listen
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._on_signal)
        return self

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
