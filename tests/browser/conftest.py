"""A real Chromium and a real server for the page's tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from web_harness import write_two_models
from web_live import Live, serve

sync_api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")

# CHROMIUM names one; else a system's. Playwright's own download works as well.
CHROMIUM = (
    os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
)
# Nothing but our server is to be asked, so the browser's own errands are switched off.
PATIENCE_MS = 60_000  # a busy machine is no failure
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("site")
    weights = write_two_models(folder / "weights")
    with serve("flask", folder, weights=str(weights), rate="0", log="off") as live:
        yield live


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    sync_api.expect.set_options(timeout=PATIENCE_MS)
    with sync_api.sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM, args=FLAGS, timeout=2 * PATIENCE_MS
            )
        except sync_api.Error as error:
            pytest.skip(f"no Chromium: apt-get install chromium, or set CHROMIUM ({error.message})")
        yield browser
        browser.close()


class Visit:
    """One visitor: a page, and what must not happen on it."""

    def __init__(self, page: Any, site: Live) -> None:
        self.page, self.site = page, site
        self.requests: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", lambda dialog: self.errors.append(f"dialog: {dialog.message}"))
        page.on("console", self._console)
        page.goto(site.url)
        page.wait_for_selector("#samples button")

    def _console(self, message: Any) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.errors.append(message.text)

    def pick(self, *files: tuple[str, bytes]) -> None:
        self.page.set_input_files(
            "#files", [{"name": n, "mimeType": "image/png", "buffer": data} for n, data in files]
        )

    def read(self, text: str) -> None:
        """Wait until the explain view shows this text."""
        sync_api.expect(self.page.locator("#text")).to_have_text(text)

    def expect(self, selector: str) -> Any:
        return sync_api.expect(self.page.locator(selector))

    def check(self) -> None:
        """No script error, no dialog, no policy violation, no other host."""
        assert self.errors == []
        foreign = [url for url in self.requests if not url.startswith((self.site.url, "blob:"))]
        assert foreign == []


@pytest.fixture
def open_page(chromium: Any, site: Live) -> Iterator[Any]:
    """Opens pages; keyword arguments are those of a browser context."""
    contexts, visits = [], []

    def open_one(**settings: Any) -> Visit:
        context = chromium.new_context(**{"locale": "en-US", **settings})
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        visits.append(Visit(context.new_page(), site))
        return visits[-1]

    yield open_one
    for visit in visits:
        visit.check()
    for context in contexts:
        context.close()


@pytest.fixture
def visit(open_page: Any) -> Visit:
    opened: Visit = open_page()
    return opened
