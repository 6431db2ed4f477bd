"""Every setting of the servers, once: a field is a flag, an environment variable and its help.

``uvicorn server_fastapi:app`` takes no flags of ours, so each field is also read from the
environment: ``max_files`` is ``--max-files`` and ``CAPTCHA_OCR_MAX_FILES``.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from captcha_ocr.config import ConfigError
from captcha_ocr.cores import usable_cores

ENV_PREFIX = "CAPTCHA_OCR_"
# Kubernetes tells every container where a Service is; of one called captcha-ocr it does so thus.
_OF_KUBERNETES = re.compile(rf"{ENV_PREFIX}(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_.*)?)")
# Of both servers, and nobody's to set.
CONNECTIONS = 2000  # open at once
BODIES = 256 << 20  # bytes of request bodies held at once, or one of --max-body-mb if that is more
SMALL_BODY = 64 << 10  # one that is no larger is always taken: a single picture is
LINGER_SECONDS = 2.0  # longest pause of a client that still sends what nobody wants


def setting(default: Any, text: str, low: float = 0, choices: tuple[str, ...] = ()) -> Any:
    metadata = {"help": text, "low": low, "choices": choices}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """Numbers are checked against their lowest value, words against their choices."""

    weights: str = setting("", "folder with the models; empty: those shipped with the package")
    arch: str = setting("all", "models to load, separated by commas, or all")
    backend: str = setting(
        "onnx", "onnx, or torch where it is installed", choices=("onnx", "torch")
    )
    threads: int = setting(1, "cores one model run uses; 0: all")
    runs: int = setting(0, "model runs at the same time; 0: as many as the cores allow")

    length: str = setting("", "characters of a text where a request has no rule: 4 or 4-6")
    alphabet: str = setting("", "characters that may occur there")
    pattern: str = setting("", "what the whole text matches there")

    batch_max: int = setting(16, "most pictures read together; 1 turns batching off", low=1)
    batch_wait_ms: float = setting(3.0, "longest wait for more pictures, milliseconds")
    readers: int = setting(32, "pictures in work at the same time", low=1)
    queue: int = setting(256, "pictures accepted and not answered yet; more get 503", low=1)

    max_files: int = setting(64, "pictures in one request", low=1)
    max_file_mb: float = setting(4.0, "size of one picture, MiB", low=0.001)
    max_body_mb: float = setting(32.0, "size of one request, MiB", low=0.001)
    max_pixels: int = setting(1_000_000, "width times height of one picture", low=64)
    max_top_k: int = setting(10, "alternatives one request may ask for", low=1)

    rate: float = setting(200.0, "POST requests a second from one address; 0: no limit")
    burst: int = setting(400, "requests that may come at once before the rate counts", low=1)
    head_seconds: float = setting(10.0, "for a client to send its request line and headers", 0.1)
    body_seconds: float = setting(30.0, "for a client to send its body", 0.1)
    answer_seconds: float = setting(30.0, "to answer; work that takes longer gets 503", 0.1)
    stop_seconds: float = setting(20.0, "for requests in flight to finish when stopping", 0.1)

    allowed_hosts: str = setting(
        "", "host names with a dot that the server answers to, separated by commas, or *"
    )
    trusted_proxy: str = setting("127.0.0.1", "address whose X-Forwarded-For is believed")
    log: str = setting(
        "text", "one line a request: text, json or off", choices=("text", "json", "off")
    )

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value, limits = getattr(self, field.name), field.metadata
            if isinstance(value, str):
                if limits["choices"] and value not in limits["choices"]:
                    raise ConfigError(
                        f"{flag(field.name)} is {value!r}; choose from "
                        f"{', '.join(limits['choices'])}"
                    )
            elif not limits["low"] <= value < float("inf"):
                raise ConfigError(f"{flag(field.name)} is {value}; {limits['low']} is the lowest")
        if not self.archs:
            raise ConfigError(f"--arch is {self.arch!r}; name the models to load, or all")
        if self.queue < self.max_files:
            raise ConfigError(
                f"--queue is {self.queue}: a request of --max-files {self.max_files} would never "
                "be accepted; raise the one or lower the other"
            )

    @property
    def lanes(self) -> int:
        """Model runs at the same time. One core each: two runs of one core read more pictures
        than one run of two, which spends time on handing work between them."""
        return self.runs or max(1, usable_cores() // (self.threads or usable_cores()))

    @property
    def max_file_bytes(self) -> int:
        return int(self.max_file_mb * (1 << 20))

    @property
    def max_body_bytes(self) -> int:
        return int(self.max_body_mb * (1 << 20))

    @property
    def bodies_bytes(self) -> int:
        return max(BODIES, self.max_body_bytes)

    @property
    def archs(self) -> tuple[str, ...]:
        return split_list(self.arch)

    @property
    def hosts(self) -> frozenset[str]:
        return frozenset(name.lower() for name in split_list(self.allowed_hosts))

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ, **flags: Any) -> Settings:
        """Raises ConfigError for a value that is no number, and for a variable nobody reads."""
        fields = {ENV_PREFIX + field.name.upper(): field for field in dataclasses.fields(cls)}
        ours = {name for name in environ if name.startswith(ENV_PREFIX)}
        unknown = sorted(name for name in ours - {*fields} if not _OF_KUBERNETES.fullmatch(name))
        if unknown:
            raise ConfigError(f"no such setting: {unknown}; known: {sorted(fields)}")
        values = {}
        for name, field in fields.items():
            if name in environ:
                values[field.name] = _convert(name, environ[name], type(field.default))
        return cls(**{**values, **flags})

    def to_env(self) -> dict[str, str]:
        """For worker processes, which build their own app."""
        values = dataclasses.asdict(self)
        return {ENV_PREFIX + name.upper(): str(value) for name, value in values.items()}


def add_flags(parser: argparse.ArgumentParser) -> None:
    """One flag a setting. A flag that is not given leaves the environment's value."""
    group = parser.add_argument_group("settings", f"also {ENV_PREFIX}* in the environment")
    for field in dataclasses.fields(Settings):
        group.add_argument(
            flag(field.name),
            type=type(field.default),
            choices=field.metadata["choices"] or None,
            default=None,
            help=f"{field.metadata['help']} (default: {field.default!r})",
        )


def from_flags(args: argparse.Namespace, environ: Mapping[str, str] = os.environ) -> Settings:
    given = {
        field.name: getattr(args, field.name)
        for field in dataclasses.fields(Settings)
        if getattr(args, field.name) is not None
    }
    return Settings.from_env(environ, **given)


def flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def split_list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


_KINDS = {int: "a whole number", float: "a number"}


def _convert(name: str, text: str, kind: type) -> Any:
    try:
        return kind(text)
    except ValueError:
        raise ConfigError(f"{name} is {text!r}; give {_KINDS[kind]}") from None
