"""Where slices are worked on: in this process, in many, or on a Dask cluster.

An engine runs a pure function over tasks; it knows nothing of pictures. The functions are
importable and their arguments and results are plain tuples, so that they travel anywhere.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from captcha_ocr.config import ConfigError
from captcha_ocr.cores import usable_cores

Task = TypeVar("Task")
Result = TypeVar("Result")

MAX_WINDOWS_WORKERS = 61  # Windows waits for 63 handles at once; the executor needs two of them


class Engine(Protocol):
    """Anything with an ordered map. Results come in the order of the tasks."""

    def map(
        self, function: Callable[[Task], Result], tasks: Iterable[Task]
    ) -> Iterator[Result]: ...


class SerialEngine:
    """In this process, one after another."""

    def map(self, function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
        return map(function, tasks)


class PoolEngine:
    """Any executor with ``submit(function, task)`` whose futures have ``result()``.

    Only ``window`` tasks are on their way at a time: tasks are read from files as they are
    needed, and results wait for nobody, so memory stays bounded. After an error nothing is still
    at work: it would write into a folder that is being removed.
    """

    def __init__(self, submit: Callable[..., Any], window: int) -> None:
        self._submit, self._window = submit, window

    def map(self, function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
        waiting: deque[Any] = deque()
        try:
            for task in tasks:
                waiting.append(self._submit(function, task))
                if len(waiting) >= self._window:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
            for future in waiting:
                if not future.cancelled():
                    future.exception()  # waits; the first error is the one to tell


@contextmanager
def process_engine(workers: int = 0, start_method: str | None = None) -> Iterator[Engine]:
    """Processes on this machine; 0 workers means one a core, 1 means no other process."""
    workers = workers or usable_cores()
    if sys.platform == "win32":
        workers = min(workers, MAX_WINDOWS_WORKERS)
    if workers == 1:
        yield SerialEngine()
        return
    context = multiprocessing.get_context(start_method)
    with ProcessPoolExecutor(workers, context, initializer=_end_with_parent) as executor:
        try:
            yield PoolEngine(executor.submit, window=4 * workers)
        except BrokenProcessPool:
            raise ChildProcessError(
                "a worker process was killed, for want of memory perhaps; give fewer --workers"
            ) from None


def _end_with_parent() -> None:
    """In a worker: end when the main process was killed and can no longer say so.

    It would wait for tasks for ever, and hold the locks that it inherited when it was forked.
    Ctrl-C reaches workers, too, and is left to the main process: one that ended while it writes a
    result would let that wait for the rest.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def wait() -> None:
        parent = multiprocessing.parent_process()
        assert parent is not None  # only workers come here
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


@contextmanager
def dask_engine(address: str) -> Iterator[Engine]:
    """A running Dask cluster, by the address of its scheduler.

    Its workers need this package, and must see the sources and the targets under the same paths.
    """
    from distributed import Client

    try:
        cluster = Client(address, set_as_default=False)
    except ValueError as error:
        raise ConfigError(f"--dask {address}: {error}; write tcp://host:8786") from None
    with cluster as client:
        threads = sum(client.nthreads().values())
        if not threads:
            raise ConnectionError(f"the Dask scheduler at {address} has no workers; start some")

        def submit(function: Callable[[Task], Result], task: Task) -> Any:
            # Two equal tasks are still two tasks; each result is used once and dropped.
            return client.submit(function, task, pure=False)

        yield PoolEngine(submit, window=4 * threads)
