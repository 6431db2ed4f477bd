"""Take the pictures of the page that the README shows: assets/page*.png.

    pip install playwright && apt-get install chromium fonts-noto-cjk
    python scripts/screenshots.py

It starts the Flask server of demo/ with the shipped models and clicks the built-in samples.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import chromium
from demo_server import REPOSITORY, server
from PIL import Image


def explain_sample(page: Any, number: int) -> None:
    page.locator("#samples button").nth(number).click()
    page.wait_for_selector(".heatmap")
    page.wait_for_timeout(700)


def batch(page: Any) -> None:
    """All samples, then one of them explained by all models."""
    samples = page.locator("#samples button")
    for number in range(samples.count()):
        samples.nth(number).click()
        page.wait_for_selector(f"#rows tr:nth-child({number + 1}) .chip")
    page.locator(".pick").nth(5).click()
    page.wait_for_selector(".heatmap")
    page.wait_for_timeout(700)
    page.evaluate("scrollTo(0, 0)")


@dataclass(frozen=True)
class Shot:
    name: str
    size: tuple[int, int]
    act: Callable[[Any], None]
    scheme: str = "light"
    locale: str = "en-US"


SHOTS = (
    Shot("page", (1280, 1180), batch),
    Shot("page-start", (1280, 720), lambda page: None),
    Shot("page-dark", (1280, 1180), lambda page: explain_sample(page, 11), scheme="dark"),
    Shot("page-zh", (1280, 1180), lambda page: explain_sample(page, 4), locale="zh-CN"),
    Shot("page-phone", (390, 844), lambda page: explain_sample(page, 0)),
)


def take(browser: Any, url: str, shot: Shot, folder: Path) -> Path:
    width, height = shot.size
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=shot.scheme, locale=shot.locale
    )
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector("#samples button")
    page.wait_for_load_state("networkidle")
    shot.act(page)
    path = folder / f"{shot.name}.png"
    page.screenshot(path=path)
    context.close()
    with Image.open(path) as image:
        image.convert("RGB").save(path, optimize=True)
    return path


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "assets")
    parser.add_argument("--only", choices=[shot.name for shot in SHOTS], action="append")
    parser.add_argument("flags", nargs="*", help="flags for the server, after --")
    args = parser.parse_args(argv)
    args.out.mkdir(exist_ok=True)
    with server("flask", *args.flags) as running, chromium.browser() as browser:
        for shot in SHOTS:
            if not args.only or shot.name in args.only:
                path = take(browser, f"http://127.0.0.1:{running.port}", shot, args.out)
                print(f"{path}  {path.stat().st_size // 1024} KB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
