"""What an app cannot see of its connections, bounded for servers run by uvicorn.

uvicorn calls the app when a request's head is complete, and waits for that without end; of its
two parsers httptools, where it is installed, takes a head of any size. Unless told otherwise, it
takes any number of connections. An answer that its client does not read it keeps for as long as
the client stays. So this watches the connection itself. The body's deadline is in asgi_edge.py.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import sys
from typing import Any

from captcha_ocr.web.settings import CONNECTIONS, Settings

logger = logging.getLogger(__name__)

MAX_HEAD = 1 << 16  # bytes, as h11 and waitress have it
# Bytes that asyncio takes at once. h11 works through all of them before anything else happens, and
# of the 256 KiB that are usual, in chunks of a byte each, it makes a quarter of a second.
MAX_READ = 1 << 13
MAX_PIPELINE = 64  # requests that httptools has read ahead; each takes some KB
# Where uvicorn keeps its HTTP protocols; only those it has imported can be in use.
_PROTOCOLS = (
    ("uvicorn.protocols.http.h11_impl", "H11Protocol"),
    ("uvicorn.protocols.http.httptools_impl", "HttpToolsProtocol"),
)


def guard_uvicorn(settings: Settings) -> None:
    """Give every HTTP connection of this process the bounds.

    It wraps methods of uvicorn's protocol classes, because ``uvicorn server:app`` offers no
    other place: the class is chosen before the app is imported. Calling it again only changes
    the deadlines.
    """
    protocols = [getattr(sys.modules.get(module), name, None) for module, name in _PROTOCOLS]
    known = [protocol for protocol in protocols if protocol is not None]
    for protocol in known:
        _guard(protocol, settings.head_seconds, settings.answer_seconds)
    if "uvicorn.server" in sys.modules and not known:
        logger.warning("this uvicorn's HTTP protocol is unknown: its connections have no limits")


def _guard(protocol: Any, head_seconds: float, answer_seconds: float) -> None:
    already = hasattr(protocol, "head_seconds")
    protocol.head_seconds, protocol.answer_seconds = head_seconds, answer_seconds
    if not already:
        _guard_requests(protocol)
        _guard_answers(protocol)


def _guard_requests(protocol: Any) -> None:
    """Their heads, and the connections they come by: beyond these uvicorn answers 503 itself."""
    connection_made, data_received = protocol.connection_made, protocol.data_received
    protocol.head_timer, protocol.head_bytes = None, 0

    @functools.wraps(connection_made)
    def guarded_connection_made(self: Any, transport: asyncio.Transport) -> None:
        if hasattr(transport, "max_size"):  # uvloop's has none
            transport.max_size = MAX_READ
        connection_made(self, transport)
        if self.limit_concurrency is None:  # what --limit-concurrency says holds
            self.limit_concurrency = CONNECTIONS
        _start(self)

    @functools.wraps(data_received)
    def guarded_data_received(self: Any, data: bytes) -> None:
        if _between_requests(self) and self.head_timer is None:
            _start(self)
        data_received(self, data)
        if len(getattr(self, "pipeline", ())) > MAX_PIPELINE:
            self.pipeline.clear()
            self.transport.abort()
            return
        if _between_requests(self):
            self.head_bytes += len(data)
            if self.head_bytes > MAX_HEAD:
                self.transport.close()
            return
        self.head_bytes = 0
        if self.head_timer is not None:
            self.head_timer.cancel()
            self.head_timer = None

    protocol.connection_made = guarded_connection_made
    protocol.data_received = guarded_data_received


def _guard_answers(protocol: Any) -> None:
    """As waitress_server.py does: what waits to be taken has to be taken within its time."""
    connection_made = protocol.connection_made
    pause_writing, resume_writing = protocol.pause_writing, protocol.resume_writing
    protocol.answer_timer = None

    @functools.wraps(connection_made)
    def guarded_connection_made(self: Any, transport: asyncio.Transport) -> None:
        transport.set_write_buffer_limits(high=0)  # to be told of any byte that has to wait
        connection_made(self, transport)

    @functools.wraps(pause_writing)
    def guarded_pause_writing(self: Any) -> None:
        pause_writing(self)
        loop = asyncio.get_running_loop()
        # Not close(): that waits until the client has taken everything.
        self.answer_timer = loop.call_later(self.answer_seconds, self.transport.abort)

    @functools.wraps(resume_writing)
    def guarded_resume_writing(self: Any) -> None:
        resume_writing(self)
        if self.answer_timer is not None:
            self.answer_timer.cancel()
            self.answer_timer = None

    protocol.connection_made = guarded_connection_made
    protocol.pause_writing = guarded_pause_writing
    protocol.resume_writing = guarded_resume_writing


def _between_requests(connection: Any) -> bool:
    """No request is being answered: what comes in belongs to a head."""
    return connection.cycle is None or connection.cycle.response_complete


def _start(connection: Any) -> None:
    loop = asyncio.get_running_loop()
    connection.head_timer = loop.call_later(connection.head_seconds, _expire, connection)


def _expire(connection: Any) -> None:
    connection.head_timer = None
    if _between_requests(connection):
        connection.transport.close()
