"""Heads, bodies and proxies at their bounds, without a server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest
from captcha_ocr.config import ConfigError
from captcha_ocr.web.asgi_edge import Edge
from captcha_ocr.web.deadline import MAX_HEAD, _guard
from captcha_ocr.web.settings import SMALL_BODY, Settings
from captcha_ocr.web.waitress_server import ProblemTask, RequestParser, Server
from waitress import wasyncore
from web_harness import run_apart


def spoken() -> Any:
    """A class of connections as uvicorn's; a request begins where its head ends."""

    class Spoken:
        cycle: Any = None
        limit_concurrency: Any = None

        def connection_made(self, transport: Mock) -> None:
            self.transport = transport

        def data_received(self, data: bytes = b"") -> None:
            if data.endswith(b"\r\n\r\n"):
                self.cycle = Mock(response_complete=False)

        pause_writing = resume_writing = data_received

    return Spoken


def test_each_head_of_a_connection_has_its_size_anew() -> None:
    async def ask_often() -> bool:
        connection = protocol()
        connection.connection_made(Mock())
        for _ in range(4):
            for data in (b"x" * (MAX_HEAD // 2), b"\r\n\r\n"):
                connection.data_received(data)
            connection.cycle.response_complete = True
        return bool(connection.transport.close.called)

    protocol = spoken()
    _guard(protocol, 10, 10)
    assert not run_apart(ask_often())


def test_a_second_app_of_a_process_changes_the_deadlines_alone() -> None:
    """Wrapped twice, every byte would count twice, and half a head be too long."""

    async def send() -> tuple[bool, float]:
        connection = protocol()
        connection.connection_made(Mock())
        connection.data_received(b"x" * (MAX_HEAD // 2 + 1))
        due = connection.head_timer.when() - asyncio.get_running_loop().time()
        return bool(connection.transport.close.called), due

    protocol = spoken()
    for seconds in (10, 1000):
        _guard(protocol, seconds, seconds)
    closed, due = run_apart(send())
    assert not closed and due > 500


@pytest.fixture
def waitress() -> Iterator[Callable[..., Server]]:
    """Servers that listen and answer nothing."""
    made: list[Server] = []

    def listen(app: Any, **settings: Any) -> Server:
        made.append(Server(app, "127.0.0.1", 0, Settings(**settings)))
        return made[-1]

    yield listen
    for server in made:
        server.task_dispatcher.shutdown()
        wasyncore.close_all(server._map, ignore_all=True)


@pytest.mark.parametrize("more", [0, 1])
def test_a_body_may_be_as_large_as_the_setting_says(
    more: int, waitress: Callable[..., Server]
) -> None:
    """FastAPI takes it too, and the answer says "larger than"."""
    size = Settings(max_body_mb=0.01).max_body_bytes + more
    parser = RequestParser(waitress(Mock(), max_body_mb=0.01).adj)
    parser.received(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size)
    if not parser.completed:
        parser.received(bytes(size))
    assert (parser.error is not None) == bool(more)


def test_what_is_no_http_is_the_clients_mistake() -> None:
    channel, parser = Mock(), RequestParser(Mock(max_request_header_size=1 << 16))
    parser.received(b"this is no HTTP\r\n\r\n")
    task = ProblemTask(channel, parser)
    task.execute()
    assert task.status == "400 Bad Request"
    written = b"".join(call.args[0] for call in channel.write_soon.call_args_list)
    assert b'"code": "bad_request", "detail": "not an HTTP request: ' in written


def test_a_trusted_proxy_says_who_asks_and_not_for_which_host(
    waitress: Callable[..., Server],
) -> None:
    """Most proxies pass on an X-Forwarded-Host that their client has made up."""
    app = Mock(return_value=[])
    server = waitress(app, trusted_proxy="127.0.0.1")
    made_up = {"HTTP_X_FORWARDED_HOST": "localhost", "HTTP_X_FORWARDED_FOR": "6.6.6.6"}
    given = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "evil.example", "SERVER_NAME": "x"}
    scheme = {"wsgi.url_scheme": "http", "SERVER_PORT": "80", "REQUEST_METHOD": "GET"}
    server.application({**given, **made_up, **scheme}, Mock())
    seen = app.call_args.args[0]
    assert (seen["HTTP_HOST"], seen["REMOTE_ADDR"]) == ("evil.example", "6.6.6.6")


def post(**headers: str) -> dict[str, Any]:
    sent = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": "POST", "path": "/predict", "headers": sent}


def test_a_small_body_that_comes_in_parts_is_taken_where_others_crowd() -> None:
    """A single picture is read at all times; TCP may cut it wherever it likes."""

    async def read_all(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    def status(size: int) -> int:
        edge = Edge(read_all, Settings(), Mock())
        edge.bodies.held = edge.bodies.most + 1
        parts = [{"body": bytes(size), "more_body": True}, {"body": b"x", "more_body": False}]
        receive = AsyncMock(side_effect=[{"type": "http.request", **part} for part in parts])
        send = AsyncMock()
        scope = post(host="localhost", **{"content-length": str(size + 1)})
        run_apart(edge(scope, receive, send))
        return int(send.call_args_list[0].args[0]["status"])

    assert [status(SMALL_BODY), status(SMALL_BODY + 1)] == [200, 503]


def test_an_error_of_the_app_is_logged_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    send = AsyncMock()
    broken = AsyncMock(side_effect=RuntimeError("secret"))
    run_apart(Edge(broken, Settings(), Mock())(post(host="localhost"), AsyncMock(), send))
    start, body = (call.args[0] for call in send.call_args_list)
    assert start["status"] == 500 and b'"code": "internal"' in body["body"]
    assert b"secret" not in body["body"] and "RuntimeError: secret" in caplog.text


def test_a_mistake_of_the_settings_is_told_at_the_start_in_a_line() -> None:
    """uvicorn logs what it is sent, which would be a traceback."""

    async def fail(scope: Any, receive: Any, send: Any) -> None:
        try:
            raise ConfigError("--length: no text meets it")
        except ConfigError:
            await send({"type": "lifespan.startup.failed", "message": "Traceback ..."})

    send = AsyncMock()
    run_apart(Edge(fail, Settings(), Mock())({"type": "lifespan"}, AsyncMock(), send))
    assert send.call_args.args[0]["message"] == "error: --length: no text meets it"


def test_a_body_that_is_refused_is_not_asked_for() -> None:
    """curl waits with a large one for "100 Continue", which uvicorn sends when it is read."""
    events: list[str] = []

    async def receive() -> dict[str, Any]:
        events.append("asked for")
        return {"type": "http.request", "body": b"x" * 100, "more_body": False}

    async def send(message: Any) -> None:
        events.append(message["type"])

    scope = post(host="evil.example", expect="100-continue", **{"content-length": "100"})
    run_apart(Edge(AsyncMock(), Settings(), Mock())(scope, receive, send))
    assert events[:2] == ["http.response.start", "http.response.body"]
