"""Take the pictures of the page and of the Space that the documents show: assets/*.png.

    pip install playwright && apt-get install chromium fonts-noto-cjk
    make .venv-space/.ready                  # Gradio, for space.png
    python scripts/screenshots.py
    python scripts/screenshots.py --only page-zh

It starts the Flask server of demo/ and hf_spaces/app.py with the shipped models and clicks the
built-in samples.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import chromium
from PIL import Image
from servers import REPOSITORY, Server, free_port, running, server

PYTHON = REPOSITORY / ".venv-space" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def wait_for_samples(page: Any) -> None:
    page.wait_for_selector("#samples button")
    page.wait_for_load_state("networkidle")


def explain_sample(page: Any, number: int) -> None:
    wait_for_samples(page)
    page.locator("#samples button").nth(number).click()
    page.wait_for_selector(".heatmap")
    page.wait_for_timeout(700)


def batch(page: Any) -> None:
    """All samples, then one of them explained by all models."""
    wait_for_samples(page)
    samples = page.locator("#samples button")
    for number in range(samples.count()):
        samples.nth(number).click()
        page.wait_for_selector(f"#rows tr:nth-child({number + 1}) .chip")
    page.locator(".pick").nth(5).click()
    page.wait_for_selector(".heatmap")
    page.wait_for_timeout(700)
    page.evaluate("scrollTo(0, 0)")


def read_sum(page: Any) -> None:
    """A sample of the Space that has an answer."""
    page.locator(".gallery-item").nth(1).click()
    page.wait_for_selector(".characters")
    page.mouse.move(0, 0)
    page.wait_for_timeout(1000)  # the frames that Gradio lays over what is being filled


@dataclass(frozen=True)
class Shot:
    name: str
    size: tuple[int, int]
    act: Callable[[Any], None]
    scheme: str = "light"
    locale: str = "en-US"
    colours: int = 0  # of a palette; 0: all


SPACE = Shot("space", (1280, 720), read_sum, colours=256)
SHOTS = (
    Shot("page", (1280, 1180), batch),
    Shot("page-start", (1280, 720), wait_for_samples),
    Shot("page-dark", (1280, 1180), lambda page: explain_sample(page, 11), scheme="dark"),
    Shot("page-zh", (1280, 1180), lambda page: explain_sample(page, 4), locale="zh-CN"),
    Shot("page-phone", (390, 844), lambda page: explain_sample(page, 0)),
    SPACE,
)


def take(browser: Any, url: str, shot: Shot, folder: Path) -> None:
    width, height = shot.size
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=shot.scheme, locale=shot.locale
    )
    page = context.new_page()
    page.goto(url)
    shot.act(page)
    path = folder / f"{shot.name}.png"
    page.screenshot(path=path)
    context.close()
    with Image.open(path) as image:
        picture = image.convert("RGB")
    if shot.colours:
        picture = picture.quantize(shot.colours)
    picture.save(path, optimize=True)
    print(f"{path}  {path.stat().st_size // 1024} KB")


def space(python: Path) -> AbstractContextManager[Server]:
    """The app of hf_spaces/."""
    port = free_port()
    environment = {**os.environ, "GRADIO_SERVER_PORT": str(port)}
    return running([python, "app.py"], REPOSITORY / "hf_spaces", port, "/", environment)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, default=REPOSITORY / "assets")
    parser.add_argument("--only", choices=[shot.name for shot in SHOTS], action="append")
    parser.add_argument("--python", type=Path, default=PYTHON, help="one that has Gradio")
    parser.add_argument("flags", nargs="*", help="flags for the Flask server, after --")
    args = parser.parse_args(argv)
    wanted = [shot for shot in SHOTS if not args.only or shot.name in args.only]
    if SPACE in wanted and not args.python.is_file():
        sys.exit(f"error: there is no {args.python}; make .venv-space/.ready, or --python FILE")
    args.out.mkdir(exist_ok=True)
    pages = [shot for shot in wanted if shot is not SPACE]
    with chromium.browser() as browser:
        if pages:
            with server("flask", *args.flags) as site:
                for shot in pages:
                    take(browser, site.url, shot, args.out)
        if SPACE in wanted:
            with space(args.python) as site:
                take(browser, site.url, SPACE, args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
