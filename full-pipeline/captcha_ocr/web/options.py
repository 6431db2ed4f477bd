"""The fields of ``POST /predict`` beside the pictures, checked by hand: FastAPI and Flask must
give the same answer to the same mistake."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Callable

from captcha_ocr.config import ConfigError
from captcha_ocr.web.problems import Problem
from captcha_ocr.web.settings import Settings

FILE_FIELDS = ("files", "file")
RULE = ("length", "alphabet", "pattern")  # the fields that say what a text may be
ALL = "all"
MAX_FIELD = 1024  # characters of one field
MAX_LENGTH = 64  # characters of a text that a request may ask for
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "")
_LENGTH = re.compile(r"([0-9]{1,3})(?:-([0-9]{1,3}))?")


@dataclass(frozen=True)
class Options:
    """How the pictures of one request are to be read."""

    arch: str = ""  # a model's name, or all; empty: the server's default
    length: int | tuple[int, int] | None = None  # exactly, or (fewest, most)
    alphabet: str | None = None  # the characters that may occur
    pattern: str | None = None  # see captcha_ocr.constraints.pattern_syntax
    top_k: int = 1  # readings per model
    explain: bool = False  # add the model's probabilities and the path

    @property
    def constrained(self) -> bool:
        return any(getattr(self, name) is not None for name in RULE)


def parse_rule(settings: Settings) -> Options:
    """What texts may be where a request says nothing of it. Raises ConfigError."""
    fields = [(name, getattr(settings, name)) for name in RULE]
    try:
        return parse_options(fields, (), max_top_k=1)
    except Problem as problem:
        raise ConfigError(f"--{problem.detail}") from None


def parse_options(
    fields: Iterable[tuple[str, str]],
    archs: Sequence[str],
    max_top_k: int,
    rule: Options = Options(),
) -> Options:
    """Options from form fields; an empty field counts as not given.

    The server's ``rule`` holds where none of `RULE` is given, and gives way whole: a request's
    pattern is not also held to the server's length.

    Raises Problem ``invalid``, naming the field: an unknown one, one that stands twice, or a
    value out of range.
    """
    values: dict[str, str] = {}
    for name, value in fields:
        if name not in _PARSERS:
            known = ", ".join((*FILE_FIELDS[:1], *_PARSERS))
            raise _invalid(name, f"there is no field {name[:40]!r}; choose from {known}")
        if name in values:
            raise _invalid(name, f"the field {name!r} stands twice; give it once")
        if len(value) > MAX_FIELD:
            raise _invalid(name, f"{name} has {len(value)} characters; {MAX_FIELD} are allowed")
        values[name] = value
    given = {name: _PARSERS[name](value) for name, value in values.items() if value}
    options = Options(**given)
    if options.arch not in ("", ALL, *archs):
        choices = ", ".join((*archs, ALL))
        raise _invalid("arch", f"no model {options.arch[:40]!r} is loaded; choose from {choices}")
    if not 1 <= options.top_k <= max_top_k:
        raise _invalid("top_k", f"top_k is {options.top_k}; choose 1 to {max_top_k}")
    if options.constrained:
        return options
    return replace(options, **{name: getattr(rule, name) for name in RULE})


def _length(text: str) -> int | tuple[int, int]:
    match = _LENGTH.fullmatch(text.strip())
    if not match:
        raise _invalid("length", f"length is {text[:40]!r}; give a number, or a range like 4-6")
    fewest = int(match.group(1))
    most = fewest if match.group(2) is None else int(match.group(2))
    if not 1 <= fewest <= most <= MAX_LENGTH:
        allowed = f"1 to {MAX_LENGTH}, in a range the smaller number first"
        raise _invalid("length", f"length is {text[:40]!r}; give {allowed}")
    return fewest if fewest == most else (fewest, most)


def _top_k(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text.strip()):
        raise _invalid("top_k", f"top_k is {text[:40]!r}; give a number")
    return int(text)


def _explain(text: str) -> bool:
    if text.lower() not in _TRUE + _FALSE:
        raise _invalid("explain", f"explain is {text[:40]!r}; give true or false")
    return text.lower() in _TRUE


def _invalid(field: str, detail: str) -> Problem:
    return Problem("invalid", detail, field=field[:40])


_PARSERS: dict[str, Callable[[str], Any]] = {
    "arch": str,
    "length": _length,
    "alphabet": str,
    "pattern": str,
    "top_k": _top_k,
    "explain": _explain,
}
