"""A visitor of a page, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from web_live import Live

sync_api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
PATIENCE_MS = 60_000  # a busy machine is no failure


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
