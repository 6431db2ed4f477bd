"""The Space without Gradio: readings, drawings, files, words, and what goes to the Hub.

The page itself is tested in browser/test_space_page.py.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from captcha_ocr.imaging import ImageError
from captcha_ocr.web.problems import Problem
from captcha_ocr.web.schemas import CharacterModel, FileError, FileResult
from captcha_ocr.web.settings import Settings
from drawing import draw_barcode
from PIL import Image
from space import words
from space.drawing import characters_html, heatmap_svg, path_text
from space.files import COLUMNS, to_csv, to_json
from space.reading import SAMPLES, Picture, Reader
from web_harness import write_two_models

REPOSITORY = Path(__file__).parents[1]
SPACE = REPOSITORY / "hf_spaces"


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    weights = write_two_models(tmp_path_factory.mktemp("space") / "weights")
    return Reader(Settings(weights=str(weights), log="off", max_files=3, max_file_mb=0.1))


@pytest.fixture
def picture(tmp_path: Path) -> Picture:
    path = tmp_path / "upload"
    draw_barcode("7*3=?").save(path, "PNG")
    return Picture("sum.png", path)


def test_every_model_explains_a_picture(reader: Reader, picture: Picture) -> None:
    found = reader.explain(picture, {"arch": "svtr_tiny", "top_k": "2"})
    assert list(found) == reader.archs == ["svtr_tiny", "vanilla_crnn"]
    for reading in found.values():
        assert (reading.text, reading.answer) == ("7*3=?", 21)
        assert [c.char for c in reading.characters] == list("7*3=?")
        assert len(reading.alternatives) == 2
        assert reading.explain is not None
        assert "".join(reading.explain.merged) == "7*3=?"


def test_one_model_explains_a_picture(tiny_weights: Path, picture: Picture) -> None:
    reader = Reader(Settings(weights=str(tiny_weights), log="off"))
    assert [r.text for r in reader.explain(picture, {}).values()] == ["7*3=?"]


def test_a_constraint_holds_for_every_model(reader: Reader, picture: Picture) -> None:
    found = reader.explain(picture, {"alphabet": "0123456789", "length": "2"})
    assert list(found) == reader.archs
    assert all(re.fullmatch("[0-9]{2}", reading.text) for reading in found.values())


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"length": "many"}, "give a number, or a range like 4-6"),
        ({"alphabet": "龘"}, "holds none of the charset"),
        ({"pattern": "["}, "svtr_tiny: "),
    ],
)
def test_a_bad_constraint_is_told(
    reader: Reader, picture: Picture, fields: dict[str, str], said: str
) -> None:
    with pytest.raises(Problem, match=re.escape(said)):
        reader.explain(picture, fields)


def test_a_bad_picture_is_told_and_does_not_stop_the_others(
    reader: Reader, picture: Picture, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"<svg/>")
    wrong = Picture("../<b>.png", broken)
    results = reader.read([wrong, picture], {"arch": "vanilla_crnn"})
    assert [r.text for r in results] == [None, "7*3=?"]
    assert results[0].file == "<b>.png"
    assert results[0].error is not None
    assert results[0].error.code == "unsupported"
    with pytest.raises(Problem, match="not a picture in a known format"):
        reader.explain(wrong, {})
    with pytest.raises(ImageError, match="not a picture in a known format"):
        reader.picture(broken)


def test_limits(reader: Reader, picture: Picture, tmp_path: Path) -> None:
    with pytest.raises(Problem, match="4 pictures; 3 at once are read"):
        reader.read([picture] * 4, {})
    large = tmp_path / "large"
    large.write_bytes(bytes(200_000))
    with pytest.raises(Problem, match="the file is larger than"):
        reader.explain(Picture("large.png", large), {})


def test_a_picture_that_was_cleaned_away_is_asked_for_again(reader: Reader, tmp_path: Path) -> None:
    with pytest.raises(Problem, match="kept for an hour; choose it again"):
        reader.explain(Picture("a.png", tmp_path / "gone"), {})


def test_the_heat_map_is_a_drawing_of_every_row_and_column(
    reader: Reader, picture: Picture
) -> None:
    reading = reader.explain(picture, {})["vanilla_crnn"]
    assert reading.explain is not None
    drawn = ElementTree.fromstring(heatmap_svg(reading, reader.picture(picture.path)))
    rects = [node.attrib for node in drawn.iter("rect")]
    rows = [rect for rect in rects if rect["class"] == "row"]
    assert [node.text for node in drawn.iter("text")] == ["∅", *"7*3=?"]
    assert len(rows) == len(reading.explain.rows)
    assert {rect["width"] for rect in rows} == {str(reading.explain.columns * 12)}
    # A frame lies on the row of its character, where cells are strong.
    spans = [rect for rect in rects if rect["class"] == "span"]
    assert [rect["y"] for rect in spans] == [rect["y"] for rect in rows[1:]]
    for span in spans:
        inside = [
            float(rect["fill-opacity"])
            for rect in rects
            if rect["class"] == "cell"
            and rect["y"] == span["y"]
            and 0 <= int(rect["x"]) - int(span["x"]) < int(span["width"])
        ]
        assert max(inside) > 0.9
    (image,) = drawn.iter("image")
    assert image.attrib["href"].startswith("data:image/png;base64,")


def test_a_reading_without_explanation_has_no_heat_map(reader: Reader, picture: Picture) -> None:
    reading = reader.explain(picture, {})["vanilla_crnn"].model_copy(update={"explain": None})
    with pytest.raises(ValueError, match="explain=true"):
        heatmap_svg(reading, Image.new("RGB", (8, 8)))


def test_characters_are_escaped() -> None:
    html = characters_html(
        [CharacterModel(char=char, confidence=0.5, start=0, end=1) for char in '<&" ']
    )
    shown = [node.text for node in ElementTree.fromstring(html).iter("b")]
    assert shown == ["<", "&", '"', "␣"]
    assert path_text(["", "7", ""]) == "∅ 7 ∅"


def test_files_are_safe_and_whole() -> None:
    names = ["=cmd().png", "+1.png", "-1.png", "@a.png", "\tt.png", 'a"b,c.png', "验证码.png"]
    results = [
        FileResult(index=i, file=name, arch="vanilla_crnn", text="-1=?", confidence=0.25, answer=-1)
        for i, name in enumerate(names)
    ]
    results.append(FileResult(index=7, file="x", error=FileError(code="broken", message="=no")))
    data = to_csv(results)
    assert data.startswith(b"\xef\xbb\xbf")
    header, *rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    assert header == list(COLUMNS)
    assert [row[0] for row in rows[:5]] == [f"'{name}" for name in names[:5]]
    assert rows[5][0] == names[5]
    assert rows[6] == ["验证码.png", "'-1=?", "0.25", "-1", "vanilla_crnn", ""]
    assert rows[7] == ["x", "", "", "", "", "'=no"]
    assert [FileResult(**row) for row in json.loads(to_json(results))] == results


def test_the_samples_are_there_and_can_be_read(reader: Reader) -> None:
    assert len(SAMPLES) >= 12
    for path in SAMPLES:
        assert min(reader.picture(path).size) > 8


def test_both_languages_say_everything() -> None:
    assert list(words.ENGLISH) == list(words.CHINESE)
    assert all(words.ENGLISH.values())
    assert all(words.CHINESE.values())
    page = (SPACE / "space" / "page.py").read_text(encoding="utf-8")
    used = set(re.findall(r'\bt\("([\w.]+)"\)', page)) | set(
        re.findall(r'_table\(\s*"(\w+)"', page)
    )
    assert used == set(words.ENGLISH)


@pytest.mark.parametrize("host", ["192.0.2.1", "example.org"])
def test_the_guard_of_the_browser_test_sees_what_leaves(tmp_path: Path, host: str) -> None:
    script = tmp_path / "app.py"
    script.write_text(
        "import socket\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(server.getsockname()).close()\n"
        "print('at home', flush=True)\n"
        f"socket.create_connection(({host!r}, 9), timeout=1)\n",
        encoding="utf-8",
    )
    guard = Path(__file__).with_name("loopback_only.py")
    done = subprocess.run(
        [sys.executable, str(guard), str(script)], check=False, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == ["at home", f"LEFT for {host!r}"]
    assert "is not this machine" in done.stderr


def header() -> dict[str, str]:
    _, lines, _ = (SPACE / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    return dict(re.findall(r"^(\w+): (.+)$", lines, re.MULTILINE))


def test_the_settings_of_the_space() -> None:
    settings = header()
    assert settings["sdk"] == "gradio"
    assert settings["license"] == "mit"
    assert (SPACE / settings["app_file"]).is_file()
    assert len(settings["short_description"]) <= 60  # the Hub's limit
    project = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    (floor,) = re.findall(r'"gradio>=([\d.]+),<\d+"', project)
    assert re.fullmatch(rf"{re.escape(floor)}(\.\d+)*", settings["sdk_version"])


@pytest.fixture
def built(tmp_path: Path) -> Iterator[Path]:
    pytest.importorskip("tomllib", reason="Python 3.11 reads TOML")
    target = tmp_path / "space"
    script = str(REPOSITORY / "scripts" / "build_space.py")
    subprocess.run([sys.executable, script, str(target)], check=True)
    again = subprocess.run(
        [sys.executable, script, str(target)], check=False, capture_output=True, text=True
    )
    assert again.returncode == 1
    assert again.stderr.startswith(f"error: {target} is there already")
    yield target


def test_the_built_space_stands_alone(built: Path) -> None:
    assert {path.name for path in built.iterdir()} == {
        "README.md",
        "app.py",
        "captcha_ocr",
        "requirements.txt",
        "space",
    }
    lines = (built / "requirements.txt").read_text(encoding="utf-8").splitlines()
    names = [re.split("[<>=]", line)[0] for line in lines]
    assert names == ["numpy", "Pillow", "onnxruntime", "rapidfuzz", "gradio"]
    assert (built / "README.md").read_text(encoding="utf-8").endswith("- onnx\n---\n")
    assert not list(built.rglob("__pycache__"))
    assert not list(built.rglob("*.safetensors"))  # 20 MB that only training reads
    # app.py finds the package and its models beside itself, whatever is installed.
    code = (
        "from space.reading import Reader\n"
        "import captcha_ocr\n"
        "print(captcha_ocr.__file__, Reader.from_env().archs)"
    )
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=built, env=environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(built / "captcha_ocr" / "__init__.py"))
    assert "vanilla_crnn" in done.stdout
