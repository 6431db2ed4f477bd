"""Hostile requests: a row of the attack table each. Asked of FastAPI and of Flask."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import io
import json
import math
import os
import re
import tempfile
import threading
import tracemalloc
import zlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, Mock

import numpy as np
import pytest
from captcha_ocr.charset import Charset
from captcha_ocr.imaging import ImageLimits, open_image
from captcha_ocr.model_info import ModelError
from captcha_ocr.predictor import Prediction
from captcha_ocr.web import fastapi_app, forms
from captcha_ocr.web.constraint_store import BUILDS, WAITING, ConstraintStore
from captcha_ocr.web.logs import METHODS
from captcha_ocr.web.options import Options
from captcha_ocr.web.problems import Problem
from captcha_ocr.web.service import SEARCHES, Job, Service, Upload, stop
from captcha_ocr.web.settings import Settings
from drawing import draw_barcode
from PIL import Image
from web_harness import (
    Answer,
    Asked,
    barcode,
    encode,
    make_service,
    multipart,
    open_server,
    run_apart,
)

KINDS = ["fastapi", "flask"]
PICTURE = Upload("a.png", barcode("1"))


@pytest.fixture(params=KINDS)
def strict(request: pytest.FixtureRequest, two_models: Path) -> Iterator[Asked]:
    """A server with small limits."""
    service = make_service(
        two_models, max_files=3, queue=3, max_file_mb=0.02, max_body_mb=0.1, rate=0.001, burst=5
    )
    yield from open_server(request.param, service)
    service.close()


def png_of(width: int, height: int) -> bytes:
    """A PNG of one colour with any size in its header, made without holding its pixels."""
    row = zlib.compressobj(9)
    line = b"\0" + b"\xff" * width
    data = b"".join(row.compress(line) for _ in range(height)) + row.flush()
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\0\0\0\0"
    chunks = [(b"IHDR", head), (b"IDAT", data), (b"IEND", b"")]
    body = b"".join(
        len(d).to_bytes(4, "big") + n + d + zlib.crc32(n + d).to_bytes(4, "big") for n, d in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(("width", "height"), [(4000, 4000), (200_000, 5), (4, 4)])
def test_bombs_and_crumbs_are_refused_by_size(server: Asked, width: int, height: int) -> None:
    answer = server.predict([("bomb.png", png_of(width, height))])
    assert (answer.status, answer.code) == (413, "size")


@pytest.mark.parametrize(
    "content",
    [
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        b"8BPS\0\x01" + bytes(100),
        b"<html><script>alert(1)</script>" + barcode("1"),
        b"%PDF-1.7\n",
        b"",
        b"\0" * 1000,
    ],
    ids=["svg", "psd", "html and png", "pdf", "empty", "zeros"],
)
def test_other_formats_are_unsupported_and_never_echoed(server: Asked, content: bytes) -> None:
    answer = server.predict([("a.png", content)])
    assert (answer.status, answer.code) == (415, "unsupported")
    assert b"script" not in answer.data
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_damaged_pictures_are_the_clients_error(server: Asked) -> None:
    whole = {kind: encode(draw_barcode("12AB"), kind) for kind in ("PNG", "JPEG", "GIF", "WEBP")}
    rng = np.random.default_rng(0)
    broken = []
    for kind, data in whole.items():
        broken += [(f"cut.{kind}", data[:end]) for end in range(0, len(data), 29)]
        for _ in range(12):
            flipped = bytearray(data)
            flipped[int(rng.integers(len(data)))] ^= int(rng.integers(1, 256))
            broken.append((f"flipped.{kind}", bytes(flipped)))
    for first in range(0, len(broken), 60):
        answer = server.predict(broken[first : first + 60])
        assert answer.status < 500, answer.data
        errors = [result["error"] for result in answer.json()["results"] if result["error"]]
        assert {error["code"] for error in errors} <= {"broken", "unsupported", "size"}


def test_a_gif_with_very_many_frames_is_bounded(server: Asked) -> None:
    frames = [Image.new("P", (64, 32), i % 7) for i in range(3000)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    answer = server.predict([("many.gif", file.getvalue())])
    assert answer.status == 200


def test_too_many_files_are_refused(strict: Asked) -> None:
    files = [(f"{i}.png", barcode("1")) for i in range(4)]
    answer = strict.predict(files)
    assert (answer.status, answer.code) == (413, "too_many_files")
    assert strict.predict(files[:3]).status == 200


def test_a_file_may_not_be_too_large(strict: Asked) -> None:
    answer = strict.predict([("big.png", barcode("1") + bytes(30_000))])
    assert (answer.status, answer.code) == (413, "size")


def test_a_body_may_not_be_too_large(
    strict: Asked, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    answer = strict.predict([("big.png", bytes(200_000))])
    assert (answer.status, answer.code) == (413, "too_large")
    assert list(tmp_path.iterdir()) == []


def test_a_body_of_unknown_length_is_counted(two_models: Path) -> None:
    """Chunked: FastAPI counts what comes; waitress does it for Flask, see test_web_live.py."""
    service = make_service(two_models, max_body_mb=0.1)
    content_type, body = multipart([("files", "big.png", bytes(200_000))], [])
    for asked in open_server("fastapi", service):
        parts = (body[i : i + 5000] for i in range(0, len(body), 5000))
        response = asked.client.post(  # type: ignore[attr-defined]
            "/predict", content=parts, headers={"Content-Type": content_type}
        )
        assert response.status_code == 413
        assert response.json()["code"] == "too_large"
    service.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_larger_limit_of_pixels_lets_larger_pictures_in(two_models: Path, kind: str) -> None:
    service = make_service(two_models, max_pixels=2_000_000)
    for asked in open_server(kind, service):
        assert asked.predict([("a.png", png_of(2000, 1000))]).status == 200
        assert asked.predict([("a.png", png_of(2000, 1001))]).code == "size"
    service.close()


def test_the_rate_is_limited(strict: Asked) -> None:
    codes = [strict.predict([("a.png", barcode("1"))]).status for _ in range(8)]
    assert codes == [200] * 5 + [429] * 3
    answer = strict.predict([("a.png", barcode("1"))])
    assert answer.code == "rate"
    assert answer.headers["retry-after"] == "1"
    assert strict.get("/healthz").status == 200


def test_a_web_socket_is_refused_and_no_error(service: Service) -> None:
    app, send = fastapi_app.create_app(service.settings, service), AsyncMock()
    run_apart(app({"type": "websocket", "path": "/predict", "headers": []}, AsyncMock(), send))
    send.assert_awaited_once_with({"type": "websocket.close"})


def test_made_up_methods_share_one_counter(server: Asked) -> None:
    for method in ("BREW", "BREW-2", "get"):
        assert server.send(method, "/nothing", {}, b"").status in (404, 405)
    counters = server.get("/metrics").data.decode()
    methods = set(re.findall(r'captcha_ocr_requests_total{method="(.*?)"', counters))
    assert "other" in methods and methods <= {*METHODS, "other"}


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", ""]
)
def test_foreign_hosts_are_refused(server: Asked, host: str) -> None:
    answer = server.send("GET", "/models", {"Host": host}, b"")
    assert (answer.status, answer.code) == (400, "forbidden_host")


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1:8001", "[::1]:8001", "api", "192.168.1.7"]
)
def test_hosts_that_no_stranger_can_own_are_answered(server: Asked, host: str) -> None:
    assert server.send("GET", "/healthz", {"Host": host}, b"").status == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:9", "http://["]
)
def test_pages_of_other_origins_may_not_post(server: Asked, origin: str) -> None:
    answer = server.predict([("a.png", barcode("1"))], headers={"Origin": origin})
    assert (answer.status, answer.code) == (403, "forbidden_origin")
    assert f"the page is of {origin!r}, the request is to '" in answer.json()["detail"]
    assert "access-control-allow-origin" not in answer.headers


def test_no_other_origin_is_let_in(server: Asked) -> None:
    own = server.predict([("a.png", barcode("1"))], headers={"Origin": "http://127.0.0.1:8000"})
    assert own.status == 200
    preflight = server.send(
        "OPTIONS",
        "/predict",
        {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
        b"",
    )
    foreign = server.get("/models", Origin="https://evil.example")
    for answer in (own, preflight, foreign):
        assert not [name for name in answer.headers if name.startswith("access-control")]


POLICY = (  # written out once more: to weaken it takes a change here
    "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
SECURE = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


def test_every_answer_carries_the_security_headers(server: Asked) -> None:
    ndjson = {"Accept": "application/x-ndjson"}
    answers = [
        server.get("/"),
        server.get("/static/app.js"),
        server.get("/static/app.js", If_None_Match="*"),
        server.get("/nothing"),
        server.get("/predict"),
        server.get("/models", Host="evil.example"),
        server.predict([("a.png", b"no")]),
        server.predict([("a.png", barcode("1"))]),
        server.predict([("a.png", barcode("1"))], headers=ndjson),
    ]
    assert [answer.status for answer in answers] == [200, 200, 304, 404, 405, 400, 415, 200, 200]
    for answer in answers:
        assert {name: answer.headers.get(name) for name in SECURE} == SECURE


class Stuck:
    """Holds a service's model until it is let go."""

    def __init__(self, service: Service) -> None:
        self.go, self.begun = threading.Event(), threading.Event()
        self.runs = 0
        predictor = service.predictors[service.default]
        self._run = predictor._run
        predictor._run = self.run  # type: ignore[method-assign]

    def run(self, images: np.ndarray) -> np.ndarray:
        self.runs += 1
        self.begun.set()
        self.go.wait(60)
        return self._run(images)


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_queue_is_said_at_once(two_models: Path, kind: str) -> None:
    service = make_service(two_models, queue=4, max_files=4, rate=0)
    stuck = Stuck(service)
    pictures = [Upload("a.png", barcode("1"))] * 3
    futures = service.submit(pictures, Options())
    for asked in open_server(kind, service):
        answer = asked.predict([("a.png", barcode("2"))] * 2)
        assert (answer.status, answer.code) == (503, "busy")
        assert answer.headers["retry-after"] == "1"
        assert asked.get("/healthz").status == 200
        stuck.go.set()
        assert [future.result().text for future in futures] == ["1"] * 3
        # A place is free a moment after its picture has been read.
        assert service._admission.wait_until_empty(60)
        assert asked.predict([("a.png", barcode("2"))] * 2).status == 200  # there is room again
    service.close()


@pytest.mark.parametrize("kind", KINDS)
def test_work_that_takes_too_long_is_given_up(two_models: Path, kind: str) -> None:
    service = make_service(two_models, answer_seconds=0.2)
    stuck = Stuck(service)
    for asked in open_server(kind, service):
        answer = asked.predict([("a.png", barcode("2"))])
        assert (answer.status, answer.code) == (503, "timeout")
    stuck.go.set()
    service.close()


def started(service: Service) -> Any:
    """FastAPI's app as the start of a server leaves it."""
    app = fastapi_app.create_app(service.settings, service)
    app.state.service = service
    return app


def test_who_leaves_during_an_upload_is_no_error_of_ours(
    two_models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """FastAPI only: waitress gives Flask whole requests."""
    service = make_service(two_models)
    app = started(service)
    scope, body = predict_scope(barcode("1"))
    half = {"type": "http.request", "body": body[: len(body) // 2], "more_body": True}
    receive = AsyncMock(side_effect=[half, {"type": "http.disconnect"}])
    send = AsyncMock()
    run_apart(app(scope, receive, send))
    send.assert_not_called()
    assert not caplog.records
    counted = 'captcha_ocr_requests_total{method="POST",path="/predict",status="499"} 1'
    assert counted in service.metrics.text()
    service.close()


def test_what_nobody_waits_for_any_more_is_not_read(two_models: Path) -> None:
    """FastAPI only. A few pictures have been opened when the client leaves; the others are not."""
    service = make_service(two_models, batch_max=1, runs=1)
    app = started(service)
    stuck = Stuck(service)
    scope, body = predict_scope(*[barcode("1")] * 60)
    parts = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Any:
        if (part := next(parts, None)) is not None:
            return part
        await asyncio.to_thread(stuck.begun.wait, 60)
        return {"type": "http.disconnect"}

    send = AsyncMock()
    run_apart(app(scope, receive, send))
    send.assert_not_called()
    stuck.go.set()
    assert service._admission.wait_until_empty(60)
    assert 0 < stuck.runs <= service.settings.readers < 60
    counted = 'captcha_ocr_requests_total{method="POST",path="/predict",status="499"} 1'
    assert counted in service.metrics.text()
    service.close()


def test_a_request_that_a_stopping_server_gives_up_can_be_sent_again(
    two_models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """uvicorn cancels it."""
    service = make_service(two_models)
    app = started(service)
    stuck = Stuck(service)
    scope, body = predict_scope(barcode("1"))
    parts = iter([{"type": "http.request", "body": body, "more_body": False}])
    send = AsyncMock()

    async def receive() -> Any:
        if (part := next(parts, None)) is not None:
            return part
        return await asyncio.Future()  # the client waits

    async def stop() -> None:
        request = asyncio.ensure_future(app(scope, receive, send))
        await asyncio.to_thread(stuck.begun.wait, 60)
        request.cancel()
        await request

    run_apart(stop())
    start, end = (call.args[0] for call in send.call_args_list)
    assert (start["status"], json.loads(end["body"])["code"]) == (503, "busy")
    assert not caplog.records
    stuck.go.set()
    service.close()


def test_who_does_not_take_the_answer_is_no_error_of_ours(
    two_models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    service = make_service(two_models, answer_seconds=0.1)
    app = fastapi_app.create_app(service.settings, service)
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/healthz",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
    }

    async def full(message: Any) -> None:
        await asyncio.sleep(600)

    receive = AsyncMock(return_value={"type": "http.disconnect"})
    run_apart(app(scope, receive, full))
    assert not caplog.records
    service.close()


def test_a_picture_that_failed_is_read_by_no_other_model(two_models: Path) -> None:
    service = make_service(two_models)
    first, second = Future(), Future()  # type: ignore[var-annotated]
    first.set_exception(RuntimeError("the model failed"))
    for batcher, logits in zip(service._batchers.values(), (first, second)):
        batcher.submit = Mock(return_value=logits)  # type: ignore[method-assign]
    (future,) = service.submit([PICTURE], Options(arch="all"))
    error = future.result(60).error
    assert error is not None and error.code == "internal"
    assert second.cancelled()
    service.close()


def test_as_many_alternatives_as_the_setting_promises(two_models: Path) -> None:
    service = make_service(two_models, max_top_k=40)
    (future,) = service.submit([PICTURE], service.options([("top_k", "40")]))
    result = future.result(60)
    assert result.error is None and result.text == "1"
    assert 16 < len(result.alternatives) <= 40
    service.close()


class HeldSearches:
    """Holds as many constrained decodings as may run at the same time; lets others through."""

    def __init__(self, service: Service) -> None:
        self.go, self.entered = threading.Event(), threading.Semaphore(0)
        self._places = threading.Semaphore(SEARCHES)
        predictor = service.predictors[service.default]
        self._interpret = predictor.interpret
        predictor.interpret = self.interpret  # type: ignore[method-assign]
        self.futures = service.submit([PICTURE] * SEARCHES, Options(length=1))
        for _ in self.futures:
            assert self.entered.acquire(timeout=60)

    def interpret(self, *args: Any, **kwargs: Any) -> Prediction:
        if kwargs["constraint"] and self._places.acquire(blocking=False):
            self.entered.release()
            self.go.wait(60)
        return self._interpret(*args, **kwargs)


@pytest.mark.parametrize("path", ["/", "/static/app.js"])
def test_a_date_beyond_all_years_is_no_error(strict: Asked, path: str) -> None:
    far = {"If-Modified-Since": "Fri, 01 Jan 999999999999 00:00:00 GMT"}
    assert strict.send("GET", path, far, b"").status in (200, 304)


def test_searches_keep_no_reader_from_other_pictures(two_models: Path) -> None:
    service = make_service(two_models, readers=SEARCHES)
    held = HeldSearches(service)
    (plain,) = service.submit([PICTURE], Options())
    assert plain.result(60).text == "1"
    held.go.set()
    service.close()


def test_large_searches_are_few_and_others_are_not_kept_out(
    two_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = make_service(two_models)
    constraint = service._constraint(Options(length=1), service.default)
    assert constraint is not None
    edges = len(constraint.symbol)
    monkeypatch.setattr("captcha_ocr.web.admission.MAX_SEARCHED", (SEARCHES + 1) * edges)
    held = HeldSearches(service)
    (allowed,) = service.submit([PICTURE], Options(length=1))
    with pytest.raises(Problem, match="large constraints") as raised:
        service.submit([PICTURE], Options(length=1))
    assert raised.value.code == "busy"
    (plain,) = service.submit([PICTURE], Options())
    assert plain.result(60).text == "1"
    held.go.set()
    assert allowed.result(60).text == "1"
    assert service._admission.wait_until_empty(60)
    futures = service.submit([PICTURE] * (SEARCHES + 2), Options(length=1))  # alone: any size
    assert [future.result(60).text for future in futures] == ["1"] * (SEARCHES + 2)
    service.close()


def give_no_time(service: Service) -> None:
    service.settings = dataclasses.replace(service.settings, answer_seconds=0.2)


@pytest.mark.parametrize("kind", KINDS)
def test_few_search_under_a_constraint_at_the_same_time(two_models: Path, kind: str) -> None:
    service = make_service(two_models)
    held = HeldSearches(service)
    for asked in open_server(kind, service):
        assert asked.read("2")["text"] == "2"  # without a constraint nobody has to wait
        give_no_time(service)
        answer = asked.predict([("a.png", barcode("2"))], [("length", "1")])
        assert (answer.status, answer.code) == (503, "timeout")
    held.go.set()
    assert [future.result().text for future in held.futures] == ["1"] * SEARCHES
    service.close()


def test_a_search_does_not_begin_when_its_time_is_up(two_models: Path) -> None:
    service = make_service(two_models)
    logits: Future[np.ndarray] = Future()
    logits.set_result(np.zeros((8, 4)))
    job = Job(0, PICTURE, Options(length=1), [service.default], {}, accepted=-math.inf)
    with pytest.raises(FutureTimeout):
        service._decode(job, service.default, 8.0, logits)
    service.close()


def test_a_picture_is_not_opened_when_its_time_is_up(service: Service) -> None:
    bomb = Upload("a.png", b"never looked at")
    result = service._read(Job(0, bomb, Options(), [], {}, accepted=-math.inf))
    assert result.error is not None and result.error.code == "timeout"


def test_few_pictures_are_opened_at_the_same_time(
    two_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes tens of MB, if it is large; one request may bring 64."""
    monkeypatch.setattr("captcha_ocr.web.service.usable_cores", lambda: 2)
    in_threes, threads = threading.Barrier(3), set()

    def open_in_company(data: bytes, limits: ImageLimits) -> Image.Image:
        in_threes.wait(60)  # nor fewer
        threads.add(threading.get_ident())
        return open_image(data, limits)

    monkeypatch.setattr("captcha_ocr.web.service.open_image", open_in_company)
    service = make_service(two_models)
    futures = service.submit([PICTURE] * 9, Options())
    assert [future.result(60).text for future in futures] == ["1"] * 9
    assert len(threads) == 3
    service.close()


def test_closing_does_not_wait_for_ever(
    two_models: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    service = make_service(two_models, readers=1, stop_seconds=0.1)
    stuck = Stuck(service)
    reading, waiting = service.submit([PICTURE] * 2, Options())
    assert stuck.begun.wait(60)
    left: list[int] = []
    monkeypatch.setattr(os, "_exit", left.append)
    stop(service)
    assert left == [1] and "are left" in caplog.text
    assert waiting.cancelled()
    with pytest.raises(RuntimeError):
        service.submit([PICTURE], Options())
    stuck.go.set()
    assert reading.result().text == "1"
    service.settings = dataclasses.replace(service.settings, stop_seconds=60)
    assert service.close()


def held_builds(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(BUILDS):
        assert service._constraints._places.acquire(blocking=False)
    monkeypatch.setattr("captcha_ocr.web.service.BUILD_SECONDS", 0.01)


class HeldPlaces:
    """Those who want to build wait until they may go."""

    def __init__(self) -> None:
        self.go, self.entered = threading.Event(), threading.Semaphore(0)

    def acquire(self, timeout: float) -> bool:
        self.entered.release()
        return self.go.wait(timeout)

    def release(self) -> None:
        pass


def test_few_wait_for_a_constraint_to_be_built() -> None:
    asked = (Charset(tuple("0123456789")), Options(length=1), 60)
    store, held = ConstraintStore(), HeldPlaces()
    store._places = held  # type: ignore[assignment]
    with ThreadPoolExecutor(BUILDS + WAITING) as pool:
        waiting = [pool.submit(store.get, *asked) for _ in range(BUILDS + WAITING)]
        for _ in waiting:
            assert held.entered.acquire(timeout=60)
        with pytest.raises(Problem, match="being built"):
            store.get(*asked)
        held.go.set()
        assert all(future.result(60) for future in waiting)


@pytest.mark.parametrize("kind", KINDS)
def test_few_constraints_are_built_at_the_same_time(
    two_models: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    service = make_service(two_models, queue=1, max_files=1)
    for asked in open_server(kind, service):
        assert asked.read("12", length="2")["text"] == "12"
        held_builds(service, monkeypatch)
        answer = asked.predict([("a.png", barcode("12"))], [("length", "1")])
        assert (answer.status, answer.code) == (503, "busy")
        assert asked.read("12", length="2")["text"] == "12"  # what was built is kept
    service.close()


def test_a_wrong_constraint_is_built_once_and_takes_no_place(
    two_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = make_service(two_models, queue=1, max_files=1)
    for _ in range(3):
        with pytest.raises(Problem, match="needs more than"):
            service.submit([PICTURE], Options(pattern="(a|b)*a.{20}"))
        monkeypatch.setattr("captcha_ocr.web.constraint_store._build", None)
    assert service._admission.wait_until_empty(0)
    service.close()


def test_constraints_are_kept_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("captcha_ocr.web.constraint_store.KEPT_EDGES", 100)
    charset, store = Charset(tuple("0123456789")), ConstraintStore()
    kept = [store.get(charset, Options(length=length), 60) for length in (3, 4, 5)]
    assert [len(constraint.symbol) for constraint in kept] == [30, 40, 50]
    assert [key[1] for key in store._kept] == [4, 5]


@pytest.mark.parametrize("error", [RuntimeError, ValueError, ModelError])
@pytest.mark.parametrize("kind", KINDS)
def test_an_error_of_ours_tells_strangers_nothing(
    two_models: Path, kind: str, error: type[Exception]
) -> None:
    service = make_service(two_models)

    def fail(images: np.ndarray) -> np.ndarray:
        raise error("secret: /home/operator/key")

    service.predictors[service.default]._run = fail  # type: ignore[method-assign]
    for asked in open_server(kind, service):
        answer: Answer = asked.predict([("a.png", barcode("1"))])
        assert (answer.status, answer.code) == (500, "internal")
        assert b"secret" not in answer.data and b"Traceback" not in answer.data
        assert asked.get("/healthz").status == 200
    service.close()


def test_a_request_larger_than_the_queue_could_never_be_read(service: Service) -> None:
    with pytest.raises(Problem, match="pictures are waiting"):
        service.submit([Upload("a.png", b"")] * (service.settings.queue + 1), Options())


def test_large_bodies_are_bounded_together(
    two_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FastAPI; waitress counts for Flask, see test_web_settings.py."""
    monkeypatch.setattr("captcha_ocr.web.settings.BODIES", 0)  # so --max-body-mb is the bound
    service = make_service(two_models, max_body_mb=0.2, body_seconds=300)
    app = started(service)
    large, small = barcode("1") + bytes(150_000), barcode("2")

    async def meanwhile() -> list[int]:
        waits, go = asyncio.Event(), asyncio.Event()

        async def pause() -> None:
            waits.set()
            await go.wait()

        slow = asyncio.create_task(upload(app, large, pause))
        await waits.wait()
        statuses = [await upload(app, large), await upload(app, small)]
        go.set()
        return [*statuses, await slow, await upload(app, large)]

    assert run_apart(meanwhile()) == [503, 200, 200, 200]
    service.close()


def test_a_form_that_is_refused_is_not_held_by_the_error() -> None:
    """Its client may take half a minute to hear of it, and its bytes are counted no more."""
    content_type, body = multipart([("files", "a.png", bytes(1 << 20))], [])
    errors = []
    gc.disable()  # which frees a form that still refers to itself, some time later
    tracemalloc.start()
    try:
        for _ in range(5):
            with (
                pytest.raises(Problem) as caught,
                forms.FormReader(content_type, Settings()) as form,
            ):
                form.write(body[:-100])
                raise Problem.crowded()
            errors.append(caught)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    assert held < 1 << 20


async def upload(app: Any, picture: bytes, pause: Any = None) -> int:
    """The status for a picture of which all but the last bytes come before the pause."""
    scope, body = predict_scope(picture)
    parts = [body[:-100], body[-100:]]

    async def receive() -> dict[str, Any]:
        if not parts:
            return await asyncio.Future()  # the client waits
        if pause and len(parts) == 1:
            await pause()
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    send = AsyncMock()
    await app(scope, receive, send)
    return int(send.call_args_list[0].args[0]["status"])


def predict_scope(*pictures: bytes) -> tuple[dict[str, Any], bytes]:
    """What ASGI says of a request that asks for these pictures' texts, and the request's body."""
    content_type, body = multipart([("files", "a.png", picture) for picture in pictures], [])
    headers = {"host": "localhost", "content-type": content_type, "content-length": str(len(body))}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/predict",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    return scope, body
