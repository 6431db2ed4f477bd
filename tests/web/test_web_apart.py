"""Requests side by side and one after the other: none changes what another one is told."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest
from captcha_ocr.charset import Charset
from captcha_ocr.web import fastapi_app, flask_app
from captcha_ocr.web.constraint_store import BUILDS, ConstraintStore
from captcha_ocr.web.options import Options
from captcha_ocr.web.results import failed
from captcha_ocr.web.service import Service, Upload
from fastapi.testclient import TestClient
from test_web_hostile import KINDS, PICTURE, Stuck, predict_scope
from web_harness import BASE, barcode, make_service, run_apart


def test_each_request_keeps_its_own_rule_in_a_batch_with_others(two_models: Path) -> None:
    service = make_service(two_models, runs=1)
    stuck = Stuck(service)
    first = service.submit([PICTURE], Options())
    assert stuck.begun.wait(60)
    rules = [Options(length=1), Options(), Options(length=2), Options(alphabet="1"), Options()]
    picture = Upload("b.png", barcode("123"))
    futures = [future for rule in rules for future in service.submit([picture], rule)]
    stuck.go.set()
    texts = [str(future.result(60).text) for future in futures]
    assert [len(texts[0]), texts[1], len(texts[2]), texts[4]] == [1, "123", 2, "123"]
    assert set(texts[3]) == {"1"}
    assert first[0].result(60).text == "1"
    service.close()


def test_a_kept_constraint_answers_no_other_question() -> None:
    store = ConstraintStore()
    asked = [
        (Charset(tuple(symbols)), options)
        for symbols in ("012", "0123")
        for options in (
            *(Options(length=2), Options(length=(1, 2)), Options(alphabet="01")),
            *(Options(alphabet="0"), Options(pattern="0"), Options(pattern="1")),
            Options(pattern="0", length=1),
        )
    ]
    first = [store.get(*question, seconds=60) for question in asked]
    again = [store.get(*question, seconds=60) for question in asked]
    assert list(map(id, first)) == list(map(id, again))
    assert len(set(map(id, first))) == len(asked)


def test_a_build_that_fails_gives_its_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    store, digits = ConstraintStore(), Charset(tuple("0123456789"))
    with monkeypatch.context() as patch:
        patch.setattr("captcha_ocr.web.constraint_store._build", Mock(side_effect=MemoryError))
        for _ in range(BUILDS):
            with pytest.raises(MemoryError):
                store.get(digits, Options(length=2), 0)
    assert len(store.get(digits, Options(length=2), 0).symbol) == 20


def test_nobody_waits_for_a_picture_that_could_not_be_opened(service: Service) -> None:
    (future,) = service.submit([Upload("a.png", b"no picture")], Options())
    assert future.result(60).error is not None
    assert service._opening == 0  # or each batch after it would wait for one that never comes


async def first_line(futures: Sequence[Future[Any]]) -> str:
    stream = fastapi_app._stream(futures, 0.0)
    line = await stream.__anext__()
    await stream.aclose()  # type: ignore[attr-defined]
    await asyncio.sleep(0)  # the threads' futures hear of it in the loop's next round
    return line


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_does_not_wait_for_the_slowest_and_ends_with_its_client(kind: str) -> None:
    slow: Future[Any] = Future()
    quick: Future[Any] = Future()
    quick.set_result(failed(1, "b.png", "broken", "cut off"))
    if kind == "fastapi":
        line = run_apart(first_line([slow, quick]))
    else:
        stream = flask_app._stream([slow, quick], 0.0)
        line = next(stream)
        stream.close()  # type: ignore[attr-defined]
    assert (json.loads(line)["index"], json.loads(line)["file"]) == (1, "b.png")
    assert slow.cancelled()


def post_from(kind: str, app: Any, address: str) -> int:
    """The status of a POST that reads nothing."""
    if kind == "fastapi":
        client = TestClient(app, base_url=BASE, client=(address, 50000))
        return int(client.post("/nothing").status_code)
    sender = {"REMOTE_ADDR": address}
    return int(app.test_client().post("/nothing", base_url=BASE, environ_base=sender).status_code)


@pytest.mark.parametrize("kind", KINDS)
def test_who_asks_too_often_does_not_stop_others(kind: str, service: Service) -> None:
    settings = dataclasses.replace(service.settings, rate=0.001, burst=1)
    create = fastapi_app.create_app if kind == "fastapi" else flask_app.create_app
    app = create(settings, service)
    addresses = ("10.0.0.1", "10.0.0.1", "10.0.0.2")
    assert [post_from(kind, app, address) for address in addresses] == [404, 429, 404]


@pytest.mark.parametrize("pause", [0.01, 600], ids=["in drops", "not at all"])
def test_a_body_has_its_time_however_it_comes(service: Service, pause: float) -> None:
    """FastAPI only: waitress closes the connection, see test_web_live.py."""
    settings = dataclasses.replace(service.settings, body_seconds=0.1)
    app = fastapi_app.create_app(settings, service)
    app.state.service = service  # what the start of a server does
    scope, _ = predict_scope(barcode("1"))

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(pause)
        return {"type": "http.request", "body": b"", "more_body": True}

    send = AsyncMock()
    run_apart(asyncio.wait_for(app(scope, receive, send), 60))
    start, body = (call.args[0] for call in send.call_args_list[:2])
    assert start["status"] == 408
    assert (b"connection", b"close") in start["headers"]
    assert json.loads(body["body"])["code"] == "slow"
