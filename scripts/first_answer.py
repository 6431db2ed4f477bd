"""How long it takes from nothing to the first answer on the page, and how much disk.

    pip install playwright && apt-get install chromium
    python scripts/first_answer.py                   # the small installation
    python scripts/first_answer.py --extra serve,train --pip=--extra-index-url=URL

It clones this repository into a new folder, installs into a new environment without pip's cache,
starts the Flask server, opens the page in Chromium, clicks the first sample, and stops the clock
when the reading is there.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import chromium
from servers import REPOSITORY, free_port, running


def click_first_sample(url: str) -> str:
    """The text that the page shows for its first sample picture."""
    with chromium.browser() as browser:
        page = browser.new_page()
        page.goto(url)
        page.locator("#samples button").first.click()
        return str(page.locator("#text").inner_text())


def size_mib(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / (1 << 20)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--extra", default="serve", help="extras of the package (default: serve)")
    parser.add_argument("--pip", action="append", default=[], help="option for pip install")
    parser.add_argument("flags", nargs="*", help="flags for the server, after --")
    args = parser.parse_args(argv)
    chromium.driver()  # said now, and not after the installation
    with tempfile.TemporaryDirectory() as folder:
        clone, started = Path(folder) / "clone", time.perf_counter()

        def lap(what: str) -> None:
            print(f"{time.perf_counter() - started:7.1f} s  {what}", flush=True)

        subprocess.run(["git", "clone", "-q", str(REPOSITORY), str(clone)], check=True)
        lap("cloned")
        subprocess.run([sys.executable, "-m", "venv", str(clone / ".venv")], check=True)
        scripts = clone / ".venv" / ("Scripts" if os.name == "nt" else "bin")
        install = [scripts / "python", "-m", "pip", "install", "-q", "--no-cache-dir", *args.pip]
        subprocess.run([*install, "-e", f".[{args.extra}]"], cwd=clone, check=True)
        lap(f"installed: {size_mib(clone / '.venv'):.0f} MiB")
        port = free_port()
        command = [scripts / "captcha-ocr", "serve", "flask", "--port", str(port), "--log", "off"]
        command += args.flags
        with running(command, clone, port) as site:
            lap("server up")
            lap(f"first answer: {click_first_sample(site.url)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
