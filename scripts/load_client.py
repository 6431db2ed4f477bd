"""Clients for load_test.py: bare HTTP over asyncio, so that they cost little beside the server."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).resolve().parents[1] / "full-pipeline/captcha_ocr/web/static/samples"

RESET = "reset"  # stands where a status would, for a connection that broke


@dataclass
class Load:
    """What a number of clients saw."""

    statuses: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)  # of each request
    elapsed: float = 0.0

    def percentile(self, percent: float) -> float:
        """Milliseconds."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]

    def summary(self) -> dict[str, Any]:
        return {
            "requests": len(self.seconds),
            "per_second": round(len(self.seconds) / self.elapsed, 1),
            **{f"p{p}_ms": round(self.percentile(p), 1) for p in (50, 95, 99)},
            "statuses": dict(sorted(self.statuses.items())),
        }


def picture_requests() -> list[bytes]:
    """One whole HTTP request for each sample picture."""
    requests = []
    for path in sorted(SAMPLES.glob("*.*")):
        if path.suffix == ".json":
            continue
        body = (
            b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
            + path.read_bytes()
            + b"\r\n--x--\r\n"
        )
        head = (
            "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        requests.append(head.encode() + body)
    return requests


async def ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> tuple[str, bool]:
    """Send one request and read the whole answer, which has a Content-Length.

    Its status, and whether the connection may be used again.
    """
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").lower().split("\r\n")
    length = next(int(x.split(":")[1]) for x in lines if x.startswith("content-length:"))
    await reader.readexactly(length)
    return head[9:12].decode(), "connection: close" not in lines


async def client(
    port: int, requests: list[bytes], load: Load, stop: Callable[[], bool], pause: float
) -> None:
    """Ask again and again until ``stop()``; ``pause`` seconds between.

    On one connection, as long as the server keeps it. One that breaks counts as ``reset``.
    """
    connection, number = None, 0
    while not stop():
        started = time.perf_counter()
        try:
            connection = connection or await asyncio.open_connection("127.0.0.1", port)
            status, again = await ask(*connection, requests[number % len(requests)])
        except (ConnectionError, asyncio.IncompleteReadError):
            status, again = RESET, False
        load.seconds.append(time.perf_counter() - started)
        load.statuses[status] += 1
        number += 1
        if connection and not again:
            connection[1].close()
            connection = None
        if pause:
            await asyncio.sleep(pause)
    if connection:
        connection[1].close()


async def press(
    port: int,
    requests: list[bytes],
    clients: int,
    seconds: float = 0,
    count: int = 0,
    pause: float = 0,
) -> Load:
    """``clients`` at once, for some seconds or until ``count`` requests are answered."""
    load, started = Load(), time.perf_counter()

    def stop() -> bool:
        if count:
            return len(load.seconds) >= count
        return time.perf_counter() - started >= seconds

    turned = [requests[i % len(requests) :] + requests[: i % len(requests)] for i in range(clients)]
    await asyncio.gather(*(client(port, turned[i], load, stop, pause) for i in range(clients)))
    load.elapsed = time.perf_counter() - started
    return load
