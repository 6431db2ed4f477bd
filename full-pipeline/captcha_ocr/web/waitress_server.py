"""Flask under waitress, with deadlines and a graceful stop.

waitress takes whole requests from slow clients without a thread for each, but it only closes
connections that are silent: one byte a minute keeps one open for ever. Here every request has
a time by which it must be complete, and every answer one by which it must be taken.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import select
import signal
import socket
import time
from typing import Any

from flask import Flask
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask
from waitress.utilities import BadRequest, Error

from captcha_ocr.config import ConfigError
from captcha_ocr.web.access import SECURITY_HEADERS
from captcha_ocr.web.flask_app import close_app
from captcha_ocr.web.problems import PROBLEM_TYPE, Problem
from captcha_ocr.web.settings import CONNECTIONS, LINGER_SECONDS, SMALL_BODY, Settings

THREADS = 64  # they wait for the model, and hardly work themselves
SELECTED = 512  # sockets that select() takes on Windows, which has no poll()
SPARE = 64  # files that a server opens besides its connections and their bodies
MAX_CHUNK_LINE = 1 << 13  # bytes of a chunk's size and extensions, or of all trailers


def most_connections() -> int:
    """CONNECTIONS, or what the system leaves of them: a process of macOS may open 256 files."""
    if not hasattr(select, "poll"):
        return min(CONNECTIONS, SELECTED - SPARE)
    import resource

    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    # waitress keeps a large body in a file, so a connection may need two.
    return CONNECTIONS if files < 0 else max(1, min(CONNECTIONS, (files - SPARE) // 2))


def is_address(proxy: str) -> bool:
    with contextlib.suppress(ValueError):
        return proxy in ("", "*") or bool(ipaddress.ip_address(proxy))
    return False


class Crowded(Error):
    """The bodies that are held take too much; this one does not come to its end."""

    code, reason = 503, "Service Unavailable"


class ProblemTask(ErrorTask):
    """What waitress refuses by itself, as a problem document like all others."""

    def execute(self) -> None:
        error = self.request.error
        if error.code == 413:
            problem = Problem.body_too_large(self.channel.adj.max_request_body_size - 1)
        elif isinstance(error, Crowded):
            problem = Problem.crowded()
        elif error.code == 500:  # the app's, after it had begun to answer
            problem = Problem("internal", "an error of the server; its log says more")
        else:
            problem = Problem("bad_request", f"not an HTTP request: {error.reason}")
        self.status = f"{problem.status} {problem.document['title']}"
        self.response_headers.extend([("Content-Type", PROBLEM_TYPE), *SECURITY_HEADERS.items()])
        self.response_headers.extend(problem.headers.items())
        self.set_close_on_finish()
        self.channel.refused = True
        self.content_length = len(problem.body)
        self.write(problem.body)


class RequestParser(HTTPRequestParser):
    completed: bool
    crowded = False  # see Server.maintenance

    def received(self, data: bytes) -> int:
        consumed = int(super().received(data))
        if not self.completed and self._line_bytes() > MAX_CHUNK_LINE:
            self.error, self.completed = BadRequest("the line of a chunk is too long"), True
        if self.crowded and not self.completed:
            self.error, self.completed = Crowded(""), True
        return consumed

    def _line_bytes(self) -> int:
        """Of a chunk's line or the trailers: waitress looks through all of it at every byte."""
        chunks = self.body_rcv
        return max(len(getattr(chunks, name, b"")) for name in ("control_line", "trailer"))

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError:  # int() takes no Content-Length of thousands of digits
            raise ParsingError("Content-Length is invalid") from None


class Channel(HTTPChannel):
    """One connection, which knows when its request began and its answer got stuck.

    A refused request may still be on its way. A socket that is closed with bytes unread is
    reset, and its client sees an error of the network in place of the answer. So after the
    answer what still comes is read and dropped, within bounds (a lingering close).
    """

    error_task_class = ProblemTask
    parser_class = RequestParser
    close_when_flushed: bool  # waitress's own

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request_began = self.creation_time
        self.output_since: float | None = None
        self.refused = False  # by ProblemTask
        self.lingering = False
        self.dropped_bytes = 0

    def received(self, data: bytes) -> bool:
        if self.lingering:
            self.dropped_bytes += len(data)
            self.will_close = self.dropped_bytes > 2 * self.adj.max_request_body_size
            return False
        if self.request is None:
            self.request_began = time.time()
        return bool(super().received(data))

    def handle_write(self) -> None:
        if not (self.refused and self.close_when_flushed) or self.will_close:
            super().handle_write()
            return
        self._flush_exception(self._flush_some)
        if self.connected and not self.will_close and not self.total_outbufs_len:
            self.close_when_flushed, self.lingering = False, True
            with contextlib.suppress(OSError):  # the client has gone already
                self.socket.shutdown(socket.SHUT_WR)

    @property
    def in_flight(self) -> bool:
        """A request has come, or its head has, or its answer is not taken yet."""
        coming = self.request is not None and self.request.headers_finished
        return bool(coming or self.requests or self.total_outbufs_len)

    @property
    def held_bytes(self) -> int:
        """Of bodies, in memory or in a file: they stay until their request is answered."""
        requests = [*self.requests, *([self.request] if self.request else [])]
        return sum(request.body_bytes_received for request in requests)

    def overdue(self, settings: Settings, now: float) -> bool:
        """Whether the client had its time. Called every second or so."""
        if not self.total_outbufs_len:
            self.output_since = None
        elif self.output_since is None:
            self.output_since = now
        if self.output_since is not None:
            return now - self.output_since > settings.answer_seconds
        if self.requests:  # being answered
            return False
        if self.lingering:
            paused = now - self.last_activity > LINGER_SECONDS
            return paused or now - self.request_began > settings.body_seconds
        if self.request is None:  # between two requests
            return now - self.last_activity > settings.head_seconds
        complete = self.request.headers_finished
        limit = settings.body_seconds if complete else settings.head_seconds
        return now - self.request_began > limit


class Server(TcpWSGIServer):
    """Listens on one address. ``run`` returns after SIGINT or SIGTERM."""

    channel_class = Channel

    def __init__(self, app: Flask, host: str, port: int, settings: Settings) -> None:
        """Raises OSError when the address cannot be used, ConfigError for a proxy that waitress
        would never meet: it compares texts."""
        if not is_address(settings.trusted_proxy):
            raise ConfigError(
                f"--trusted-proxy is {settings.trusted_proxy!r}; Flask takes one address, or * for "
                "any that asks, and no network or name"
            )
        # It warns whenever a request waits for a thread; the service's queue bounds the waiting.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        self._flask, self._settings = app, settings
        self._stop_by: float | None = None
        adjustments = Adjustments(
            host=host,
            port=port,
            threads=THREADS,
            connection_limit=most_connections(),  # more wait in the system's queue
            cleanup_interval=1,
            max_request_body_size=settings.max_body_bytes + 1,  # waitress refuses what equals it
            max_request_header_size=1 << 16,
            trusted_proxy=settings.trusted_proxy or None,
            trusted_proxy_headers={"x-forwarded-for"} if settings.trusted_proxy else set(),
            ident=None,
        )
        super().__init__(app, adj=adjustments)

    def maintenance(self, now: float) -> None:
        channels = list(self.active_channels.values())
        with self.task_dispatcher.lock:  # its queue holds requests whose clients have left, too
            holding = {*channels, *self.task_dispatcher.queue}
        crowded = sum(channel.held_bytes for channel in holding) > self._settings.bodies_bytes
        for channel in channels:
            if channel.overdue(self._settings, now):
                channel.will_close = True
            elif crowded and channel.request and channel.request.body_bytes_received > SMALL_BODY:
                channel.request.crowded = True

    def run(self) -> None:
        """Serve until a signal; then let the requests in flight finish, for a while."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        use_poll = hasattr(select, "poll")
        while self._stop_by is None or (self._busy() and time.time() < self._stop_by):
            wasyncore.loop(timeout=1, use_poll=use_poll, map=self._map, count=1)
        self.task_dispatcher.shutdown(timeout=1)
        wasyncore.close_all(self._map, ignore_all=True)
        close_app(self._flask)

    def _on_signal(self, number: int, frame: object) -> None:
        if self._stop_by is None:
            self._stop_by = time.time() + self._settings.stop_seconds
            self.accepting = False
            self.pull_trigger()  # wakes the loop
        else:  # asked twice: at once
            self._stop_by = 0.0

    def _busy(self) -> bool:
        return any(channel.in_flight for channel in list(self.active_channels.values()))
