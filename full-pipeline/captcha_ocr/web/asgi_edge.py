"""The outermost layer of the FastAPI server: what happens before and after any endpoint.

Plain ASGI, because it has to see a request before its body is read: who asks, how often, how
much is sent and how slowly. It also writes the security headers, and turns any error into a
problem document.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import time
from collections.abc import Iterable
from typing import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from captcha_ocr.config import ConfigError
from captcha_ocr.model_info import ModelError
from captcha_ocr.web.access import (
    SECURITY_HEADERS,
    Bodies,
    RateLimiter,
    check_host,
    check_origin,
    check_path,
)
from captcha_ocr.web.problems import PROBLEM_TYPE, Problem
from captcha_ocr.web.settings import LINGER_SECONDS, SMALL_BODY, Settings

logger = logging.getLogger(__name__)

OnAnswer = Callable[[str, str, int, float, str], None]  # see logs.RequestLog
CLIENT_LEFT = 499  # the status that nginx logs when nobody waits for the answer


def problem_response(problem: Problem) -> Response:
    return Response(
        problem.body, problem.status, headers=dict(problem.headers), media_type=PROBLEM_TYPE
    )


class Edge:
    def __init__(self, app: ASGIApp, settings: Settings, on_answer: OnAnswer) -> None:
        self.app, self.settings, self.on_answer = app, settings, on_answer
        self.limiter = RateLimiter(settings.rate, settings.burst)
        self.bodies = Bodies(settings.bodies_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, _clear_start_errors(send))
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:  # a WebSocket is not offered: 403, where silence would be an error in uvicorn's log
            await send({"type": "websocket.close"})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope = {**scope, "headers": _merged(scope["headers"])}
        exchange = _Exchange(scope, receive, send, self.settings, self.bodies)
        # Servers drop the body of an answer to HEAD; here it is a GET like any other. Files are
        # sent whole: HTTP lets a server ignore Range.
        headers = [header for header in scope["headers"] if header[0] != b"range"]
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        root, path = _place(scope)
        place = {"path": root + path, "root_path": root}
        inner = {**scope, **place, "method": method, "headers": headers}
        try:
            self._admit(scope["method"], exchange)
            check_path(path)
            await self.app(inner, exchange.receive, exchange.send)
        except Problem as problem:
            await problem_response(problem)(scope, exchange.receive, exchange.send)
        except asyncio.CancelledError:  # the server stops, and its time for this request is up
            if exchange.status == CLIENT_LEFT:
                stopped = Problem("busy", "the server is being stopped; try again")
                await problem_response(stopped)(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            pass  # nobody waits for an answer; the status stays as it is
        except Exception:
            logger.exception("an error of the server")
            if exchange.status == CLIENT_LEFT:
                unexpected = Problem("internal", "an error of the server; its log says more")
                await problem_response(unexpected)(scope, exchange.receive, exchange.send)
        finally:
            exchange.let_go()
            seconds = exchange.seconds or time.perf_counter() - exchange.started
            self.on_answer(scope["method"], path, exchange.status, seconds, exchange.client)

    def _admit(self, method: str, exchange: _Exchange) -> None:
        exchange.check_declared_length()
        check_host(exchange.headers.get("host"), self.settings.hosts)
        if method not in ("GET", "HEAD", "OPTIONS"):
            check_origin(exchange.headers.get("origin"), exchange.headers.get("host"))
            self.limiter.check(exchange.client)


class _Exchange:
    """One request: its ``receive`` and ``send``, with limits.

    A request may be refused before its body has come. A socket that is closed with bytes unread
    is reset, and a client that is still sending then sees an error of the network in place of
    the answer. So the rest is read and dropped, within bounds: before the answer where it is of
    a size that is allowed, and the connection stays open; after it otherwise (a lingering close).
    """

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, settings: Settings, bodies: Bodies
    ) -> None:
        self._receive, self._send, self._settings = receive, send, settings
        self._bodies, self._held = bodies, 0  # bytes of this body that were passed on
        self.headers = Headers(scope=scope)
        self.client = (scope.get("client") or ("unknown", 0))[0]
        self.started = time.perf_counter()
        self.seconds = 0.0  # until the answer was given
        self.status = CLIENT_LEFT
        self._body_bytes = 0
        self._body_complete = not ("transfer-encoding" in self.headers or self._declared_length)

    @property
    def _declared_length(self) -> int:
        length = self.headers.get("content-length", "0")
        return int(length) if length.isdigit() else 0

    @property
    def _rest_is_welcome(self) -> bool:
        """Its length is known and allowed, and the client does not wait to be asked for it."""
        waits = "expect" in self.headers and not self._body_bytes
        return 0 < self._declared_length <= self._settings.max_body_bytes and not waits

    def check_declared_length(self) -> None:
        if self._declared_length > self._settings.max_body_bytes:
            raise self._too_large()

    async def receive(self) -> Message:
        """The next part of the body. Raises Problem ``too_large``, ``slow`` or ``busy``."""
        if self._body_complete:  # what follows is the news that the client has gone
            return await self._receive()
        try:
            message = await self._next_part(self._settings.body_seconds)
        except asyncio.TimeoutError:
            seconds = self._settings.body_seconds
            raise Problem("slow", f"the body did not arrive within {seconds:g} s") from None
        if self._body_bytes > self._settings.max_body_bytes:
            raise self._too_large()
        self._hold(len(message.get("body", b"")))
        return message

    def _hold(self, size: int) -> None:
        self._held += size
        self._bodies.held += size
        large = self._body_bytes > SMALL_BODY
        if self._bodies.crowded and large and not self._body_complete:
            self.let_go()
            raise Problem.crowded()

    def let_go(self) -> None:
        """Nobody needs the body any more."""
        self._bodies.held -= self._held
        self._held = 0

    async def _next_part(self, pause: float) -> Message:
        """Raises TimeoutError after ``pause`` seconds, and when the body had its time."""
        left = self.started + self._settings.body_seconds - time.perf_counter()
        message = await asyncio.wait_for(self._receive(), max(min(left, pause), 0.001))
        self._body_bytes += len(message.get("body", b""))
        self._body_complete = not message.get("more_body", False)
        return message

    async def _drop_rest(self, pause: float) -> None:
        """Until its end, its deadline, a pause of some seconds, or twice the bytes allowed."""
        with contextlib.suppress(asyncio.TimeoutError):
            while not self._body_complete and (
                self._body_bytes <= 2 * self._settings.max_body_bytes
            ):
                await self._next_part(pause)

    async def send(self, message: Message) -> None:
        """Raises ClientDisconnect when the client does not take the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if not self._body_complete and self._rest_is_welcome:
                await self._drop_rest(self._settings.body_seconds)
            self._set_headers(MutableHeaders(scope=message))
        elif not message.get("more_body", False):
            self.seconds = time.perf_counter() - self.started
            if not self._body_complete:
                await self._pass_on({**message, "more_body": True})
                await self._drop_rest(LINGER_SECONDS)
                message = {"type": "http.response.body"}
        await self._pass_on(message)

    def _set_headers(self, headers: MutableHeaders) -> None:
        for name, value in SECURITY_HEADERS.items():
            headers.setdefault(name, value)
        del headers["accept-ranges"]
        if not self._body_complete:  # or the server would go on reading what nobody wants
            headers["Connection"] = "close"

    async def _pass_on(self, message: Message) -> None:
        try:
            await asyncio.wait_for(self._send(message), self._settings.answer_seconds)
        except asyncio.TimeoutError:  # as good as gone, and no error of ours
            raise ClientDisconnect from None

    def _too_large(self) -> Problem:
        return Problem.body_too_large(self._settings.max_body_bytes)


def _merged(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Each name once, as WSGI has it: a second origin or type is not looked over."""
    merged: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        merged.setdefault(name, []).append(value)
    return [(name, b", ".join(values)) for name, values in merged.items()]


def _clear_start_errors(send: Send) -> Send:
    """Missing weights are told in one line; Starlette would send uvicorn the whole traceback."""

    async def send_lifespan(message: Message) -> None:
        error = sys.exc_info()[1]
        if message["type"] == "lifespan.startup.failed" and isinstance(
            error, (ModelError, ConfigError)
        ):
            message = {**message, "message": f"error: {error}"}
        await send(message)

    return send_lifespan


def _place(scope: Scope) -> tuple[str, str]:
    """The prefix under which a proxy shows the app (``uvicorn --root-path``), and the path below
    it, which alone is ours to check: not every server puts the prefix before the path.

    WSGI servers take many slashes at the start for one, and so it is done here.
    """
    root, path = scope.get("root_path", "").rstrip("/"), scope["path"]
    if root and f"{path}/".startswith(f"{root}/"):
        path = path[len(root) :]
    return root, ("/" + path.lstrip("/") if path else "")  # none: the prefix by itself
