"""`make data` draws the styles that have a generator here, and asks the merge for an exact,
balanced set."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import generators
import make_data
import pytest
from captcha_ocr.cli import merge
from captcha_ocr.datasets.styles import STYLES, Style
from generators import GENERATORS


@pytest.fixture(autouse=True)
def a_style_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """As CONTRIBUTING says, a row is all that it takes here: its generator may be anywhere."""
    monkeypatch.setitem(STYLES, "digits", Style("digits", "Digits", ("digits",)))


def test_every_generator_is_there_and_draws_a_style() -> None:
    assert set(GENERATORS) < set(STYLES)
    for folder, runner, _ in GENERATORS.values():
        assert (generators.TOOLS / folder / runner).is_file()


def test_the_merge_is_asked_for_equal_shares(tmp_path: Path) -> None:
    args = make_data.build_parser().parse_args(["--count", "100", "--test-count", "10"])
    arguments = make_data.merge_arguments(args, tmp_path / "out", tmp_path / "raw")
    config = merge.build_config(merge.build_parser().parse_args(arguments))
    assert (config.limit_train, config.limit_train_each) == (100, 34)
    assert (config.limit_test, config.limit_test_each) == (10, 4)
    assert [source.style for source in config.sources] == [*GENERATORS, *GENERATORS]
    assert config.on_unknown == "drop", "a small set lacks characters, and that is no surprise"


def test_training_and_test_pictures_are_drawn_with_seeds_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one seed the test set would be the training set's first pictures."""
    drawn: list[tuple[str, str, int, int]] = []
    merged: list[str] = []

    def draw(style: str, raw: Path, name: str, count: int, seed: int, threads: int) -> None:
        drawn.append((style, name, count, seed))

    monkeypatch.setattr(make_data, "build_tools", lambda: None)
    monkeypatch.setattr(make_data, "draw", draw)
    monkeypatch.setattr(make_data, "merge", lambda arguments: merged.extend(arguments) or 65)
    given = ["--count", "300", "--test-count", "30", "--seed", "7", "--out", str(tmp_path)]
    assert make_data.main(given) == 65  # what the merge says is what it says
    names = [f"{style}_{split}" for split in ("train", "test") for style in GENERATORS]
    assert [name for _, name, _, _ in drawn] == names
    assert [style for style, _, _, _ in drawn] == [*GENERATORS, *GENERATORS]
    seeds = [{seed for _, name, _, seed in drawn if split in name} for split in ("train", "test")]
    assert seeds[0] == {7} and not seeds[0] & seeds[1]
    assert all(count > (100 if "train" in name else 10) for _, name, count, _ in drawn)
    assert [Path(word).name for word in merged if Path(word).name in names] == names
    assert merged[merged.index("--seed") + 1] == "7"


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


def test_sets_of_other_sizes_are_drawn_elsewhere_and_with_enough_to_spare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []
    monkeypatch.setattr(make_data, "build_tools", lambda: None)
    monkeypatch.setattr(make_data, "draw", lambda *given: drawn.append(given))
    monkeypatch.setattr(make_data, "merge", lambda arguments: 0)
    for count in ("3000", "6000"):
        given = ["--count", "30000", "--test-count", count, "--out", str(tmp_path)]
        assert make_data.main(given) == 0
    folders = {(raw, name) for _, raw, name, *_ in drawn}
    assert len(folders) == len(drawn)
    # A test picture in two may show a character that training lacks.
    assert {count for _, _, name, count, *_ in drawn if name == "easy_test"} == {2010, 4010}
