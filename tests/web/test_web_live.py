"""Real servers: what only happens between processes and on sockets."""

from __future__ import annotations

import contextlib
import errno
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import webbrowser
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import httpx
import pytest
from captcha_ocr.cli import serve as serve_cli
from captcha_ocr.cli.common import USAGE
from captcha_ocr.cli.serve import main as serve_main
from captcha_ocr.config import ConfigError
from captcha_ocr.web.flask_app import create_app
from captcha_ocr.web.problems import Problem
from captcha_ocr.web.settings import Settings
from captcha_ocr.web.upstream import Upstream
from free_port import main as find_free_port
from web_harness import barcode, multipart
from web_live import COMMANDS, DEMO, PATIENCE, Live, free_port, serve, start

KINDS = ["uvicorn", "flask"]


def started(**settings: str) -> Any:
    """A fixture: both servers in turn, each for all tests that ask for it."""

    def run(
        request: pytest.FixtureRequest, two_models: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[Live]:
        folder = tmp_path_factory.mktemp("live")
        options = {"weights": str(two_models), "max_body_mb": "1", "log": "off", **settings}
        with serve(request.param, folder, **options) as live:
            yield live

    return pytest.fixture(scope="module", params=KINDS)(run)


hasty = started(head_seconds="3", body_seconds="3")  # time for those who are not slow
patient = started()


def test_the_commands_of_the_readme_read_a_picture(patient: Live) -> None:
    answer = patient.predict(barcode("7*3=?"))
    assert answer.status == 200
    assert answer.json()["results"][0]["answer"] == 21
    assert b"<title>CAPTCHA OCR</title>" in patient.ask("GET", "/").data


def program(language: str, url: str) -> str:
    """The one of docs/api.md in this language, asking ``url``."""
    page = (DEMO.parent / "docs" / "api.md").read_text(encoding="utf-8")
    [code] = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
    assert "http://127.0.0.1:8000" in code
    return str(code).replace("http://127.0.0.1:8000", url)


def test_the_python_of_the_api_page_reads_pictures(
    patient: Live,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "picture.png").write_bytes(barcode("7*3=?"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "requests", httpx)  # the page says that they are called alike
    exec(program("python", patient.url), {})
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["a.png", "b.png"]
    assert all("'7*3=?'" in line and line.endswith(" 21)") for line in lines)


def test_the_javascript_of_the_api_page_reads_a_picture(patient: Live, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    (tmp_path / "picture.png").write_bytes(barcode("7*3=?"))
    code = (
        'import { readFile } from "node:fs/promises";\n'
        'const picture = new Blob([await readFile("picture.png")]);\n'
    )
    (tmp_path / "read.mjs").write_text(code + program("js", patient.url), encoding="utf-8")
    done = subprocess.run(
        [node, "read.mjs"], cwd=tmp_path, capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout == "picture.png 7*3=?\n"


HEAD = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
FORM = (
    b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Content-Type: multipart/form-data; boundary=x\r\n"
)
SLOW = {
    "nothing": b"",
    "half a head": b"GET /heal",
    "half a body": FORM + b"Content-Length: 100\r\n\r\n--x",
}


def test_slow_clients_are_cut_off(hasty: Live) -> None:
    """All at once; one sends a byte every 0.3 s, is never silent for long, and never complete."""
    with contextlib.ExitStack() as stack:
        slow = {name: stack.enter_context(hasty.connect()) for name in (*SLOW, "second", "drip")}
        for name, sent in SLOW.items():
            slow[name].sendall(sent)
        slow["second"].sendall(HEAD + b"\r\n")
        assert b'"ok"' in read_answer(slow["second"])
        slow["second"].sendall(b"GET /heal")
        stack.enter_context(dripping(slow["drip"]))
        assert {name for name, connection in slow.items() if not ended(connection)} == set()


@contextlib.contextmanager
def dripping(connection: socket.socket) -> Iterator[None]:
    stop = threading.Event()

    def drip() -> None:
        with contextlib.suppress(OSError):  # the server has closed it
            connection.sendall(HEAD + b"X-Slow: ")
            while not stop.wait(0.3):
                connection.sendall(b"x")

    thread = threading.Thread(target=drip)
    thread.start()
    yield
    stop.set()
    thread.join()


def ended(connection: socket.socket) -> bool:
    """Whether the server ends the connection, with or without an answer."""
    connection.settimeout(PATIENCE)
    try:
        while connection.recv(4096):
            pass
    except ConnectionError:
        pass
    except socket.timeout:  # TimeoutError, from Python 3.10 on
        return False
    return True


MIB = 1 << 20


def read_answer(connection: socket.socket) -> bytes:
    """One whole answer; it has a Content-Length."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += received(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split()[0])
    while len(body) < length:
        body += received(connection)
    return head + b"\r\n\r\n" + body


def received(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    assert data, "the connection ended before the answer"
    return data


def test_who_is_refused_gets_the_answer_and_keeps_the_connection(patient: Live) -> None:
    """Refused by its head, while the body is still to come."""
    body = b"x" * (MIB - 1000)
    head = FORM + b"Origin: http://evil.example\r\nContent-Length: %d\r\n\r\n" % len(body)
    with patient.connect() as connection:
        for _ in range(2):
            connection.sendall(head + body[:100_000])
            connection.settimeout(0.5)
            with contextlib.suppress(socket.timeout):  # time to hang up, for a server that does
                connection.recv(1, socket.MSG_PEEK)
            connection.settimeout(PATIENCE)
            connection.sendall(body[100_000:])
            answer = read_answer(connection)
            assert answer.startswith(b"HTTP/1.1 403 ") and b"forbidden_origin" in answer
        connection.sendall(HEAD + b"\r\n")
        assert read_answer(connection).startswith(b"HTTP/1.1 200 ")


PART = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
PIECE = b"x" * (1 << 16)
LARGE = {  # half as large again as is allowed
    "declared": [FORM + b"Content-Length: %d\r\n\r\n" % (24 * len(PIECE)), *[PIECE] * 24],
    "chunked": [
        FORM + b"Transfer-Encoding: chunked\r\n\r\n",
        *(b"%x\r\n%b\r\n" % (len(part), part) for part in (PART, *[PIECE] * 24)),
    ],
}


@pytest.mark.parametrize("how", LARGE)
def test_who_sends_too_much_is_told_so(patient: Live, how: str) -> None:
    with patient.connect() as connection:
        for part in LARGE[how]:
            connection.sendall(part)  # an error when the server has hung up
            time.sleep(0.01)  # time to do so
        answer = read_answer(connection)
    assert answer.startswith(b"HTTP/1.1 413 ") and b"too_large" in answer
    assert b"connection: close" in answer.lower()
    assert patient.ask("GET", "/healthz").status == 200


def test_who_never_ends_is_cut_off(patient: Live) -> None:
    with patient.connect() as connection:
        connection.sendall(FORM + b"Content-Length: 999999999\r\n\r\n")
        with pytest.raises(ConnectionError):
            for _ in range(100):
                connection.sendall(b"x" * MIB)


def test_a_large_body_is_refused_before_it_comes(patient: Live) -> None:
    with patient.connect() as connection:
        connection.sendall(FORM + b"Content-Length: 99999999\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b" 413 " in answer and b"too_large" in answer
    assert b"connection: close" in answer.lower()


def test_nonsense_is_answered_as_such(patient: Live) -> None:
    with patient.connect() as connection:
        connection.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        assert b" 400 " in connection.recv(4096)
    assert patient.ask("GET", "/healthz").status == 200


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to catch")
def test_requests_in_flight_finish_when_it_stops(
    kind: str, two_models: Path, tmp_path: Path
) -> None:
    with serve(kind, tmp_path, weights=str(two_models), log="off") as live:
        content_type, body = multipart([("files", "a.png", barcode("42"))], [])
        head = (
            "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
            f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
            "Expect: 100-continue\r\n\r\n"
        )
        with live.connect() as connection:
            connection.sendall(head.encode())
            assert b"100 Continue" in connection.recv(4096)  # it has begun
            live.process.send_signal(signal.SIGTERM)
            connection.sendall(body)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert b'"text":"42"' in answer
        live.process.wait(PATIENCE)
        assert "Traceback" not in live.log.read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_missing_weights_stop_the_start_in_one_line(kind: str, tmp_path: Path) -> None:
    process = start(COMMANDS[kind](free_port()), tmp_path / "log", {"weights": str(tmp_path)})
    assert process.wait(PATIENCE) != 0
    said = (tmp_path / "log").read_text(encoding="utf-8")
    assert "holds no model" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_variable_that_is_no_setting_stops_the_start_in_one_line(
    kind: str, tmp_path: Path
) -> None:
    process = start(COMMANDS[kind](free_port()), tmp_path / "log", {"maxfiles": "1"})
    assert process.wait(PATIENCE) != 0
    (said,) = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert said.startswith("error: no such setting: ['CAPTCHA_OCR_MAXFILES']")


@pytest.mark.parametrize("weights", ["none", "a rule that no text meets"])
def test_workers_that_cannot_start_end_the_server(
    weights: str, two_models: Path, tmp_path: Path
) -> None:
    """uvicorn would wait for them for two minutes, and then end as if all were well."""
    command = [*COMMANDS["fastapi"](free_port()), "--workers", "2"]
    settings = {"weights": str(tmp_path)}
    if weights != "none":
        settings = {"weights": str(two_models), "alphabet": "☃"}
    process = start(command, tmp_path / "log", settings)
    code = process.wait(PATIENCE)
    said = (tmp_path / "log").read_text(encoding="utf-8")
    assert ("holds no model" if weights == "none" else "☃") in said
    assert code != 0 or weights != "none"


@pytest.mark.slow
def test_workers_share_a_port(two_models: Path, tmp_path: Path) -> None:
    with serve("fastapi", tmp_path, "--workers", "2", weights=str(two_models), log="off") as live:
        assert live.predict(barcode("3")).json()["results"][0]["text"] == "3"


@pytest.mark.parametrize("kind", ["fastapi", "flask"])
def test_a_port_in_use_is_said_before_the_models_load(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = subprocess.run(
            [sys.executable, f"server_{kind}.py", "--port", str(port)],
            cwd=DEMO,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: port {port} is in use")


def test_a_port_beyond_the_last_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert serve_main(["flask", "--port", "70000"]) == USAGE
    assert "--port is 70000; choose 0 to 65535" in capsys.readouterr().err


def test_the_command_hands_uvicorn_what_its_flags_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """FastAPI where no kind is named, for this machine alone; ours is the line of a request."""
    run, environ = Mock(), dict[str, str]()
    monkeypatch.setattr("uvicorn.run", run)
    monkeypatch.setattr("captcha_ocr.web.waitress_server.Server", Mock())
    monkeypatch.setattr("os.environ", environ)
    assert serve_main(["--port", "0", "--max-files", "7", "--stop-seconds", "3.9"]) == 0
    assert Settings.from_env(environ) == Settings(max_files=7, stop_seconds=3.9)
    told = {"host": "127.0.0.1", "port": 0, "workers": 1, "timeout_graceful_shutdown": 3}
    told |= {"access_log": False, "server_header": False}
    assert {name: run.call_args.kwargs[name] for name in told} == told


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),  # no browser goes there
        ("::1", "[::1]"),
        ("server", "server"),
    ],
)
@pytest.mark.parametrize("flags", [[], ["--open"]])
def test_the_page_is_told_and_opened_when_asked_for(
    host: str,
    shown: str,
    flags: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    timer = Mock()
    monkeypatch.setattr("threading.Timer", timer)
    serve_cli._announce(serve_cli._parser("flask", "", 8001).parse_args(["--host", host, *flags]))
    url = f"http://{shown}:8001/"
    assert f" {url} " in capsys.readouterr().out
    assert [call.args[1:] for call in timer.call_args_list] == [
        (webbrowser.open, [url]) for _ in flags
    ]


def test_an_address_of_ipv6_is_listened_on() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    serve_cli._check_address("::1", 0)


@pytest.mark.parametrize(("port", "another"), [(8001, 8002), (65535, 65534)])
def test_another_port_is_advised_that_there_is(
    port: int, another: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = Mock(side_effect=OSError(errno.EADDRINUSE, "in use"))
    monkeypatch.setattr(socket.socket, "bind", taken)
    with pytest.raises(ConfigError, match=f"port {port} is in use .* --port {another}$"):
        serve_cli._check_address("127.0.0.1", port)


@pytest.mark.parametrize("kind", ["fastapi", "flask"])
def test_a_rule_that_is_none_is_said(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert serve_main([kind, "--port", "0", "--length", "4x"]) == USAGE
    said = capsys.readouterr()
    assert said.err == "error: --length is '4x'; give a number, or a range like 4-6\n"
    assert said.out == ""


@pytest.mark.parametrize(
    ("flag", "said"), [("--host", "--host is empty"), ("--upstream", "--upstream is ''")]
)
def test_a_flag_of_a_variable_that_is_not_set_is_said(
    flag: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else one would listen on every address, and the other read nothing."""
    assert serve_main(["flask", "--port", "0", flag, ""]) == USAGE
    assert said in capsys.readouterr().err


def test_an_unknown_server_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert serve_main(["django"]) == USAGE
    assert (
        capsys.readouterr().err == "error: there is no server 'django'; choose fastapi or flask\n"
    )


@pytest.mark.parametrize("port", ["abc", "0", "70000"])
def test_make_demo_says_what_is_wrong_with_a_port(
    port: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["free_port.py", port])
    with pytest.raises(SystemExit) as caught:
        find_free_port()
    assert caught.value.code == USAGE
    assert port in capsys.readouterr().err


class Canary(BaseHTTPRequestHandler):
    """Sends everyone to itself, and counts who follows."""

    followed = 0

    def do_GET(self) -> None:
        if self.path == "/canary":
            Canary.followed += 1
        self.send_response(302)
        self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/canary")
        self.end_headers()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *args: object) -> None:
        pass


@contextlib.contextmanager
def canary() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Canary)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_upstream_cannot_send_us_elsewhere(tmp_path: Path) -> None:
    with canary() as url, serve("flask", tmp_path, "--upstream", url, log="off") as live:
        for answer in (live.ask("GET", "/models"), live.predict(barcode("1"))):
            assert (answer.status, answer.code) == (502, "upstream")
            assert "location" not in answer.headers
        assert Canary.followed == 0
        # Only the API's paths are handed on.
        assert live.ask("GET", "/canary").status == 404
        assert live.ask("GET", "//127.0.0.1/models").status == 404


@pytest.mark.skipif(sys.platform != "linux", reason="others drop an answer that a reset follows")
def test_an_upstream_may_refuse_before_it_has_read_everything() -> None:
    def refuse() -> None:
        connection, _ = listener.accept()
        with connection:  # closing it with bytes unread resets it
            connection.recv(1000)
            connection.sendall(
                b"HTTP/1.1 413 Content Too Large\r\nContent-Type: application/problem+json\r\n"
                b"Content-Length: 2\r\n\r\n{}"
            )

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=refuse)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        upstream = Upstream(url, seconds=30, max_body=16 * MIB)
        client = create_app(Settings(log="off"), upstream=upstream).test_client()
        answer = client.post("/predict", data=b"x" * 16 * MIB, content_type="multipart/form-data")
        thread.join()
    assert (answer.status_code, answer.data) == (413, b"{}")


def test_an_upstream_that_goes_after_its_head_is_said_to_be_gone() -> None:
    def leave() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1000)
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n"
            connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=leave)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        upstream = Upstream(url, seconds=30, max_body=MIB)
        answer = create_app(Settings(log="off"), upstream=upstream).test_client().get("/models")
        thread.join()
    assert (answer.status_code, answer.get_json()["code"]) == (502, "upstream")


def test_an_upstream_says_itself_that_its_time_is_up(tmp_path: Path) -> None:
    """It takes all of --answer-seconds before it does; the outer server still listens then."""

    def answer_late() -> None:
        connection, _ = listener.accept()
        with connection:
            while not received(connection).endswith(b"--\r\n"):  # bytes unread would reset it
                pass
            time.sleep(1.5)
            problem = Problem("timeout", "not read within 1 s").body
            head = f"HTTP/1.1 503 Late\r\nContent-Length: {len(problem)}\r\n"
            connection.sendall(head.encode() + b"Content-Type: application/problem+json\r\n\r\n")
            connection.sendall(problem)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        threading.Thread(target=answer_late, daemon=True).start()
        with serve("flask", tmp_path, "--upstream", url, log="off", answer_seconds="1") as live:
            answer = live.predict(barcode("1"))
    assert (answer.status, answer.code) == (503, "timeout")


def test_proxies_of_the_environment_are_not_used(
    two_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flask outside, FastAPI inside: the same bodies, and 502 when the inside goes."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):  # or nothing would use them for this machine
        monkeypatch.delenv(name, raising=False)
    with contextlib.ExitStack() as stack:
        inside = stack.enter_context(serve("uvicorn", tmp_path, weights=str(two_models), log="off"))
        outside = stack.enter_context(serve("flask", tmp_path, "--upstream", inside.url, log="off"))
        assert outside.ask("GET", "/models").json() == inside.ask("GET", "/models").json()
        assert outside.ask("GET", "/api/readyz").status == 200
        read = [live.predict(barcode("7+8=?")).json()["results"] for live in (inside, outside)]
        for results in read:
            results[0].pop("milliseconds")
        assert read[0] == read[1]
        refused = outside.predict(b"no picture")
        assert (refused.status, refused.code) == (415, "unsupported")
        stream = outside.predict(barcode("1"), b"no", Accept="application/x-ndjson")
        assert stream.data.count(b"\n") == 3
        inside.process.terminate()
        inside.process.wait(PATIENCE)
        for answer in (outside.ask("GET", "/readyz"), outside.predict(barcode("1"))):
            assert (answer.status, answer.code) == (502, "upstream")
        assert outside.ask("GET", "/healthz").status == 200


@pytest.mark.parametrize(("proxy", "client"), [("127.0.0.1", "6.6.6.6"), ("10.9.9.9", "127.0.0.1")])
@pytest.mark.parametrize("kind", ["fastapi", "flask"])
def test_only_the_trusted_proxy_says_who_asks(
    kind: str, proxy: str, client: str, two_models: Path, tmp_path: Path
) -> None:
    """Anyone else could have a rate of his own for every request."""
    with serve(kind, tmp_path, weights=str(two_models), trusted_proxy=proxy) as live:
        asked = live.ask("GET", "/models", headers={"X-Forwarded-For": "6.6.6.6"})
        assert asked.status == 200
    lines = live.log.read_text(encoding="utf-8").splitlines()  # it has ended: all is written
    assert [line.split()[1] for line in lines if " GET /models 200 " in line] == [client]


def test_a_page_behind_a_prefix_works(two_models: Path, tmp_path: Path) -> None:
    """A proxy takes /ocr away, and uvicorn knows of it."""
    prefix = ["--root-path", "/ocr"]
    with serve("uvicorn", tmp_path, *prefix, weights=str(two_models), log="off") as live:
        for path in ("/", "/static/app.js", "/api/models", "/api/openapi.json"):
            assert live.ask("GET", path).status == 200, path
        assert live.ask("GET", "/api/").status == 404
        assert live.ask("GET", "/openapi.json").json()["servers"] == [{"url": "/ocr"}]
        assert live.predict(barcode("42")).json()["results"][0]["text"] == "42"
        assert 'path="/static"' in live.ask("GET", "/metrics").data.decode()
