"""Put load on the servers, from a process of its own, and write down what they did.

    python scripts/load_test.py                      # all measurements, some ten minutes
    python scripts/load_test.py --only speed --seconds 5 --out load.json

It starts the servers of demo/ itself, on free ports of this machine, asks them to read the
built-in sample pictures, and prints Markdown tables. Only 127.0.0.1 is ever asked.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import datetime
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import missing

with missing.in_one_line():
    from captcha_ocr.benchmarking.machine import describe_machine
    from captcha_ocr.benchmarking.pages import table
    from captcha_ocr.cli.common import Arguments, command, make_room
    from load_client import picture_requests, press
    from servers import Server, server

CLIENTS = (1, 8, 50)
SLOW_SOCKETS = 200
HEAD_SECONDS = 20
MEMORY_REQUESTS = 10_000


@contextlib.contextmanager
def setup(name: str, *flags: str) -> Iterator[Server]:
    """One of the three ways to run: fastapi, flask, or flask in front of fastapi."""
    with contextlib.ExitStack() as stack:
        options = ["--rate", "0", *flags]
        for kind in reversed(name.split("+")):  # the one behind first
            running = stack.enter_context(server(kind, *options))
            options += ["--upstream", running.url]
        yield running


SETUPS = ("fastapi", "flask", "flask+fastapi")


def measure_speed(args: argparse.Namespace) -> dict[str, Any]:
    """Throughput and latency of each setup at each number of clients."""
    requests, found = picture_requests(), {}
    for name in SETUPS:
        with setup(name, *args.flags) as running:
            asyncio.run(press(running.port, requests, 4, count=100))  # warm
            for clients in CLIENTS:
                load = asyncio.run(press(running.port, requests, clients, args.seconds))
                found[f"{name}, {clients} clients"] = load.summary()
    return found


def measure_batching(args: argparse.Namespace) -> dict[str, Any]:
    """32 clients with batching on and off, in turns, so that a busy machine hits both alike.

    Only pictures of one width fit into a batch, so pictures of many sizes make small batches.
    """
    requests, found = picture_requests(), {}
    with contextlib.ExitStack() as stack:
        off = stack.enter_context(setup("fastapi", *args.flags, "--batch-max", "1"))
        on = stack.enter_context(setup("fastapi", *args.flags))
        for title, chosen in (("all samples", requests), ("one size", requests[:1])):
            rates: dict[str, list[float]] = {"on": [], "off": []}
            for _ in range(4):
                for name, running in (("on", on), ("off", off)):
                    load = asyncio.run(press(running.port, chosen, 32, args.seconds / 2))
                    rates[name].append(len(load.seconds) / load.elapsed)
            mean = {name: sum(values) / len(values) for name, values in rates.items()}
            found[f"batching, {title}"] = {
                "on_per_second": round(mean["on"], 1),
                "off_per_second": round(mean["off"], 1),
                "ratio": round(mean["on"] / mean["off"], 2),
            }
    return found


def measure_memory(args: argparse.Namespace) -> dict[str, Any]:
    """Memory before and after 10,000 requests; the first 1,000 fill caches and are not counted."""
    requests, found = picture_requests(), {}
    for name in ("fastapi", "flask"):
        with setup(name, *args.flags) as running:
            asyncio.run(press(running.port, requests, 8, count=1000))
            before = running.memory_mib()
            asyncio.run(press(running.port, requests, 8, count=args.memory_requests))
            after = running.memory_mib()
            found[name] = {
                "requests": args.memory_requests,
                "before_mib": round(before, 1),
                "after_mib": round(after, 1),
                "growth_percent": round(100 * (after / before - 1), 2),
            }
    return found


def measure_slow(args: argparse.Namespace) -> dict[str, Any]:
    """/healthz while 200 sockets send a byte a second; the deadline must end each of them."""
    found = {}
    for name in SETUPS:
        with setup(name, *args.flags, "--head-seconds", str(HEAD_SECONDS)) as running:
            found[f"{name}, {SLOW_SOCKETS} slow sockets"] = asyncio.run(slow_and_healthy(running))
    return found


async def slow_and_healthy(running: Server) -> dict[str, Any]:
    slow = [await asyncio.open_connection("127.0.0.1", running.port) for _ in range(SLOW_SOCKETS)]

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            for byte in b"GET /healthz HTTP/1.1\r\nX-Slow: " + b"x" * 1000:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(1)

    drips = [asyncio.create_task(drip(*pair)) for pair in slow]
    health = [b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"]
    load = await press(running.port, health, 1, seconds=10, pause=0.02)
    open_before = sum(is_open(reader) for reader, _ in slow)
    until = time.monotonic() + 4 * HEAD_SECONDS  # much: the machine may be busy
    while (open_after := sum(is_open(reader) for reader, _ in slow)) and time.monotonic() < until:
        await asyncio.sleep(0.5)
    for task in drips:
        task.cancel()
    return {**load.summary(), "open_at_10s": open_before, "open_after_deadline": open_after}


def is_open(reader: asyncio.StreamReader) -> bool:
    return not reader.at_eof() and reader.exception() is None


def measure_overload(args: argparse.Namespace) -> dict[str, Any]:
    """50 clients, a queue of 8 and a rate of 100 a second: 200, 429 and 503, nothing else."""
    requests, found = picture_requests(), {}
    limits = ("--queue", "8", "--max-files", "8", "--rate", "100", "--burst", "100")
    for name in ("fastapi", "flask"):
        with server(name, *args.flags, *limits) as running:
            load = asyncio.run(press(running.port, requests, 50, args.seconds))
            found[f"{name}, overloaded"] = load.summary()
    return found


MEASUREMENTS = {
    "speed": measure_speed,
    "batching": measure_batching,
    "memory": measure_memory,
    "slow": measure_slow,
    "overload": measure_overload,
}


def table_of(rows: dict[str, dict[str, Any]]) -> str:
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    cells = [[title, *(str(row.get(name, "")) for name in names)] for title, row in rows.items()]
    return table(["", *names], cells)


@command
def main(argv: Arguments = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", choices=MEASUREMENTS, action="append", help="may stand twice")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each load (default: 10)")
    parser.add_argument("--memory-requests", type=int, default=MEMORY_REQUESTS)
    parser.add_argument("--out", type=Path, help="write the figures as JSON too")
    parser.add_argument("flags", nargs="*", help="flags for the servers, after --")
    args = parser.parse_args(argv)
    make_room(args.out)
    where = {"date": datetime.date.today().isoformat(), "machine": describe_machine()}
    print(", ".join(where.values()))
    figures = {}
    for name in args.only or MEASUREMENTS:
        figures[name] = MEASUREMENTS[name](args)
        print(f"\n### {name}\n\n{table_of(figures[name])}", flush=True)
    if args.out:
        args.out.write_text(json.dumps({**where, **figures}, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
