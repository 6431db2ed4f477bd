"""What the page looks like to those who need it otherwise: contrast, width, chosen colours."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image
from web_harness import barcode

# Each tile's text and its ground, as 0 to 1: Chromium writes mixed colours as color(srgb r g b).
COLOURS = """() => [...document.querySelectorAll(".tile")].map((tile) => {
  const style = getComputedStyle(tile);
  const parts = (text) => {
    const numbers = text.match(/[\\d.]+/g).map(Number);
    return text.startsWith("rgb") ? numbers.map((n) => n / 255) : numbers;
  };
  return [parts(style.color), parts(style.backgroundColor)];
})"""


def luminance(colour: list[float]) -> float:
    """Relative luminance (WCAG 2.2)."""
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: list[float], other: list[float]) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_colours_of_characters_can_be_read(open_page: Any, scheme: str) -> None:
    """axe leaves out grounds that are mixed by color-mix()."""
    visit = open_page(color_scheme=scheme)
    visit.pick(("a.png", barcode("123456")))
    visit.read("123456")
    tiles = [pair for pair in visit.page.evaluate(COLOURS) if len(pair[1]) == 3]
    assert len(tiles) >= 12
    assert min(contrast(*pair) for pair in tiles) >= 4.5


@pytest.mark.parametrize("width", [320, 360, 390])
def test_the_head_has_room(open_page: Any, width: int) -> None:
    visit = open_page(viewport={"width": width, "height": 800})
    visit.expect(".status.up").to_be_visible()
    assert visit.page.locator("#status").inner_text().strip() == "Ready"  # for a screen reader
    title, status = (visit.page.locator(name).bounding_box() for name in ("h1", "#status"))
    text = visit.page.evaluate(
        "() => { const range = document.createRange();"
        " range.selectNodeContents(document.querySelector('h1'));"
        " return range.getBoundingClientRect().right; }"
    )
    assert text <= status["x"] or title["y"] + title["height"] <= status["y"]


def test_on_a_phone_too_a_server_that_is_down_is_said_in_words(open_page: Any) -> None:
    visit = open_page(viewport={"width": 320, "height": 800})
    visit.page.route("**/api/readyz", lambda route: route.abort())
    visit.page.click("#language")  # asks again
    visit.expect("#status.down").to_have_text("未就绪")
    assert visit.page.locator("#status-text").bounding_box()["width"] > 20
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert visit.page.evaluate(overflow) == 0


def test_what_is_chosen_is_seen_in_the_systems_colours(open_page: Any) -> None:
    visit = open_page(forced_colors="active")
    visit.page.check("#models input[value=all]", force=True)
    visit.pick(("a.png", barcode("1")))
    visit.expect(".compare-row").to_have_count(2)
    outline = "(node) => getComputedStyle(node).outlineStyle"
    for chosen in (".segments :checked + span", "[aria-pressed=true]", "tr.selected"):
        assert visit.page.locator(chosen).evaluate(outline) == "solid", chosen


def test_a_picture_is_shown_as_the_model_sees_it(open_page: Any) -> None:
    """Without a camera's "turn me to the right", or the heat would lie beside the characters."""
    turned, file = Image.Exif(), io.BytesIO()
    turned[0x112] = 6
    Image.open(io.BytesIO(barcode("12"))).save(file, "JPEG", exif=turned, quality=95)
    visit = open_page()
    visit.pick(("a.jpg", file.getvalue()))
    visit.expect("#text").to_be_visible()
    size = visit.page.locator("#detail .thumb").evaluate(
        "async (image) => { await image.decode();"
        " image.style.width = image.style.height = 'auto';"
        " return [image.clientWidth, image.clientHeight]; }"
    )
    assert size == [40, 32]
