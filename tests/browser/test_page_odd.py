"""The page when things go wrong or come in an odd order: files, servers, clicks, pastes."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from captcha_ocr.imaging import DEFAULT_LIMITS, SUFFIXES
from captcha_ocr.web.options import MAX_LENGTH
from captcha_ocr.web.settings import Settings
from PIL import Image
from test_page import handed
from visits import Visit
from web_harness import barcode, write_two_models
from web_live import serve

READINGS = "#rows tr td:nth-child(2)"
BREAK_OFF = """() => {
  const real = window.fetch;
  const broken = () => new ReadableStream({ pull: (c) => c.error(new TypeError("network error")) });
  window.fetch = async (url, init) =>
    init?.headers?.Accept?.includes("ndjson") ? new Response(broken()) : real(url, init);
}"""
ASIDE = "(data) => document.querySelector('#pattern').dispatchEvent(new ClipboardEvent('paste', "
ASIDE += "{ clipboardData: data, bubbles: true, cancelable: true }))"


def pick_two(visit: Any) -> None:
    visit.pick(("a.png", barcode("1")), ("b.png", barcode("2")))
    visit.expect("#progress-text").to_have_text("2 of 2 read")


def refuse(status: int, code: str) -> Any:
    body = json.dumps({"code": code, "detail": "later"})
    kind = "application/problem+json"
    return lambda route: route.fulfill(status=status, content_type=kind, body=body)


def focused(visit: Any) -> Any:
    return visit.page.evaluate("document.activeElement.id || document.activeElement.className")


def test_a_file_that_is_gone_does_not_fail_the_others(visit: Any, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.png" for number in range(4)]
    for number, file in enumerate(files):
        file.write_bytes(barcode(str(number)))
    visit.page.set_input_files("#files", files)
    visit.expect("#progress-text").to_have_text("4 of 4 read")
    files[2].unlink()
    visit.page.check("#models input[value=vanilla_crnn]", force=True)
    visit.expect("#progress-text").to_have_text("3 of 4 read · 1 could not be read")
    lost = "The file is gone or has changed; choose it again."
    visit.expect(READINGS).to_have_text(["0", "1", lost, "3"])
    visit.page.locator(".pick").nth(2).click()
    visit.expect("#detail .trouble").to_have_text(lost)
    visit.expect("#banner").to_be_hidden()


def test_a_phone_that_cannot_choose_a_folder_gives_single_pictures(visit: Any) -> None:
    visit.page.eval_on_selector("#folder", "(input) => input.removeAttribute('webkitdirectory')")
    file = {"name": "a.png", "mimeType": "image/png", "buffer": barcode("1")}
    visit.page.set_input_files("#folder", file)
    visit.read("1")


def test_a_single_file_that_is_too_large_is_not_sent(visit: Any) -> None:
    visit.pick(("big.png", barcode("1") + bytes(5 << 20)))
    larger = "The file is larger than the 4 MB that the server takes."
    visit.expect("#detail .trouble").to_have_text(larger)
    assert not [url for url in visit.requests if url.endswith("/predict")]


def test_the_limits_of_pixels_and_bytes_are_said(visit: Any) -> None:
    dot = io.BytesIO()
    Image.new("L", (4, 4)).save(dot, "PNG")
    visit.pick(("dot.png", dot.getvalue()))
    said = f"sides of {DEFAULT_LIMITS.min_side} pixels or more, {Settings().max_pixels:,} pixels"
    visit.expect("#detail .trouble").to_contain_text(f"{said} and 4 MB at most")


def test_a_length_that_is_none_is_said_in_the_language_of_the_page(visit: Any) -> None:
    visit.pick(("a.png", barcode("12")))
    visit.read("12")
    visit.page.fill("#length", "6-4")
    visit.expect("#detail .trouble").to_contain_text(f"a number from 1 to {MAX_LENGTH}, or a range")
    visit.page.click("#language")
    visit.expect("#detail .trouble").to_contain_text(f"长度请填 1 到 {MAX_LENGTH} 的数字")


def test_a_wrong_pattern_is_said_in_chinese_and_marked(open_page: Any) -> None:
    visit = open_page(locale="zh-CN")
    visit.pick(("a.png", barcode("12")))
    visit.read("12")
    visit.page.fill("#pattern", "e\u0301\U0001f600(b")  # what is typed may count otherwise
    said = "模式的第 3 个字符：这个括号没有闭合。"
    for place in ("#detail .trouble", "#rows .trouble"):
        visit.expect(place).to_have_text(said)
    visit.expect("#live").to_have_text(f"a.png: {said}")
    visit.expect("[lang=en]:not(#language)").to_have_count(0)
    visit.expect("#constraint-effect").to_have_text("é\U0001f600(b")
    visit.expect("#constraint-effect mark").to_have_text("(")
    visit.expect("#pattern").to_have_attribute("aria-invalid", "true")
    visit.page.click("#language")
    visit.expect("#detail .trouble").to_have_text(
        "Character 3 of the pattern: this bracket is not closed."
    )
    visit.expect("#constraint-effect mark").to_have_text("(")
    visit.page.fill("#pattern", "1{3}|1{4}")
    visit.page.fill("#length", "2")
    visit.expect("#detail .trouble").to_have_text(
        "This rule cannot be used: no text meets all of it."
    )
    visit.expect("#constraint-effect mark").to_have_count(0)
    visit.page.fill("#pattern", r"\d\d")
    visit.read("12")
    assert visit.page.get_attribute("#pattern", "aria-invalid") is None


def test_a_mistake_of_a_newer_server_is_said_in_its_words(open_page: Any) -> None:
    visit = open_page(locale="zh-CN")
    problem = {"code": "invalid", "detail": "no such day", "field": "pattern", "kind": "new"}
    kind = "application/problem+json"
    visit.page.route(
        "**/api/predict",
        lambda route: route.fulfill(status=422, content_type=kind, body=json.dumps(problem)),
    )
    visit.pick(("a.png", barcode("12")))
    visit.expect("#detail .trouble").to_have_text("这个模式不能用：no such day")
    for place in ("#detail .trouble", "#rows .trouble", "#live"):  # the server's words are English
        visit.expect(f"{place} [lang=en]").to_have_text("no such day")


def test_an_answer_that_breaks_off_is_the_networks(visit: Any) -> None:
    visit.page.evaluate(BREAK_OFF)
    visit.pick(("a.png", barcode("1")), ("b.png", barcode("2")))
    visit.expect("#rows .trouble").to_have_text("The server cannot be reached. Is it running?")
    visit.expect("#banner").to_contain_text("The server cannot be reached")


def test_a_reading_stays_when_the_server_goes(visit: Any) -> None:
    pick_two(visit)
    visit.page.route("**/api/predict", lambda route: route.abort())
    visit.page.locator(".pick").nth(1).click()
    visit.expect("#detail .trouble").to_contain_text("cannot be reached")
    visit.expect(READINGS).to_have_text(["1", "2"])
    visit.page.unroute("**/api/predict")
    visit.page.locator(".pick").nth(1).click()
    visit.read("2")
    visit.expect("#banner").to_be_hidden()


def test_a_reading_stays_where_only_the_comparison_fails(visit: Any) -> None:
    visit.pick(("a.png", barcode("12")))
    visit.read("12")
    first = iter([True])  # by the rule; what is read without it is the second one
    visit.page.route(
        "**/api/predict",
        lambda route: route.continue_() if next(first, False) else route.abort(),
    )
    visit.page.fill("#length", "1-6")
    visit.expect("#banner").to_contain_text("cannot be reached")
    visit.read("12")
    visit.expect("#detail .trouble").to_have_count(0)


def test_a_busy_server_is_asked_again_for_one_picture(visit: Any) -> None:
    visit.page.route("**/api/predict", refuse(503, "busy"), times=1)
    visit.pick(("a.png", barcode("1")))
    visit.read("1")


def test_the_limits_of_the_server_are_kept(visit: Any, tmp_path: Path) -> None:
    weights = str(write_two_models(tmp_path / "weights"))
    limits = {"max_top_k": "2", "max_body_mb": "1", "max_file_mb": "0.9"}
    with serve("flask", tmp_path, weights=weights, rate="0", log="off", **limits) as live:
        small = Visit(visit.page.context.new_page(), live)
        padded = [barcode(str(number)) + bytes(300_000) for number in range(7)]
        small.pick(*((f"{number}.png", data) for number, data in enumerate(padded)))
        small.expect("#progress-text").to_have_text("7 of 7 read")
        small.pick(("big.png", barcode("1") + bytes(1_000_000)))
        small.expect("#detail .trouble").to_contain_text("the 0.9 MB that the server takes")
        small.page.close()
        small.check()


def test_a_picture_has_to_fit_into_a_request(visit: Any, tmp_path: Path) -> None:
    weights = str(write_two_models(tmp_path / "weights"))
    limits = {"max_body_mb": "1", "max_file_mb": "4"}
    with serve("flask", tmp_path, weights=weights, rate="0", log="off", **limits) as live:
        small = Visit(visit.page.context.new_page(), live)
        small.pick(("big.png", barcode("1") + bytes(2 << 20)))
        small.expect("#detail .trouble").to_contain_text("the 0.9961 MB that the server takes")
        assert not [url for url in small.requests if url.endswith("/predict")]
        small.page.close()
        small.check()


def test_the_rule_of_the_server_is_named(visit: Any, tmp_path: Path) -> None:
    weights = str(write_two_models(tmp_path / "weights"))
    rule = {"alphabet": "0123456789", "length": "1-2"}
    with serve("flask", tmp_path, weights=weights, rate="0", log="off", **rule) as live:
        held = Visit(visit.page.context.new_page(), live)
        held.expect("#preset option").to_contain_text(["set: 1-2 · 0123456789", "Digits only"])
        held.pick(("a.png", barcode("7*3=?")))
        held.expect("#text").to_have_text(re.compile(r"^\d{1,2}$"))
        held.page.select_option("#preset", "sum")
        held.read("7*3=?")
        held.expect("#constraint-effect").to_have_text("")
        held.page.close()
        held.check()


def test_a_choice_of_all_models_does_not_outlive_them(
    visit: Any, tmp_path: Path, tiny_weights: Path
) -> None:
    with serve("flask", tmp_path, weights=str(tiny_weights), rate="0", log="off") as live:
        alone = Visit(visit.page.context.new_page(), live)
        alone.page.evaluate("localStorage.setItem('captcha-ocr.arch', '\"all\"')")
        alone.page.reload()
        alone.expect("#models label").to_have_count(1)
        alone.expect("#models input").to_be_checked()
        alone.page.close()


def test_a_page_that_was_there_before_its_server_is_completed(visit: Any) -> None:
    visit.page.clock.install()
    visit.page.route("**/api/**", refuse(502, "upstream"))
    visit.page.reload()
    visit.expect("#banner").to_contain_text("recognition server behind this page")
    visit.expect(".status.down").to_be_visible()  # of two requests the second has failed, too
    visit.expect("#samples button").to_have_count(0)
    visit.page.unroute("**/api/**")
    visit.page.clock.run_for(16_000)
    visit.expect("#models label").to_have_count(3)
    visit.expect("#samples button").to_have_count(12)
    visit.expect("#banner").to_be_hidden()


def test_a_sample_that_cannot_be_fetched_is_said(visit: Any) -> None:
    visit.page.wait_for_load_state("networkidle")
    visit.page.route("**/static/samples/*", lambda route: route.abort())
    visit.page.locator("#samples button").first.click()
    visit.expect("#banner").to_be_visible()


def test_a_cell_is_pasted_into_a_field_as_text(visit: Any) -> None:
    transfer = handed(visit, ("image.png", barcode("1")))
    transfer.evaluate("(data) => data.setData('text/plain', 'abc')")
    assert visit.page.evaluate(ASIDE, transfer) is True  # the browser goes on and inserts the text
    visit.expect("#rows tr").to_have_count(0)


@pytest.mark.parametrize("length", ["1 - 6", " 2 ", "1 – 6", "１～６"])
def test_a_length_may_have_blanks_and_wide_digits(visit: Any, length: str) -> None:
    visit.pick(("a.png", barcode("12")))
    visit.read("12")
    visit.page.fill("#length", length)
    # A phone's keys for numbers have no dash.
    assert visit.page.get_attribute("#length", "inputmode") is None
    visit.expect("#constraint-effect").to_contain_text("The rule changes nothing here: 12")


def test_what_a_rule_changes_is_said_in_the_other_language_too(visit: Any) -> None:
    visit.pick(("a.png", barcode("12")))
    visit.read("12")
    visit.page.fill("#length", "2")
    visit.expect("#constraint-effect").to_contain_text("The rule changes nothing here: 12")
    visit.page.click("#language")
    visit.expect("#constraint-effect").to_contain_text("限制没有改变结果：12")


def test_a_group_that_answers_late_does_not_undo_a_newer_rule(visit: Any) -> None:
    held = hold_groups(visit)
    with both_asked_for(visit):
        visit.pick(("a.png", barcode("1")), ("b.png", barcode("7*3=?")), ("c.png", barcode("3")))
    visit.read("1")  # left unread, it would join another group, which is held too
    visit.page.locator(".pick").nth(1).click()
    visit.read("7*3=?")
    visit.page.select_option("#preset", "digits")
    visit.expect("#text").to_have_text(re.compile(r"^\d+$"))
    with visit.page.expect_response(lambda answer: reads_group(answer.request)) as answer:
        held[0].continue_()
    answer.value.finished()
    visit.expect("#progress-text").to_have_text("3 of 3 read")
    visit.page.evaluate("new Promise((resolve) => requestAnimationFrame(resolve))")
    assert visit.page.locator(READINGS).nth(1).inner_text() == visit.page.inner_text("#text")


def test_an_explanation_that_fails_leaves_the_reading_to_its_group(visit: Any) -> None:
    held = hold_groups(visit)
    with both_asked_for(visit):
        visit.pick(("a.png", barcode("1")), ("b.png", barcode("2")))
    visit.read("1")  # left unread, it would join another group, which is held too
    fail = refuse(503, "timeout")
    visit.page.route(
        "**/api/predict",
        lambda route: route.fallback() if reads_group(route.request) else fail(route),
    )
    visit.page.locator(".pick").nth(1).click()
    visit.expect("#detail .trouble").to_have_text("It took too long; try again.")
    visit.expect(READINGS).to_have_text(["1", "reading …"])
    held[0].continue_()
    visit.expect(READINGS).to_have_text(["1", "2"])


def test_another_model_does_not_leave_the_first_picture_cancelled(visit: Any) -> None:
    visit.page.route("**/api/predict", lambda route: None)  # never answered
    with both_asked_for(visit):
        visit.pick(("a.png", barcode("1")), ("b.png", barcode("2")))
    with both_asked_for(visit):
        visit.page.check("#models input[value=vanilla_crnn]", force=True)
    visit.expect("#detail").to_contain_text("Reading …")
    visit.page.unroute("**/api/predict")
    visit.page.locator(".pick").nth(1).click()
    visit.expect(READINGS).to_have_text(["1", "2"])


def test_a_rule_typed_meanwhile_does_not_keep_a_picture_waiting(visit: Any) -> None:
    visit.page.route("**/api/predict", lambda route: None)  # never answered
    with both_asked_for(visit):
        visit.pick(("a.png", barcode("1")), ("b.png", barcode("2")))
    with visit.page.expect_request(explains):  # the first picture once more
        visit.page.fill("#length", "1")
    visit.page.unroute("**/api/predict")
    visit.page.locator(".pick").nth(1).click()
    visit.expect(READINGS).to_have_text(["1", "2"])


def hold_groups(visit: Any) -> list[Any]:
    """The requests that read groups from now on; each waits until the test lets it go on."""
    held: list[Any] = []
    visit.page.route(
        "**/api/predict",
        lambda route: held.append(route) if reads_group(route.request) else route.continue_(),
    )
    return held


@contextmanager
def both_asked_for(visit: Any) -> Iterator[None]:
    """One of two pictures is explained, the other one read with its group."""
    with visit.page.expect_request(explains), visit.page.expect_request(reads_group):
        yield


def reads_group(request: Any) -> bool:
    return request.url.endswith("/api/predict") and "ndjson" in request.headers["accept"]


def explains(request: Any) -> bool:
    return request.url.endswith("/api/predict") and not reads_group(request)


def test_a_cancelled_picture_is_read_when_it_is_chosen(visit: Any) -> None:
    visit.page.route("**/api/predict", lambda route: None)  # never answered
    visit.pick(("a.png", barcode("1")), ("b.png", barcode("2")))
    visit.page.click("#cancel")
    visit.page.locator(".pick").nth(1).click()
    visit.expect("#detail").to_contain_text("Reading …")
    visit.page.locator(".pick").nth(0).click()  # nobody waits for the other one any more
    visit.expect(READINGS).to_have_text(["reading …", "cancelled"])
    visit.page.unroute("**/api/predict")
    visit.page.locator(".pick").nth(1).click()
    visit.read("2")


def test_cancelling_the_others_leaves_what_is_being_explained(visit: Any) -> None:
    visit.pick(("a.png", barcode("1")))
    visit.read("1")
    held: list[Any] = []
    visit.page.route("**/api/predict", lambda route: held.append(route))
    with both_asked_for(visit):
        visit.pick(("b.png", barcode("2")), ("c.png", barcode("3")))
    with visit.page.expect_request(explains):
        visit.page.locator(".pick").nth(0).click()
    visit.page.click("#cancel")
    visit.expect(READINGS).to_have_text(["1", "cancelled", "cancelled"])
    [route for route in held if explains(route.request)][-1].continue_()
    visit.read("1")


def test_the_keyboard_stays_where_it_was(visit: Any) -> None:
    visit.page.check("#models input[value=all]", force=True)
    pick_two(visit)
    visit.expect(".compare-row").to_have_count(2)
    visit.page.locator(".compare-row").nth(1).press("Enter")
    assert focused(visit) == "compare-row"
    visit.page.locator("#clear").press("Enter")
    assert focused(visit) == "choose-files"
    visit.page.route("**/api/predict", lambda route: None)  # never answered
    visit.pick(("a.png", barcode("1")), ("b.png", barcode("2")))
    visit.page.locator("#cancel").press("Enter")
    assert focused(visit) == "work"


def test_what_comes_later_is_sorted_too(visit: Any) -> None:
    pick_two(visit)
    visit.page.select_option("#sort", "unsure")
    visit.pick(("c.png", barcode("3")), ("bad.png", b"bad"))
    visit.expect("#progress-text").to_contain_text("3 of 4 read")
    visit.expect("#rows tr:first-child .name").to_have_text("bad.png")


def test_what_a_rule_makes_unsure_comes_first(visit: Any) -> None:
    visit.pick(("a.png", barcode("12")), ("b.png", barcode("7*3=?")), ("c.png", barcode("34")))
    visit.expect("#progress-text").to_have_text("3 of 3 read")
    visit.page.select_option("#sort", "unsure")
    visit.page.select_option("#preset", "digits")
    visit.page.click("#apply-all")
    visit.expect("#rows tr:first-child .name").to_have_text("b.png")
    visit.expect("#rows tr:first-child .reading").to_have_text(re.compile(r"^\d+$"))


def test_a_screen_reader_hears_a_batch_once(visit: Any) -> None:
    assert visit.page.locator("#progress-text").get_attribute("role") is None
    pick_two(visit)
    visit.expect("#live").to_have_text("a.png: 1")
    visit.expect("#live-batch").to_have_text("2 of 2 read")
    visit.expect(".pick[aria-current=true] .name").to_have_text("a.png")
    visit.pick(("bad.png", b"bad"))
    visit.expect("#live").to_contain_text("bad.png: Not a picture in a known format")


def count_writes(visit: Any, selector: str) -> None:
    """``window.written`` counts from now on: what is written again is read out again."""
    visit.page.evaluate(
        "(selector) => { window.written = 0;"
        " new MutationObserver((list) => (window.written += list.length))"
        ".observe(document.querySelector(selector), { childList: true, subtree: true }); }",
        selector,
    )


def test_the_status_is_not_said_again_and_again(visit: Any) -> None:
    visit.page.clock.install()
    visit.page.reload()
    visit.expect(".status.up").to_be_visible()
    count_writes(visit, "#status")
    with visit.page.expect_response("**/api/readyz") as answer:
        visit.page.clock.run_for(16_000)
    answer.value.finished()
    visit.page.evaluate("new Promise((resolve) => requestAnimationFrame(resolve))")
    assert visit.page.evaluate("window.written") == 0


def test_the_banner_is_said_once_and_in_the_language_of_the_page(visit: Any) -> None:
    visit.page.clock.install()
    visit.page.route("**/api/**", lambda route: route.abort())
    visit.page.reload()
    visit.expect("#banner").to_contain_text("The server cannot be reached")
    visit.expect(".status.down").to_be_visible()
    count_writes(visit, "#banner")
    with visit.page.expect_event("requestfailed", lambda one: one.url.endswith("/api/readyz")):
        visit.page.clock.run_for(16_000)
    visit.page.evaluate("new Promise((resolve) => requestAnimationFrame(resolve))")
    assert visit.page.evaluate("window.written") == 0
    visit.page.click("#language")
    visit.expect("#banner").to_contain_text("连不上服务器")


def test_a_late_answer_does_not_take_a_newer_one_back(visit: Any) -> None:
    visit.expect(".status.up").to_be_visible()
    held: list[Any] = []
    visit.page.route("**/api/readyz", lambda route: route.abort() if held else held.append(route))
    for _ in range(2):
        with visit.page.expect_request("**/api/readyz"):
            visit.page.click("#language")  # asks again
    visit.expect(".status.down").to_be_visible()
    with visit.page.expect_response("**/api/readyz") as answer:
        held[0].continue_()
    answer.value.finished()
    visit.page.evaluate("new Promise((resolve) => requestAnimationFrame(resolve))")
    assert visit.page.locator(".status.down").count() == 1


def test_the_model_of_a_page_stays_when_the_server_was_away(visit: Any) -> None:
    """Another tab has chosen another one meanwhile."""
    visit.page.clock.install()
    visit.page.reload()
    visit.expect(".status.up").to_be_visible()
    chosen = visit.page.locator("#models input").last
    chosen.check()
    visit.page.evaluate("localStorage.clear()")
    visit.page.route("**/api/readyz", lambda route: route.abort(), times=1)
    visit.page.click("#language")  # asks
    visit.expect(".status.down").to_be_visible()
    with visit.page.expect_response("**/api/models"):
        visit.page.clock.run_for(16_000)
    visit.expect(".status.up").to_be_visible()
    assert visit.page.locator("#models input").last.is_checked()


def test_a_server_that_hangs_is_not_ready(visit: Any) -> None:
    visit.page.route("**/api/readyz", lambda route: None)  # never answered
    visit.page.click("#language")  # asks
    visit.expect(".status.down").to_be_visible()


def test_other_models_of_a_server_that_was_started_anew_are_offered(visit: Any) -> None:
    visit.pick(("a.png", barcode("12")))
    visit.read("12")
    models = json.loads(visit.page.request.get(f"{visit.site.url}/api/models").body())
    kept = [models["models"][-1]]
    answer = {**models, "default": kept[0]["name"], "models": kept}
    visit.page.route("**/api/models", lambda route: route.fulfill(json=answer))
    problem = {"code": "invalid", "field": "arch", "detail": "no such model", "status": 422}
    refused: list[Any] = []

    def refuse(route: Any) -> None:
        refused.append(
            route.fulfill(status=422, json=problem) if not refused else route.continue_()
        )

    visit.page.route("**/api/predict", refuse)
    visit.page.locator(".pick").first.click()
    visit.expect("#models input").to_have_count(1)
    visit.pick(("b.png", barcode("21")))
    visit.read("21")


def test_what_is_dragged_within_the_page_is_no_picture(visit: Any) -> None:
    visit.pick(("a.png", barcode("12")))
    visit.read("12")
    visit.page.evaluate(
        """() => {
          const drop = (target, data) => {
            const dataTransfer = new DataTransfer();
            dataTransfer.setData("text/plain", data);
            const event = new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true });
            target.dispatchEvent(event);
            return event.defaultPrevented;
          };
          window.taken = drop(document.querySelector("#detail .truth"), "12");
          dispatchEvent(new DragEvent("dragstart"));
          drop(document.body, "12");
        }"""
    )
    assert visit.page.evaluate("window.taken") is False  # the field takes it
    visit.expect("#banner").to_be_hidden()


def test_folders_are_searched_for_what_python_reads(visit: Any) -> None:
    source = visit.page.request.get(f"{visit.site.url}/static/intake.js").text()
    kinds = source.partition("KINDS = /")[2].partition("/i;")[0].replace("\\/", "/")
    for suffix in SUFFIXES:
        assert re.fullmatch(kinds, f"x{suffix}"), suffix


def test_trouble_that_is_over_is_not_said_any_more(visit: Any) -> None:
    """The first question fails, and the server is there for the next one."""
    visit.page.clock.install()
    visit.page.route("**/api/version", lambda route: route.abort(), times=1)
    visit.page.reload()
    visit.expect(".status.up").to_be_visible()
    visit.page.clock.run_for(16_000)
    visit.expect("#samples button").to_have_count(12)
    visit.expect("#banner").to_be_hidden()


@pytest.mark.parametrize(
    "history", ["null", '"x"', '[null, 7, {"picture": 1}]', '[{"picture": "%"}]', "[broken"]
)
def test_whatever_is_in_the_storage_the_page_works(visit: Any, history: str) -> None:
    visit.page.evaluate(
        """(history) => {
          localStorage.setItem("captcha-ocr.history", history);
          localStorage.setItem("captcha-ocr.language", '"fr"');
        }""",
        history,
    )
    visit.page.reload()
    visit.expect("#drop-title").to_have_text("Drop pictures here")
    visit.page.click("#history-fold summary")
    visit.expect("#history li").to_have_count(0)
    visit.pick(("a.png", barcode("1")))
    visit.read("1")
    visit.expect("#history li").to_have_count(1)


def test_a_reading_is_copied_where_there_is_no_clipboard_for_pages(visit: Any) -> None:
    visit.page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    visit.pick(("a.png", barcode("7*3=?")))
    visit.read("7*3=?")
    visit.page.get_by_role("button", name="Copy").click()
    visit.expect(".verdict button").to_have_text("Copied")
    visit.page.locator("#pattern").press("ControlOrMeta+v")
    assert visit.page.locator("#pattern").input_value() == "7*3=?"


def test_a_true_text_is_the_same_in_both_places(visit: Any) -> None:
    pick_two(visit)
    visit.page.locator("#rows .truth").first.fill("7")
    visit.page.locator("#rows .truth").first.blur()
    assert visit.page.locator("#detail .truth").input_value() == "7"
    visit.expect(".outcome").to_contain_text("1 wrong character(s)")


def test_downloads_say_what_failed(visit: Any) -> None:
    visit.pick(("＝1.png", barcode("1")), ("bad.png", b"bad"))
    visit.expect("#progress-text").to_contain_text("1 of 2 read")
    with visit.page.expect_download() as download:
        visit.page.click("#download-json")
    rows = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    assert rows[0]["error"] is None
    assert rows[1]["error"]["code"] == "unsupported"
    with visit.page.expect_download() as download:
        visit.page.click("#download-csv")
    lines = Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert lines[1].startswith("'＝1.png,1,")  # full-width signs start a formula, too


def test_downloads_hold_no_reading_by_an_earlier_rule(visit: Any) -> None:
    """Of pictures that wait to be read again, as the table says."""
    pick_two(visit)
    visit.page.route("**/api/predict", lambda route: None)  # never answered
    with both_asked_for(visit):
        visit.page.check("#models input[value=vanilla_crnn]", force=True)
    visit.page.click("#cancel")
    visit.expect(READINGS).to_have_text(["cancelled", "cancelled"])
    with visit.page.expect_download() as download:
        visit.page.click("#download-csv")
    lines = Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert lines[1:] == ["a.png,,,,,,", "b.png,,,,,,"]
    with visit.page.expect_download() as download:
        visit.page.click("#download-json")
    rows = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    assert rows[0] == {"file": "a.png", "true_text": "", "error": None}


def test_a_folder_without_pictures_is_said(visit: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture", encoding="utf-8")
    visit.page.set_input_files("#folder", tmp_path)
    visit.expect("#banner").to_have_text("There was no picture in that.")


def test_a_file_too_large_does_not_keep_a_batch_open(visit: Any) -> None:
    large = barcode("1") + bytes(5 << 20)
    visit.pick(("a.png", barcode("1")), ("big.png", large), ("c.png", barcode("3")))
    visit.expect("#progress-text").to_have_text("2 of 3 read · 1 could not be read")
    visit.expect("#cancel").to_be_hidden()


def test_an_answer_in_pieces_is_put_together(visit: Any) -> None:
    """A network cuts it anywhere, within a character too."""
    visit.page.evaluate(
        """() => {
          const real = window.fetch;
          window.fetch = async (url, init) => {
            const response = await real(url, init);
            if (!init?.headers?.Accept?.includes("ndjson")) return response;
            const bytes = new Uint8Array(await response.arrayBuffer());
            const pieces = new ReadableStream({
              start(controller) {
                for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
                controller.close();
              },
            });
            return new Response(pieces);
          };
        }"""
    )
    visit.pick(("a.png", barcode("1")), ("b.png", barcode("中文")), ("c.png", barcode("3")))
    visit.expect(READINGS).to_have_text(["1", "中文", "3"])


@pytest.mark.parametrize(("status", "code"), [(429, "rate"), (503, "busy")])
def test_a_reading_stays_when_a_server_keeps_refusing(visit: Any, status: int, code: str) -> None:
    pick_two(visit)
    visit.page.evaluate(
        "() => { const real = setTimeout; window.setTimeout = (call) => real(call, 0); }"
    )
    visit.page.route("**/api/predict", refuse(status, code))
    visit.page.locator(".pick").nth(1).click()
    visit.expect("#detail .trouble").to_be_visible()
    visit.expect(READINGS).to_have_text(["1", "2"])


def test_a_failure_without_words_is_said_by_its_status(visit: Any) -> None:
    visit.page.route("**/api/predict", lambda route: route.fulfill(status=500, body="<html>"))
    visit.pick(("a.png", barcode("1")))
    visit.expect("#detail .trouble").to_have_text("Not read: 500 Internal Server Error")


def test_what_was_cleared_leaves_nothing_behind(visit: Any) -> None:
    pick_two(visit)
    visit.page.fill("#length", "1")
    visit.expect("#constraint-effect").to_contain_text("The rule changes nothing here: 1")
    visit.expect("#apply-all").to_be_visible()
    visit.page.evaluate(
        "dispatchEvent(new DragEvent('drop', { dataTransfer: new DataTransfer() }))"
    )
    visit.expect("#banner").to_be_visible()
    visit.page.click("#clear")
    visit.expect("#constraint-effect").to_have_text("")
    visit.expect("#apply-all").to_be_hidden()
    visit.expect("#banner").to_be_hidden()


def test_what_a_rule_did_to_another_picture_is_not_said_of_this_one(visit: Any) -> None:
    visit.pick(("a.png", barcode("1")), ("bad.png", b"bad"))
    visit.expect("#progress-text").to_contain_text("1 of 2 read")
    visit.page.fill("#length", "1")
    visit.expect("#constraint-effect").to_contain_text("The rule changes nothing here: 1")
    visit.page.locator(".pick").nth(1).click()
    visit.expect("#detail .trouble").to_be_visible()
    visit.expect("#constraint-effect").to_have_text("")


def test_a_cancelled_picture_is_told_to_a_screen_reader(visit: Any) -> None:
    visit.page.route("**/api/predict", lambda route: None)  # never answered
    visit.pick(("a.png", barcode("1")))
    visit.page.click("#cancel")
    visit.expect("#live").to_have_text("a.png: cancelled")


def test_what_is_dragged_out_again_leaves_the_page_as_it_was(visit: Any) -> None:
    transfer = handed(visit, ("a.png", barcode("1")))
    visit.page.dispatch_event("#drop", "dragenter", {"dataTransfer": transfer})
    visit.expect("body.dragging").to_have_count(1)
    visit.page.dispatch_event("#drop", "dragleave", {"dataTransfer": transfer})
    visit.expect("body.dragging").to_have_count(0)
    visit.page.dispatch_event("#drop", "dragstart")  # now something of the page's own
    visit.page.dispatch_event("#drop", "dragend")
    visit.page.dispatch_event("#drop", "drop", {"dataTransfer": transfer})
    visit.read("1")
