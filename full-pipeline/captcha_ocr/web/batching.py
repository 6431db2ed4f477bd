"""Pictures that arrive together are read together.

A few threads a model, one for each core, take the oldest picture that waits and with it those
of the same width, since only these fit into one array. They wait for more only while some are on
their way, and never longer than a few milliseconds, so a single visitor is not slowed down.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Callable

import numpy as np

Run = Callable[[Sequence[np.ndarray]], Sequence[np.ndarray]]
Item = tuple[np.ndarray, "Future[np.ndarray]"]


class Batcher:
    """Groups calls of ``submit`` from many threads into few calls of ``run``."""

    def __init__(
        self,
        run: Run,
        *,
        lanes: int,
        max_pictures: int,
        max_wait: float,
        on_the_way: Callable[[], int],
        on_batch: Callable[[int], None],
    ) -> None:
        """``run`` takes arrays and returns one result for each, as `Predictor.logits` does.

        Args:
            lanes: how many calls of ``run`` may be under way at the same time.
            max_pictures: most arrays in one call; 1 turns batching off.
            max_wait: seconds to wait for more after the first.
            on_the_way: how many pictures are being opened now and may join.
            on_batch: told the size of each batch.
        """
        self._run, self._max_pictures, self._max_wait = run, max_pictures, max_wait
        self._on_the_way, self._on_batch = on_the_way, on_batch
        # Bounded by the service, which admits no more pictures than its queue limit.
        self._waiting: deque[Item] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"batcher-{lane}", daemon=True)
            for lane in range(lanes)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, array: np.ndarray) -> Future[np.ndarray]:
        future: Future[np.ndarray] = Future()
        with self._changed:
            if self._closed:
                raise RuntimeError("the batcher is closed")
            self._waiting.append((array, future))
            self._changed.notify_all()
        return future

    def close(self) -> None:
        """Read what waits, then stop."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while batch := self._take():
            self._read(batch)

    def _take(self) -> list[Item]:
        """The oldest picture and its company; nothing when it is closed and all is read."""
        with self._changed:
            while not self._waiting:
                if self._closed:
                    return []
                self._changed.wait()
            batch, until = [self._waiting.popleft()], time.monotonic() + self._max_wait
            while True:
                self._join(batch)
                left = until - time.monotonic()
                if len(batch) == self._max_pictures or left <= 0 or not self._on_the_way():
                    return batch
                self._changed.wait(left)

    def _join(self, batch: list[Item]) -> None:
        """Move those that wait and have the batch's shape into it, the oldest first."""
        others: deque[Item] = deque()
        for item in self._waiting:
            fits = len(batch) < self._max_pictures and item[0].shape == batch[0][0].shape
            (batch if fits else others).append(item)
        self._waiting = others

    def _read(self, batch: list[Item]) -> None:
        # Marks a future as running; one that its request has given up is left out.
        wanted = [item for item in batch if item[1].set_running_or_notify_cancel()]
        if not wanted:
            return
        self._on_batch(len(wanted))
        try:
            results = self._run([array for array, _ in wanted])
        except Exception as error:  # whatever the backend raises belongs to those who wait
            for _, future in wanted:
                future.set_exception(error)
        else:
            for (_, future), result in zip(wanted, results):
                future.set_result(result)
