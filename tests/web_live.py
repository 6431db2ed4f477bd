"""Servers in processes of their own, started as the README says, on free ports of this machine."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from web_harness import Answer, lower, multipart

DEMO = Path(__file__).parents[1] / "demo"
PATIENCE = 180  # seconds, for whatever a server does: a busy machine is no failure


@dataclass
class Live:
    """A running server."""

    process: subprocess.Popen[str]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request(method, path, body or None, dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, lower(response.getheaders()), response.read())

    def predict(self, *contents: bytes, **headers: str) -> Answer:
        content_type, body = multipart([("files", "a.png", c) for c in contents], [])
        return self.ask("POST", "/predict", body, {"Content-Type": content_type, **headers})

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)


# A server takes its port seconds after that was free, so each worker of xdist has its own ones.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))


def free_port() -> int:
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if (port // 2 - WORKER) % WORKERS == 0:  # Linux gives odd ones only
            return port


def uvicorn_command(port: int) -> list[str]:
    """Step 1 of the README, word for word but for the port and address."""
    return ["-m", "uvicorn", "server_fastapi:app", "--host", "127.0.0.1", "--port", str(port)]


def fastapi_command(port: int) -> list[str]:
    return ["server_fastapi.py", "--port", str(port)]


def flask_command(port: int) -> list[str]:
    return ["server_flask.py", "--host", "127.0.0.1", "--port", str(port)]


COMMANDS = {"uvicorn": uvicorn_command, "fastapi": fastapi_command, "flask": flask_command}


def start(
    arguments: Sequence[str], log: Path, settings: Mapping[str, str]
) -> subprocess.Popen[str]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("CAPTCHA_OCR_")}
    environ.update({f"CAPTCHA_OCR_{name.upper()}": value for name, value in settings.items()})
    with log.open("w", encoding="utf-8") as file:
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=DEMO,
            env=environ,
            stdout=file,
            stderr=subprocess.STDOUT,
            text=True,
        )


@contextlib.contextmanager
def serve(kind: str, tmp_path: Path, *flags: str, **settings: str) -> Iterator[Live]:
    """Start a server of `COMMANDS` and wait until it answers; end it afterwards."""
    port = free_port()
    log = tmp_path / f"{kind}-{port}.log"
    process = start([*COMMANDS[kind](port), *flags], log, settings)
    live = Live(process, port, log)
    try:
        wait_until_up(live)
        yield live
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_up(live: Live, path: str = "/healthz") -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert live.process.poll() is None, live.log.read_text(encoding="utf-8")
        with contextlib.suppress(OSError):
            if live.ask("GET", path).status == 200:
                return
        time.sleep(0.05)
    raise AssertionError("the server did not start: " + live.log.read_text(encoding="utf-8"))
