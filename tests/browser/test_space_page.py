"""The Gradio app as its users start it, in a real browser; and that nothing leaves this machine.

It has an environment of its own (make .venv-space/.ready), as hf_spaces/requirements.txt makes it.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from web_harness import barcode, multipart, write_two_models
from web_live import PATIENCE, Live, free_port, wait_until_up

sync_api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")

TESTS = Path(__file__).parents[1]
REPOSITORY = TESTS.parent
NO_PICTURE = "not a picture in a known format; send PNG, JPEG, WEBP, BMP, GIF"


def interpreter() -> str:
    """One that has Gradio: SPACE_PYTHON, the one that make space makes, or this one."""
    folder = REPOSITORY / ".venv-space"
    made = [p for p in (folder / "bin/python", folder / "Scripts/python.exe") if p.exists()]
    here = [sys.executable] if importlib.util.find_spec("gradio") else []
    for path in (os.environ.get("SPACE_PYTHON"), *made, *here):
        if path:
            return str(path)
    pytest.skip("no Gradio: make .venv-space/.ready")


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("gradio")
    port, log = free_port(), folder / "log.txt"
    environ = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("CAPTCHA_OCR_", "GRADIO_"))},
        "CAPTCHA_OCR_WEIGHTS": str(write_two_models(folder / "weights")),
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_TEMP_DIR": str(folder / "uploads"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [interpreter(), str(TESTS / "loopback_only.py"), "app.py"]
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            command, cwd=REPOSITORY / "hf_spaces", env=environ, stdout=file, stderr=file, text=True
        )
    live = Live(process, port, log)
    try:
        wait_until_up(live, "/")
        yield live
    finally:
        process.terminate()
        process.wait(PATIENCE)
    said = log.read_text(encoding="utf-8")
    assert f"the page: http://127.0.0.1:{port}" in said
    assert "LEFT" not in said  # see loopback_only.py


class SpacePage:
    """A visitor of the app, and what must not happen to one."""

    def __init__(self, page: Any, url: str) -> None:
        self.page, self.url = page, url
        self.foreign: list[str] = []
        self.errors: list[str] = []
        page.on("request", self._request)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", lambda dialog: self.errors.append(f"dialog: {dialog.message}"))
        page.goto(url)
        page.wait_for_selector("#picture input[type=file]", state="attached")

    def _request(self, request: Any) -> None:
        if not request.url.startswith((f"{self.url}/", "data:", "blob:")):
            self.foreign.append(request.url)

    def upload(self, where: str, *files: tuple[str, bytes]) -> None:
        self.page.set_input_files(
            f"{where} input[type=file]",
            [{"name": n, "mimeType": "image/png", "buffer": data} for n, data in files],
        )

    def field(self, name: str) -> Any:
        return sync_api.expect(self.page.locator(f"#{name} textarea, #{name} input"))

    def expect(self, selector: str) -> Any:
        return sync_api.expect(self.page.locator(selector).first)

    def toast(self) -> Any:
        return sync_api.expect(self.page.get_by_test_id("toast-body").last)

    def cells(self, table: str, count: int) -> list[list[str]]:
        """What a table of so many rows shows, row by row, without its header."""
        rows = self.page.locator(f"#{table} [role=row]:has([role=gridcell])")
        sync_api.expect(rows).to_have_count(count)
        return [
            [cell.strip() for cell in row.get_by_role("gridcell").all_inner_texts()]
            for row in rows.all()
        ]


@pytest.fixture
def open_space(chromium: Any, space: Live) -> Iterator[Any]:
    contexts, pages = [], []

    def open_one(**settings: Any) -> SpacePage:
        context = chromium.new_context(
            **{"locale": "en-US", "viewport": {"width": 1280, "height": 1000}, **settings}
        )
        context.set_default_timeout(PATIENCE * 1000)
        contexts.append(context)
        pages.append(SpacePage(context.new_page(), space.url))
        return pages[-1]

    yield open_one
    for page in pages:
        assert page.foreign == []
        assert page.errors == []
    for context in contexts:
        context.close()


@pytest.fixture
def visit(open_space: Any) -> SpacePage:
    opened: SpacePage = open_space()
    return opened


def test_a_picture_is_read_explained_and_compared(visit: SpacePage) -> None:
    visit.upload("#picture", ("sum.png", barcode("7*3=?")))
    visit.field("text").to_have_value("7*3=?")
    visit.field("answer").to_have_value("21")
    sync_api.expect(visit.page.locator(".characters b")).to_have_text(list("7*3=?"))
    visit.page.get_by_role("tab", name="How it was read").click()
    visit.expect(".heatmap svg").to_be_visible()
    assert visit.page.locator(".heatmap text").all_text_contents() == ["∅", *"7*3=?"]
    visit.field("final").to_have_value("7*3=?")
    visit.page.get_by_role("tab", name="All models").click()
    visit.expect("#compare [role=gridcell]").to_be_visible()
    rows = visit.cells("compare", 2)
    assert [row[:2] + row[3:] for row in rows] == [
        ["svtr_tiny", "7*3=?", "21"],
        ["vanilla_crnn", "7*3=?", "21"],
    ]


def test_constraints_hold_and_mistakes_are_told(visit: SpacePage) -> None:
    visit.page.get_by_role("button", name="Read", exact=True).click()
    visit.toast().to_contain_text("there is no picture yet")
    visit.upload("#picture", ("a.png", b"<html>"))
    visit.toast().to_contain_text(NO_PICTURE)
    visit.upload("#picture", ("a.png", barcode("AB12")))
    visit.field("text").to_have_value("AB12")
    visit.page.get_by_text("Model, and what the text may be").click()
    visit.page.get_by_label("Allowed characters").fill("0123456789")
    visit.page.get_by_label("Length").fill("2")
    visit.page.get_by_role("button", name="Read", exact=True).click()
    visit.field("text").to_have_value("12")
    visit.page.get_by_label("Pattern").fill("<img src=x onerror=alert(1)>[")
    visit.page.get_by_role("button", name="Read", exact=True).click()
    visit.toast().to_contain_text("'<img src=x onerror=alert(1)>['")


def test_many_pictures_become_a_table_and_two_files(visit: SpacePage) -> None:
    names = ["<img src=x onerror=alert(1)>.png", "=cmd().png", "验证码.png"]
    texts = ["12", "7*3=?", "中文"]
    visit.page.get_by_role("tab", name="Many pictures").click()
    files = [(name, barcode(text)) for name, text in zip(names, texts)]
    visit.upload("#pictures", *files, ("broken.png", b"no picture"))
    visit.expect("#pictures >> text=broken").to_be_visible()
    visit.page.get_by_role("button", name="Read all").click()
    visit.expect("#table >> text=broken.png").to_be_visible()
    rows = visit.cells("table", 4)
    assert [row[0] for row in rows] == [*names, "broken.png"]
    assert [row[1] for row in rows] == [*texts, ""]
    assert rows[3][5] == NO_PICTURE
    sync_api.expect(visit.page.locator("#gallery .thumbnail-item")).to_have_count(3)
    _, *lines = csv.reader(io.StringIO(saved(visit, "Download CSV").decode("utf-8-sig")))
    assert [line[0] for line in lines] == [names[0], "'=cmd().png", names[2], "broken.png"]
    results = json.loads(saved(visit, "Download JSON"))
    assert [result["file"] for result in results] == [*names, "broken.png"]
    assert [result["answer"] for result in results] == [None, 21, None, None]


def saved(visit: SpacePage, button: str) -> bytes:
    with visit.page.expect_download() as download:
        visit.page.get_by_role("button", name=button).click()
    return Path(download.value.path()).read_bytes()


def test_it_speaks_chinese_and_fits_a_phone(open_space: Any) -> None:
    visit = open_space(locale="zh-CN", viewport={"width": 390, "height": 844})
    sync_api.expect(visit.page.get_by_role("button", name="识别", exact=True)).to_be_visible()
    visit.upload("#picture", ("sum.png", barcode("7*3=?")))
    visit.field("text").to_have_value("7*3=?")
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_it_speaks_english_to_others_and_a_sample_is_one_click_away(open_space: Any) -> None:
    visit = open_space(locale="fr-FR")
    sync_api.expect(visit.page.get_by_role("button", name="Read", exact=True)).to_be_visible()
    visit.page.locator(".gallery-item").first.click()
    visit.expect(".characters").to_be_attached()


# As a program would ask.


def ask(space: Live, picture: Any, top_k: float = 1) -> str:
    """The answer to a call of the endpoint /read: its stream of events."""
    body = json.dumps({"data": [picture, "vanilla_crnn", "", "", "", top_k]}).encode()
    headers = {"Content-Type": "application/json"}
    answer = space.ask("POST", "/gradio_api/call/read", body, headers)
    event = answer.json()["event_id"]
    return space.ask("GET", f"/gradio_api/call/read/{event}").data.decode()


def test_a_program_names_the_options_as_for_post_predict(space: Live) -> None:
    endpoints = space.ask("GET", "/gradio_api/info").json()["named_endpoints"]
    options = ["arch", "length", "alphabet", "pattern", "top_k"]
    for name, pictures in (("/read", "picture"), ("/read_all", "pictures")):
        parameters = [one["parameter_name"] for one in endpoints[name]["parameters"]]
        assert parameters == [pictures, *options]


def a_file(path: str, **more: str) -> dict[str, Any]:
    return {"path": path, "meta": {"_type": "gradio.FileData"}, **more}


def send(space: Live, name: str, content: bytes) -> Any:
    content_type, body = multipart([("files", name, content)], [])
    return space.ask("POST", "/gradio_api/upload", body, {"Content-Type": content_type})


def test_a_program_can_ask(space: Live) -> None:
    (path,) = send(space, "a.png", barcode("7*3=?")).json()
    answer = ask(space, a_file(path, orig_name="a.png"))
    assert answer.startswith("event: complete")
    assert json.loads(answer.partition("data: ")[2])[:1] == ["7*3=?"]


def test_a_program_may_send_floats_and_is_told_of_an_upload_that_is_gone(space: Live) -> None:
    """As Gradio's own description of a slider says; and uploads are deleted after an hour."""
    (path,) = send(space, "a.png", barcode("42")).json()
    assert ask(space, a_file(path), top_k=2.0).startswith("event: complete")
    Path(path).unlink()
    assert "kept for an hour; choose it again" in ask(space, a_file(path))


@pytest.mark.parametrize("most", ["1", "2"])
def test_a_small_limit_of_readings_is_kept_from_the_start(most: str, tmp_path: Path) -> None:
    code = """
import gradio
from space.page import build
from space.reading import Reader
print([one.value for one in build(Reader.from_env()).blocks.values() if type(one) is gradio.Slider])
"""
    limits = {"CAPTCHA_OCR_MAX_TOP_K": most, "CAPTCHA_OCR_WEIGHTS": str(write_two_models(tmp_path))}
    command = [interpreter(), "-c", code]
    folder, environ = REPOSITORY / "hf_spaces", {**os.environ, **limits}
    assert subprocess.check_output(command, cwd=folder, env=environ, text=True) == f"[{most}]\n"


def test_no_link_is_followed(space: Live) -> None:
    for url in ("http://192.0.2.1/a.png", "https://example.org/a.png"):
        assert "links are not followed" in ask(space, a_file(url, url=url))


def test_no_file_of_the_server_is_read(space: Live) -> None:
    for path in (__file__, "../README.md", "/etc/hostname"):
        answer = ask(space, a_file(path))
        assert answer.startswith("event: error"), answer
        assert space.ask("GET", f"/gradio_api/file={path}").status in (403, 404)


def test_a_large_file_is_refused(space: Live) -> None:
    assert send(space, "a.png", bytes(5 << 20)).status == 413
