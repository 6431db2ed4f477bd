"""What the OpenAPI document says beside the schemas."""

from __future__ import annotations

from typing import Any

from captcha_ocr.constraints.pattern_syntax import MAX_PATTERN
from captcha_ocr.web.options import MAX_FIELD
from captcha_ocr.web.problems import PROBLEM_TYPE
from captcha_ocr.web.results import NDJSON
from captcha_ocr.web.schemas import ProblemDocument

DESCRIPTION = (
    "Reads CAPTCHA pictures that you made or own. Errors are problem documents (RFC 9457) with "
    "a stable `code`. Every path is also there under `/api`."
)

_FORM: dict[str, Any] = {
    "type": "object",
    "required": ["files"],
    "additionalProperties": False,
    "properties": {
        "files": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "string", "format": "binary"},
            "description": "PNG, JPEG, WebP, BMP or GIF; the field may stand many times",
        },
        "arch": {"type": "string", "description": "a model of GET /models, or all"},
        "length": {
            "type": "string",
            "pattern": "^([0-9]{1,3}(-[0-9]{1,3})?)?$",
            "description": "characters of the text: 4, or 4-6",
        },
        "alphabet": {"type": "string", "maxLength": MAX_FIELD, "description": "characters allowed"},
        "pattern": {
            "type": "string",
            "maxLength": MAX_PATTERN,
            "description": r"what the text must match, such as \d[+*/-]\d=\?",
        },
        "top_k": {"type": "integer", "minimum": 1, "description": "alternatives wanted"},
        "explain": {"type": "boolean", "description": "add the model's probabilities"},
    },
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Entries for FastAPI's ``responses``."""
    return {
        status: {
            "model": ProblemDocument,
            "content": {PROBLEM_TYPE: {}},
            "description": "a problem document",
        }
        for status in statuses
    }


PREDICT: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FORM}}},
}
STREAM: dict[str, Any] = {
    NDJSON: {
        "schema": {
            "type": "string",
            "description": "with Accept: application/x-ndjson. One result a line, as soon as it "
            'is known; the last line is {"done":true,"count":N,"milliseconds":M}',
        }
    }
}
