"""Who may ask, and how often. Both servers call these before they read a body."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from typing import Callable
from urllib.parse import urlsplit

from captcha_ocr.web.problems import Problem

# default-src 'self' keeps scripts, styles and connections on this host; blob: shows the
# pictures a visitor has dropped, which never get an address of their own.
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
MAX_CLIENTS = 10_000  # addresses the rate limiter remembers


def check_host(host: str | None, allowed: frozenset[str]) -> None:
    """Refuse a Host header that a DNS rebinding attack could have put there.

    Such an attack needs a public domain name, and those have a dot. Addresses, and names
    without one (localhost, a machine, a container) are therefore always answered; other names
    only when the operator lists them.
    """
    name = _host_name(host or "")
    if name and ("*" in allowed or name in allowed or "." not in name or _is_local(name)):
        return
    raise Problem(
        "forbidden_host",
        f"this server does not answer to the host {name!r}; use its address, or start it "
        f"with --allowed-hosts {name or 'NAME'}",
    )


def check_path(path: str) -> None:
    """No path of ours has these, or a slash at its end. Some frameworks look over them, and older
    ones ask the system for a file so called: of Windows, at any host that the path names.

    The page is at / alone. Elsewhere its relative links lead nowhere: as one of the files, or at
    a proxy's prefix without a slash, which leaves no path at all.
    """
    strange = any(part in path for part in ("//", "\\", ":", "\n", "\0"))
    elsewhere = path in ("", "/static/index.html")
    if strange or elsewhere or (path.endswith("/") and path != "/"):
        raise Problem.from_status(404)


def check_origin(origin: str | None, host: str | None) -> None:
    """Refuse a POST that a browser sends for another site's page ("null" is one too)."""
    if origin is not None and _net_location(origin) != (host or "").lower():
        raise Problem(
            "forbidden_origin",
            f"the page is of {origin[:100]!r}, the request is to {(host or '')[:100]!r}: pages of "
            "another origin may not use this server; a proxy has to pass the Host header on",
        )


def _net_location(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _host_name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_local(name: str) -> bool:
    """An IP address, or a name that browsers resolve to this machine by themselves."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name.endswith(".localhost")
    return True


class Bodies:
    """What the bodies of requests take together; each stays until its request is answered."""

    def __init__(self, most: int) -> None:
        self.most, self.held = most, 0  # bytes

    @property
    def crowded(self) -> bool:
        return self.held > self.most


class RateLimiter:
    """A token bucket for each client address; an IPv6 client is its /64 network, unless it is an
    IPv4 client of a socket that takes both."""

    def __init__(
        self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """``rate`` requests a second (0: no limit), ``burst`` at once."""
        self._rate, self._burst, self._clock = rate, burst, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, when
        self._lock = threading.Lock()

    def check(self, address: str) -> None:
        """Take a token, or raise Problem ``rate``."""
        if not self._rate:
            return
        client, now = _network(address), self._clock()
        with self._lock:
            tokens, then = self._buckets.pop(client, (float(self._burst), now))
            tokens = min(self._burst, tokens + (now - then) * self._rate)
            self._buckets[client] = (tokens - 1 if tokens >= 1 else tokens, now)
            if len(self._buckets) > MAX_CLIENTS:
                self._buckets.popitem(last=False)
        if tokens < 1:
            raise Problem("rate", f"more than {self._rate:g} requests a second; slow down")


def _network(address: str) -> str:
    if address.startswith("["):  # waitress leaves [2001:db8::1]:443 as a proxy wrote it
        address = address[1:].partition("]")[0]
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:  # ::ffff:10.0.0.1: in one network are all of them
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return address
