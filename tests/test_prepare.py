"""What a run learns from, what chooses its weights, and what is measured at its end."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from captcha_ocr.config import ConfigError
from captcha_ocr.datasets.prepare import prepare_data
from drawing import write_sample_set
from links import link
from small_run import config_for, write_a_new_symbol


def test_a_test_set_does_not_choose_the_weights(sample_set: Path, tmp_path: Path) -> None:
    test_root = tmp_path / "Test_2"
    link(test_root, sample_set, to_folder=True)
    data = prepare_data(config_for(sample_set, val_root=str(test_root)))
    assert data.report is not None
    assert len(data.report) == 24
    chosen_on = {label.file for label in data.selection.labels}
    learned = {label.file for label in data.train.store.labels}
    assert not chosen_on & learned
    assert len(chosen_on) + len(learned) == 24
    assert f"chosen on {len(chosen_on)} pictures" in data.note
    assert "luck has a say" in data.note
    named = prepare_data(config_for(sample_set, val_root=str(test_root), select_on="val"))
    assert named.report is None
    assert len(named.selection) == 24
    assert f"the 24 pictures of {test_root}, so few that luck has a say" in named.note


def test_a_test_set_is_known_by_its_name_from_inside_too(
    sample_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(write_sample_set(tmp_path / "test", 4))
    assert prepare_data(config_for(sample_set, val_root=".")).report is not None


def test_a_validation_set_chooses_and_teaches_nothing(sample_set: Path, tmp_path: Path) -> None:
    """Neither pictures nor symbols: what only it holds must count as misread."""
    val_root = write_sample_set(tmp_path / "val", 10)
    write_a_new_symbol(val_root)
    config = config_for(sample_set, val_root=str(val_root))
    data = prepare_data(config)
    assert (len(data.train), len(data.selection), data.report) == (24, 10, None)
    assert "零" not in data.charset
    split = prepare_data(dataclasses.replace(config, select_on="split"))
    assert split.report is not None
    assert (len(split.train), len(split.selection), len(split.report)) == (19, 5, 10)


def test_symbols_that_only_the_validation_set_has_are_named(
    sample_set: Path, tmp_path: Path
) -> None:
    """Nothing can learn them, so its pictures that have one are never read right."""
    other = write_sample_set(tmp_path / "val")
    config = config_for(sample_set, val_root=str(other))
    assert "no training label has" not in prepare_data(config).note
    write_a_new_symbol(other)
    note = prepare_data(config).note
    assert f"no training label has '零', which {other} has" in note


def test_a_validation_set_that_is_not_given_cannot_choose(sample_set: Path) -> None:
    with pytest.raises(ConfigError, match="name it with --val-root"):
        prepare_data(config_for(sample_set, select_on="val"))


def test_a_split_depends_on_the_seed_alone(sample_set: Path) -> None:
    """The end of a run, and a resumed run, split once more."""
    config = config_for(sample_set)
    one, again, other = (
        [label.file for label in prepare_data(given).selection.labels]
        for given in (config, config, dataclasses.replace(config, seed=1))
    )
    assert one == again != other
    assert prepare_data(dataclasses.replace(config, seed=1)).train.seed == 1  # augmentation's


def test_both_parts_of_a_split_hold_a_picture(sample_set: Path) -> None:
    for fraction, held_out in ((0.001, 1), (0.5, 12), (0.999, 23)):
        data = prepare_data(config_for(sample_set, val_fraction=fraction))
        assert (len(data.train), len(data.selection)) == (24 - held_out, held_out)


def test_options_of_the_pictures_reach_them(sample_set: Path) -> None:
    """--aug SHARE distorts so many of them, and --cache reads their files once."""

    def pictures(**options):
        train = prepare_data(config_for(sample_set, **options)).train
        return [train[(i, epoch)].image for epoch in range(5) for i in range(len(train))]

    plain = pictures()
    changed = np.mean([not np.array_equal(*pair) for pair in zip(plain, pictures(aug=0.2))])
    assert 0.02 < changed < 0.4  # of a fifth, a quarter stays as it is
    train = prepare_data(config_for(sample_set, cache=True)).train
    for file in (sample_set / "images").iterdir():
        file.unlink()
    assert train[(0, 0)].image.shape == plain[0].shape
