"""A real Chromium and a real server for the page's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import FLAGS, program
from visits import PATIENCE_MS, Visit
from web_harness import write_two_models
from web_live import Live, serve

sync_api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")


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
                executable_path=program(), args=FLAGS, timeout=2 * PATIENCE_MS
            )
        except sync_api.Error as error:
            pytest.skip(f"no Chromium: apt-get install chromium, or set CHROMIUM ({error.message})")
        yield browser
        browser.close()


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
