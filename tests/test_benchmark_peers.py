"""Readers of others: what the worker is asked, and what is said where one is missing."""

from __future__ import annotations

import dataclasses
import os
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import peer_worker
import pytest
from captcha_ocr.benchmarking.peers import (
    PEERS,
    PeerFailedError,
    PeerMissingError,
    PeerRun,
    as_png,
    run_peer,
)
from captcha_ocr.datasets.stores import Store, Subset, open_store

WORKER = Path(__file__).parents[1] / "scripts" / "peer_worker.py"


def test_a_missing_peer_is_named_and_has_no_figure(benchmark_root: Path, tmp_path: Path) -> None:
    store = open_store(benchmark_root)
    worker = tmp_path / "worker.py"
    worker.write_text("raise SystemExit(3)", encoding="utf-8")
    with as_png(store) as paths:
        with pytest.raises(PeerMissingError, match="make bench-peers"):
            run_peer(PEERS["ddddocr"], tmp_path / "python", worker, store, paths, 1)
        with pytest.raises(PeerMissingError, match="not installed for"):
            run_peer(PEERS["ddddocr"], Path(sys.executable), worker, store, paths, 1)
        worker.write_text("raise SystemExit('it broke')", encoding="utf-8")
        with pytest.raises(PeerFailedError, match="it broke"):
            run_peer(PEERS["ddddocr"], Path(sys.executable), worker, store, paths, 1)


def run_worker(code: str, store: Store, folder: Path, timed: int) -> PeerRun:
    """What a stand-in for the worker reads."""
    worker = folder / "worker.py"
    worker.write_text(code, encoding="utf-8")
    with as_png(store) as paths:
        return run_peer(PEERS["rapidocr"], Path(sys.executable), worker, store, paths, timed)


def test_a_peer_reads_the_whole_set(benchmark_root: Path, tmp_path: Path) -> None:
    """The worker's contract, with a reader that knows one answer."""
    store = open_store(benchmark_root)
    code = (
        "import json, pathlib, sys\n"
        "print(json.dumps({'name': sys.argv[1], 'version': '1', 'megabytes': 2.5}))\n"
        "for number, line in enumerate(sys.stdin):\n"
        "    path = pathlib.Path(line.strip())\n"
        "    assert path.read_bytes().startswith(b'\\x89PNG')\n"
        "    print(json.dumps({'file': path.name, 'text': 'Ab12', 'ms': number + 1}))\n"
    )
    found = run_worker(code, store, tmp_path, timed=3)
    assert set(found.texts) == {label.file for label in store.labels}
    assert (found.latency_ms, found.megabytes) == (2, 2.5)


def offer_ddddocr(folder: Path, monkeypatch: pytest.MonkeyPatch, reading: str) -> None:
    """A package in ``folder`` that is called ddddocr and reads ``data`` so."""
    package = (
        "import importlib.metadata\n"
        "importlib.metadata.version = lambda name: '1'\n"
        "class DdddOcr:\n"
        "    calls = 0\n"
        "    def __init__(self, **options): ...\n"
        f"    def classification(self, data): {reading}\n"
    )
    (folder / "ddddocr.py").write_text(package, encoding="utf-8")
    (folder / "common_old.onnx").write_bytes(b"")
    monkeypatch.setenv("PYTHONPATH", str(folder))


def test_a_peer_gets_every_picture_wherever_it_lies(
    benchmark_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real worker, on a system that is not UTF-8, with a package of another name."""
    folder = tmp_path / "验证码"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    offer_ddddocr(tmp_path, monkeypatch, "return '中\\u2028' + str(len(data))")
    store = open_store(benchmark_root)
    store.labels = [
        dataclasses.replace(label, file=f"{i}/same.{'gif' if i % 2 else 'png'}")
        for i, label in enumerate(store.labels)
    ]
    with as_png(store) as paths:
        found = run_peer(PEERS["ddddocr"], Path(sys.executable), WORKER, store, paths, 3)
        sizes = [path.stat().st_size for path in paths]
    expected = [f"中\u2028{size}" for size in sizes]
    assert found.texts == {label.file: text for label, text in zip(store.labels, expected)}
    assert found.latency_ms is not None and found.latency_ms > 0


def test_a_peers_picture_is_read_once_before_it_is_timed(
    benchmark_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by our own models: or the first picture of each width would make peers slow."""
    offer_ddddocr(tmp_path, monkeypatch, "self.calls += 1; return str(self.calls)")
    store = open_store(benchmark_root)
    with as_png(store) as paths:
        found = run_peer(PEERS["ddddocr"], Path(sys.executable), WORKER, store, paths, 3)
    count = len(store)
    assert list(found.texts.values()) == [str(count + i) for i in range(1, count + 1)]


def test_a_peers_time_begins_with_the_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As that of our own models: a slow disk makes no reader slow."""
    clock, read_bytes = [0.0], Path.read_bytes

    def slowly(path: Path) -> bytes:
        clock[0] += 5
        return read_bytes(path)

    def read(data: bytes) -> str:
        clock[0] += 0.25
        return data.decode()

    picture = tmp_path / "a.png"
    picture.write_bytes(b"text")
    monkeypatch.setattr(Path, "read_bytes", slowly)
    monkeypatch.setattr(peer_worker, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    found = list(peer_worker.read_all(peer_worker.Reader("1", 1.0, read), [picture]))
    assert found == [{"file": "a.png", "text": "text", "ms": 250.0}]


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for Tesseract is a shell script")
@pytest.mark.parametrize(
    ("script", "error", "said"),
    [
        ("echo 'List of available languages in \"/none/\" (0):'", PeerMissingError, "no language"),
        ("echo 'no such folder' >&2; exit 1", PeerFailedError, "ended with 1: no such folder"),
    ],
)
def test_tesseract_without_its_data_is_left_out_in_a_line(
    script: str,
    error: type[Exception],
    said: str,
    benchmark_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = tmp_path / "tesseract"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    store = open_store(benchmark_root)
    with as_png(store) as paths, pytest.raises(error, match=said) as caught:
        run_peer(PEERS["tesseract"], Path(sys.executable), WORKER, store, paths, 3)
    assert "Traceback" not in str(caught.value)


def test_calls_that_were_not_timed_have_no_latency(benchmark_root: Path, tmp_path: Path) -> None:
    """Tesseract's first calls are not; a set of few pictures has no others."""
    store = Subset(open_store(benchmark_root), [0])
    code = (
        "import json\n"
        "print(json.dumps({'version': '1', 'megabytes': 2.5}))\n"
        "print(json.dumps({'file': '0.png', 'text': '', 'ms': None}))\n"
    )
    assert run_worker(code, store, tmp_path, timed=1).latency_ms is None
