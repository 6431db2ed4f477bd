"""The page by keyboard and by ear: where the focus lands, and what a screen reader says."""

from __future__ import annotations

from typing import Any

import pytest
from test_page import handed
from test_page_odd import count_writes, pick_two
from web_harness import barcode

# Nothing is asked to read before the test opens the gate.
GATE = """() => {
  const real = window.fetch;
  const gate = new Promise((resolve) => (window.openGate = resolve));
  window.fetch = async (url, init) => {
    if (String(url).endsWith("predict")) await gate;
    return real(url, init);
  };
}"""


PASTE = """(data) => document.activeElement.dispatchEvent(
  new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }))"""


def test_that_a_text_is_copied_is_said(visit: Any) -> None:
    visit.page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    visit.pick(("a.png", barcode("12")))
    visit.read("12")
    visit.expect("#live").to_have_text("a.png: 12")
    visit.page.locator(".verdict button").press("Enter")
    visit.expect("#live").to_have_text("Copied")
    visit.page.click("#language")
    visit.page.locator(".verdict button").press("Enter")
    visit.expect("#live").to_have_text("已复制")


def test_the_keyboard_stays_when_a_batch_ends_by_itself(visit: Any) -> None:
    visit.page.evaluate(GATE)
    visit.pick(("a.png", barcode("1")), ("b.png", barcode("2")))
    visit.page.focus("#cancel")
    visit.page.evaluate("window.openGate()")
    visit.expect("#progress-text").to_have_text("2 of 2 read")
    visit.expect("#cancel").to_be_hidden()
    visit.expect("#work").to_be_focused()


@pytest.mark.parametrize(
    ("focused", "then"), [("#detail .truth", "#work"), ("#pattern", "#pattern")]
)
def test_the_keyboard_stays_when_a_picture_is_pasted(visit: Any, focused: str, then: str) -> None:
    """Into the view of another one, which is drawn anew, or somewhere else."""
    visit.pick(("a.png", barcode("1")))
    visit.read("1")
    visit.page.focus(focused)
    visit.page.evaluate(PASTE, handed(visit, ("b.png", barcode("2"))))
    visit.read("2")
    visit.expect(then).to_be_focused()


def test_the_keyboard_stays_in_the_history_that_is_cleared(visit: Any) -> None:
    visit.pick(("a.png", barcode("1")))
    visit.expect("#history-count").to_have_text("1")
    visit.page.locator("#history-fold summary").press("Enter")
    visit.page.locator("#history-clear").press("Enter")
    visit.expect("#history-clear").to_be_disabled()
    visit.expect("#history-fold summary").to_be_focused()


def test_a_score_that_is_the_same_is_not_said_again(visit: Any) -> None:
    visit.pick(("a.png", barcode("1")))
    visit.read("1")
    visit.page.locator("#detail .truth").fill("1")
    visit.expect("#score").to_contain_text("1 checked")
    count_writes(visit, "#score")
    visit.pick(("b.png", barcode("2")), ("c.png", barcode("3")))
    visit.expect("#progress-text").to_have_text("3 of 3 read")
    visit.page.evaluate("new Promise((resolve) => requestAnimationFrame(resolve))")
    assert visit.page.evaluate("window.written") == 0


def test_clearing_takes_what_was_said_of_the_pictures(visit: Any) -> None:
    pick_two(visit)
    visit.page.fill("#length", "1")
    visit.expect("#apply-all").to_be_visible()
    # As a folder without a picture does.
    visit.page.eval_on_selector("#folder", "(input) => input.dispatchEvent(new Event('change'))")
    visit.expect("#banner").to_have_text("There was no picture in that.")
    visit.page.click("#clear")
    visit.expect("#apply-all").to_be_hidden()
    visit.expect("#banner").to_be_hidden()


def test_the_map_follows_the_walk_where_it_is_wider_than_the_screen(open_page: Any) -> None:
    visit = open_page(viewport={"width": 320, "height": 700})
    text = "1234567890AB"
    visit.pick(("a.png", barcode(text)))
    visit.read(text)
    visit.expect(".heatmap").to_be_visible()
    frame = visit.page.locator(".map-scroll")
    for key in ("End", "Home"):
        visit.page.locator(".walk input[type=range]").press(key)
        cursor = visit.page.locator(".heatmap .cursor").bounding_box()
        seen = frame.bounding_box()
        assert seen["x"] <= cursor["x"] + cursor["width"]
        assert cursor["x"] <= seen["x"] + seen["width"]
    assert frame.evaluate("(frame) => frame.scrollWidth > frame.clientWidth")


def test_that_a_picture_is_cancelled_is_said(visit: Any) -> None:
    visit.page.evaluate(GATE)
    visit.pick(("a.png", barcode("1")))
    visit.page.locator("#cancel").press("Enter")
    visit.expect("#live").to_have_text("a.png: cancelled")
    visit.expect("#work").to_be_focused()
