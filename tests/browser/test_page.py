"""The page in a real browser, in front of a model that reads grey bars."""

from __future__ import annotations

import base64
import csv
import io
import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from captcha_ocr.tables import spreadsheet_cell
from web_harness import barcode

AS_FILES = """(list) => {
  const transfer = new DataTransfer();
  for (const [name, data] of list) {
    const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
    transfer.items.add(new File([bytes], name, { type: "image/png" }));
  }
  return transfer;
}"""


def handed(visit: Any, *files: tuple[str, bytes]) -> Any:
    """A DataTransfer with files, as a drop or a paste brings it."""
    encoded = [[name, base64.b64encode(data).decode()] for name, data in files]
    return visit.page.evaluate_handle(AS_FILES, encoded)


def test_a_sample_is_one_click_away(visit: Any) -> None:
    visit.page.locator("#samples button").first.click()
    visit.expect(".heatmap").to_be_visible()
    visit.expect("#rows tr").to_have_count(1)
    label = json.loads(visit.site.ask("GET", "/samples").data)["samples"][0]["label"]
    assert visit.page.locator("#detail .truth").input_value() == label


def test_a_picture_can_be_dropped(visit: Any) -> None:
    transfer = handed(visit, ("sum.png", barcode("7*3=?")))
    for name in ("dragenter", "dragover", "drop"):
        visit.page.dispatch_event("#drop", name, {"dataTransfer": transfer})
    visit.read("7*3=?")
    visit.expect(".big-answer").to_have_text("The answer is 21")


def test_a_picture_can_be_pasted(visit: Any) -> None:
    transfer = handed(visit, ("pasted.png", barcode("AB12")))
    visit.page.evaluate(
        "(data) => window.dispatchEvent(new ClipboardEvent('paste', "
        "{ clipboardData: data, bubbles: true, cancelable: true }))",
        transfer,
    )
    visit.read("AB12")


def test_a_whole_folder_is_read_with_progress(visit: Any, tmp_path: Path) -> None:
    inner = tmp_path / "set" / "images"
    inner.mkdir(parents=True)
    for number in range(40):
        (inner / f"{number:02}.png").write_bytes(barcode(f"{number:02}"))
    (inner / "labels.txt").write_text("no picture", encoding="utf-8")
    (inner / "._00.png").write_text("what macOS knows of it", encoding="utf-8")
    visit.page.set_input_files("#folder", tmp_path / "set")
    visit.expect("#progress-text").to_have_text("40 of 40 read")
    texts = [f"{number:02}" for number in range(40)]
    assert visit.page.locator("#rows .reading").all_inner_texts() == texts
    names = [f"images/{text}.png" for text in texts]
    assert visit.page.locator("#rows .name").all_inner_texts() == names


def test_folders_that_are_dropped_name_their_pictures(visit: Any) -> None:
    """Scripts cannot make a folder, so a stand-in has what the page asks of one."""
    transfer = handed(visit, ("notes.txt", b"no picture"), ("1.png", barcode("A1")))
    drop = """([transfer, names]) => {
      const files = [...transfer.files].map((file) => ({
        isFile: true, fullPath: `/${file.name}`,
        file: (take, refuse) => file.name === "locked.png" ? refuse(new Error()) : take(file),
      }));
      const folder = (name) => {
        const inner = files.map((entry) => ({ ...entry, fullPath: `/${name}${entry.fullPath}` }));
        return { isDirectory: true, fullPath: `/${name}`, createReader: () => ({
          readEntries: (resolve) => resolve(inner.splice(0, 1)), // a large one comes in pieces
        })};
      };
      const items = names.map((name) => ({ webkitGetAsEntry: () => folder(name) }));
      const event = new Event("drop", { bubbles: true, cancelable: true });
      event.dataTransfer = { items, files: transfer.files };
      window.dispatchEvent(event);
    }"""
    visit.page.evaluate(drop, [transfer, ["mine", "yours"]])
    visit.expect("#rows .name").to_have_text(["mine/1.png", "yours/1.png"])
    visit.page.evaluate(drop, [transfer, ["mine"]])
    visit.expect("#rows .name").to_have_text(["mine/1.png", "yours/1.png", "1.png"])
    visit.expect("#banner").to_be_hidden()
    transfer = handed(visit, ("locked.png", barcode("2")), ("3.png", barcode("3")))
    visit.page.evaluate(drop, [transfer, ["more"]])
    visit.expect("#rows .name").to_have_text(["mine/1.png", "yours/1.png", "1.png", "3.png"])
    visit.expect("#banner").to_have_text("1 could not be opened, such as more/locked.png.")


def test_models_are_compared(visit: Any) -> None:
    visit.pick(("a.png", barcode("12")))
    visit.read("12")
    visit.page.check("#models input[value=all]", force=True)
    visit.expect(".compare-row").to_have_count(2)
    visit.page.locator(".compare-row").nth(1).click()
    visit.expect(".compare-row[aria-pressed=true]").to_contain_text("vanilla_crnn")


def test_the_explanation_is_walked_with_the_keyboard(visit: Any) -> None:
    visit.pick(("a.png", barcode("A1")))
    visit.read("A1")
    visit.expect(".heatmap .row-label").to_have_count(3)  # blank, A, 1
    slider = visit.page.locator(".walk input[type=range]")
    slider.focus()
    slider.press("Home")
    visit.expect(".place").to_have_text("Column 1 of 10")
    visit.expect(".what").to_contain_text("Blank wins")
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    visit.expect(".what").to_contain_text("“A” wins")
    visit.expect(".so-far").to_have_text("A")
    slider.press("ArrowRight")
    visit.expect(".what").to_contain_text("merged")
    slider.press("End")
    visit.expect(".so-far").to_have_text("A1")
    assert "∅ 100 %" in slider.get_attribute("aria-valuetext")
    rows = visit.page.locator(".step .tiles").all_inner_texts()
    tiles = ["".join(row.split()) for row in rows]
    assert tiles == ["∅∅AA∅∅11∅∅", "∅A∅1∅", "A1"]
    visit.expect(".pillar").to_have_count(2)


def test_the_walk_plays_by_itself(visit: Any) -> None:
    visit.pick(("a.png", barcode("A1")))
    visit.read("A1")
    visit.page.get_by_role("button", name="Play").click()
    visit.expect(".place").to_have_text("Column 10 of 10")
    visit.expect(".walk-head button").to_have_text("Play")


def test_a_bad_file_is_explained_beside_the_good_ones(visit: Any) -> None:
    visit.pick(("good.png", barcode("42")), ("bad.png", b"not a picture"), ("c.png", barcode("1")))
    visit.expect("#progress-text").to_have_text("2 of 3 read · 1 could not be read")
    visit.expect("#rows .trouble").to_contain_text("Not a picture in a known format")


def test_a_file_name_is_text(visit: Any) -> None:
    name = "<img src=x onerror=alert(1)>.png"
    visit.pick((name, barcode("1")), ("<script>alert(2)</script>.png", b"bad"))
    visit.expect("#progress-text").to_contain_text("1 of 2 read")
    visit.expect("#detail .name").to_have_text(name)
    assert visit.page.locator("img[src='x']").count() == 0


def test_the_true_text_marks_errors_and_scores(visit: Any) -> None:
    visit.pick(("a.png", barcode("1234")), ("b.png", barcode("AB")))
    visit.expect("#progress-text").to_have_text("2 of 2 read")
    visit.page.locator("#rows .truth").nth(1).fill("AB")
    visit.page.locator("#rows .truth").nth(1).blur()
    visit.page.locator("#detail .truth").fill("1254")
    visit.expect(".outcome").to_contain_text("1 wrong character(s)")
    visit.expect(".outcome .wrong").to_have_text("3")
    visit.expect("#score").to_have_text(
        "2 checked: 1 right (EM 50 %), character errors (CER) 16.7 %"
    )


def test_what_only_case_makes_wrong_is_told_apart(visit: Any) -> None:
    """Some fonts draw one glyph for both; the benchmark counts with case aside."""
    visit.pick(("a.png", barcode("1234")), ("b.png", barcode("AB")))
    visit.expect("#progress-text").to_have_text("2 of 2 read")
    visit.page.locator("#rows .truth").nth(0).fill("1234")
    visit.page.locator("#rows .truth").nth(1).fill("aB")
    visit.page.locator("#rows .truth").nth(1).blur()
    visit.expect("#score").to_have_text(
        "2 checked: 1 right (EM 50 %, with case aside 100 %), character errors (CER) 16.7 %"
    )


def test_a_rule_shows_what_it_changes(visit: Any) -> None:
    visit.pick(("a.png", barcode("7*3=?")))
    visit.read("7*3=?")
    visit.page.select_option("#preset", "digits")
    visit.expect("#constraint-effect").to_contain_text("Without the rule: 7*3=?")
    digits = visit.page.locator("#text").inner_text()
    assert digits.isdigit()
    sure = re.findall(r"\(([^)]*)\)", visit.page.inner_text("#constraint-effect"))
    assert len(set(sure)) == 2  # of the free reading, and of the other
    visit.expect(".step ~ .hint").to_contain_text("spells “7*3=?”. The rule")
    visit.expect(".step ~ .hint").to_contain_text(f"chose “{digits}”")
    visit.page.select_option("#preset", "sum")
    visit.expect("#constraint-effect").to_contain_text("The rule changes nothing here")
    visit.page.fill("#pattern", "[0-9")
    visit.expect("#detail .trouble").to_contain_text("pattern")


def test_downloads_are_safe_for_spreadsheets_and_lossless(visit: Any) -> None:
    names = ("=cmd().png", 'a,"b".png', "c;=d().png")
    visit.pick(*zip(names, map(barcode, ("-1+2", "7*3=?", "1"))))
    visit.expect("#progress-text").to_have_text("3 of 3 read")
    with visit.page.expect_download() as download:
        visit.page.click("#download-csv")
    lines = Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == "file,text,confidence,answer,model,true_text,error"
    assert lines[1].startswith("'=cmd().png,'-1+2,")
    assert lines[2].startswith('"a,""b"".png",7*3=?,')
    assert lines[3].startswith("c;'=d().png,1,")  # two cells where commas are in numbers
    with visit.page.expect_download() as download:
        visit.page.click("#download-json")
    rows = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    assert [(row["file"], row["text"]) for row in rows] == [
        ("=cmd().png", "-1+2"),
        ('a,"b".png', "7*3=?"),
        ("c;=d().png", "1"),
    ]
    assert rows[1]["answer"] == 21


def test_history_stays_in_the_browser_until_it_is_cleared(visit: Any) -> None:
    visit.pick(("a.png", barcode("A1")))
    visit.read("A1")
    visit.expect("#history-count").to_have_text("1")
    visit.page.reload()
    visit.page.click("#history-fold summary")
    visit.expect("#history li").to_contain_text("A1")
    assert visit.page.locator("#history img").evaluate("(image) => image.decode()") is None
    visit.page.click("#history-clear")
    visit.expect("#history li").to_have_count(0)
    visit.page.reload()
    visit.expect("#history-count").to_have_text("")


def test_a_batch_can_be_cancelled(visit: Any) -> None:
    visit.page.route("**/api/predict", lambda route: None)  # never answered
    visit.pick(*((f"{i}.png", barcode("1")) for i in range(30)))
    visit.expect("#cancel").to_be_visible()
    visit.page.click("#cancel")
    visit.expect("#cancel").to_be_hidden()
    assert set(visit.page.locator("#rows tr td:nth-child(2)").all_inner_texts()) == {"cancelled"}


def test_cells_are_those_of_the_command_line(visit: Any) -> None:
    names = ["".join(name) for name in itertools.product('=;\t\n" a＋', repeat=3)]
    files = visit.page.evaluate(
        "(names) => import('./static/downloads.js').then(({ toCsv }) => "
        "names.map((name) => toCsv([{ name, status: 'waiting' }])))",
        names,
    )
    found = [list(csv.reader(io.StringIO(file, newline="")))[1][0] for file in files]
    assert found == [spreadsheet_cell(name) for name in names]


def test_a_busy_server_is_asked_again(visit: Any) -> None:
    answers = iter([503, 429])

    def sometimes(route: Any) -> None:
        group = "ndjson" in route.request.headers["accept"]
        status = next(answers, None) if group else None
        if status is None:
            route.continue_()
            return
        code = {503: "busy", 429: "rate"}[status]
        route.fulfill(
            status=status,
            content_type="application/problem+json",
            body=json.dumps({"code": code, "detail": "later"}),
        )

    visit.pick(("first.png", barcode("0")))
    visit.read("0")
    visit.page.route("**/api/predict", sometimes)
    visit.pick(("a.png", barcode("1")), ("b.png", barcode("2")), ("c.png", barcode("3")))
    visit.expect("#progress-text").to_have_text("4 of 4 read")
    assert not list(answers)


def test_sorting_puts_the_least_sure_first(visit: Any) -> None:
    visit.pick(("a.png", barcode("1")), ("b.png", b"bad"), ("c.png", barcode("2")))
    visit.expect("#progress-text").to_contain_text("2 of 3 read")
    visit.page.select_option("#sort", "unsure")
    visit.expect("#rows tr:first-child .trouble").to_be_visible()


def test_rows_are_reached_with_the_keyboard(visit: Any) -> None:
    visit.pick(("a.png", barcode("1")), ("b.png", barcode("2")))
    visit.expect("#progress-text").to_have_text("2 of 2 read")
    visit.page.locator(".pick").first.focus()
    visit.page.keyboard.press("ArrowDown")
    visit.read("2")


def test_the_language_is_switched_and_remembered(visit: Any) -> None:
    visit.pick(("a.png", barcode("7*3=?")))
    visit.read("7*3=?")
    visit.page.click("#language")
    visit.expect("#drop-title").to_have_text("把图片拖到这里")
    visit.expect(".big-answer").to_have_text("答案是 21")
    assert visit.page.evaluate("document.documentElement.lang") == "zh-CN"
    visit.page.reload()
    visit.expect("#drop-title").to_have_text("把图片拖到这里")


def test_a_chinese_browser_is_met_in_chinese(open_page: Any) -> None:
    visit = open_page(locale="zh-CN")
    visit.expect("#language").to_have_text("English")


def test_both_languages_say_everything(visit: Any) -> None:
    keys = visit.page.evaluate(
        "import('./static/strings.js').then(({ STRINGS }) => "
        "[Object.keys(STRINGS.en), Object.keys(STRINGS.zh)])"
    )
    assert sorted(keys[0]) == sorted(keys[1])
    used = visit.page.evaluate(
        "[...document.querySelectorAll('[data-i18n],[data-i18n-label]')]"
        ".flatMap((node) => [node.dataset.i18n, node.dataset.i18nLabel]).filter(Boolean)"
    )
    assert set(used) <= set(keys[0])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_follows_the_system_and_can_be_turned(open_page: Any, scheme: str) -> None:
    visit = open_page(color_scheme=scheme)
    paper = "getComputedStyle(document.body).backgroundColor"
    before = visit.page.evaluate(paper)
    assert (before == "rgb(16, 16, 22)") == (scheme == "dark")
    visit.page.click("#theme")
    after = visit.page.evaluate(paper)
    assert after != before
    visit.page.reload()
    assert visit.page.evaluate(paper) == after


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_is_wider_than_the_screen(open_page: Any, width: int) -> None:
    visit = open_page(viewport={"width": width, "height": 800})
    visit.pick(("a.png", barcode("7*3=?")), ("long name of a picture " * 9 + ".png", barcode("1")))
    visit.expect("#progress-text").to_have_text("2 of 2 read")
    for fold in visit.page.locator("summary").all():
        fold.click()
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert visit.page.evaluate(overflow) == 0


def test_a_server_that_is_gone_is_said(visit: Any) -> None:
    visit.page.route("**/api/**", lambda route: route.abort())
    visit.pick(("a.png", barcode("1")))
    visit.expect("#banner").to_contain_text("The server cannot be reached")


def test_an_upstream_that_is_gone_is_said(visit: Any) -> None:
    problem = json.dumps({"code": "upstream", "detail": "gone"})
    visit.page.route(
        "**/api/predict",
        lambda route: route.fulfill(
            status=502, content_type="application/problem+json", body=problem
        ),
    )
    visit.pick(("a.png", barcode("1")), ("b.png", barcode("2")))
    visit.expect("#banner").to_contain_text("recognition server behind this page")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(open_page: Any, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    visit = open_page(color_scheme=scheme)
    for prepare in (lambda: None, lambda: show_everything(visit)):
        prepare()
        found = axe.run(visit.page).response["violations"]
        serious = [v for v in found if v["impact"] in ("serious", "critical")]
        told = [(v["id"], [node["html"][:120] for node in v["nodes"][:3]]) for v in serious]
        assert told == []


def show_everything(visit: Any) -> None:
    visit.page.check("#models input[value=all]", force=True)
    visit.pick(("a.png", barcode("7*3=?")), ("bad.png", b"bad"), ("b.png", barcode("AB")))
    visit.expect("#progress-text").to_contain_text("2 of 3 read")
    visit.read("7*3=?")
    visit.page.locator("#detail .truth").fill("7*8=?")
    for fold in visit.page.locator("summary").all():
        fold.click()
    # Colours change over 0.15 s, and in between their contrast may be anything.
    visit.page.evaluate("Promise.allSettled(document.getAnimations().map((one) => one.finished))")
