"""Errors as clients see them: RFC 9457 problem documents with a stable ``code``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

PROBLEM_TYPE = "application/problem+json"

# Every code a client can meet, and its HTTP status. docs/api.md explains them.
STATUS_OF = {
    "bad_request": 400,  # the request cannot be parsed
    "broken": 400,  # a picture is cut off or damaged
    "forbidden_host": 400,
    "forbidden_origin": 403,
    "not_found": 404,
    "method": 405,
    "slow": 408,
    "too_large": 413,
    "too_many_files": 413,
    "size": 413,  # a picture with too many bytes or pixels, or too few
    "unsupported": 415,  # no picture in a known format
    "media_type": 415,  # not multipart/form-data
    "invalid": 422,  # a field's value
    "too_narrow": 422,  # a picture, for every text that the constraint allows
    "missing": 422,  # no picture in the request
    "rate": 429,
    "internal": 500,
    "upstream": 502,
    "busy": 503,
    "timeout": 503,
}
# What to do next, where a framework says no more than the status.
_DETAILS = {
    404: "there is no such path; pictures go to POST /predict, and /openapi.json lists all paths",
    405: "this path takes another method; the header Allow names it. Pictures go to POST /predict",
}
_RETRY = {"rate", "busy", "timeout"}


class Problem(Exception):
    """An answer other than 200. ``code`` is a key of `STATUS_OF`."""

    def __init__(self, code: str, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.code = code
        self.status = STATUS_OF[code]
        self.detail = detail
        self.extra = extra

    @classmethod
    def from_status(cls, status: int, detail: str | None = None) -> Problem:
        """For what a framework refuses by itself: the first code with this status."""
        codes = [code for code, value in STATUS_OF.items() if value == status]
        code = codes[0] if codes else ("internal" if status >= 500 else "bad_request")
        return cls(code, _DETAILS.get(status) or detail or HTTPStatus(STATUS_OF[code]).phrase)

    @classmethod
    def body_too_large(cls, limit: int) -> Problem:
        return cls("too_large", f"the request is larger than {limit} bytes; send fewer pictures")

    @classmethod
    def crowded(cls) -> Problem:
        return cls("busy", "too many large requests are being sent; try again in a second")

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": "1"} if self.code in _RETRY else {}

    @property
    def body(self) -> bytes:
        # Half a surrogate pair cannot be encoded; "\\udc80" is how JSON writes it.
        return json.dumps(self.document, ensure_ascii=False).encode(errors="backslashreplace")

    @property
    def document(self) -> dict[str, Any]:
        return {
            "type": f"urn:captcha-ocr:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            **self.extra,
        }
