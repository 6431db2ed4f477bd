"""Recognisers of others on the same pictures, each in a process of an environment of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from captcha_ocr.datasets.stores import Store
from captcha_ocr.model_info import ModelError

NOT_INSTALLED = 3  # exit code of the worker
INSTALL = "make bench-peers installs it (docs/benchmark.md)"


@dataclass(frozen=True)
class Peer:
    key: str  # what the worker calls it
    name: str
    link: str
    program: str = ""  # of the system, where it is no Python package


PEERS = {
    peer.key: peer
    for peer in (
        Peer("ddddocr", "ddddocr", "https://pypi.org/project/ddddocr/"),
        Peer("ddddocr-beta", "ddddocr, beta model", "https://pypi.org/project/ddddocr/"),
        Peer("rapidocr", "RapidOCR, recogniser alone", "https://pypi.org/project/rapidocr/"),
        Peer("tesseract", "Tesseract, one line", "https://tesseract-ocr.github.io/", "tesseract"),
    )
}


class PeerMissingError(RuntimeError):
    """A peer that is not installed; the message says how it can be."""


class PeerFailedError(ModelError):
    """A peer that was started and did not read every picture; the message quotes it."""


@dataclass(frozen=True)
class PeerRun:
    """What a peer read: file -> text, as it came."""

    version: str
    megabytes: float  # of its model
    texts: dict[str, str]
    latency_ms: float | None  # median of a call, one thread; None when no call was timed


@contextmanager
def as_png(store: Store) -> Iterator[list[Path]]:
    """The pictures as PNG files, in the store's order. Those that are animated are combined
    first, as our own models see them: peers would look at one frame, which is never whole."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for i in range(len(store)):
            path = Path(folder) / f"{i}.png"  # two names may differ in folder or suffix alone
            store.open(i).save(path)
            paths.append(path)
        yield paths


def run_peer(
    peer: Peer, python: Path, worker: Path, store: Store, paths: list[Path], timed: int
) -> PeerRun:
    """Let a peer read ``paths``, the pictures of ``store``; the first ``timed`` say how fast it is.

    Raises PeerMissingError when it is not installed, PeerFailedError when it fails: a reader that
    failed has no figure, and least of all a zero.
    """
    if peer.program and shutil.which(peer.program) is None:
        raise PeerMissingError(f"{peer.name}: the program {peer.program} is not installed")
    if not python.is_file():
        raise PeerMissingError(f"{peer.name}: there is no {python}; {INSTALL}")
    done = subprocess.run(
        [str(python), str(worker), peer.key],
        input="".join(f"{path}\n" for path in paths),
        capture_output=True,
        encoding="utf-8",
        errors="replace",  # of what a package or a library says on stderr; records are ASCII
        check=False,
    )
    if done.returncode == NOT_INSTALLED and peer.program:
        raise PeerMissingError(f"{peer.name}: {done.stderr.strip().splitlines()[-1]}")
    if done.returncode == NOT_INSTALLED:
        raise PeerMissingError(f"{peer.name}: not installed for {python}; {INSTALL}")
    if done.returncode:
        raise PeerFailedError(f"{peer.name} failed: {done.stderr.strip()[-500:]}")
    head, *records = [json.loads(line) for line in done.stdout.splitlines()]
    if [record["file"] for record in records] != [path.name for path in paths]:
        raise PeerFailedError(f"{peer.name} read {len(records)} pictures of {len(paths)}")
    times = [record["ms"] for record in records[:timed] if record["ms"] is not None]
    return PeerRun(
        version=head["version"],
        megabytes=head["megabytes"],
        texts={label.file: record["text"] for label, record in zip(store.labels, records)},
        latency_ms=median(times) if times else None,
    )
