"""The page in its details: columns of downloads, scores, history, sorting, the map, languages."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from test_page import handed
from test_page_odd import READINGS, both_asked_for, pick_two, refuse
from visits import Visit
from web_harness import barcode, write_two_models
from web_live import serve


def saved(visit: Any, kind: str) -> bytes:
    with visit.page.expect_download() as download:
        visit.page.click(f"#download-{kind}")
    return Path(download.value.path()).read_bytes()


def test_each_column_of_the_download_holds_what_it_names(visit: Any) -> None:
    visit.pick(("a.png", barcode("7*3=?")), ("bad.png", b"bad"))
    visit.expect("#progress-text").to_contain_text("1 of 2 read")
    visit.page.locator("#detail .truth").fill("7*8=?")
    data = saved(visit, "csv")
    assert data.startswith(b"\xef\xbb\xbf")  # or Excel garbles Chinese
    first, bad = csv.DictReader(io.StringIO(data.decode("utf-8-sig")))
    assert 0 < float(first.pop("confidence")) <= 1
    assert first == {
        **{"file": "a.png", "text": "7*3=?", "answer": "21", "model": "svtr_tiny"},
        **{"true_text": "7*8=?", "error": ""},
    }
    assert (bad["file"], bad["true_text"], bad["error"]) == ("bad.png", "", "unsupported")
    assert json.loads(saved(visit, "json"))[0]["true_text"] == "7*8=?"


def test_what_was_cancelled_while_a_server_was_busy_is_read_later(visit: Any) -> None:
    """Both of the page's two requests wait to be sent again."""
    visit.pick(("first.png", barcode("0")))
    visit.read("0")
    visit.page.route("**/api/predict", refuse(503, "busy"))
    with visit.page.expect_response("**/api/predict"):
        visit.pick(*((f"{n}.png", barcode(str(n % 10))) for n in range(34)))
    visit.page.wait_for_timeout(300)
    visit.page.click("#cancel")
    visit.page.unroute("**/api/predict")
    visit.page.check("#models input[value=vanilla_crnn]", force=True)
    visit.expect("#progress-text").to_have_text("35 of 35 read")


def test_no_more_files_are_sent_than_a_server_takes(visit: Any, tmp_path: Path) -> None:
    weights = str(write_two_models(tmp_path / "weights"))
    with serve("flask", tmp_path, weights=weights, rate="0", log="off", max_files="3") as live:
        small = Visit(visit.page.context.new_page(), live)
        small.pick(*((f"{n}.png", barcode(str(n))) for n in range(9)))
        small.expect("#progress-text").to_have_text("9 of 9 read")
        small.page.close()


def test_a_page_holds_so_many_pictures(visit: Any) -> None:
    visit.page.route("**/api/predict", lambda route: None)  # never answered
    visit.page.evaluate(
        """() => {
          const transfer = new DataTransfer();
          for (let n = 0; n < 1500; n += 1) transfer.items.add(new File(["x"], `${n}.png`));
          window.many = () => {
            const event = new DragEvent("drop", { dataTransfer: transfer, cancelable: true });
            dispatchEvent(event);
          };
          window.many();
        }"""
    )
    visit.expect("#progress-text").to_contain_text("of 1500")
    visit.page.evaluate("window.many()")
    visit.expect("#progress-text").to_contain_text("of 2000")
    visit.expect("#banner").to_contain_text("2000")


def test_the_keyboard_goes_up_too(visit: Any) -> None:
    pick_two(visit)
    visit.page.locator(".pick").nth(1).press("Enter")
    visit.read("2")
    visit.page.locator(".pick").nth(1).press("ArrowUp")
    visit.read("1")


def test_sorting_is_undone_and_leaves_the_downloads_alone(visit: Any) -> None:
    visit.pick(("a.png", barcode("1")), ("b.png", b"bad"))
    visit.expect("#progress-text").to_contain_text("1 of 2 read")
    visit.page.select_option("#sort", "unsure")
    visit.expect("#rows .name").to_have_text(["b.png", "a.png"])
    rows = json.loads(saved(visit, "json"))
    assert [row["file"] for row in rows] == ["a.png", "b.png"]
    visit.page.select_option("#sort", "added")
    visit.expect("#rows .name").to_have_text(["a.png", "b.png"])


def test_readings_of_another_length_are_scored(visit: Any) -> None:
    pick_two(visit)
    visit.page.locator("#detail .truth").fill("31")
    visit.expect(".outcome").to_contain_text("1 wrong character(s)")
    visit.expect(".outcome .missing").to_have_text("‹3›")
    visit.expect("#score").to_contain_text("character errors (CER) 50.0 %")
    visit.page.locator("#rows .truth").nth(1).fill("22")
    visit.page.locator("#rows .truth").nth(1).blur()
    visit.expect("#score").to_contain_text("character errors (CER) 50.0 %")


def test_a_reading_with_too_much_is_marked(visit: Any) -> None:
    visit.pick(("a.png", barcode("123")))
    visit.read("123")
    visit.page.locator("#detail .truth").fill("13")
    visit.expect(".outcome").to_contain_text("1 wrong character(s)")
    visit.expect(".outcome .extra").to_have_text("2")


def test_the_history_keeps_the_last_ones_and_each_once(visit: Any) -> None:
    entry = {"text": "old", "answer": None, "confidence": 1, "picture": ""}
    old = json.dumps([{**entry, "name": str(n)} for n in range(50)])
    visit.page.evaluate("(old) => localStorage.setItem('captcha-ocr.history', old)", old)
    visit.page.reload()
    visit.page.click("#history-fold summary")
    for text in ("12", "34", "12"):
        visit.pick(("a.png", barcode(text)))
        visit.read(text)
        visit.expect("#history li:first-child .reading").to_have_text(text)
    visit.expect("#history li").to_have_count(50)
    readings = visit.page.locator("#history .reading").all_inner_texts()
    assert readings[:3] == ["12", "34", "old"]


def test_letters_only_gives_letters_only(visit: Any) -> None:
    visit.page.select_option("#preset", "letters")
    visit.pick(("a.png", barcode("A12B")))
    visit.expect("#text").to_be_visible()
    assert visit.page.inner_text("#text").isalpha()


def test_the_model_that_was_chosen_is_remembered(visit: Any) -> None:
    visit.page.check("#models input[value=vanilla_crnn]", force=True)
    visit.page.reload()
    visit.expect("#models input[value=vanilla_crnn]").to_be_checked()


def test_a_reading_is_copied(open_page: Any) -> None:
    """By the clipboard that pages on this machine and over https have."""
    visit = open_page(permissions=["clipboard-read", "clipboard-write"])
    visit.pick(("a.png", barcode("7*3=?")))
    visit.read("7*3=?")
    visit.page.get_by_role("button", name="Copy").click()
    visit.expect(".verdict button").to_have_text("Copied")
    assert visit.page.evaluate("navigator.clipboard.readText()") == "7*3=?"


def test_the_map_and_its_parts_are_of_the_column_pointed_at(visit: Any) -> None:
    """It is read as ∅∅AA∅∅11∅∅."""
    visit.pick(("a.png", barcode("A1")))
    visit.read("A1")
    visit.expect(".heatmap").to_be_visible()
    field = visit.page.locator(".heatmap .field").bounding_box()
    width = field["width"] / 10
    visit.page.mouse.move(field["x"] + 6.9 * width, field["y"] + 5)
    visit.expect(".place").to_have_text("Column 7 of 10")
    visit.expect(".bars .bar:first-child b").to_have_text("1")
    # The picture is tinted where a character is seen, and its span is above it.
    tint = "(all) => all.map((rect) => Number(rect.getAttribute('x')))"
    tinted = visit.page.eval_on_selector_all(".heatmap image + g .tint", tint)
    columns = [round((x - 30) / width) for x in tinted]
    assert {2, 3, 6, 7} <= set(columns) and not {0, 9} & set(columns)
    span = visit.page.locator(".heatmap .span rect").first.bounding_box()
    assert span["width"] == pytest.approx(2 * width, abs=1)
    visit.page.locator(".part-head input[type=checkbox]").uncheck()
    visit.expect(".heatmap image + g .tint").to_have_count(0)


def test_pictures_of_a_folder_are_in_the_order_of_their_numbers(visit: Any, tmp_path: Path) -> None:
    for number in (10, 2, 1):
        (tmp_path / f"{number}.png").write_bytes(barcode(str(number)))
    visit.page.set_input_files("#folder", tmp_path)
    visit.expect("#rows .name").to_have_text(["1.png", "2.png", "10.png"])


def test_the_same_file_can_be_chosen_again(visit: Any) -> None:
    """A browser says nothing of a choice that is the same as the last."""
    visit.pick(("a.png", barcode("1")))
    visit.read("1")
    assert visit.page.eval_on_selector("#files", "(input) => input.files.length") == 0


def test_a_drop_ends_the_dragging(visit: Any) -> None:
    transfer = handed(visit, ("a.png", barcode("1")))
    visit.page.dispatch_event("#drop", "dragenter", {"dataTransfer": transfer})
    visit.expect("body.dragging").to_have_count(1)
    visit.page.dispatch_event("#drop", "drop", {"dataTransfer": transfer})
    visit.read("1")
    visit.expect("body.dragging").to_have_count(0)


def test_all_that_is_drawn_is_drawn_in_the_other_language(visit: Any) -> None:
    visit.pick(("a.png", barcode("1")), ("bad.png", b"bad"))
    visit.expect("#progress-text").to_contain_text("1 of 2 read")
    english = ("#rows .trouble", "#progress-text", "#sort", "#model-facts")
    before = [visit.page.inner_text(place) for place in english]
    label = visit.page.get_attribute("#samples button", "aria-label")
    visit.page.click("#language")
    for place, text in zip(english, before):
        visit.expect(place).not_to_have_text(text)
    assert visit.page.get_attribute("#samples button", "aria-label") != label


def test_the_bar_is_full_when_all_is_over(visit: Any) -> None:
    visit.pick(("a.png", barcode("1")), ("bad.png", b"bad"))
    visit.expect("#progress-text").to_contain_text("1 of 2 read")
    assert visit.page.eval_on_selector("#progress", "(bar) => bar.position") == 1


def test_a_true_text_of_the_view_is_in_the_table_and_bare(visit: Any) -> None:
    pick_two(visit)
    visit.page.locator("#detail .truth").fill("1")
    assert visit.page.locator("#rows .truth").first.input_value() == "1"
    visit.page.locator("#rows .truth").first.fill(" 1 ")
    visit.page.locator("#rows .truth").first.blur()
    visit.expect("#score").to_contain_text("1 checked: 1 right")
    visit.expect("#rows tr:first-child .diff .right").to_have_count(1)


def test_a_reading_stays_when_a_server_is_busy(visit: Any) -> None:
    pick_two(visit)
    visit.page.route("**/api/predict", refuse(502, "upstream"))
    visit.page.locator(".pick").nth(1).click()
    visit.expect("#banner").to_contain_text("recognition server behind this page")
    visit.expect(READINGS).to_have_text(["1", "2"])


def test_other_readings_are_others(visit: Any) -> None:
    visit.pick(("a.png", barcode("12")))
    visit.read("12")
    assert "12" not in visit.page.locator(".others .reading").all_inner_texts()


def test_cancelling_stops_the_request(visit: Any) -> None:
    visit.page.route("**/api/predict", lambda route: None)  # never answered
    with both_asked_for(visit):
        visit.pick(("a.png", barcode("1")), ("b.png", barcode("2")))
    with visit.page.expect_event("requestfailed", lambda one: "ndjson" in one.headers["accept"]):
        visit.page.click("#cancel")


def test_a_walk_starts_anew_from_its_end(visit: Any) -> None:
    visit.pick(("a.png", barcode("A1")))
    visit.read("A1")
    visit.page.locator(".walk input[type=range]").press("End")
    visit.page.get_by_role("button", name="Play").click()
    visit.expect(".place").to_have_text("Column 2 of 10")


def test_a_walk_is_stopped_where_it_is(visit: Any) -> None:
    visit.pick(("a.png", barcode("A1")))
    visit.read("A1")
    visit.expect(".place").to_have_text("Column 3 of 10")  # the first that is no blank
    visit.page.get_by_role("button", name="Play").click()
    visit.page.get_by_role("button", name="Pause").click()
    visit.expect(".walk-head button").to_have_text("Play")


def test_a_picture_without_its_padding_lies_over_its_columns(visit: Any) -> None:
    file = io.BytesIO()
    Image.open(io.BytesIO(barcode("A1"))).crop((0, 0, 38, 32)).save(file, "PNG")
    visit.pick(("a.png", file.getvalue()))
    visit.read("A1")
    picture, field = (f".heatmap {name}" for name in ("image", ".field"))
    width = "(node) => node.width.baseVal.value"
    whole = visit.page.eval_on_selector(field, width)
    assert visit.page.eval_on_selector(picture, width) == pytest.approx(whole * 38 / 40)


def test_what_a_model_is_is_said(visit: Any) -> None:
    model = json.loads(visit.site.ask("GET", "/api/models").data)["models"][0]
    model |= {"params": 1_250_000, "charset_size": 62, "exact_match": 0.5}
    answer = {"default": model["name"], "models": [model], "rule": {}}
    visit.page.route("**/api/models", lambda route: route.fulfill(json=answer))
    visit.page.reload()
    visit.expect("#model-facts").to_contain_text("1.3 M weights · 32 px high · 62 characters")
    version = json.loads(visit.site.ask("GET", "/api/version").data)
    visit.expect("#version").to_have_text(f"{version['name']} {version['version']}")


def test_what_is_shown_is_of_the_model_that_is_chosen(visit: Any) -> None:
    def differ(route: Any) -> None:
        answer = json.loads(route.fetch().body())
        other = answer["results"][0]["compare"][1]
        other |= {"text": "34", "confidence": 0.5}
        route.fulfill(json=answer)

    visit.page.route("**/api/predict", differ)
    visit.page.check("#models input[value=all]", force=True)
    visit.pick(("a.png", barcode("12")))
    visit.expect(".compare-row").to_have_count(2)
    visit.page.locator(".compare-row").nth(1).click()
    visit.expect(".verdict .chip").to_have_text("50 % sure of the whole text")
    visit.expect(".verdict .row .hint").to_contain_text("vanilla_crnn ·")
    visit.page.locator("#detail .truth").fill("12")
    visit.expect(".outcome").to_contain_text("2 wrong character(s)")
    visit.page.locator(".compare-row").nth(0).click()
    visit.expect(".verdict .row .hint").to_contain_text("svtr_tiny ·")
    visit.expect(".outcome").to_have_text("Right.")


def test_certainty_has_a_decimal_where_it_matters(visit: Any) -> None:
    said = {1: "100 %", 0.9994: "99.9 %", 0.986: "98.6 %", 0.8: "80 %", 0.094: "9.4 %"}
    said |= {0.0006: "0.1 %", 0.0004: "< 0.1 %"}
    texts = visit.page.evaluate(
        "(all) => import('./static/words.js').then(({ sureText }) => all.map(sureText))", list(said)
    )
    assert texts == list(said.values())


def test_how_sure_of_each_character_is_drawn(visit: Any) -> None:
    visit.pick(("a.png", barcode("A1")))
    visit.read("A1")
    heights = "(all) => all.map((fill) => parseFloat(fill.style.height))"
    assert min(visit.page.eval_on_selector_all(".pillar-track span", heights)) > 90


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_button_names_the_other_theme(open_page: Any, scheme: str) -> None:
    visit = open_page(color_scheme=scheme)
    labels = {"light": "Dark colours", "dark": "Light colours"}
    visit.expect("#theme").to_have_attribute("aria-label", labels[scheme])
    visit.page.click("#theme")
    (other,) = set(labels.values()) - {labels[scheme]}
    visit.expect("#theme").to_have_attribute("aria-label", other)


def test_a_sum_in_the_table_has_its_answer(visit: Any) -> None:
    visit.pick(("a.png", barcode("7*3=?")), ("b.png", barcode("1")))
    visit.expect("#rows .answer").to_have_text("= 21")


def test_another_preset_takes_the_pattern_of_a_sum_away(visit: Any) -> None:
    visit.pick(("a.png", barcode("A1")))
    visit.read("A1")
    visit.page.select_option("#preset", "sum")
    visit.page.select_option("#preset", "alnum")
    assert visit.page.input_value("#pattern") == ""
    visit.expect("#constraint-effect").to_contain_text("The rule changes nothing here: A1")


def test_a_rule_is_compared_by_the_model_that_is_chosen(visit: Any) -> None:
    visit.page.check("#models input[value=vanilla_crnn]", force=True)
    visit.page.evaluate(
        """() => {
          const real = window.fetch;
          window.models = [];
          window.fetch = (url, init) => {
            if (init?.body) window.models.push(init.body.get("arch"));
            return real(url, init);
          };
        }"""
    )
    visit.pick(("a.png", barcode("12")))
    visit.read("12")
    visit.page.fill("#length", "2")
    visit.expect("#constraint-effect").to_contain_text("The rule changes nothing here")
    assert visit.page.evaluate("window.models") == ["vanilla_crnn"] * 3
