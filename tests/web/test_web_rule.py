"""--length, --alphabet, --pattern of a server: what texts may be where a request has no rule."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from captcha_ocr.config import ConfigError
from captcha_ocr.constraints.languages import Kind
from captcha_ocr.constraints.pattern_syntax import MAX_DEPTH, MAX_PATTERN, MAX_REPEAT
from captcha_ocr.constraints.patterns import MAX_POSITIONS
from captcha_ocr.web.catalogue import STATIC
from captcha_ocr.web.service import SEARCHES
from web_harness import Asked, barcode, make_service, open_server

RULE = {"alphabet": "0123456789", "length": "1-2"}
DOCS = Path(__file__).parents[2] / "docs"
# A client's length is checked before, and it has no lexicon.
TOLD = set(get_args(Kind)) - {"bad_condition"}


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
    service = make_service(two_models, rate=0, length="64", answer_seconds=60)
    (asked,) = open_server("flask", service)
    # More than are searched at once: one that fails gives its place to the next.
    answer = asked.predict([("a.png", barcode("1"))] * (SEARCHES + 1))
    assert (answer.status, answer.code) == (422, "too_narrow")
    errors = [result["error"]["code"] for result in answer.json()["results"]]
    assert errors == ["too_narrow"] * (SEARCHES + 1)
    service.close()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_has_words_for_every_kind(language: str) -> None:
    text = (STATIC / "strings-rules.js").read_text(encoding="utf-8")
    (block,) = re.findall(rf"^const {language} = {{$(.*?)^}};$", text, re.M | re.S)
    words = dict(re.findall(r'^  "rule\.(\w+)":\s*"(.+)",$', block, re.M))
    assert set(words) == TOLD
    assert f" {MAX_REPEAT}" in words["bad_repeat"]
    for limit in (MAX_PATTERN, MAX_POSITIONS, MAX_DEPTH):
        assert re.search(rf"\b{limit}\b", words["too_large"])


@pytest.mark.parametrize("page", ["api.md", "api.zh-CN.md"])
def test_every_kind_is_described(page: str) -> None:
    described = (DOCS / page).read_text(encoding="utf-8")
    assert [kind for kind in sorted(TOLD) if f"| `{kind}` |" not in described] == []
