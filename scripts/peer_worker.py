"""Reads pictures with a recogniser of someone else, in an environment where that is installed.

    python peer_worker.py NAME < paths.txt

Standard input holds a path a line, in UTF-8. The output is JSON lines: first ``name``, ``version``
and ``megabytes`` of the model, then for each picture ``file``, ``text`` and the ``ms`` of the call,
from bytes to text. Every reader runs on one thread. Exit code 3: it is not installed.
"""

from __future__ import annotations

import functools
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

NOT_INSTALLED = 3
# Of a reader that needs a new process for each call:
WARM_UP = 3  # calls that are not timed
TIMED_CALLS = 100


class Reader(NamedTuple):
    version: str
    megabytes: float  # of the model's files
    read: Callable[[bytes], str]


def ddddocr(beta: bool = False) -> Reader:
    import ddddocr as package

    one_thread()
    reader = package.DdddOcr(show_ad=False, beta=beta)
    model = Path(package.__file__).parent / ("common.onnx" if beta else "common_old.onnx")
    version = importlib.metadata.version("ddddocr")
    return Reader(version, megabytes(model), reader.classification)


def rapidocr() -> Reader:
    """The recogniser alone: these pictures are one line, and nothing has to be found first."""
    import rapidocr as package

    threads = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": 1 for kind in ("intra", "inter")}
    reader = package.RapidOCR(params={**threads, "Global.log_level": "error"})

    def read(data: bytes) -> str:
        found = reader(data, use_det=False, use_cls=False, use_rec=True)
        return "".join(found.txts or ())

    models = (Path(package.__file__).parent / "models").glob("*rec*.onnx")
    return Reader(importlib.metadata.version("rapidocr"), megabytes(*models), read)


def one_thread() -> None:
    """For packages that give onnxruntime no options and offer none."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session: Any = functools.partial(onnxruntime.InferenceSession, sess_options=options)
    onnxruntime.InferenceSession = session


def megabytes(*files: Path) -> float:
    return round(sum(file.stat().st_size for file in files) / 1e6, 1)


READERS = {
    "ddddocr": ddddocr,
    "ddddocr-beta": functools.partial(ddddocr, beta=True),
    "rapidocr": rapidocr,
}


def read_all(reader: Reader, paths: list[Path]) -> Iterator[dict[str, Any]]:
    """Each picture is read once before, and its file before the clock starts, as for our own
    models: see benchmarking/speed.py."""
    for path in paths:
        reader.read(path.read_bytes())
    for path in paths:
        data = path.read_bytes()
        started = time.perf_counter()
        text = reader.read(data)
        yield {"file": path.name, "text": text, "ms": 1000 * (time.perf_counter() - started)}


def tesseract(paths: list[Path]) -> Iterator[dict[str, Any]]:
    """English and, where it is installed, simplified Chinese; one line of text.

    One process reads all pictures, which gives the same texts as a process for each. The time is
    that of a process for each, as its Python wrapper starts them: the first calls are timed.
    """
    program = shutil.which("tesseract")
    if program is None:
        raise ModuleNotFoundError("tesseract")
    os.environ["OMP_THREAD_LIMIT"] = "1"
    listed = run([program, "--list-langs"])
    languages = [name for name in ("eng", "chi_sim") if name in listed.split()]
    if not languages:
        raise ModuleNotFoundError("tesseract has data of no language (eng, chi_sim)")
    folder = Path(re.findall('"(.*)"', listed)[0])
    size = megabytes(*(folder / f"{language}.traineddata" for language in languages))
    version = f"{run([program, '--version']).split()[1]} ({'+'.join(languages)})"
    yield {"name": "tesseract", "version": version, "megabytes": size}
    options = ["stdout", "--psm", "7", "-l", "+".join(languages)]
    texts = run([program, "-", *options], "".join(f"{path}\n" for path in paths)).split("\f")
    if len(texts) - len(paths) not in (0, 1):  # older versions have a form feed at the end too
        sys.exit(f"tesseract read {len(texts)} pages of {len(paths)} pictures")
    times = []
    for path in paths[: WARM_UP + TIMED_CALLS]:
        started = time.perf_counter()
        run([program, str(path), *options])
        times.append(1000 * (time.perf_counter() - started))
    for number, (path, text) in enumerate(zip(paths, texts)):
        timed = WARM_UP <= number < len(times)
        yield {"file": path.name, "text": text, "ms": times[number] if timed else None}


def run(command: list[str], text: str | None = None) -> str:
    done = subprocess.run(command, input=text, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        sys.exit(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def records(name: str, paths: list[Path]) -> Iterator[dict[str, Any]]:
    if name == "tesseract":
        yield from tesseract(paths)
        return
    reader = READERS[name]()
    yield {"name": name, "version": reader.version, "megabytes": reader.megabytes}
    yield from read_all(reader, paths)


def main() -> int:
    sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    paths = [Path(line) for line in sys.stdin.read().splitlines()]
    out, sys.stdout = sys.stdout, sys.stderr  # what a package prints is not a record
    try:
        for record in records(sys.argv[1], paths):
            print(json.dumps(record), file=out)  # ASCII: any console can write it
    except ModuleNotFoundError as error:
        print(f"not installed: {error.name or error}")
        return NOT_INSTALLED
    return 0


if __name__ == "__main__":
    sys.exit(main())
