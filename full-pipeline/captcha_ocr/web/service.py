"""What both servers do with a request: admit, open, read in batches, decode, describe.

Nothing here knows HTTP. `Service.submit` returns futures, so that Flask can wait for them and
FastAPI can await them.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Optional

from captcha_ocr.config import ConfigError
from captcha_ocr.constraints import Constraint
from captcha_ocr.cores import usable_cores
from captcha_ocr.decoding import NoAllowedTextError
from captcha_ocr.imaging import ImageError, ImageLimits, open_image
from captcha_ocr.predictor import Predictor
from captcha_ocr.web.admission import Admission, held
from captcha_ocr.web.batching import Batcher
from captcha_ocr.web.catalogue import default_model, describe_models
from captcha_ocr.web.constraint_store import ConstraintStore
from captcha_ocr.web.metrics import Metrics
from captcha_ocr.web.options import ALL, RULE, Options, parse_options, parse_rule
from captcha_ocr.web.problems import Problem
from captcha_ocr.web.results import failed, file_result, reading
from captcha_ocr.web.schemas import FileResult, ModelsResponse, Reading, Rule
from captcha_ocr.web.settings import Settings

logger = logging.getLogger(__name__)

BUILD_SECONDS = 2.0  # longest wait to build a constraint; who waits holds a thread of the server
SEARCHES = 4  # under a constraint at the same time: the largest need almost 100 MB each

Constraints = Mapping[str, Optional[Constraint]]  # model -> what it may read


@dataclass(frozen=True)
class Upload:
    """One file of a request."""

    name: str  # as the client calls it; shown, never used as a path
    data: bytes


@dataclass(frozen=True)
class Job:
    """One picture on its way through the service."""

    index: int
    upload: Upload
    options: Options
    archs: Sequence[str]
    constraints: Constraints
    accepted: float  # time.monotonic()


class Service:
    """The loaded models, and the queues in front of them. Made once, when a server starts."""

    def __init__(
        self, settings: Settings, predictors: Mapping[str, Predictor], metrics: Metrics
    ) -> None:
        self.settings, self.predictors, self.metrics = settings, predictors, metrics
        self.default = default_model(predictors)
        self._limits = ImageLimits(
            max_bytes=settings.max_file_bytes, max_pixels=settings.max_pixels
        )
        self._admission = Admission(settings.queue, metrics)
        self._lock = threading.Lock()
        self._opening = 0  # being opened now
        self._constraints = ConstraintStore()
        self._searches = threading.Semaphore(SEARCHES)
        self._pool = ThreadPoolExecutor(settings.readers, thread_name_prefix="reader")
        # Few: a picture may take 30 MB to open, which the allocator keeps for each thread.
        self._openers = ThreadPoolExecutor(usable_cores() + 1, thread_name_prefix="opener")
        # Of their own, so that those that wait for a search keep nobody else from being read.
        self._searchers = ThreadPoolExecutor(settings.readers, thread_name_prefix="searcher")
        self._batchers = {name: self._batcher(name) for name in predictors}
        self._rule = parse_rule(settings)
        self._check_rule()

    def _check_rule(self) -> None:
        """A rule that no text of a model can meet is said at the start, not to every client."""
        for arch in self.predictors:
            try:
                self._constraint(self._rule, arch)
            except Problem as problem:
                raise ConfigError(f"--length, --alphabet, --pattern: {problem.detail}") from None

    def _batcher(self, name: str) -> Batcher:
        return Batcher(
            self.predictors[name].logits,
            lanes=self.settings.lanes,
            max_pictures=self.settings.batch_max,
            max_wait=self.settings.batch_wait_ms / 1000,
            on_the_way=lambda: self._opening,
            on_batch=lambda size: self.metrics.batches.observe(size, model=name),
        )

    def close(self) -> bool:
        """Give up what waits, finish what is being read, and stop the threads.

        False when some are still at work after ``stop_seconds``.
        """
        for pool in (self._pool, self._searchers):
            pool.shutdown(wait=False, cancel_futures=True)
        if not self._admission.wait_until_empty(self.settings.stop_seconds):
            return False
        self._openers.shutdown()
        for batcher in self._batchers.values():
            batcher.close()
        return True

    def options(self, fields: Iterable[tuple[str, str]]) -> Options:
        """How a request wants to be read. Raises Problem ``invalid``."""
        return parse_options(
            fields, list(self.predictors), self.settings.max_top_k, rule=self._rule
        )

    def models(self) -> ModelsResponse:
        """What ``GET /models`` says."""
        rule = Rule(**{name: getattr(self.settings, name) for name in RULE})
        return describe_models(self.predictors, self.default, self.settings.backend, rule)

    def submit(self, uploads: Sequence[Upload], options: Options) -> list[Future[FileResult]]:
        """Start to read; one future a picture, in order. May take a while: it builds constraints.

        Raises Problem: ``invalid`` for a constraint, ``busy`` when there is no room or no time.
        """
        archs = list(self.predictors) if options.arch == ALL else [options.arch or self.default]
        self._admission.take(len(uploads))
        futures: list[Future[FileResult]] = []
        edges = 0  # taken for each picture
        try:
            constraints = {arch: self._constraint(options, arch) for arch in archs}
            wanted = sum(len(built.symbol) for built in constraints.values() if built)
            self._admission.take(edges=wanted * len(uploads))
            edges = wanted
            pool = self._searchers if options.constrained else self._pool
            for index, upload in enumerate(uploads):
                job = Job(index, upload, options, archs, constraints, time.monotonic())
                futures.append(pool.submit(self._read, job))
                futures[-1].add_done_callback(partial(self._answered, edges))
        finally:  # not all of them, when a constraint is wrong or the service has been closed
            missing = len(uploads) - len(futures)
            self._admission.give_back(missing, edges=edges * missing)
        return futures

    def _answered(self, edges: int, future: Future[FileResult]) -> None:
        self._admission.give_back(1, edges=edges)
        if not future.cancelled():
            error = future.result().error
            self.metrics.pictures.add(outcome=error.code if error else "read")

    def _constraint(self, options: Options, arch: str) -> Constraint | None:
        if not options.constrained:
            return None
        charset = self.predictors[arch].info.charset
        try:
            return self._constraints.get(charset, options, BUILD_SECONDS)
        except Problem as problem:
            raise Problem(problem.code, f"{arch}: {problem.detail}", **problem.extra) from None

    def _read(self, job: Job) -> FileResult:
        try:
            size, pending = self._openers.submit(self._open, job).result()
            try:
                readings = [self._decode(job, *item) for item in pending]
            finally:  # one has failed: the other models need not read for nobody
                for _, _, logits in pending:
                    logits.cancel()
        except ImageError as error:
            return failed(job.index, job.upload.name, error.code, str(error))
        except FutureTimeout:
            seconds = self.settings.answer_seconds
            return failed(
                job.index, job.upload.name, "timeout", f"not read within {seconds:g} s; try again"
            )
        except NoAllowedTextError as error:  # any other ValueError is no fault of the client
            return failed(job.index, job.upload.name, "too_narrow", str(error))
        except Exception:
            logger.exception("a picture could not be read")
            return failed(job.index, job.upload.name, "internal", "an error of the server")
        milliseconds = (time.monotonic() - job.accepted) * 1000
        return file_result(job.index, job.upload.name, size, readings, milliseconds)

    def _open(self, job: Job) -> tuple[tuple[int, int], list[tuple[str, float, Future]]]:
        """The picture's size, and for each model: its name, the columns, logits to come."""
        if self._seconds_left(job) <= 0:  # it has waited too long for its turn: nobody waits
            raise FutureTimeout
        with self._lock:
            self._opening += 1
        try:
            image = open_image(job.upload.data, self._limits)
            pending = []
            for arch in job.archs:
                prepared = self.predictors[arch].prepare(image, self._limits)
                pending.append(
                    (arch, prepared.columns, self._batchers[arch].submit(prepared.array))
                )
            return image.size, pending
        finally:
            with self._lock:
                self._opening -= 1

    def _decode(self, job: Job, arch: str, columns: float, pending: Future) -> Reading:
        predictor = self.predictors[arch]
        logits = pending.result(timeout=max(self._seconds_left(job), 0))
        with self._search(job) if job.options.constrained else nullcontext():
            prediction = predictor.interpret(
                logits, columns, constraint=job.constraints[arch], top_k=job.options.top_k
            )
        self.metrics.readings.add(model=arch)
        return reading(arch, prediction, predictor.info, with_explanation=job.options.explain)

    def _seconds_left(self, job: Job) -> float:
        return job.accepted + self.settings.answer_seconds - time.monotonic()

    def _search(self, job: Job) -> AbstractContextManager[None]:
        """One of the `SEARCHES`. Raises FutureTimeout when the job's time is up before its turn."""
        left = self._seconds_left(job)
        if left <= 0:
            raise FutureTimeout
        return held(self._searches, left, FutureTimeout())


def stop(service: Service) -> None:
    """For the end of a server's process: close the service, within its time."""
    if not service.close():
        # Python ends only after all threads of a pool, and none can be stopped from outside.
        logger.warning("some pictures are still being read after --stop-seconds; they are left")
        os._exit(1)
