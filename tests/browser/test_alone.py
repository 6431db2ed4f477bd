"""The page in the browser alone: what it reads is what Python reads, and it is the same page."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import browser_page
import numpy as np
import PIL
import pytest
from captcha_ocr.arithmetic import solve
from captcha_ocr.charset import Charset
from captcha_ocr.config import ImageConfig
from captcha_ocr.decoding import decode, log_softmax
from captcha_ocr.imaging import DEFAULT_LIMITS, ImageError, open_image, preprocess
from captcha_ocr.labels import read_labels
from captcha_ocr.model_info import WEIGHTS_DIR
from captcha_ocr.predictor import OnnxPredictor, load_predictors
from captcha_ocr.web import catalogue, results
from PIL import Image
from raw_pictures import COLOUR_TYPES, DEPTHS, random_gif, raw_png

# It is the same page, so its tests are the same where no server takes part.
from test_page import (  # noqa: F401
    test_a_bad_file_is_explained_beside_the_good_ones,
    test_a_file_name_is_text,
    test_a_picture_can_be_dropped,
    test_axe_finds_nothing_serious,
    test_both_languages_say_everything,
    test_models_are_compared,
    test_nothing_is_wider_than_the_screen,
    test_the_explanation_is_walked_with_the_keyboard,
    test_the_language_is_switched_and_remembered,
    test_the_theme_follows_the_system_and_can_be_turned,
)
from test_page_odd import test_a_file_that_is_gone_does_not_fail_the_others  # noqa: F401
from visits import PATIENCE_MS, Visit
from web_harness import barcode, write_two_models
from web_live import Live, free_port, wait_until_up

TEST_SET = Path(__file__).parents[2] / "training-ready" / "dataset" / "test"
SAMPLES = catalogue.STATIC / "samples"
GREY, COLOUR = ImageConfig(), ImageConfig(height=60, channels=3, pad_multiple=8)
CODES = ("unsupported", "size", "broken")
TOLERANCE = 1e-3  # of a value in [-1, 1]; one level of 255 is 8e-3

BYTES = "(text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0))"
ARRAYS = f"""async ([pictures, config]) => {{
  const {{ openPicture }} = await import("./reader/picture.js");
  const {{ preprocess }} = await import("./reader/imaging.js");
  const bytes = {BYTES};
  const text = (data) => data.reduce((sum, byte) => sum + String.fromCharCode(byte), "");
  return Promise.all(pictures.map(async (picture) => {{
    try {{
      const {{ width, data }} = preprocess(await openPicture(bytes(picture)), config);
      return {{ width, data: btoa(text(new Uint8Array(data.buffer))) }};
    }} catch (error) {{
      return {{ code: error.code ?? error.stack }};
    }}
  }}));
}}"""
EXPLAIN = f"""async ([picture, arch]) => {{
  const {{ explain }} = await import("./static/api.js");
  return explain(new File([({BYTES})(picture)], "a"), {{ arch }});
}}"""
DECODE = """async (cases) => {
  const { decode, logSoftmax } = await import("./reader/decoding.js");
  return cases.map(({ steps, classes, logits, temperature, symbols, topK }) => decode(
    logSoftmax({ steps, classes, values: Float64Array.from(logits) }, temperature), symbols, topK));
}"""


@contextlib.contextmanager
def served(folder: Path, weights: Path) -> Iterator[Live]:
    """The page as docs/browser.md says: built by the script, under Python's own file server."""
    if not browser_page.RUNTIME.is_dir() and shutil.which("npm") is None:
        pytest.skip("onnxruntime-web is not there, and npm is missing: apt-get install npm")
    page, port, log = folder / "page", free_port(), folder / "log.txt"
    browser_page.main(["--out", str(page), "--weights", str(weights)])
    server = ["-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(page)]
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen([sys.executable, *server], stdout=file, stderr=file, text=True)
    live = Live(process, port, log)
    try:
        wait_until_up(live, "/api/version.json")
        yield live
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_two_models(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Iterator[Live]:
    with served(tmp_path_factory.mktemp("alone"), weights) as live:
        yield live


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory, chromium: Any) -> Iterator[Visit]:
    """One visit of the page with the shipped models."""
    with served(tmp_path_factory.mktemp("shipped"), WEIGHTS_DIR) as live:
        context = chromium.new_context(locale="en-US")
        context.set_default_timeout(PATIENCE_MS)
        visit = Visit(context.new_page(), live)
        yield visit
        visit.check()
        context.close()


@pytest.fixture(scope="module")
def python() -> dict[str, OnnxPredictor]:
    return load_predictors(threads=1)


def read_by_browser(
    visit: Visit, pictures: Sequence[bytes], config: ImageConfig
) -> list[np.ndarray | str]:
    """What JavaScript makes of each picture: an array (C, H, W), or the code of its error."""
    encoded = [base64.b64encode(picture).decode() for picture in pictures]
    found = visit.page.evaluate(ARRAYS, [encoded, dataclasses.asdict(config)])
    shape = (config.channels, config.height, -1)
    return [
        row.get("code") or np.frombuffer(base64.b64decode(row["data"]), "<f4").reshape(shape)
        for row in found
    ]


def read_by_python(picture: bytes, config: ImageConfig) -> np.ndarray | str:
    try:
        return preprocess(open_image(picture), config)
    except ImageError as error:
        return error.code


def same(found: np.ndarray | str, wanted: np.ndarray | str) -> bool:
    if isinstance(found, str) or isinstance(wanted, str):
        return isinstance(found, str) and isinstance(wanted, str) and found == wanted
    return found.shape == wanted.shape and bool(np.abs(found - wanted).max() <= TOLERANCE)


def encode(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def noise(width: int, height: int, channels: int = 3) -> Image.Image:
    rng = np.random.default_rng(width + height)
    return Image.fromarray(rng.integers(0, 256, (height, width, channels), np.uint8).squeeze())


def data_set() -> dict[str, bytes]:
    files = [*TEST_SET.glob("images/*"), *SAMPLES.glob("*.png"), *SAMPLES.glob("*.gif")]
    return {file.name: file.read_bytes() for file in files}


def kinds_of_png() -> dict[str, bytes]:
    """All that the standard allows: depths, palettes, transparency, interlacing."""
    found = {}
    rng = np.random.default_rng(0)
    for kind, channels in COLOUR_TYPES.items():
        for depth in DEPTHS[kind]:
            samples = rng.integers(0, 1 << depth, (19, 37, channels))
            colours = min(1 << depth, 200)
            palette = rng.bytes(3 * colours) if kind == 3 else b""
            hidden = b"".join(int(value).to_bytes(2, "big") for value in samples[3, 3])
            clear = {0: hidden, 2: hidden, 3: rng.bytes(colours // 2)}.get(kind, b"")
            for transparency in {b"", clear}:
                for interlaced in (False, True):
                    name = f"{kind}-{depth}-{bool(transparency)}-{interlaced}"
                    found[name] = raw_png(
                        samples,
                        kind,
                        depth,
                        palette=palette,
                        transparency=transparency,
                        interlaced=interlaced,
                    )
    return found


def other_formats() -> dict[str, bytes]:
    picture = noise(130, 48).resize((260, 96), Image.Resampling.BICUBIC)
    clear = picture.convert("RGBA")
    clear.putalpha(noise(260, 96, 1))
    turned = Image.Exif()
    turned[0x112] = 6  # a camera's "turn me to the right", which Pillow leaves alone too
    camera = encode(picture, "JPEG", exif=turned)
    return {
        "jpeg": encode(picture, "JPEG", quality=75),
        "full chroma": encode(picture, "JPEG", quality=95, subsampling=0),
        "grey jpeg": encode(picture.convert("L"), "JPEG"),
        "progressive": encode(picture, "JPEG", progressive=True),
        "turned": camera,
        "turned, after a fill byte": camera.replace(b"\xff\xe1", b"\xff\xff\xe1", 1),
        "turned, after stray bytes": camera.replace(b"\xff\xe1", b"\x00\xda\xff\x00\xff\xe1", 1),
        "webp": encode(picture, "WEBP", quality=80),
        "lossless": encode(picture, "WEBP", lossless=True),
        "transparent webp": encode(clear, "WEBP", lossless=True, exact=True),
        "bmp": encode(picture, "BMP"),
        "grey bmp": encode(picture.convert("L"), "BMP"),
        "one bit": encode(picture.convert("1"), "BMP"),
        "gif": encode(picture, "GIF"),
        "grey gif": encode(picture.convert("L"), "GIF"),
    }


def sizes() -> dict[str, bytes]:
    shapes = [(8, 8), (300, 10), (900, 20), (64, 32), (257, 33), (1000, 1000)]
    # Older releases of Pillow round tall pictures otherwise.
    shapes += [(10, 500), (40, 90)] if int(PIL.__version__.partition(".")[0]) >= 13 else []
    return {f"{w}x{h}": encode(noise(w, h)) for w, h in shapes}


GROUPS = {
    "the sample set": data_set,
    "kinds of PNG": kinds_of_png,
    "animations": lambda: {f"seed {seed}": random_gif(seed) for seed in range(120)},
    "other formats": other_formats,
    "sizes": sizes,
}


@pytest.mark.parametrize("config", [GREY, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize("group", GROUPS)
def test_a_picture_becomes_the_same_array(shipped: Visit, group: str, config: ImageConfig) -> None:
    pictures = GROUPS[group]()
    found = read_by_browser(shipped, list(pictures.values()), config)
    wanted = [read_by_python(picture, config) for picture in pictures.values()]
    assert not any(isinstance(array, str) for array in wanted)
    differ = [name for name, *pair in zip(pictures, found, wanted) if not same(*pair)]
    assert differ == []


def damaged(picture: bytes, chunk: bytes) -> bytes:
    """With one bit turned, which only the chunk's checksum tells."""
    at = picture.index(chunk) + 4
    return picture[:at] + bytes([picture[at] ^ 1]) + picture[at + 1 :]


def test_what_python_refuses_is_refused_here(shipped: Visit) -> None:
    gif, png = random_gif(3), encode(noise(40, 16))
    pictures = [png[:cut] for cut in range(0, len(png), 7)]
    pictures += [gif[:cut] for cut in range(len(gif))]
    pictures += [b"", b"not a picture", encode(noise(7, 40)), encode(noise(1001, 1000, 1))]
    pictures += [b"\xff\xd8\xff" + bytes(50), b"BM" + bytes(50), b"<svg></svg>"]
    palette = kinds_of_png()["3-8-True-False"]
    pictures += [damaged(palette, chunk) for chunk in (b"IHDR", b"PLTE", b"tRNS")]
    found = read_by_browser(shipped, pictures, GREY)
    wanted = [read_by_python(picture, GREY) for picture in pictures]
    refused = [isinstance(each, str) for each in wanted]
    assert 300 < sum(refused) < len(pictures)
    assert all(isinstance(one, str) and one in CODES for one, no in zip(found, refused) if no)
    read = [pair for pair in zip(found, wanted) if not isinstance(pair[0], str)]
    assert read and all(same(*pair) for pair in read)


def test_the_limits_are_the_same(shipped: Visit) -> None:
    limits = shipped.page.evaluate("import('./reader/picture.js').then(({ LIMITS }) => LIMITS)")
    assert list(limits.values()) == list(dataclasses.astuple(DEFAULT_LIMITS))


def test_decoding_is_the_same(shipped: Visit) -> None:
    """Greedy and beam, on columns of all kinds: flat, sharp, doubled letters, a single column."""
    rng = np.random.default_rng(0)
    cases = []
    for number in range(60):
        steps, classes = int(rng.integers(1, 30)), int(rng.integers(2, 60))
        logits = rng.normal(size=(steps, classes)) * rng.choice([0.1, 1, 5])
        if number % 3 == 0:  # few labels that come again, so that blanks decide
            logits[:, 3:] -= 9
        symbols = [chr(ord("A") + label) for label in range(classes - 1)]
        case = {"steps": steps, "classes": classes, "logits": logits.ravel().tolist()}
        case |= {"temperature": 0.8, "symbols": symbols, "topK": [1, 3][number % 2]}
        cases.append(case)
    for case, found in zip(cases, shipped.page.evaluate(DECODE, cases)):
        logits = np.array(case["logits"]).reshape(case["steps"], case["classes"])
        charset = Charset(tuple(case["symbols"]))
        wanted = decode(log_softmax(logits, 0.8), charset, top_k=case["topK"])
        assert [reading["text"] for reading in found] == [reading.text for reading in wanted]
        for one, other in zip(found, wanted):
            assert one["confidence"] == pytest.approx(other.confidence, abs=1e-9)
            places = [(c["char"], c["start"], c["end"]) for c in one["characters"]]
            assert places == [(c.char, c.start, c.end) for c in other.characters]
            sure = [c["confidence"] for c in one["characters"]]
            assert sure == pytest.approx([c.confidence for c in other.characters], abs=1e-9)


def test_sums_are_the_same(shipped: Visit) -> None:
    texts = [
        "7*3=?",
        "3x4=",
        "3x4",
        "9÷3＝？",
        "1+2*3-4=?",
        "7/2=?",
        "7/0=?",
        "0-8*9=?",
        "x=?",
        "1=?",
    ]
    texts += [
        "",
        " 4 X 5 = ?",
        "2*-3=?",
        "9" * 14 + "+1=?",
        "1+" * 40 + "1=?",
        "12−5=？",
        "5x=?",
        "a3x4=?",
    ]
    found = shipped.page.evaluate(
        "(texts) => import('./reader/arithmetic.js').then(({ solve }) => texts.map(solve))", texts
    )
    assert found == [solve(text) for text in texts]


def test_a_hundred_pictures_read_as_in_python(
    shipped: Visit, python: Mapping[str, OnnxPredictor]
) -> None:
    labels = read_labels(TEST_SET / "labels.txt")[:100]
    files = [TEST_SET / "images" / label.file for label in labels]
    assert len(files) == 100 and any(file.suffix == ".gif" for file in files)
    for arch, predictor in python.items():
        shipped.page.check(f"#models input[value={arch}]", force=True)
        shipped.pick(*((file.name, file.read_bytes()) for file in files))
        shipped.expect("#progress-text").to_have_text("100 of 100 read")
        with shipped.page.expect_download() as download:
            shipped.page.click("#download-json")
        found = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
        shipped.page.click("#clear")
        for row, file in zip(found, files):
            # The first one is explained, and so the best of several readings.
            (wanted,) = predictor.predict([file], top_k=3 if row["explain"] else 1)
            assert (row["file"], row["text"]) == (file.name, wanted.text)
            assert (row["arch"], row["answer"]) == (arch, wanted.answer)
            assert row["confidence"] == pytest.approx(wanted.confidence, abs=2e-3)
            places = [(c["char"], c["start"], c["end"]) for c in row["characters"]]
            assert places == [(c.char, c.start, c.end) for c in wanted.characters]


def test_the_explanation_is_the_servers(
    shipped: Visit, python: Mapping[str, OnnxPredictor]
) -> None:
    for file in sorted(SAMPLES.glob("*.[pg][ni][gf]")):
        for arch, predictor in python.items():
            found = shipped.page.evaluate(
                EXPLAIN,
                [base64.b64encode(file.read_bytes()).decode(), arch],
            )
            (prediction,) = predictor.predict([file], top_k=3)
            wanted = results.reading(arch, prediction, predictor.info, with_explanation=True)
            compare_explanations(found, wanted.model_dump())


def compare_explanations(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Equal but for rounding: runs of one model differ in the sixth digit between machines."""
    for row, other in zip(found["alternatives"], wanted["alternatives"]):
        assert row["confidence"] == pytest.approx(other["confidence"], abs=2e-3)
    assert found["text"] == wanted["text"]
    mine, theirs = found["explain"], wanted["explain"]
    for name in ("columns", "picture_columns", "width_stride", "path", "merged"):
        assert mine[name] == theirs[name]
    rows = {row["char"]: row["p"] for row in mine["rows"]}
    assert mine["rows"][0]["char"] == ""
    for row in theirs["rows"]:
        if max(row["p"]) > 0.03:  # the others are at the edge of being drawn
            assert rows[row["char"]] == pytest.approx(row["p"], abs=2e-3)
    for column, other in zip(mine["top"], theirs["top"]):
        assert column[0]["char"] == other[0]["char"]
        assert [c["p"] for c in column] == pytest.approx([c["p"] for c in other], abs=2e-3)


def test_the_runtime_comes_from_here(visit: Visit) -> None:
    """`Visit.check` then finds no other host; the worker's requests are among those it sees."""
    visit.pick(("a.png", barcode("12")))
    visit.read("12")
    visit.expect(".status.up").to_be_visible()
    seen = {url.rpartition("/")[2] for url in visit.requests}
    assert {"ort-wasm-simd-threaded.wasm", "svtr_tiny.onnx"} <= seen
    visit.expect("#constraint").to_have_count(0)
    visit.expect("footer").to_contain_text("sent nowhere")


def test_a_damaged_model_is_refused(visit: Visit) -> None:
    """Changed on its way: the sum in its description does not fit any more."""

    def damage(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.body()[:-1] + b"\x00")

    visit.page.route("**/models/vanilla_crnn.onnx", damage)
    visit.page.check("#models input[value=vanilla_crnn]", force=True)
    visit.pick(("a.png", barcode("12")))
    visit.expect("#banner").to_contain_text("vanilla_crnn.onnx is not the file its .json describes")
    visit.page.check("#models input[value=svtr_tiny]", force=True)
    visit.read("12")


def test_what_a_browser_lacks_is_said(visit: Visit) -> None:
    pictures = [encode(noise(40, 16)), encode(noise(40, 16), "BMP")]
    visit.page.evaluate("delete self.DecompressionStream, delete self.OffscreenCanvas")
    assert read_by_browser(visit, pictures, GREY) == ["browser", "browser"]


def test_what_the_host_does_not_send_is_said_and_asked_for_again(visit: Visit) -> None:
    for file in ("reader/worker.js", "reader/model.js", "models/vanilla_crnn.onnx"):
        visit.page.route(f"**/{file}", lambda route: route.abort())
        visit.page.reload()
        visit.page.check("#models input[value=vanilla_crnn]", force=True)
        visit.pick(("a.png", barcode("12")))
        visit.expect("#banner").to_contain_text("A part of this page cannot be loaded")
        visit.expect(".status.down").to_be_visible()
        visit.page.unroute(f"**/{file}")
        visit.pick(("b.png", barcode("21")))
        visit.read("21")


def test_it_reads_on_when_its_host_has_gone(visit: Visit) -> None:
    visit.pick(("a.png", barcode("12")))
    visit.read("12")
    visit.page.route("**", lambda route: route.abort())
    visit.pick(("b.png", barcode("21")))
    visit.read("21")


def test_a_sample_is_one_click_away(visit: Visit) -> None:
    visit.page.locator("#samples button").first.click()
    visit.expect(".heatmap").to_be_visible()
    label = json.loads((SAMPLES / "samples.json").read_text(encoding="utf-8"))[0]["label"]
    assert visit.page.locator("#detail .truth").input_value() == label


def test_a_batch_can_be_cancelled(visit: Visit) -> None:
    visit.page.route("**/models/vanilla_crnn.onnx", lambda route: None)  # never answered
    visit.page.check("#models input[value=vanilla_crnn]", force=True)
    visit.pick(*((f"{i}.png", barcode("1")) for i in range(30)))
    visit.page.click("#cancel")
    visit.expect("#cancel").to_be_hidden()
    assert set(visit.page.locator("#rows tr td:nth-child(2)").all_inner_texts()) == {"cancelled"}


def test_the_surest_of_all_readings_is_the_result(shipped: Any) -> None:
    differ = 0
    for file in sorted(SAMPLES.glob("*.png")):
        encoded = base64.b64encode(file.read_bytes()).decode()
        found = shipped.page.evaluate(EXPLAIN, [encoded, "all"])
        sure = [each["confidence"] for each in found["compare"]]
        differ += len(set(sure)) > 1
        assert found["confidence"] == max(sure), file.name
        assert found["arch"] in [
            e["arch"] for e in found["compare"] if e["confidence"] == max(sure)
        ]
    assert differ
