"""`make data` knows a generator for every style, and asks the merge for an exact, balanced set."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import generators
import make_data
import pytest
from captcha_ocr.cli import merge
from captcha_ocr.datasets.styles import STYLES


def test_every_style_has_its_generator() -> None:
    assert list(generators.GENERATORS) == list(STYLES)
    for folder, runner, _ in generators.GENERATORS.values():
        assert (generators.TOOLS / folder / runner).is_file()


def test_the_merge_is_asked_for_equal_shares(tmp_path: Path) -> None:
    args = make_data.build_parser().parse_args(["--count", "100", "--test-count", "10"])
    arguments = make_data.merge_arguments(args, tmp_path / "out", tmp_path / "raw")
    config = merge.build_config(merge.build_parser().parse_args(arguments))
    assert (config.limit_train, config.limit_train_each) == (100, 34)
    assert (config.limit_test, config.limit_test_each) == (10, 4)
    assert [source.style for source in config.sources] == [*STYLES, *STYLES]
    assert config.on_unknown == "drop", "a small set lacks characters, and that is no surprise"


def test_where_links_cannot_be_pictures_are_copied(tmp_path: Path) -> None:
    args = make_data.build_parser().parse_args(["--copy-mode", "copy"])
    arguments = make_data.merge_arguments(args, tmp_path / "out", tmp_path / "raw")
    config = merge.build_config(merge.build_parser().parse_args(arguments))
    assert config.copy_mode == "copy", "what the merge's own message asks for"


def test_a_failing_generator_stops_it(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        generators.run([sys.executable, "-c", "raise SystemExit(7)"], tmp_path)
    assert caught.value.code == 7


def test_without_maven_its_wrapper_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generators, "TOOLS", tmp_path)
    monkeypatch.setattr(generators.shutil, "which", lambda name: None if name == "mvn" else name)
    with pytest.raises(SystemExit, match=r"mvnw\S* -q package -DskipTests"):
        generators.build_tools()
    monkeypatch.setattr(generators.shutil, "which", lambda name: None)
    with pytest.raises(SystemExit, match="JDK 17 or newer"):
        generators.build_tools()


def test_generators_of_an_earlier_version_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After `git pull` they still draw as they did before it."""
    jar = tmp_path / "CalculateCaptch" / "CalculateCaptcha-1.1.jar"
    source = tmp_path / "src" / "main" / "java" / "Style.java"
    for file in (jar, source):
        file.parent.mkdir(parents=True)
        file.touch()
    (tmp_path / "EasyCaptcha" / "lib").mkdir(parents=True)
    monkeypatch.setattr(generators, "TOOLS", tmp_path)
    monkeypatch.setattr(generators.shutil, "which", lambda name: name)
    for built, said in ((2000, ""), (500, "make data-tools builds them")):
        os.utime(source, (1000, 1000))
        os.utime(jar, (built, built))
        generators.build_tools()
        out = capsys.readouterr().out
        assert said in out and bool(out) is bool(said)
