"""Flask outside, FastAPI inside: hand requests to one server that the operator has named.

This is no open proxy. The host comes from the command line only, the paths from the code, no
redirect is followed, no proxy of the environment is used (http.client knows neither), few
headers pass, and time and size are bounded.
"""

from __future__ import annotations

import contextlib
import http.client
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from flask import Request, Response

from captcha_ocr.config import ConfigError
from captcha_ocr.web.problems import PROBLEM_TYPE, Problem
from captcha_ocr.web.results import NDJSON

logger = logging.getLogger(__name__)

MAX_ANSWER = 64 << 20  # bytes; 64 pictures explained by three models have about 10 MB
BLOCK = 1 << 16
_TYPES = ("application/json", PROBLEM_TYPE, NDJSON)
_SILENT = "the recognition server behind this one does not answer; is it running?"
_STRANGER = "the server behind this one is not a CAPTCHA OCR server"
_PASSED_ON = ("Content-Type", "Content-Length", "Retry-After")


class Upstream:
    def __init__(self, url: str, *, seconds: float, max_body: int) -> None:
        """``url`` is http://HOST:PORT; ``seconds`` bounds each wait for the upstream."""
        try:
            parts = urlsplit(url)
            self._port = parts.port
        except ValueError as error:  # half an address in brackets, a port that is none
            raise ConfigError(f"--upstream is {url!r} ({error}); give http://HOST:PORT") from None
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise ConfigError(f"--upstream is {url!r}; give http://HOST:PORT")
        if parts.path not in ("", "/") or parts.username:
            raise ConfigError(f"--upstream is {url!r}; give http://HOST:PORT without more")
        self.url = f"{parts.scheme}://{parts.netloc}"
        self._secure, self._host = parts.scheme == "https", parts.hostname
        self._seconds, self._max_body = seconds, max_body

    def get(self, path: str) -> Response:
        """Raises Problem ``upstream`` when it does not answer as this package's servers do."""
        return self._exchange("GET", path, {}, None)

    def predict(self, request: Request) -> Response:
        """Pass a form on, byte for byte."""
        length = request.content_length
        if length is None:
            raise Problem("bad_request", "the request has no Content-Length")
        if length > self._max_body:
            raise Problem.body_too_large(self._max_body)
        headers = {
            "Content-Type": request.headers.get("Content-Type", ""),
            "Content-Length": str(length),
            "Accept": request.headers.get("Accept", "*/*"),
            "X-Forwarded-For": request.remote_addr or "",
        }
        return self._exchange("POST", "/predict", headers, request.stream)

    def _exchange(self, method: str, path: str, headers: dict[str, str], body: Any) -> Response:
        connection = self._connect()
        try:
            # It may refuse a body that it has not read to its end; then its answer says why.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            first = answer.read1(BLOCK)  # while the client can still be told that nobody answers
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            logger.warning("the upstream %s does not answer: %s", self.url, error)
            raise Problem("upstream", _SILENT) from None
        content_type = answer.headers.get_content_type()
        if 300 <= answer.status < 400 or content_type not in _TYPES:
            connection.close()
            logger.warning("the upstream answers %s %s", answer.status, content_type)
            balancer = answer.status >= 500  # a gateway between says that nobody is behind it
            raise Problem("upstream", _SILENT if balancer else _STRANGER)
        passed = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}
        return Response(_blocks(connection, answer, first), answer.status, headers=passed)

    def _connect(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        return kind(self._host, self._port, timeout=self._seconds)


def _blocks(
    connection: http.client.HTTPConnection, answer: http.client.HTTPResponse, block: bytes
) -> Iterator[bytes]:
    """The answer's body as it comes, its first ``block`` included. One that grows too large or
    breaks off is cut, and so is the client's: without its end it does not parse."""
    left = MAX_ANSWER
    try:
        while block:
            left -= len(block)
            if left < 0:
                raise OSError(f"the answer is larger than {MAX_ANSWER} bytes")
            yield block
            block = answer.read1(BLOCK)
    finally:
        connection.close()
