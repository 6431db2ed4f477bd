"""Start a server: FastAPI under uvicorn, or Flask under waitress with the page.

Both take the same settings, as flags or from the environment (see web/settings.py).
"""

from __future__ import annotations

import argparse
import errno
import os
import socket
import sys
import threading
import webbrowser
from typing import TYPE_CHECKING

from captcha_ocr.cli.common import OK, Arguments, at_least, command, program
from captcha_ocr.config import ConfigError
from captcha_ocr.web.options import parse_rule
from captcha_ocr.web.settings import Settings, add_flags, from_flags

if TYPE_CHECKING:
    from fastapi import FastAPI

FASTAPI_PORT, FLASK_PORT = 8000, 8001
WORKER_SECONDS = 120  # silence after which a worker process is replaced
UPSTREAM_SECONDS = 10  # more than an answer may take: the upstream says itself when its time is up


@command
def main(argv: Arguments = None) -> int:
    """``captcha-ocr serve [fastapi|flask] ...``"""
    arguments = list(sys.argv[1:] if argv is None else argv)
    named = arguments and not arguments[0].startswith("-")
    kind = arguments.pop(0) if named else "fastapi"
    if kind not in ("fastapi", "flask"):
        raise ConfigError(f"there is no server {kind!r}; choose fastapi or flask")
    return (flask_main if kind == "flask" else fastapi_main)(arguments)


@command
def fastapi_main(argv: Arguments = None) -> int:
    description = (
        "Read pictures over HTTP: FastAPI under uvicorn (`captcha-ocr serve flask`: Flask)."
    )
    parser = _parser("fastapi", description, FASTAPI_PORT)
    parser.add_argument("--workers", type=at_least(1), default=1, help="processes (default: 1)")
    args = parser.parse_args(argv)
    settings = from_flags(args)
    parse_rule(settings)  # here, before uvicorn's own lines, where it can be told
    _check_address(args.host, args.port)
    import uvicorn

    # Worker processes build their own app, and find the settings here.
    os.environ.update(settings.to_env())
    if args.workers > 1:
        _prepare_workers(settings)
    _announce(args)
    uvicorn.run(
        "captcha_ocr.web.fastapi_app:create_app",
        factory=True,
        host=args.host,
        port=args.port,
        workers=args.workers,
        # uvicorn replaces a worker that is silent for 5 s, which on a busy machine are all those
        # that still import what they need: none would ever come up.
        timeout_worker_healthcheck=WORKER_SECONDS,
        log_level="warning",
        access_log=False,  # ours says more, see web/logs.py
        timeout_graceful_shutdown=max(1, int(settings.stop_seconds)),
        forwarded_allow_ips=settings.trusted_proxy,
        server_header=False,
        ws="none",
    )
    return OK


def _prepare_workers(settings: Settings) -> None:
    """uvicorn's main process ends with 0 where no worker can start; so what they cannot load is an
    error here. And it waits WORKER_SECONDS, deaf to Ctrl-C, for a worker that died while it
    starts: it holds that one's end of the pipe itself, and never hears that it is closed."""
    from uvicorn.supervisors.multiprocess import Process

    from captcha_ocr.web.catalogue import load_models

    load_models(settings)
    start = Process.start

    def start_and_let_go(self: Process) -> None:
        start(self)
        self.child_conn.close()

    Process.start = start_and_let_go  # type: ignore[method-assign]


def fastapi_app() -> FastAPI:
    """For ``uvicorn server_fastapi:app``, with the settings of the environment. A mistake in those
    ends the program in a line, where uvicorn would show the whole traceback."""
    from captcha_ocr.web.fastapi_app import create_app

    try:
        return create_app()
    except ConfigError as error:
        sys.exit(f"error: {error}")


@command
def flask_main(argv: Arguments = None) -> int:
    description = "Read pictures over HTTP, with the page: Flask under waitress."
    parser = _parser("flask", description, FLASK_PORT)
    parser.add_argument("--upstream", metavar="URL", help="a FastAPI server that does the reading")
    args = parser.parse_args(argv)
    settings = from_flags(args)
    _check_address(args.host, args.port)
    from captcha_ocr.web.flask_app import create_app
    from captcha_ocr.web.upstream import Upstream
    from captcha_ocr.web.waitress_server import Server

    seconds = settings.answer_seconds + UPSTREAM_SECONDS
    upstream = None
    if args.upstream is not None:  # an empty one, of a variable that is not set, is a mistake
        upstream = Upstream(args.upstream, seconds=seconds, max_body=settings.max_body_bytes)
    server = Server(create_app(settings, upstream=upstream), args.host, args.port, settings)
    _announce(args)
    server.run()
    return OK


def _parser(kind: str, description: str, port: int) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=program(f"serve {kind}"), description=description)
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; 0.0.0.0 lets other machines in (default: this one only)",
    )
    parser.add_argument("--port", type=int, default=port, help=f"(default: {port})")
    parser.add_argument("--open", action="store_true", help="open the page in the browser")
    add_flags(parser)
    return parser


def _check_address(host: str, port: int) -> None:
    """Say what to do about a port in use before the models are loaded."""
    if not 0 <= port <= 65535:
        raise ConfigError(f"--port is {port}; choose 0 to 65535")
    if not host:  # to the system that is every address
        raise ConfigError("--host is empty; give an address, 0.0.0.0 to let other machines in")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name != "nt":  # there it would let two servers share a port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                another = port + 1 if port < 65535 else port - 1
                raise ConfigError(
                    f"port {port} is in use or not allowed; choose another: --port {another}"
                ) from None
            raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror}") from None


def _announce(args: argparse.Namespace) -> None:
    host = "127.0.0.1" if args.host in ("0.0.0.0", "::") else args.host
    url = f"http://[{host}]:{args.port}/" if ":" in host else f"http://{host}:{args.port}/"
    print(f"CAPTCHA OCR: {url}  (Ctrl-C stops)", flush=True)
    if args.open:
        timer = threading.Timer(1.5, webbrowser.open, [url])
        timer.daemon = True
        timer.start()
