"""The multipart form of ``POST /predict``, out of either framework's hands."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from captcha_ocr.web.options import FILE_FIELDS
from captcha_ocr.web.problems import Problem
from captcha_ocr.web.service import Upload
from captcha_ocr.web.settings import Settings

MAX_FIELDS = 16
MULTIPART = "multipart/form-data"

Fields = list[tuple[str, str]]


async def read_form(request: Request, settings: Settings) -> tuple[list[Upload], Fields]:
    """The pictures and the other fields. Raises Problem for anything that is not allowed."""
    check_media_type(request.headers.get("content-type", ""))
    uploads: list[Upload] = []
    fields: Fields = []
    try:
        async with request.form(max_files=settings.max_files, max_fields=MAX_FIELDS) as form:
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    check_file_field(name)
                    # One byte more than allowed tells open_image that there is more.
                    data = await value.read(settings.max_file_bytes + 1)
                    uploads.append(Upload(value.filename or "", data))
                else:
                    fields.append((name, value))
    except HTTPException as error:  # Starlette's parser
        if error.detail.startswith("Too many files"):
            raise too_many_files(settings) from None
        raise Problem("bad_request", f"the form cannot be read: {error.detail}") from None
    check_uploads(uploads, settings)
    return uploads, fields


def check_media_type(content_type: str) -> None:
    if content_type.partition(";")[0].strip().lower() != MULTIPART:
        raise Problem(
            "media_type",
            f"the body is {content_type[:80] or 'of no type'!r}; send {MULTIPART} with the "
            "pictures as files",
        )


def check_file_field(name: str) -> None:
    if name not in FILE_FIELDS:
        raise Problem("invalid", f"send pictures as 'files', not as {name[:40]!r}", field=name[:40])


def check_uploads(uploads: Sequence[Upload], settings: Settings) -> None:
    if not uploads:
        raise Problem("missing", "no picture came; send one or more as 'files'")
    if len(uploads) > settings.max_files:
        raise too_many_files(settings)


def too_many_files(settings: Settings) -> Problem:
    return Problem(
        "too_many_files", f"one request may hold {settings.max_files} pictures; send several"
    )
