"""How long a picture takes in the browser alone, beside Python on the same machine.

    pip install playwright && apt-get install chromium npm
    python scripts/bench_browser.py                # --write puts the table into docs/browser*.md

It builds the page (see browser_page.py), opens it in Chromium, and reads the first pictures of the
sample test set with every shipped model, one after the other. A time is that of the whole picture:
open, preprocess, run, decode, and how the page gets it.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import datetime
import functools
import http.server
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import missing

with missing.in_one_line():
    import browser_page
    import chromium
    from captcha_ocr.benchmarking.machine import processor_name
    from captcha_ocr.benchmarking.pages import table, update_page
    from captcha_ocr.cli.common import Arguments, at_least, command
    from captcha_ocr.cores import usable_cores
    from captcha_ocr.labels import read_labels
    from captcha_ocr.predictor import OnnxPredictor, load_predictors

REPOSITORY = Path(__file__).resolve().parents[1]
TURN = 10  # pictures
TEST_SET = REPOSITORY / "training-ready" / "dataset" / "test"
PAGES = (REPOSITORY / "docs" / "browser.md", REPOSITORY / "docs" / "browser.zh-CN.md")
HEADS = (
    ("model", "pictures", "same text as Python", "browser, median ms", "90 %", "Python, median ms"),
    ("模型", "图片数", "与 Python 文本相同", "浏览器，中位数 ms", "90 %", "Python，中位数 ms"),
)
READ = """async ([pictures, arch]) => {
  const { readMany } = await import("./static/api.js");
  const bytes = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  const found = [];
  for (const picture of pictures) {
    const file = new File([bytes(picture)], "a");  // how it gets here is no part of reading
    const started = performance.now();
    await readMany([file], { arch }, undefined, ({ text }) =>
      found.push({ text, milliseconds: performance.now() - started }));
  }
  return found;
}"""


@contextlib.contextmanager
def open_page(folder: Path) -> Iterator[tuple[Any, str]]:
    """The page in Chromium, and the browser's version."""
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with chromium.browser() as browser:
        page = browser.new_page()
        page.set_default_timeout(600_000)  # a busy machine is no failure
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        yield page, browser.version
    server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Nothing: the figures are the output."""


def read_in_python(predictor: OnnxPredictor, files: list[Path]) -> list[tuple[str, float]]:
    found = []
    for file in files:
        started = time.perf_counter()
        text = predictor.predict([file])[0].text
        found.append((text, 1000 * (time.perf_counter() - started)))
    return found


def read_in_browser(page: Any, arch: str, files: list[Path]) -> list[tuple[str, float]]:
    encoded = [base64.b64encode(file.read_bytes()).decode() for file in files]
    return [(each["text"], each["milliseconds"]) for each in page.evaluate(READ, [encoded, arch])]


def row(page: Any, arch: str, predictor: OnnxPredictor, files: list[Path]) -> list[str]:
    """A line of the table. Both read in turns, so that a busy machine is fair to both."""
    in_browser: list[tuple[str, float]] = []
    in_python: list[tuple[str, float]] = []
    read_in_browser(page, arch, files[:TURN])  # loads the model, and lets the engine compile
    read_in_python(predictor, files[:TURN])
    for first in range(0, len(files), TURN):
        turn = files[first : first + TURN]
        in_browser += read_in_browser(page, arch, turn)
        in_python += read_in_python(predictor, turn)
    same = sum(one == other for (one, _), (other, _) in zip(in_browser, in_python))
    times = [milliseconds for _, milliseconds in in_browser]
    figures = [statistics.median(times), statistics.quantiles(times, n=10)[8]]
    figures.append(statistics.median(milliseconds for _, milliseconds in in_python))
    return [f"`{arch}`", str(len(files)), str(same), *(f"{figure:.1f}" for figure in figures)]


@command
def main(argv: Arguments = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--count", type=at_least(2), default=100, help="pictures (100)")
    parser.add_argument("--write", action="store_true", help="put the table into docs/browser*.md")
    args = parser.parse_args(argv)
    labels = read_labels(TEST_SET / "labels.txt")[: args.count]
    files = [TEST_SET / "images" / label.file for label in labels]
    with tempfile.TemporaryDirectory() as folder:
        browser_page.main(["--out", str(Path(folder) / "page")])
        with open_page(Path(folder) / "page") as (page, version):
            predictors = load_predictors(threads=1)
            rows = [row(page, arch, predictor, files) for arch, predictor in predictors.items()]
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    day, cores = datetime.date.today(), usable_cores()
    machine = f"{day}, Chromium {version}, {processor_name()}, {cores} cores{load}"
    print(f"{machine}\n{table(HEADS[0], rows)}")
    if args.write:
        for document, head in zip(PAGES, HEADS):
            update_page(document, {"latency": f"{machine}:\n\n{table(head, rows)}"})
    return 0


if __name__ == "__main__":
    sys.exit(main())
