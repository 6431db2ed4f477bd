"""One line for each request: who, what, how long. Never a file's name or bytes."""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings
from collections.abc import Collection

from captcha_ocr.web.metrics import Metrics

logger = logging.getLogger("captcha_ocr.requests")

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestLog:
    """Writes requests to stderr and counts them."""

    def __init__(self, style: str, metrics: Metrics, routes: Collection[str]) -> None:
        """``style`` is text, json or off; ``routes`` are the paths that the app has."""
        self._style, self._metrics, self._routes = style, metrics, frozenset(routes)
        # It warns of every form that it refuses; the client is told, and nobody else need be.
        logging.getLogger("python_multipart").setLevel(logging.ERROR)
        warnings.filterwarnings("ignore", r"Image size \(")  # so does Pillow, of a huge picture
        if style != "off" and not logger.handlers:
            handler = logging.StreamHandler(sys.stderr)
            handler.setFormatter(logging.Formatter("%(message)s"))
            logger.addHandler(handler)
            logger.setLevel(logging.INFO)
            logger.propagate = False

    def __call__(self, method: str, path: str, status: int, seconds: float, client: str) -> None:
        """A ``path`` that was made up is "other": each would start a counter. So is such a method,
        since HTTP allows any word. A proxy may pass on any client's name: one that could forge
        a line is "other" too.
        """
        if path not in self._routes:
            path = "/static" if path.startswith("/static/") else "other"
        client = client if client.isprintable() and " " not in client else "other"
        method = method if method in METHODS else "other"
        self._metrics.requests.add(method=method, path=path, status=str(status))
        self._metrics.request_seconds.observe(seconds, path=path)
        if self._style == "off":
            return
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        milliseconds = round(seconds * 1000, 1)
        if self._style == "text":
            logger.info("%s %s %s %s %s %s ms", now, client, method, path, status, milliseconds)
            return
        fields = {
            "time": now,
            "event": "request",
            "client": client,
            "method": method,
            "path": path,
            "status": status,
            "milliseconds": milliseconds,
        }
        logger.info(json.dumps(fields))
