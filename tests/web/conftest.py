"""Fixtures of the server tests; web_harness.py makes what they hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from captcha_ocr.web.service import Service
from web_harness import Asked, make_service, open_server, write_two_models


@pytest.fixture(scope="session")
def two_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_two_models(tmp_path_factory.mktemp("two"))


@pytest.fixture(scope="session")
def service(two_models: Path) -> Iterator[Service]:
    made = make_service(two_models, rate=0)
    yield made
    made.close()


@pytest.fixture(scope="session", params=["fastapi", "flask"])
def server(request: pytest.FixtureRequest, service: Service) -> Iterator[Asked]:
    """Each test that takes it runs twice."""
    yield from open_server(request.param, service)
