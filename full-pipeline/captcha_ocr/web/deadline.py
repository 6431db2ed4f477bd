"""A deadline and a size for the heads of requests, for servers run by uvicorn.

uvicorn calls the app when a request's head is complete, and waits for that without end: an
app cannot see such a connection. So this watches the connection itself. The body's deadline is
in asgi_edge.py. Of uvicorn's two parsers httptools, where it is installed, takes a head of any
size.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import sys
from typing import Any

logger = logging.getLogger(__name__)

MAX_HEAD = 1 << 16  # bytes, as h11 and waitress have it
# Where uvicorn keeps its HTTP protocols; only those it has imported can be in use.
_PROTOCOLS = (
    ("uvicorn.protocols.http.h11_impl", "H11Protocol"),
    ("uvicorn.protocols.http.httptools_impl", "HttpToolsProtocol"),
)


def guard_uvicorn(seconds: float) -> None:
    """Give every HTTP connection of this process the deadline and the size.

    It wraps two methods of uvicorn's protocol classes, because ``uvicorn server:app`` offers
    no other place: the class is chosen before the app is imported. Calling it again only
    changes the deadline.
    """
    protocols = [getattr(sys.modules.get(module), name, None) for module, name in _PROTOCOLS]
    known = [protocol for protocol in protocols if protocol is not None]
    for protocol in known:
        _guard(protocol, seconds)
    if "uvicorn.server" in sys.modules and not known:
        logger.warning("this uvicorn's HTTP protocol is unknown: heads have no limits")


def _guard(protocol: Any, seconds: float) -> None:
    already = hasattr(protocol, "head_seconds")
    protocol.head_seconds = seconds
    if already:
        return
    connection_made, data_received = protocol.connection_made, protocol.data_received
    protocol.head_timer, protocol.head_bytes = None, 0

    @functools.wraps(connection_made)
    def guarded_connection_made(self: Any, transport: asyncio.Transport) -> None:
        connection_made(self, transport)
        _start(self)

    @functools.wraps(data_received)
    def guarded_data_received(self: Any, data: bytes) -> None:
        if _between_requests(self) and self.head_timer is None:
            _start(self)
        data_received(self, data)
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
