"""What the page in the browser alone is built from; tests/browser/test_alone.py opens it."""

from __future__ import annotations

import json
import re
import shutil
import time
from pathlib import Path

import browser_page
import pytest
from captcha_ocr.model_info import ModelError
from captcha_ocr.web.access import SECURITY_HEADERS


def test_the_lock_pins_the_runtime_and_names_no_host() -> None:
    lock = (browser_page.SOURCE / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock and "://" not in re.sub(r'"url": "[^"]*"', "", lock)
    package = json.loads((browser_page.SOURCE / "package.json").read_text(encoding="utf-8"))
    pinned = package["dependencies"]["onnxruntime-web"]
    installed = json.loads(lock)["packages"]["node_modules/onnxruntime-web"]
    assert installed["version"] == pinned
    assert installed["integrity"].startswith("sha512-")


def test_the_page_has_no_part_that_needs_a_server() -> None:
    html = browser_page.page()
    assert "server:begin" not in html and "server:end" not in html
    for part in ('id="constraint"', 'id="curl"', "openapi.json"):
        assert part in (browser_page.catalogue.STATIC / "index.html").read_text(encoding="utf-8")
        assert part not in html
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    # A page cannot say itself who may frame it; the rest is what the servers send.
    served = SECURITY_HEADERS["Content-Security-Policy"].split("; ")
    assert set(served) - set(policy.split("; ")) == {"frame-ancestors 'none'"}


def test_no_other_folder_is_emptied(tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("precious", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"^error: .* holds something else"):
        browser_page.make_room(tmp_path)
    assert mine.exists()


def test_its_own_source_is_not_emptied(tmp_path: Path) -> None:
    source = tmp_path / "static"
    shutil.copytree(
        browser_page.SOURCE, source, ignore=shutil.ignore_patterns("node_modules", "dist")
    )
    with pytest.raises(SystemExit, match=r"^error: .* holds something else"):
        browser_page.make_room(source)
    assert (source / "api.js").exists()


def test_an_earlier_build_is_replaced(tmp_path: Path) -> None:
    for name in ("index.html", "reader/worker.js", "models/old.onnx"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    browser_page.make_room(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_build_stays_when_there_are_no_models(tmp_path: Path) -> None:
    for name in ("index.html", "reader/worker.js"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("earlier", encoding="utf-8")
    with pytest.raises(ModelError):
        browser_page.build(tmp_path, tmp_path / "no-models")
    assert (tmp_path / "index.html").read_text(encoding="utf-8") == "earlier"


def test_a_build_is_as_new_as_it_is(
    tmp_path: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A browser keeps a file for a tenth of its age, so an old script would outlive its page."""
    runtime, out = tmp_path / "runtime", tmp_path / "page"
    runtime.mkdir()
    for name in browser_page.RUNTIME_FILES:
        (runtime / name).touch()
    monkeypatch.setattr(browser_page, "RUNTIME", runtime)
    started = time.time() - 5  # file systems round
    browser_page.build(out, tiny_weights)
    files = [path for path in out.rglob("*") if path.is_file()]
    assert len(files) > 50
    assert [path for path in files if path.stat().st_mtime < started] == []


def test_no_module_asks_another_host() -> None:
    ours = [*browser_page.SOURCE.glob("*.js"), *browser_page.SOURCE.glob("reader/*.js")]
    assert len(ours) > 15
    assert [file.name for file in ours if "://" in file.read_text(encoding="utf-8")] == []


def test_rooms_are_small() -> None:
    """The same measure as for the package's modules."""
    sizes = {
        file.name: len(file.read_text(encoding="utf-8").splitlines())
        for file in browser_page.SOURCE.glob("reader/*.js")
    }
    assert "worker.js" in sizes
    assert {name: size for name, size in sizes.items() if size >= 250} == {}
