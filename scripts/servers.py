"""Start servers for the other scripts, each on a free port of this machine."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass
class Server:
    process: subprocess.Popen[bytes]
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def memory_mib(self) -> float:
        """Resident memory; NaN where the system has no /proc."""
        status = Path(f"/proc/{self.process.pid}/status")
        if not status.exists():
            return float("nan")
        lines = status.read_text(encoding="utf-8").splitlines()
        return int(next(x for x in lines if x.startswith("VmRSS")).split()[1]) / 1024


def server(kind: str, *flags: str) -> contextlib.AbstractContextManager[Server]:
    """server_fastapi.py or server_flask.py of demo/."""
    port = free_port()
    command = [sys.executable, f"server_{kind}.py", "--port", str(port), "--log", "off", *flags]
    return running(command, REPOSITORY / "demo", port)


@contextlib.contextmanager
def running(
    command: Sequence[str | Path],
    folder: Path,
    port: int,
    path: str = "/healthz",
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Start a server in ``folder``, wait until ``path`` answers, and end it with the block."""
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    started = Server(process, port)
    try:
        wait_for(process, started.url + path)
        yield started
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(process: subprocess.Popen[bytes], url: str, seconds: float = 300) -> None:
    """Until the server answers; SystemExit when it has ended, or does not begin."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), opener.open(url):
            return
        time.sleep(0.1)
    sys.exit(f"error: no server answers at {url}; what it said stands above")
