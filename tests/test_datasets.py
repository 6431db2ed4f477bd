"""Data sets: what training reads is what serving reads, in batches of equal width, anywhere."""

from __future__ import annotations

import dataclasses
import gc
import os
import pickle
import signal
import struct
import subprocess
import sys
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from captcha_ocr.charset import Charset, CharsetError
from captcha_ocr.config import ImageConfig, TrainConfig
from captcha_ocr.datasets.augment import Augmenter
from captcha_ocr.datasets.ocr import OCRDataset, PictureError, collate, load_batches
from captcha_ocr.datasets.sampler import WidthBatches, growing_batch
from captcha_ocr.datasets.stores import FolderStore, open_store
from captcha_ocr.imaging import open_image, preprocess
from captcha_ocr.labels import Label, LabelError, write_labels
from drawing import draw_picture
from hypothesis import given, settings
from hypothesis import strategies as st
from links import link

WIDTHS = st.lists(st.sampled_from([88, 92, 96, 128]), min_size=1, max_size=60)


UNEXPECTED = """
import sys, torch
from captcha_ocr.charset import Charset
from captcha_ocr.config import ImageConfig
from captcha_ocr.datasets.ocr import OCRDataset, load_batches
from captcha_ocr.datasets.stores import open_store
if __name__ == "__main__":
    store = open_store(sys.argv[1])
    charset = Charset.from_texts(label.text for label in store.labels)
    draws = [[(0, 0)]] * 9
    dataset = OCRDataset(store, charset, ImageConfig())
    batches = iter(load_batches(dataset, draws, 1, torch.device("cpu")))
    next(batches)
    raise RuntimeError("a defect")
"""


def test_an_unexpected_error_ends_the_process_with_its_loaders(sample_set: Path) -> None:
    """Python keeps the frames of such an error, and they the loader processes."""
    command = [sys.executable, "-c", UNEXPECTED, str(sample_set)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, encoding="utf-8"
    )
    assert "RuntimeError: a defect" in done.stderr
    assert done.returncode == 1


def dataset_of(root: Path, **options: object) -> OCRDataset:
    store = open_store(root)
    charset = Charset.from_texts(label.text for label in store.labels)
    return OCRDataset(store, charset, ImageConfig(), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("cache", [False, True])
def test_training_and_serving_prepare_a_picture_alike(sample_set: Path, cache: bool) -> None:
    dataset = dataset_of(sample_set, cache=cache)
    for index, label in enumerate(dataset.store.labels):
        served = preprocess(open_image(sample_set / "images" / label.file), dataset.image)
        assert np.array_equal(dataset[(index, 0)].image, served)
        assert dataset.widths[index] == served.shape[2]


def test_a_batch_holds_what_its_pictures_hold(sample_set: Path) -> None:
    dataset = dataset_of(sample_set)
    items = [dataset[(index, 0)] for index in (3, 0, 7)]
    batch = collate(items)
    assert batch.indices == (3, 0, 7)
    targets = np.split(batch.targets.numpy(), np.cumsum(batch.target_lengths.numpy())[:-1])
    texts = [dataset.charset.decode(target.tolist()) for target in targets]
    assert texts == [dataset.texts[index] for index in batch.indices]
    assert np.array_equal(batch.images.numpy(), np.stack([item.image for item in items]))


def interrupted(pixels: np.ndarray, seed: int) -> np.ndarray:
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGTERM)
    return pixels


def test_a_signal_to_all_processes_ends_no_loader(sample_set: Path) -> None:
    """The run ends, once it is saved; a terminal, or ``timeout``, tells all of its processes."""
    dataset = dataset_of(sample_set, augment=interrupted)
    sampler = WidthBatches(dataset.widths, lambda _: 8, seed=0, epoch=0)
    batches = list(load_batches(dataset, sampler, 1, torch.device("cpu")))
    assert sum(len(batch.indices) for batch in batches) == len(dataset)


class Heirloom:
    """Garbage of the main process, as an ONNX session may be; who frees it says so in ``path``."""

    def __init__(self, path: Path) -> None:
        self.path, self.itself = path, self

    def __del__(self) -> None:
        self.path.write_text(str(os.getpid()), encoding="utf-8")


def collecting(pixels: np.ndarray, seed: int) -> np.ndarray:
    gc.collect()
    return pixels


def test_a_loader_frees_nothing_that_it_was_forked_with(sample_set: Path, tmp_path: Path) -> None:
    """To free an ONNX session it would wait for ever for threads that only its parent has."""
    dataset = dataset_of(sample_set, augment=collecting)
    sampler = WidthBatches(dataset.widths, lambda _: 8, seed=0, epoch=0)
    gc.collect()
    gc.disable()  # or the main process frees it, before it forks
    try:
        Heirloom(tmp_path / "freed")
        list(load_batches(dataset, sampler, 1, torch.device("cpu")))
        assert not (tmp_path / "freed").exists()
    finally:
        gc.enable()


def test_an_unknown_character_names_file_and_line(sample_set: Path) -> None:
    store = FolderStore(sample_set)
    with pytest.raises(CharsetError, match=r"labels\.txt:1: "):
        OCRDataset(store, Charset(("x",)), ImageConfig())


def test_names_of_macos_are_found_by_a_list_of_another_system(sample_set: Path) -> None:
    """Finder writes é as e and an accent; the list has one character, or the other way round."""
    for on_disk, listed in (("e\u0301.png", "\u00e9.png"), ("\u00ef.png", "i\u0308.png")):
        draw_picture("7", (48, 32)).save(sample_set / "images" / on_disk)
        write_labels(sample_set / "labels.txt", [Label(listed, "7")])
        assert dataset_of(sample_set)[(0, 0)].image.shape == (1, 32, 48)


def test_a_missing_picture_names_file_and_line(sample_set: Path) -> None:
    labels = FolderStore(sample_set).labels
    (sample_set / "images" / labels[4].file).unlink()
    with pytest.raises(LabelError, match=rf"labels\.txt:5: '{labels[4].file}' .* no file"):
        FolderStore(sample_set)


@pytest.mark.parametrize("side", [10_000, 20_000])  # Pillow warns of the first, refuses the other
def test_a_header_of_too_many_pixels_names_file_and_line(sample_set: Path, side: int) -> None:
    file = FolderStore(sample_set).labels[4].file
    path = sample_set / "images" / file
    header = b"IHDR" + struct.pack(">2I", side, side) + path.read_bytes()[24:29]
    checksum = zlib.crc32(header).to_bytes(4, "big")
    path.write_bytes(path.read_bytes()[:12] + header + checksum + path.read_bytes()[33:])
    with pytest.raises(LabelError, match=rf"labels\.txt:5: '{file}' .* pixels"):
        FolderStore(sample_set)


def test_a_link_to_itself_names_file_and_line(sample_set: Path) -> None:
    picture = sample_set / "images" / FolderStore(sample_set).labels[4].file
    picture.unlink()
    link(picture, picture.name)
    with pytest.raises(LabelError, match=rf"labels\.txt:5: '{picture.name}' .* in a circle"):
        FolderStore(sample_set)


@pytest.mark.parametrize(
    ("size", "problem"),
    [
        (None, "No such file"),
        ((96, 40), "the picture changed while in use"),
        ((1100, 1000), "the picture has 1100x1000 pixels"),
    ],
)
def test_a_picture_that_cannot_be_read_is_named(
    sample_set: Path, size: tuple[int, int] | None, problem: str
) -> None:
    dataset = dataset_of(sample_set)
    name = dataset.store.labels[4].file
    file = sample_set / "images" / name
    file.unlink() if size is None else draw_picture("1234", size).save(file)
    with pytest.raises(PictureError, match=rf"^\S+labels\.txt:5: '{name}': .*{problem}"):
        dataset[(4, 0)]


def test_augmentation_depends_on_no_order_and_no_process(sample_set: Path) -> None:
    dataset = dataset_of(sample_set, augment=Augmenter(), seed=1)
    again = pickle.loads(pickle.dumps(dataset))
    first = [dataset[(index, 2)].image for index in range(24)]
    backwards = [again[(index, 2)].image for index in reversed(range(24))][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(first, backwards))
    plain = [dataset_of(sample_set)[(index, 0)].image for index in range(24)]
    assert [image.shape for image in first] == [image.shape for image in plain]
    assert not all(np.array_equal(a, b) for a, b in zip(first, plain))


def test_every_draw_is_distorted_in_a_way_of_its_own(sample_set: Path) -> None:
    """A picture differs from epoch to epoch, and from its neighbours."""
    seeds: list[int] = []

    def note(pixels: np.ndarray, seed: int) -> np.ndarray:
        seeds.append(seed)
        return pixels

    for seed, cache in ((1, False), (2, True)):
        dataset = dataset_of(sample_set, augment=note, seed=seed, cache=cache)
        for index in range(24):
            for epoch in range(3):
                dataset[(index, epoch)]
    assert len(set(seeds)) == len(seeds) == 2 * 24 * 3
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_a_label_may_fill_its_picture(sample_set: Path) -> None:
    """The columns of 48 pixels are 12: a character takes one, and a double one more."""
    texts = ["121212121212", "11212121212", "112121212121", "1212121212121"]
    labels = [Label(f"{number}.png", text) for number, text in enumerate(texts)]
    for label in labels:
        draw_picture("1", (48, 32)).save(sample_set / "images" / label.file)
    write_labels(sample_set / "labels.txt", labels)
    assert dataset_of(sample_set).impossible(4) == [2, 3]


def test_a_share_of_the_pictures_is_distorted_and_the_others_are_not(sample_set: Path) -> None:
    plain, all_of_them = dataset_of(sample_set), dataset_of(sample_set, augment=Augmenter())
    half = dataset_of(sample_set, augment=Augmenter(0.5))
    draws = [(index, epoch) for index in range(24) for epoch in range(5)]
    as_it_is = [np.array_equal(half[draw].image, plain[draw].image) for draw in draws]
    assert 40 < sum(as_it_is) < 110  # 60, and those that all the dice of the pipeline left alone
    for draw, same in zip(draws, as_it_is):
        assert same or np.array_equal(half[draw].image, all_of_them[draw].image)


@settings(max_examples=60, deadline=None)
@given(WIDTHS, st.integers(1, 9), st.integers(0, 3), st.integers(1, 3))
def test_every_picture_once_in_batches_of_one_width(
    widths: list[int], size: int, epoch: int, world: int
) -> None:
    shares = [
        list(WidthBatches(widths, lambda _: size, seed=7, epoch=epoch, rank=rank, world=world))
        for rank in range(world)
    ]
    assert len({len(share) for share in shares}) == 1  # all take part in every step
    seen: Counter[int] = Counter()
    for step in zip(*shares):
        assert all(step)  # also where the pictures are fewer than the processes
        indices = {index for share in step for index, _ in share}
        assert len({widths[index] for index in indices}) == 1
        assert 1 <= len(indices) <= size
        assert {number for share in step for _, number in share} == {epoch}
        seen.update(indices)
    assert seen == Counter(range(len(widths)))


@settings(max_examples=40, deadline=None)
@given(WIDTHS, st.integers(0, 20))
def test_skipping_batches_resumes_the_same_epoch(widths: list[int], done: int) -> None:
    def sampler(skip: int) -> WidthBatches:
        return WidthBatches(widths, lambda step: 2 + step, seed=3, epoch=1, skip=skip)

    assert list(sampler(done)) == list(sampler(0))[done:]


def order_of(sampler: WidthBatches) -> list[int]:
    return [index for batch in sampler for index, _ in batch]


def test_seeds_and_epochs_have_orders_of_their_own() -> None:
    draws = [(3, 0), (3, 1), (4, 0)]
    orders = [
        order_of(WidthBatches([96] * 50, lambda _: 8, seed=seed, epoch=epoch))
        for seed, epoch in draws
    ]
    assert len(set(map(tuple, [*orders, range(50)]))) == 4


def test_the_batch_goes_on_growing_in_a_later_epoch() -> None:
    sampler = WidthBatches([96] * 30, lambda step: step, seed=0, epoch=1, first_step=4)
    assert [len(batch) for batch in sampler] == [4, 5, 6, 7, 8]


def test_the_rests_of_the_widths_leave_in_a_random_order() -> None:
    """Else every epoch would end with the widest pictures."""
    widths = list(range(20))
    assert order_of(WidthBatches(widths, lambda _: 2, seed=0, epoch=0)) != widths


def test_left_out_pictures_are_never_drawn() -> None:
    drawn = order_of(WidthBatches([96] * 9, lambda _: 4, seed=0, epoch=0, leave_out=[2, 5]))
    assert sorted(drawn) == [0, 1, 3, 4, 6, 7, 8]


def test_short_labels_come_first_in_a_random_order_of_their_own() -> None:
    lengths = [6, 4, 5] * 8
    sampler = WidthBatches([96] * 24, lambda _: 4, seed=0, epoch=0, lengths=lengths)
    drawn = order_of(sampler)
    assert [lengths[i] for i in drawn] == [4] * 8 + [5] * 8 + [6] * 8
    assert sorted(drawn) == list(range(24))
    assert drawn[:8] != sorted(drawn[:8])


def test_shards_are_shuffled_within_a_window_of_groups() -> None:
    groups = [index // 10 for index in range(100)]
    sampler = WidthBatches(
        [96] * 100, lambda _: 20, seed=0, epoch=0, groups=groups, window=2
    )  # each batch is one window
    windows = [[groups[index] for index, _ in batch] for batch in sampler]
    assert [len(set(window)) for window in windows] == [2] * 5
    assert [min(window) for window in windows] != [0, 2, 4, 6, 8]  # groups in a random order ...
    for window in windows:
        assert window[:10] != [window[0]] * 10  # ... and their pictures are mixed


def test_the_batch_doubles_until_it_is_the_largest() -> None:
    config = TrainConfig(arch="x", train_root="x", batch=100, batch_start=16, grow_steps=10)
    sizes = [growing_batch(config, step) for step in (0, 9, 10, 20, 29, 30, 10_000)]
    assert sizes == [16, 16, 32, 64, 64, 100, 100]
    assert growing_batch(dataclasses.replace(config, grow_steps=0), 0) == 100
