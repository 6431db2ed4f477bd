"""Start the servers of demo/ for the other scripts: on a free port of this machine."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass
class Server:
    process: subprocess.Popen[bytes]
    port: int

    def memory_mib(self) -> float:
        """Resident memory; NaN where the system has no /proc."""
        status = Path(f"/proc/{self.process.pid}/status")
        if not status.exists():
            return float("nan")
        lines = status.read_text(encoding="utf-8").splitlines()
        return int(next(x for x in lines if x.startswith("VmRSS")).split()[1]) / 1024


@contextlib.contextmanager
def server(kind: str, *flags: str) -> Iterator[Server]:
    """Start server_fastapi.py or server_flask.py of demo/ and wait until it answers."""
    port = free_port()
    command = [sys.executable, f"server_{kind}.py", "--port", str(port), "--log", "off", *flags]
    process = subprocess.Popen(command, cwd=REPOSITORY / "demo", stdout=subprocess.DEVNULL)
    try:
        wait_for(process, port)
        yield Server(process, port)
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(process: subprocess.Popen[bytes], port: int, seconds: float = 300) -> None:
    """Until the server answers; SystemExit when it has ended, or does not begin."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), opener.open(f"http://127.0.0.1:{port}/healthz"):
            return
        time.sleep(0.1)
    raise SystemExit("the server did not start")
