"""--length, --alphabet, --pattern of a server: what texts may be where a request has no rule."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from captcha_ocr.config import ConfigError
from web_harness import Asked, barcode, make_service, open_server

RULE = {"alphabet": "0123456789", "length": "1-2"}


@pytest.fixture(scope="module", params=["fastapi", "flask"])
def ruled(request: pytest.FixtureRequest, two_models: Path) -> Iterator[Asked]:
    service = make_service(two_models, rate=0, **RULE)
    yield from open_server(request.param, service)
    service.close()


def test_the_servers_rule_holds_where_a_request_has_none(ruled: Asked, server: Asked) -> None:
    assert server.read("7*3=?")["text"] == "7*3=?"
    for fields in ({}, {"arch": "all"}, {"pattern": "", "top_k": "2"}):
        text = ruled.read("7*3=?", **fields)["text"]
        assert text.isdigit() and len(text) <= 2


@pytest.mark.parametrize(
    "fields", [{"length": "5"}, {"alphabet": "73*=?"}, {"pattern": r"\d\*\d=\?"}]
)
def test_a_requests_own_rule_takes_its_place_whole(ruled: Asked, fields: dict[str, str]) -> None:
    assert ruled.read("7*3=?", **fields)["text"] == "7*3=?"


def test_the_rule_is_shown(ruled: Asked, server: Asked) -> None:
    assert ruled.get("/models").json()["rule"] == {**RULE, "pattern": ""}
    assert not any(server.get("/models").json()["rule"].values())


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"length": "many"}, "^--length is 'many'; give a number"),
        ({"length": "0"}, "^--length"),
        ({"pattern": "7" * 2000}, "^--pattern has 2000 characters"),
        ({"pattern": "[0-9"}, "--pattern.*svtr_tiny: "),
        ({"alphabet": "☃"}, "--alphabet.*svtr_tiny: "),
        ({"pattern": "7", "length": "2"}, "no text meets"),
    ],
)
def test_a_wrong_rule_stops_the_start(two_models: Path, rule: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make_service(two_models, **rule)


def test_a_picture_too_narrow_for_the_rule_is_said(two_models: Path) -> None:
    service = make_service(two_models, rate=0, length="64")
    (asked,) = open_server("flask", service)
    answer = asked.predict([("a.png", barcode("1"))])
    assert (answer.status, answer.code) == (422, "invalid")
    service.close()
