"""Take the picture of the Space that the documents show: assets/space.png.

    make .venv-space/.ready && pip install playwright && apt-get install chromium fonts-noto-cjk
    python scripts/space_screenshot.py

It starts hf_spaces/app.py with the shipped models and clicks a built-in sample.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import chromium
from demo_server import REPOSITORY, free_port
from PIL import Image

SAMPLE = 1  # a sum: it has an answer
SIZE = (1280, 720)
PROGRAM = "Scripts/python.exe" if os.name == "nt" else "bin/python"
PYTHON = REPOSITORY / ".venv-space" / PROGRAM


def take(url: str, path: Path) -> None:
    width, height = SIZE
    with chromium.browser() as browser:
        page = browser.new_page(viewport={"width": width, "height": height}, locale="en-US")
        page.goto(url)
        page.locator(".gallery-item").nth(SAMPLE).click()
        page.wait_for_selector(".characters")
        page.mouse.move(0, 0)
        page.wait_for_timeout(1000)  # the frames that Gradio lays over what is being filled
        page.screenshot(path=path)
    with Image.open(path) as image:
        image.convert("RGB").quantize(256).save(path, optimize=True)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "assets" / "space.png")
    parser.add_argument("--python", type=Path, default=PYTHON, help="one that has Gradio")
    args = parser.parse_args(argv)
    chromium.driver()
    if not args.python.is_file():
        sys.exit(f"error: there is no {args.python}; make .venv-space/.ready, or --python FILE")
    port = free_port()
    process = subprocess.Popen(
        [args.python, "app.py"],
        cwd=REPOSITORY / "hf_spaces",
        env={**os.environ, "GRADIO_SERVER_PORT": str(port)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().rpartition(" ")[2].strip()  # it says where, once it is up
        if not url:
            raise SystemExit("app.py did not start")
        take(url, args.out)
    finally:
        process.terminate()
        process.wait()
    print(f"{args.out}  {args.out.stat().st_size // 1024} KB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
