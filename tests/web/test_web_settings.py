"""Settings, access rules and counters, by themselves."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import logging
import math
import select
import shutil
import sys
import threading
from asyncio.selector_events import _SelectorSocketTransport
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from captcha_ocr.charset import Charset
from captcha_ocr.config import ConfigError
from captcha_ocr.imaging import ImageError, open_image
from captcha_ocr.model_info import ModelError
from captcha_ocr.web.access import (
    MAX_CLIENTS,
    SECURITY_HEADERS,
    RateLimiter,
    check_host,
    check_path,
)
from captcha_ocr.web.catalogue import load_models
from captcha_ocr.web.constraint_store import ConstraintStore
from captcha_ocr.web.deadline import MAX_HEAD, MAX_PIPELINE, MAX_READ, _guard
from captcha_ocr.web.logs import RequestLog
from captcha_ocr.web.metrics import SIZES, Counter, Histogram, Metrics
from captcha_ocr.web.options import Options
from captcha_ocr.web.problems import PROBLEM_TYPE, STATUS_OF, Problem
from captcha_ocr.web.settings import CONNECTIONS, Settings, add_flags, from_flags
from captcha_ocr.web.upstream import Upstream
from captcha_ocr.web.waitress_server import (
    MAX_CHUNK_LINE,
    Channel,
    ProblemTask,
    RequestParser,
    Server,
    is_address,
    most_connections,
)
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState
from waitress.adjustments import Adjustments
from waitress.utilities import InternalServerError
from web_harness import run_apart

REPOSITORY = Path(__file__).parents[2]


def parse(*arguments: str, environ: dict[str, str] | None = None) -> Settings:
    parser = argparse.ArgumentParser()
    add_flags(parser)
    return from_flags(parser.parse_args(arguments), environ or {})


def test_a_flag_wins_over_the_environment() -> None:
    environ = {"CAPTCHA_OCR_MAX_FILES": "7", "CAPTCHA_OCR_RATE": "1.5", "PATH": "/bin"}
    settings = parse("--max-files", "9", environ=environ)
    assert (settings.max_files, settings.rate) == (9, 1.5)
    assert settings == dataclasses.replace(Settings(), max_files=9, rate=1.5)


def test_settings_are_checked_together_wherever_they_come_from() -> None:
    assert parse("--max-files", "16", environ={"CAPTCHA_OCR_QUEUE": "32"}).queue == 32
    with pytest.raises(ConfigError, match=r"--queue is 32.*--max-files 64"):
        parse(environ={"CAPTCHA_OCR_QUEUE": "32"})


def test_settings_survive_the_way_to_a_worker_process() -> None:
    settings = Settings(max_files=3, allowed_hosts="a.example, b.example", batch_wait_ms=0.5)
    assert Settings.from_env(settings.to_env()) == settings
    assert settings.hosts == {"a.example", "b.example"}


def test_a_megabyte_of_the_settings_is_a_mib() -> None:
    settings = Settings(max_file_mb=0.5, max_body_mb=2)
    assert (settings.max_file_bytes, settings.max_body_bytes) == (1 << 19, 2 << 20)


def test_no_more_connections_than_select_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more, and select() of Windows raises ValueError, which ends the server."""
    monkeypatch.delattr(select, "poll", raising=False)
    assert 400 < most_connections() < 512


@pytest.mark.parametrize(("files", "most"), [(256, 96), (-1, CONNECTIONS), (1 << 62, CONNECTIONS)])
def test_no_more_connections_than_the_process_may_open(
    files: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would log, thousands of times a second, that it cannot."""
    resource = pytest.importorskip("resource", reason="Windows has none")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    assert most_connections() == most


def test_what_kubernetes_says_of_a_service_is_no_setting() -> None:
    port = "CAPTCHA_OCR_PORT"
    environ = dict.fromkeys((port, f"{port}_80_TCP_ADDR", "CAPTCHA_OCR_SERVICE_HOST"), "10.0.0.1")
    environ |= {"CAPTCHA_OCR_SERVICE_PORT": "80", "CAPTCHA_OCR_SERVICE_PORT_HTTP": "80"}
    assert Settings.from_env(environ) == Settings()


@pytest.mark.parametrize("proxy", ["10.0.0.0/8", "nginx", "127.0.0.1,::1"])
def test_a_proxy_that_waitress_would_never_meet_is_refused(proxy: str) -> None:
    with pytest.raises(ConfigError, match="Flask takes one address"):
        Server(Mock(), "127.0.0.1", 0, Settings(trusted_proxy=proxy))
    assert is_address("::1") and is_address("*") and is_address("")


def test_torch_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModelError, match=r"needs the Python package 'torch', .* install -e"):
        load_models(Settings(backend="torch"))


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"CAPTCHA_OCR_MAX_FILES": "many"}, "give a whole number"),
        ({"CAPTCHA_OCR_MAX_FILES": "0"}, "--max-files is 0"),
        ({"CAPTCHA_OCR_BODY_SECONDS": "nan"}, "--body-seconds"),
        ({"CAPTCHA_OCR_BODY_SECONDS": "inf"}, "--body-seconds"),
        ({"CAPTCHA_OCR_LOG": "loud"}, "choose from text, json, off"),
        ({"CAPTCHA_OCR_MAXFILES": "1"}, "no such setting"),
        ({"CAPTCHA_OCR_QUEUE": "2"}, "would never be accepted"),
        ({"CAPTCHA_OCR_ARCH": ""}, "--arch is ''; name the models"),
    ],
)
def test_a_wrong_setting_is_named(environ: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Settings.from_env(environ)


@pytest.mark.parametrize(
    ("given", "cores", "lanes"),
    [
        ({}, 4, 4),
        ({"threads": 2}, 5, 2),
        ({"threads": 8}, 4, 1),
        ({"threads": 0}, 4, 1),  # all of them in each run
        ({"runs": 3, "threads": 0}, 4, 3),
    ],
)
def test_as_many_models_run_as_the_cores_allow(
    given: dict[str, int], cores: int, lanes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("captcha_ocr.web.settings.usable_cores", lambda: cores)
    assert Settings(**given).lanes == lanes


def test_torch_takes_the_cores_that_it_is_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    torch = pytest.importorskip("torch")
    asked: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    for threads in (0, 3):
        with pytest.raises(ModelError, match="holds no checkpoint"):
            load_models(Settings(backend="torch", weights=str(tmp_path), threads=threads))
    assert asked == [3]


def test_torch_reads_the_checkpoints_of_a_folder_and_of_its_runs(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from captcha_ocr.checkpoint import save_checkpoint
    from small_models import small_checkpoint

    def load(arch: str) -> list[str]:
        return sorted(load_models(Settings(backend="torch", weights=str(tmp_path), arch=arch)))

    (tmp_path / "a run").mkdir()
    save_checkpoint(tmp_path / "a run" / "best.safetensors", small_checkpoint("vanilla_crnn"))
    save_checkpoint(tmp_path / "mine.safetensors", small_checkpoint("svtr_tiny"))
    assert load("all") == ["svtr_tiny", "vanilla_crnn"]
    assert load("svtr_tiny") == ["svtr_tiny"]
    with pytest.raises(ModelError, match="no checkpoint of crnn_resnet34"):
        load("svtr_tiny, crnn_resnet34")
    shutil.copy(tmp_path / "mine.safetensors", tmp_path / "again.safetensors")
    with pytest.raises(ModelError, match="two models of svtr_tiny; keep one"):
        load("all")


@pytest.mark.parametrize(
    ("host", "allowed", "answered"),
    [
        ("read.example", "", False),
        ("read.example", "read.example", True),
        ("READ.Example.:8000", "Read.example, b.example", True),
        ("www.read.example", "read.example", False),
        ("anything.example", "*", True),
        ("a.localhost:8000", "", True),
        ("localhost.example", "", False),
        ("", "*", False),
    ],
)
def test_a_name_with_a_dot_is_answered_when_it_is_listed(
    host: str, allowed: str, answered: bool
) -> None:
    hosts = Settings(allowed_hosts=allowed).hosts
    if answered:
        check_host(host, hosts)
    else:
        with pytest.raises(Problem, match="does not answer to the host"):
            check_host(host, hosts)


HEAD, BODY = SimpleNamespace(headers_finished=False), SimpleNamespace(headers_finished=True)


@pytest.mark.parametrize(
    ("state", "limit"),
    [
        ({"last_activity": 90.0}, 100),  # between two requests
        ({"request": HEAD, "request_began": 90.0, "last_activity": 99.0}, 100),
        ({"request": BODY, "request_began": 70.0, "last_activity": 99.0}, 100),
        ({"requests": [BODY]}, math.inf),  # it is being answered
        ({"requests": [BODY], "total_outbufs_len": 5, "output_since": 50.0}, 100),
        ({"lingering": True, "request_began": 90.0, "last_activity": 98.0}, 100),
        ({"lingering": True, "request_began": 70.0, "last_activity": 99.0}, 100),
    ],
)
def test_a_client_of_the_flask_server_has_its_time(state: dict[str, Any], limit: float) -> None:
    settings = Settings(head_seconds=10, body_seconds=30, answer_seconds=50)
    channel = Channel.__new__(Channel)  # without a socket
    usual = {"request": None, "requests": [], "lingering": False, "total_outbufs_len": 0}
    vars(channel).update({**usual, "output_since": None, **state})
    times = [99.5, 100.5, 10_000.5]
    assert [channel.overdue(settings, now) for now in times] == [now > limit for now in times]


def test_an_answer_that_moves_on_has_its_time_anew() -> None:
    settings, channel = Settings(answer_seconds=50), Channel.__new__(Channel)
    vars(channel).update({"requests": [BODY], "output_since": None})
    waiting = [(5, 10.0), (0, 50.0), (5, 59.0), (5, 100.0), (5, 110.0)]  # bytes left at a time
    late = []
    for channel.total_outbufs_len, now in waiting:
        late.append(channel.overdue(settings, now))
    assert late == [False, False, False, False, True]


def test_the_rate_limiter_refills() -> None:
    now = [0.0]
    limiter = RateLimiter(rate=2, burst=3, clock=lambda: now[0])

    def allowed(address: str = "10.0.0.1") -> bool:
        try:
            limiter.check(address)
        except Problem as problem:
            assert (problem.code, problem.status) == ("rate", 429)
            return False
        return True

    assert [allowed() for _ in range(4)] == [True, True, True, False]
    assert allowed("10.0.0.2")
    now[0] = 0.5  # one token more
    assert [allowed() for _ in range(2)] == [True, False]
    now[0] = 100.0  # never more than the burst
    assert [allowed() for _ in range(4)] == [True, True, True, False]


def test_the_rate_limiter_counts_an_ipv6_network_as_one_and_forgets_old_clients() -> None:
    limiter = RateLimiter(rate=0.001, burst=1, clock=lambda: 0.0)
    limiter.check("2001:db8::1")
    with pytest.raises(Problem):
        limiter.check("2001:db8::2")
    for number in range(MAX_CLIENTS):
        limiter.check(f"10.{number >> 16}.{(number >> 8) & 255}.{number & 255}")
    assert len(limiter._buckets) == MAX_CLIENTS
    limiter.check("2001:db8::2")  # forgotten, so it starts again


def test_a_port_that_a_proxy_writes_makes_no_other_client() -> None:
    """waitress takes it off an IPv4 address alone."""
    limiter = RateLimiter(rate=0.001, burst=1, clock=lambda: 0.0)
    limiter.check("[2001:db8::1]:11")
    for again in ("[2001:db8::1]:12", "2001:db8::9"):
        with pytest.raises(Problem):
            limiter.check(again)


def test_ipv4_clients_of_an_ipv6_socket_are_told_apart() -> None:
    limiter = RateLimiter(rate=0.001, burst=1, clock=lambda: 0.0)
    limiter.check("::ffff:10.0.0.1")
    limiter.check("::ffff:10.0.0.2")
    with pytest.raises(Problem):
        limiter.check("10.0.0.1")  # the same client


def test_no_rate_is_no_limit() -> None:
    limiter = RateLimiter(rate=0, burst=1)
    for _ in range(100):
        limiter.check("10.0.0.1")


def test_metrics_are_prometheus_text() -> None:
    counter = Counter("things_total", "Things.")
    counter.add(1234567, kind='a"b\\c\nd')
    assert counter.lines() == ['things_total{kind="a\\"b\\\\c\\nd"} 1234567']
    histogram = Histogram("seconds", "Time.", (0.1, 1.0))
    for value in (0.05, 0.5, 5.0):
        histogram.observe(value)
    assert histogram.lines() == [
        'seconds_bucket{le="0.1"} 1',
        'seconds_bucket{le="1"} 2',
        'seconds_bucket{le="+Inf"} 3',
        "seconds_sum 5.55",
        "seconds_count 3",
    ]
    text = Metrics().text()
    assert text.count("# TYPE") == text.count("# HELP") == len(vars(Metrics()))
    assert text.endswith("\n")


def test_a_log_line_is_json_and_holds_no_contents(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("captcha_ocr.requests")
    log = RequestLog("json", Metrics(), ["/predict"])
    logger.addHandler(caplog.handler)
    try:
        log("POST", "/predict", 200, 0.0123, "10.0.0.1")
    finally:
        logger.removeHandler(caplog.handler)
    line = json.loads(caplog.messages[0])
    assert set(line) == {"time", "event", "client", "method", "path", "status", "milliseconds"}
    assert (line["path"], line["status"], line["milliseconds"]) == ("/predict", 200, 12.3)


def test_a_log_line_is_text_and_a_method_that_was_made_up_is_not_in_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    logger = logging.getLogger("captcha_ocr.requests")
    metrics = Metrics()
    log, silent = (RequestLog(style, metrics, ["/predict"]) for style in ("text", "off"))
    logger.addHandler(caplog.handler)
    try:
        for write in (log, silent):
            write("BREW", "/predict", 405, 0.5, "10.0.0.1")
    finally:
        logger.removeHandler(caplog.handler)
    (line,) = caplog.messages
    assert line.partition(" ")[2] == "10.0.0.1 other /predict 405 500.0 ms"
    assert metrics.requests.lines() == [
        'captcha_ocr_requests_total{method="other",path="/predict",status="405"} 2'
    ]


@pytest.mark.parametrize("client", ["1.2.3.4 GET /admin 200", "\x1b[31m", "a\nb", "a\u202eb"])
def test_a_client_cannot_forge_a_log_line(client: str, caplog: pytest.LogCaptureFixture) -> None:
    """A proxy may pass on an X-Forwarded-For that its client has made up."""
    logger = logging.getLogger("captcha_ocr.requests")
    log = RequestLog("text", Metrics(), ["/models"])
    logger.addHandler(caplog.handler)
    try:
        log("GET", "/models", 200, 0.5, client)
    finally:
        logger.removeHandler(caplog.handler)
    assert caplog.messages[0].partition(" ")[2] == "other GET /models 200 500.0 ms"


@pytest.mark.parametrize("length", ["9" * 5000, "x", "-1"])
def test_a_length_that_is_no_number_is_refused_and_not_logged(length: str) -> None:
    parser = RequestParser(Adjustments())
    parser.received(f"POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n".encode())
    assert parser.error.code in (400, 413)


@pytest.mark.parametrize("before", [b"", b"1;x=y\r\na\r\n", b"0\r\n"])
def test_the_line_of_a_chunk_has_an_end(before: bytes) -> None:
    """As long as it has none, waitress looks through all of it at every byte that comes."""
    parser = RequestParser(Adjustments())
    parser.received(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    parser.received(before)
    parser.received(b"x" * MAX_CHUNK_LINE)
    assert not parser.completed
    parser.received(b"x")
    assert parser.completed and parser.error.code == 400


def test_chunks_and_trailers_of_a_usual_size_are_read() -> None:
    parser = RequestParser(Adjustments())
    parser.received(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    parser.received(b"4;x=y\r\nbody\r\n0\r\nX-Sum: " + b"1" * 1000 + b"\r\n\r\n")
    assert parser.completed and parser.error is None
    assert parser.get_body_stream().read() == b"body"


def test_an_answer_that_fails_before_its_first_byte_is_our_error() -> None:
    request = RequestParser(Adjustments())
    request.error = InternalServerError("")
    task = ProblemTask(Mock(), request)
    task.execute()
    assert task.status == "500 Internal Server Error"
    assert {("Content-Type", PROBLEM_TYPE), *SECURITY_HEADERS.items()} <= {*task.response_headers}


class Endless:
    """A connection of uvicorn's, with a parser to which no head is too long."""

    cycle = limit_concurrency = None

    def connection_made(self, transport: Mock) -> None:
        self.transport = transport

    def data_received(self, data: bytes = b"") -> None:
        pass

    pause_writing = resume_writing = data_received


@pytest.mark.parametrize("more", [0, 1])
def test_a_head_has_a_size_whatever_the_parser(more: int) -> None:
    async def send() -> bool:
        connection = Endless()
        connection.connection_made(Mock())
        for data in (b"x" * (MAX_HEAD - 1), b"x" * (1 + more)):
            connection.data_received(data)
        return bool(connection.transport.close.called)

    _guard(Endless, 10, 10)
    assert run_apart(send()) == bool(more)


def test_requests_that_wait_in_one_connection_are_few() -> None:
    async def send() -> list[bool]:
        connection: Any = Endless()
        connection.connection_made(Mock())
        aborted = []
        for more in (MAX_PIPELINE, 1):
            connection.pipeline = [*getattr(connection, "pipeline", ()), *[object()] * more]
            connection.data_received(b"GET")
            aborted.append(bool(connection.transport.abort.called))
        return aborted

    _guard(Endless, 10, 10)
    assert run_apart(send()) == [False, True]


def test_little_is_read_at_once() -> None:
    """h11 works through all of it, even in chunks of a byte, before it is anyone else's turn."""

    async def connect() -> int:
        connection: Any = Endless()
        connection.connection_made(Mock(max_size=1 << 18))
        return int(connection.transport.max_size)

    _guard(Endless, 10, 10)
    assert run_apart(connect()) == MAX_READ
    assert hasattr(_SelectorSocketTransport, "max_size")  # where asyncio keeps it


def test_an_answer_that_is_taken_after_all_is_not_cut_off() -> None:
    """Else a connection would end in the middle of a later answer."""

    async def wait_and_take() -> bool:
        connection: Any = Endless()
        connection.connection_made(Mock())
        connection.pause_writing()
        timer = connection.answer_timer
        assert not timer.cancelled()
        connection.resume_writing()
        return bool(timer.cancelled())

    _guard(Endless, 10, 10)
    assert run_apart(wait_and_take())


class Guarded(H11Protocol):
    """A connection of uvicorn's; the class that servers use stays as it is."""


async def answer_much(scope: Any, receive: Any, send: Any) -> None:
    """More than the system takes for a client that does not."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": bytes(1 << 26)})


def uvicorn_config(most: int | None = None) -> Config:
    usual = {"http": "h11", "ws": "none", "lifespan": "off", "log_config": None}
    return Config(answer_much, limit_concurrency=most, **usual)


@pytest.mark.parametrize(("most", "status"), [(None, b"503"), (CONNECTIONS + 2, b"200")])
def test_plain_uvicorn_takes_as_many_connections_as_the_command(
    most: int | None, status: bytes
) -> None:
    """Unless its own --limit-concurrency says otherwise."""

    async def ask() -> bytes:
        state, transport = ServerState(), Mock()
        state.connections.update(range(CONNECTIONS))  # type: ignore[arg-type]
        connection = Guarded(uvicorn_config(most), state, {})
        connection.connection_made(transport)
        connection.data_received(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await asyncio.gather(*state.tasks)
        return bytes(transport.write.call_args_list[0].args[0])

    _guard(Guarded, 10, 10)
    assert run_apart(ask()).startswith(b"HTTP/1.1 " + status)


def test_an_answer_that_is_not_taken_is_not_kept() -> None:
    """uvicorn would keep it, and the connection, for as long as the client stays."""

    async def ask_and_leave() -> None:
        config, state = uvicorn_config(), ServerState()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Guarded(config, state, {}), "127.0.0.1", 0)
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        while not state.total_requests:  # answered, as far as uvicorn knows
            await asyncio.sleep(0.01)
        while state.connections:
            await asyncio.sleep(0.01)
        writer.transport.abort()
        server.close()

    _guard(Guarded, 300, 0.1)
    run_apart(asyncio.wait_for(ask_and_leave(), 60))


@pytest.mark.parametrize("path", [r"/static/\\host\share\a", "/static/C:/a", "/static/\0"])
def test_no_path_leads_out_on_any_system(path: str) -> None:
    """Older frameworks ask Windows for such files, and others answer with an error of ours."""
    with pytest.raises(Problem, match="no such path"):
        check_path(path)


def test_a_log_holds_no_warning_of_a_huge_picture() -> None:
    RequestLog("off", Metrics(), [])
    with pytest.raises(ImageError, match="10000x10000 pixels"):
        open_image(b"GIF89a\x10\x27\x10\x27\0\0\0," + b"\0" * 9 + b"\x08\1\0\0;")


def test_every_code_makes_a_problem_document() -> None:
    described = (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8")
    for code, status in STATUS_OF.items():
        assert f"`{code}`" in described
        document = Problem(code, "what happened").document
        assert (document["status"], document["code"]) == (status, code)
        assert set(document) == {"type", "title", "status", "code", "detail"}
    again = {code for code in STATUS_OF if Problem(code, "").headers == {"Retry-After": "1"}}
    assert again == {"rate", "busy", "timeout"}
    assert Problem.from_status(405).code == "method"
    assert Problem.from_status(418).code == "bad_request"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8000",
        "ftp://localhost:8000",
        "http://",
        "http://localhost:99999",
        "http://localhost:many",
        "http://[::1",
        "http://localhost:8000/api",
        "http://localhost:8000?x=1",
        "http://me@localhost:8000",
    ],
)
def test_an_upstream_is_a_host_and_a_port(url: str) -> None:
    with pytest.raises(ConfigError, match=r"--upstream is '.* give http://HOST:PORT"):
        Upstream(url, seconds=1, max_body=1)


def channel_that_got(size: int) -> Channel:
    """So much of a body."""
    request = RequestParser(Adjustments())
    request.received(b"POST / HTTP/1.1\r\nContent-Length: 200000\r\n\r\n")
    request.received(bytes(size))
    channel = Channel.__new__(Channel)  # without a socket
    usual = {"requests": [], "lingering": False, "total_outbufs_len": 0, "request_began": 0}
    vars(channel).update({**usual, "request": request, "output_since": None})
    return channel


def flask_server(channels: dict[int, Channel], waiting: list[Channel]) -> Mock:
    dispatcher = Mock(queue=waiting, lock=threading.Lock())
    settings = Settings(max_body_mb=0.01)
    return Mock(active_channels=channels, task_dispatcher=dispatcher, _settings=settings)


@pytest.mark.parametrize("left", [10_000, 10_001])
def test_a_body_that_waits_for_a_thread_counts_without_its_client(
    left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("captcha_ocr.web.settings.BODIES", 100_000)
    coming, gone = channel_that_got(90_000), channel_that_got(left)
    gone.requests, gone.request = [gone.request], None
    Server.maintenance(flask_server({1: coming}, waiting=[gone, coming]), 1.0)
    assert coming.request.crowded == (left > 10_000)


def test_large_bodies_of_the_flask_server_are_bounded_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("captcha_ocr.web.settings.BODIES", 100_000)
    channels = {size: channel_that_got(size) for size in (90_000, 10_000)}
    bodies = {size: channel.request for size, channel in channels.items()}
    server = flask_server(channels, waiting=[])
    Server.maintenance(server, 1.0)
    for request in bodies.values():
        request.received(bytes(1000))
        assert request.error is None  # the bound is met exactly
    Server.maintenance(server, 1.0)
    for request in bodies.values():
        request.received(b"x")
    assert [request.completed for request in bodies.values()] == [True, False]
    task = ProblemTask(Mock(), bodies[90_000])
    task.execute()
    assert task.status == "503 Service Unavailable"
    assert ("Retry-After", "1") in task.response_headers


def test_a_value_on_a_bound_counts_under_it() -> None:
    """The sizes of batches are whole numbers, as their bounds are."""
    histogram = Histogram("batch", "Pictures.", SIZES)
    histogram.observe(1)
    histogram.observe(4)
    lines = histogram.lines()
    for bound, count in ((1, 1), (2, 1), (4, 2), (8, 2)):
        assert f'batch_bucket{{le="{bound}"}} {count}' in lines


@pytest.mark.parametrize("cores", [1, 2])
def test_models_of_a_server_use_the_cores_of_its_setting(cores: int, tiny_weights: Path) -> None:
    for predictor in load_models(Settings(weights=str(tiny_weights), threads=cores)).values():
        options = predictor._session.get_session_options()  # type: ignore[attr-defined]
        assert options.intra_op_num_threads == cores


@pytest.mark.parametrize("beside", [{"length": 4}, {"pattern": "12"}])
def test_the_alphabet_is_named_where_it_is_wrong_by_itself(beside: dict[str, Any]) -> None:
    options = Options(alphabet="☃", **beside)
    with pytest.raises(Problem) as raised:
        ConstraintStore().get(Charset(tuple("12")), options, 1.0)
    assert raised.value.extra == {"field": "alphabet", "kind": "unknown_alphabet"}
