"""The multipart form of ``POST /predict``: one reader for both servers.

The frameworks' own readers differ in what they refuse and how they say it; one lets the client
name the codec of its fields (some of Python's take quadratic time), the other takes a damaged
form for an empty one. What comes is kept in memory: the body is limited anyway.
"""

from __future__ import annotations

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from captcha_ocr.web.options import FILE_FIELDS, MAX_FIELD
from captcha_ocr.web.problems import Problem
from captcha_ocr.web.service import Upload
from captcha_ocr.web.settings import Settings

MAX_FIELDS = 16
MAX_HEAD = 4096  # bytes of a part's headers, and of the Content-Type; see _parameters
BLOCK = 1 << 16  # bytes to read at a time, where the server leaves the choice
MULTIPART = "multipart/form-data"
CURL = "curl -F files=@picture.png"

Fields = list[tuple[str, str]]


class FormReader:
    """Takes a form's bytes as they come. Raises Problem as soon as something is not allowed.

    Left as a ``with`` block, it forgets them: it and its parser hold each other, and an error's
    traceback holds both for as long as a slow client takes the answer.
    """

    def __init__(self, content_type: str, settings: Settings) -> None:
        check_media_type(content_type)
        self._settings = settings
        self._uploads: list[Upload] = []
        self._fields: Fields = []
        self._complete = False
        self._on_part_begin()
        boundary = _parameters(content_type).get(b"boundary")
        if not boundary:
            raise _unreadable("its Content-Type names no boundary; let your HTTP client write it")
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._on_part_begin,
                    "on_header_field": self._on_header_name,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": self._on_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
            )
        except FormParserError as error:  # a boundary of thousands of bytes
            raise _unreadable(str(error)) from None

    def __enter__(self) -> FormReader:
        return self

    def __exit__(self, *error: object) -> None:
        self._uploads, self._content = [], bytearray()

    def write(self, data: bytes) -> None:
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise _unreadable(str(error)) from None

    def finish(self) -> tuple[list[Upload], Fields]:
        """The pictures and the other fields, once everything has been written."""
        if not self._complete:
            raise _unreadable("it ends before its last boundary")
        if not self._uploads:
            raise Problem("missing", f"no picture came; send one as a file named 'files': {CURL}")
        return self._uploads, self._fields

    def _on_part_begin(self) -> None:
        self._head_bytes = 0
        self._header_name, self._header_value = bytearray(), bytearray()
        self._disposition = b""
        self._content = bytearray()

    def _on_header_name(self, data: bytes, start: int, end: int) -> None:
        self._count_head(end - start)
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._count_head(end - start)
        self._header_value += data[start:end]

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD:
            raise _unreadable(f"a part has more than {MAX_HEAD} bytes of headers")

    def _on_header_end(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = bytes(self._header_value)
        self._header_name, self._header_value = bytearray(), bytearray()

    def _on_headers_finished(self) -> None:
        parameters = _parameters(self._disposition)
        if b"name" not in parameters:
            raise _unreadable("a part has no name: Content-Disposition: form-data; name=...")
        self._name = parameters[b"name"].decode(errors="replace")
        # A shell of another language may name files in its own encoding: they are shown only.
        name = parameters.get(b"filename")
        self._file_name = None if name is None else name.decode(errors="replace")
        if self._file_name is not None:
            check_file_field(self._name)
            # One byte more than allowed tells open_image that there is more.
            self._room = self._settings.max_file_bytes + 1
            if len(self._uploads) == self._settings.max_files:
                raise too_many_files(self._settings)
            return
        self._room = 4 * MAX_FIELD + 1  # bytes; a character has four at most
        if self._name in FILE_FIELDS:
            raise Problem(
                "invalid",
                f"{self._name!r} came as text; send it as a file, its bytes and no base64: {CURL}",
                field=self._name,
            )
        if len(self._fields) == MAX_FIELDS:
            raise _unreadable(f"it has more than {MAX_FIELDS} fields beside the pictures")

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self._content += data[start : min(end, start + self._room - len(self._content))]

    def _on_part_end(self) -> None:
        if self._file_name is not None:
            self._uploads.append(Upload(self._file_name, bytes(self._content)))
        else:
            self._fields.append((self._name, self._text()))

    def _text(self) -> str:
        shown = self._name[:40]
        if len(self._content) == self._room:
            raise Problem(
                "invalid",
                f"{shown!r} is too long; {MAX_FIELD} characters are allowed. "
                f"A picture is sent as a file: {CURL}",
                field=shown,
            )
        try:
            return self._content.decode()
        except UnicodeDecodeError:
            raise Problem("invalid", f"{shown!r} is not UTF-8; send it so", field=shown) from None

    def _on_end(self) -> None:
        self._complete = True


def _parameters(header: str | bytes) -> dict[bytes, bytes]:
    """Of a header; none of one that is too long or cannot be read.

    The releases of python-multipart for Python 3.9 leave that to the e-mail package, which may take
    a time quadratic in the length, and falls over `name*1=`, or `name*=` beside `name*0=`.
    """
    if len(header) > MAX_HEAD:
        return {}
    try:
        return parse_options_header(header)[1]
    except (TypeError, ValueError):
        return {}


def check_media_type(content_type: str) -> None:
    if content_type.partition(";")[0].strip().lower() != MULTIPART:
        raise Problem(
            "media_type",
            f"the body is {content_type[:80] or 'of no type'!r}; send {MULTIPART} with the "
            f"pictures as files, their bytes and no base64: {CURL}, or in Python "
            "requests.post(url, files={'files': picture})",
        )


def check_file_field(name: str) -> None:
    if name not in FILE_FIELDS:
        raise Problem("invalid", f"send pictures as 'files', not as {name[:40]!r}", field=name[:40])


def too_many_files(settings: Settings) -> Problem:
    return Problem(
        "too_many_files", f"one request may hold {settings.max_files} pictures; send several"
    )


def _unreadable(why: str) -> Problem:
    return Problem("bad_request", f"the form cannot be read: {why}")
