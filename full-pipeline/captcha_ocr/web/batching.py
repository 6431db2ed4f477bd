"""Pictures that arrive together are read together.

One thread a model takes pictures from a queue and runs the model on as many as have come. It
waits for more only while some are on their way, and never longer than a few milliseconds, so a
single visitor is not slowed down.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Callable

import numpy as np

Run = Callable[[Sequence[np.ndarray]], Sequence[np.ndarray]]
Item = tuple[np.ndarray, "Future[np.ndarray]"]


class Batcher:
    """Groups calls of ``submit`` from many threads into calls of ``run`` in one."""

    def __init__(
        self,
        run: Run,
        *,
        max_pictures: int,
        max_wait: float,
        on_the_way: Callable[[], int],
        on_batch: Callable[[int], None],
    ) -> None:
        """``run`` takes arrays and returns one result for each, as `Predictor.logits` does.

        Args:
            max_pictures: most arrays in one call; 1 turns batching off.
            max_wait: seconds to wait for more after the first.
            on_the_way: how many pictures are being opened now and may join.
            on_batch: told the size of each batch.
        """
        self._run, self._max_pictures, self._max_wait = run, max_pictures, max_wait
        self._on_the_way, self._on_batch = on_the_way, on_batch
        # Bounded by the service, which admits no more pictures than its queue limit.
        self._queue: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="batcher", daemon=True)
        self._thread.start()

    def submit(self, array: np.ndarray) -> Future[np.ndarray]:
        future: Future[np.ndarray] = Future()
        self._queue.put((array, future))
        return future

    def close(self) -> None:
        """Read what is queued, then stop."""
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while True:
            item = self._queue.get()
            if item is None:
                return
            batch, stop = self._gather(item)
            self._read(batch)
            if stop:
                return

    def _gather(self, first: Item) -> tuple[list[Item], bool]:
        """The first picture and those that join it; and whether to stop after them."""
        batch, until = [first], time.monotonic() + self._max_wait
        while len(batch) < self._max_pictures:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                left = until - time.monotonic()
                if left <= 0 or not self._on_the_way():
                    break
                try:
                    item = self._queue.get(timeout=left)
                except queue.Empty:
                    break
            if item is None:
                return batch, True
            batch.append(item)
        return batch, False

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
