"""Flask outside: what it hands to the server inside, and what it takes from it."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from unittest.mock import Mock

import pytest
from captcha_ocr.web.flask_app import close_app, create_app
from captcha_ocr.web.results import NDJSON
from captcha_ocr.web.settings import Settings
from captcha_ocr.web.upstream import Upstream
from web_harness import FlaskAsked, barcode

MIB = 1 << 20
JSON = "application/json"


@contextmanager
def outside(kind: str, body: bytes) -> Iterator[tuple[FlaskAsked, list[Message]]]:
    """A server in front of one that answers everything so, and the headers which that one got."""
    heard: list[Message] = []

    class Inside(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.headers)
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Retry-After", "1")
            self.send_header("Set-Cookie", "a=b")
            self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Inside) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}"
            upstream = Upstream(url, seconds=60, max_body=MIB)
            yield FlaskAsked(create_app(Settings(log="off"), upstream=upstream)), heard
        finally:
            server.shutdown()
            thread.join()


def test_a_page_of_another_server_is_not_shown_as_ours() -> None:
    with outside("text/html", b"<script>alert(1)</script>") as (asked, _):
        for answer in (asked.get("/models"), asked.predict([("a.png", barcode("1"))])):
            assert (answer.status, answer.code) == (502, "upstream")
            assert b"script" not in answer.data


def test_little_is_passed_on_either_way() -> None:
    sent = {"Cookie": "a=b", "Authorization": "Basic eDp5", "X-Forwarded-For": "6.6.6.6"}
    with outside(JSON, b"{}") as (asked, heard):
        read = asked.predict([("a.png", barcode("1"))], headers=sent)
        for answer in (read, asked.send("GET", "/models", sent, b"")):
            assert (answer.status, answer.data) == (200, b"{}")
            assert answer.headers["retry-after"] == "1"
            assert not {"set-cookie", "access-control-allow-origin"} & set(answer.headers)
    assert len(heard) == 2
    for headers in heard:
        assert headers["Cookie"] is None and headers["Authorization"] is None
    # Who asks is what the inner server's rate is for; a client does not say so itself.
    assert heard[0].get_all("X-Forwarded-For") == ["127.0.0.1"]


def test_a_body_that_is_too_large_does_not_reach_the_server_inside() -> None:
    with outside(JSON, b"{}") as (asked, heard):
        answer = asked.predict([("a.png", bytes(MIB))])
        assert (answer.status, answer.code) == (413, "too_large")
    assert heard == []


def test_an_answer_that_is_too_large_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("captcha_ocr.web.upstream.MAX_ANSWER", 10)
    with outside(JSON, b"[1,2,3,4]") as (asked, _):
        assert asked.get("/models").json() == [1, 2, 3, 4]
    with outside(JSON, b"[1,2,3,4,5]") as (asked, _), pytest.raises(OSError, match="larger than"):
        asked.get("/models")


@pytest.mark.parametrize("path", ["/models", "/version", "/readyz", "/api/version"])
def test_what_the_server_inside_knows_better_is_its_to_say(path: str) -> None:
    """The page goes by its limits, and a picture that they refuse would come all the way."""
    with outside(JSON, b'{"of": "inside"}') as (asked, _):
        assert asked.get(path).json() == {"of": "inside"}


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://inside:8000", http.client.HTTPConnection),
        ("http://inside:8000/", http.client.HTTPConnection),
        ("https://inside", http.client.HTTPSConnection),
    ],
)
def test_an_upstream_is_asked_as_its_address_says(url: str, kind: type) -> None:
    assert type(Upstream(url, seconds=1, max_body=1)._connect()) is kind


def test_an_app_with_an_upstream_ends_without_models_of_its_own() -> None:
    upstream = Upstream("http://inside:8000", seconds=1, max_body=1)
    close_app(create_app(Settings(log="off"), upstream=upstream))


def test_an_error_of_the_app_is_logged_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    upstream = Mock()
    upstream.get.side_effect = RuntimeError("secret")
    answer = FlaskAsked(create_app(Settings(log="off"), upstream=upstream)).get("/models")
    assert (answer.status, answer.code) == (500, "internal")
    assert b"secret" not in answer.data and "RuntimeError: secret" in caplog.text


def test_results_by_the_line_come_through_from_behind() -> None:

    class Behind(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", NDJSON)
            self.end_headers()
            self.wfile.write(b'{"text": "a"}\n')

        def log_message(self, *words):
            pass

    with HTTPServer(("127.0.0.1", 0), Behind) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        answer = Upstream(url, seconds=10, max_body=10).get("/predict")
        assert (answer.mimetype, answer.get_data()) == (NDJSON, b'{"text": "a"}\n')
        thread.join(10)
