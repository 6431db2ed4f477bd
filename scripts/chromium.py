"""Chromium for those who look at a page: the scripts here, and the tests in tests/browser."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from typing import Any

import missing

# Nothing but our server is to be asked, so the browser's own errands are switched off.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def program() -> str | None:
    """What CHROMIUM names, else the system's; None is Playwright's own download."""
    return (
        os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    )


def driver() -> Any:
    """What starts one; a script that works for minutes before asks here first."""
    with missing.in_one_line():
        from playwright.sync_api import sync_playwright
    return sync_playwright()


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """A running one, which ends with the block."""
    with driver() as playwright:
        opened = playwright.chromium.launch(executable_path=program(), args=FLAGS)
        yield opened
        opened.close()
