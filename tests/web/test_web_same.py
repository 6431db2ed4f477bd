"""Both servers give the same answer to the same mistake: status, document and Allow."""

from __future__ import annotations

import contextlib
import mimetypes
from collections.abc import Iterator, Mapping
from typing import Callable

import pytest
from captcha_ocr.web import fastapi_app
from captcha_ocr.web.forms import MAX_FIELDS, MAX_HEAD
from captcha_ocr.web.problems import Problem
from captcha_ocr.web.service import Service
from fastapi.testclient import TestClient
from web_harness import BASE, Answer, FastApiAsked, barcode, open_server

Ask = Callable[..., Answer]
FORM = "multipart/form-data; boundary=B"
END = b"--B--\r\n"
LATER = "Sun, 29 Nov 2099 00:00:00 GMT"
NONE: Mapping[str, str] = {}


@pytest.fixture(scope="module")
def ask(service: Service) -> Iterator[Ask]:
    """Asks both servers, compares what they say, and returns it."""
    with contextlib.ExitStack() as stack:
        opened = contextlib.contextmanager(open_server)
        servers = [stack.enter_context(opened(kind, service)) for kind in ("fastapi", "flask")]

        def ask_both(
            method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NONE
        ) -> Answer:
            return same(
                # The whole address, or a client would take what follows // for a host.
                [server.send(method, BASE + path, dict(headers), body) for server in servers]
            )

        yield ask_both


def same(answers: list[Answer]) -> Answer:
    one, other = answers
    assert one.status == other.status, (one, other)
    if one.status != 200 and one.data and other.data:  # HEAD: one client drops what it gets
        assert one.json() == other.json()
    allow = [set(answer.headers.get("allow", "").split(", ")) for answer in answers]
    assert allow[0] == allow[1]
    return one


def part(disposition: str, content: bytes = b"", charset: str = "utf-8") -> bytes:
    head = f"--B\r\nContent-Disposition: form-data; {disposition}\r\n\r\n"
    return head.encode(charset) + content + b"\r\n"


def picture(name: str = "a.png", charset: str = "utf-8") -> bytes:
    return part(f'name="files"; filename="{name}"', barcode("1"), charset)


def field(name: str, value: str) -> bytes:
    return part(f'name="{name}"', value.encode())


def test_every_path_but_the_pages_is_under_api_too(ask: Ask) -> None:
    """The page's links are relative, and would lead nowhere there."""
    paths = ask("GET", "/openapi.json").json()["paths"]
    assert "/predict" in paths
    assert ask("GET", "/").status == 200
    for path in ("/openapi.json", *paths):
        if path != "/predict":
            assert ask("GET", "/api" + path).status == ask("GET", path).status == 200


def test_a_second_origin_is_not_looked_over(service: Service) -> None:
    with contextlib.contextmanager(open_server)("fastapi", service) as server:
        assert isinstance(server, FastApiAsked)
        origins = [("Origin", BASE), ("Origin", "http://evil.example")]
        answer = server.client.post("/predict", headers=origins)
        assert answer.json()["code"] == "forbidden_origin"


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "POST"])
def test_a_request_that_is_too_large_is_so_whatever_else_it_is(
    service: Service, method: str
) -> None:
    """As waitress, which looks at nothing else before."""
    with contextlib.contextmanager(open_server)("fastapi", service) as server:
        headers = {"Content-Length": "99999999999", "Host": "evil.example"}
        assert server.send(method, "/nothing", headers, b"").code == "too_large"


def post(ask: Ask, body: bytes, content_type: str = FORM) -> Answer:
    return ask("POST", "/predict", body, {"Content-Type": content_type})


@pytest.mark.parametrize("charset", ["punycode", "undefined", "unicode_escape", "utf-16", "gbk"])
def test_a_client_does_not_choose_the_codec_of_its_fields(ask: Ask, charset: str) -> None:
    body = picture() + field("alphabet", "1中\\ud800") + END
    assert post(ask, body, f"{FORM}; charset={charset}").json()["results"][0]["text"] == "1"


def test_half_a_surrogate_pair_is_no_error_of_ours() -> None:
    assert b'"detail": "no \\udc80"' in Problem("invalid", "no \udc80").body


UNREADABLE = {
    "no boundary": (FORM.partition(";")[0], picture() + END, "no boundary"),
    "empty boundary": ("multipart/form-data; boundary=", picture() + END, "no boundary"),
    "another boundary": ("multipart/form-data; boundary=C", picture() + END, "boundary"),
    "long boundary": (FORM + "x" * 9000, picture() + END, ""),
    "boundary twice": (
        "multipart/form-data; boundary*=utf-8''x; boundary*0=y",
        END,
        "",
    ),
    "Content-Type without end": ('multipart/form-data; a="' + ";" * MAX_HEAD, END, "no boundary"),
    "boundary in pieces": (f"multipart/form-data; boundary*{'9' * 5000}=B", END, "no boundary"),
    "name in pieces": (FORM, part(f'name="files"; filename*{"9" * 5000}=a') + END, ""),
    "no form": (FORM, barcode("1"), "boundary"),
    "nothing": (FORM, b"\r\n", "last boundary"),
    "cut off": (FORM, picture(), "last boundary"),
    "no name": (FORM, part('filename="a.png"', barcode("1")) + END, "no name"),
    "no name of a field": (FORM, part("x=y") + END, "no name"),
    "bad header": (FORM, picture().replace(b"Content-", b"Con tent-") + END, "header"),
    "long header": (FORM, picture("x" * MAX_HEAD) + END, ""),
    "many fields": (
        FORM,
        b"".join(field(f"f{i}", "") for i in range(MAX_FIELDS + 1)) + END,
        "more than 16 fields",
    ),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_form_that_cannot_be_read_is_said_to_be_so(ask: Ask, case: str) -> None:
    content_type, body, said = UNREADABLE[case]
    answer = post(ask, body, content_type)
    assert (answer.status, answer.code) == (400, "bad_request")
    assert said in answer.json()["detail"]


def test_names_of_headers_and_types_have_no_case(ask: Ask) -> None:
    form = picture().replace(b"Content-Disposition", b"content-disposition") + END
    assert post(ask, form, FORM.replace("form-data", "Form-Data")).status == 200


def test_a_file_name_in_another_encoding_is_no_obstacle(ask: Ask) -> None:
    """What curl sends from a Chinese shell of Windows."""
    answer = post(ask, picture("验证码.png", "gbk") + END)
    assert answer.json()["results"][0]["file"].endswith(".png")


def test_too_many_files_are_not_called_too_many_bytes(ask: Ask) -> None:
    answer = post(ask, picture() * 100 + END)
    assert (answer.status, answer.code) == (413, "too_many_files")


@pytest.mark.parametrize(
    ("parts", "name", "said"),
    [
        (field("pattern", "x" * 600_000), "pattern", "1024 characters are allowed"),
        (field("pattern", "中" * 1500), "pattern", "1024 characters are allowed"),
        (field("image", "iVBORw0K" * 1000), "image", "sent as a file: curl -F files=@picture.png"),
        (part('name="alphabet"', "中".encode("gbk")), "alphabet", "is not UTF-8"),
        (field("files", "picture.png"), "files", "send it as a file"),
        (field("file", "x" * 600_000), "file", "no base64: curl -F files=@picture.png"),
        (field("what", "1"), "what", "there is no field"),
        (field("alphabet", "☃"), "alphabet", "holds none of the charset"),
        (field("length", "64") + field("alphabet", "☃"), "alphabet", "holds none of the charset"),
        (field("alphabet", "☃") + field("pattern", "[0-9"), "alphabet", "holds none"),
        (field("alphabet", "12") + field("pattern", "[0-9"), "pattern", "[0-9"),
        (field("length", "2") + field("pattern", "1{3}"), "pattern", "no text meets"),
    ],
)
def test_a_wrong_field_is_named(ask: Ask, parts: bytes, name: str, said: str) -> None:
    answer = post(ask, parts + picture() + END)
    assert (answer.status, answer.code) == (422, "invalid")
    document = answer.json()
    assert document["field"] == name
    assert said in document["detail"]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"pattern": "a(b"}, {"field": "pattern", "kind": "unclosed", "position": 1}),
        ({"pattern": "1☃"}, {"field": "pattern", "kind": "unknown_character", "position": 1}),
        ({"pattern": "1{64}" * 9}, {"field": "pattern", "kind": "too_large"}),
        ({"pattern": "1{3}", "length": "2"}, {"field": "pattern", "kind": "no_text"}),
        ({"pattern": "a(b", "alphabet": "☃"}, {"field": "alphabet", "kind": "unknown_alphabet"}),
        ({"length": "many"}, {"field": "length"}),
    ],
)
@pytest.mark.parametrize("arch", ["", "all"])
def test_a_wrong_rule_has_its_kind_and_position(
    ask: Ask, arch: str, fields: dict[str, str], told: dict[str, object]
) -> None:
    form = b"".join(field(name, value) for name, value in {**fields, "arch": arch}.items())
    for _ in range(2):  # the second time from the store
        document = post(ask, form + picture() + END).json()
        assert document["code"] == "invalid"
        more = set(document) - {"type", "title", "status", "code", "detail"}
        assert {name: document[name] for name in more} == told


def test_what_a_problem_may_hold_is_in_the_openapi_document(ask: Ask) -> None:
    schemas = ask("GET", "/openapi.json").json()["components"]["schemas"]
    optional = {"field", "kind", "position"}
    assert optional <= set(schemas["ProblemDocument"]["properties"])
    assert not optional & set(schemas["ProblemDocument"]["required"])


def test_an_answer_has_the_same_headers(ask: Ask) -> None:
    """`same` compares Allow alone: frameworks date a file, and describe it, each in its way."""
    for path in ("/", "/static/app.js", "/models", "/metrics", "/openapi.json", "/nothing"):
        headers = ask("GET", path).headers
        assert "content-disposition" not in headers
        is_file = path in ("/", "/static/app.js")
        assert headers.get("cache-control") == ("no-cache" if is_file else None)
        assert headers["content-type"] == ask("HEAD", path).headers["content-type"]


@pytest.mark.parametrize("kind", ["fastapi", "flask"])
def test_a_script_is_one_whatever_the_registry_says(kind: str, service: Service) -> None:
    """Of Windows, which `mimetypes` reads before anything is served."""
    mimetypes.add_type("text/plain", ".js")
    with contextlib.contextmanager(open_server)(kind, service) as server:
        answer = server.get("/static/app.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["x-content-type-options"] == "nosniff"  # so nobody guesses better


def test_a_file_that_is_known_is_not_sent_again(ask: Ask) -> None:
    for path in ("/", "/static/app.js"):
        for known in ({"If-None-Match": "*"}, {"If-Modified-Since": LATER}):
            answer = ask("GET", path, b"", known)
            assert (answer.status, answer.data) == (304, b"")
            assert answer.headers["cache-control"] == "no-cache"
        assert ask("GET", path, b"", {"If-Match": "*"}).status == 200


def test_files_are_sent_whole(ask: Ask) -> None:
    for ranges in ("bytes=0-9", "bytes=999999-", "bytes=5-1", "lines=1-2"):
        for path in ("/static/app.js", "/"):
            answer = ask("GET", path, b"", {"Range": ranges})
            assert (answer.status, answer.data) == (200, ask("GET", path).data)
            assert "accept-ranges" not in answer.headers


PATHS = (
    *("/", "/predict", "/models", "/static/app.js", "/openapi.json"),
    *("/nothing", "/api/", "/api/models", "/api/openapi.json"),
)


@pytest.mark.parametrize("method", ["OPTIONS", "HEAD", "PUT", "POST", "DELETE", "BREW"])
def test_methods_are_answered_alike(ask: Ask, method: str) -> None:
    for path in PATHS:
        if (method, path) != ("POST", "/predict"):
            answer = ask(method, path)
            if method != "HEAD":
                assert answer.code in ("method", "not_found")
                assert "ictures go to POST /predict" in answer.json()["detail"]
            assert method != "HEAD" or ask(method, path).status in (200, 404, 405)


@pytest.mark.parametrize(
    "path",
    ["/predict/", "/models/", "/api", "/api/", "/static", "/api//models", "/static/index.html",
     "/static//app.js", "/static/none", "/static/", "/static/app.js/", "/models%0a", "/api/%0A"],
)  # fmt: skip
def test_no_path_leads_to_another(ask: Ask, path: str) -> None:
    for method in ("GET", "POST"):
        answer = ask(method, path)
        assert (answer.status, answer.code) in ((404, "not_found"), (405, "method"))
        assert "location" not in answer.headers


@pytest.mark.parametrize("root", ["/ocr", "/ocr/"])
@pytest.mark.parametrize("before", ["/ocr", ""])
def test_a_prefix_is_known_whether_it_stands_in_the_path_or_not(
    service: Service, before: str, root: str
) -> None:
    """Servers of ASGI differ in that; see also test_web_live.py."""
    app = fastapi_app.create_app(service.settings, service)
    with TestClient(app, base_url=BASE, root_path=root) as client:
        for path in ("/", "/models", "/static/app.js", "/api/models"):
            assert client.get(before + path).status_code == 200, path
        for path in ("/models/", "/static//app.js", "/nothing", "/api/", "/static/index.html"):
            assert client.get(before + path).status_code == 404, path
        assert client.get("/ocr").status_code == 404  # the page's links would leave the prefix
        assert client.get(before + "/openapi.json").json()["servers"] == [{"url": "/ocr"}]


def test_a_path_that_only_begins_like_the_prefix_is_not_under_it(service: Service) -> None:
    app = fastapi_app.create_app(service.settings, service)
    with TestClient(app, base_url=BASE, root_path="/m") as client:
        assert client.get("/models").status_code == 200
        assert client.get("/m/models").status_code == 200
