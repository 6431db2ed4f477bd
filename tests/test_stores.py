"""Where labelled pictures lie: folders and shards hold the same, and name what is wrong."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from captcha_ocr.cli.common import FAILURE, OK
from captcha_ocr.cli.data import main
from captcha_ocr.cli.data import main as data_main
from captcha_ocr.datasets import stores
from captcha_ocr.datasets.stores import (
    FolderStore,
    ParquetStore,
    Subset,
    open_store,
    spread,
    write_parquet,
)
from captcha_ocr.imaging import DEFAULT_LIMITS, ImageError
from captcha_ocr.labels import LabelError
from drawing import draw_picture
from pyarrow import parquet


def test_parquet_shards_hold_the_same(sample_set: Path, tmp_path: Path) -> None:
    folder = FolderStore(sample_set)
    assert write_parquet(folder, tmp_path / "shards", rows_per_shard=10, group_rows=4) == 3
    shards = open_store(tmp_path / "shards")
    assert isinstance(shards, ParquetStore)
    assert [label.text for label in shards.labels] == [label.text for label in folder.labels]
    assert (shards.sizes, shards.records) == (folder.sizes, folder.records)
    assert [shards.read(i) for i in range(24)] == [folder.read(i) for i in range(24)]
    assert shards.groups == [0] * 4 + [1] * 4 + [2] * 2 + [3] * 4 + [4] * 4 + [5] * 2 + [6] * 4
    travelled = pickle.loads(pickle.dumps(shards))  # as it goes to a loader process
    assert travelled.read(23) == folder.read(23)


def test_no_more_of_a_file_is_read_than_a_picture_may_have(sample_set: Path) -> None:
    """Behind a good header may follow more than there is memory."""
    store = FolderStore(sample_set)
    with (sample_set / "images" / store.labels[4].file).open("ab") as file:
        file.write(bytes(DEFAULT_LIMITS.max_bytes))
    assert len(FolderStore(sample_set).read(4)) == DEFAULT_LIMITS.max_bytes + 1
    with pytest.raises(ImageError, match=r"labels\.txt:5: .* larger than"):
        store.open(4)


def test_few_groups_of_a_shard_are_held_at_a_time(
    sample_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "OPEN_GROUPS", 2)
    folder = FolderStore(sample_set)
    write_parquet(folder, tmp_path / "shards", rows_per_shard=24, group_rows=4)
    shards = ParquetStore([tmp_path / "shards" / "00000.parquet"])
    for index in [*range(24), *reversed(range(24))]:
        assert shards.read(index) == folder.read(index)
        assert len(shards._open) <= 2
    for group in (0, 1, 0, 2):
        shards.read(4 * group)
    assert [group for _, group in shards._open] == [0, 2]  # what was read last stays


def test_a_part_of_a_set_keeps_what_belongs_to_a_picture(sample_set: Path, tmp_path: Path) -> None:
    folder = FolderStore(sample_set)
    write_parquet(folder, tmp_path / "shards", rows_per_shard=24, group_rows=4)
    for store in (folder, open_store(tmp_path / "shards")):
        part = Subset(store, [9, 2])
        for index, original in enumerate([9, 2]):
            assert part.read(index) == store.read(original)
            assert part.where(index) == store.where(original)
            assert part.sizes[index] == store.sizes[original]
            assert part.records[index] == store.records[original]
        assert part.groups == (None if store is folder else [2, 0])


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("label", "12\u202e34", r":6: the label of '.*' holds control or invisible characters"),
        ("file", "../../x.png", r":6: the file name .* holds an empty, '.' or '..' part"),
        ("label", None, r":6: the label is None, not a text"),
        ("file", None, r":6: the file is None, not a text"),
        ("width", 0, r":6: '.*': the picture has 0x"),
        ("width", 10**6, r":6: '.*': the picture has 1000000x"),
        ("fields", "[]", r":6: the fields of '.*' are no JSON object"),
        ("fields", None, r":6: the JSON object must be str"),
        ("height", None, r"'<' not supported"),
        (None, "image", r"\.parquet: lacks \['image'\]; captcha-ocr data pack writes such shards"),
    ],
)
def test_a_bad_row_of_a_shard_is_named(
    column: str | None, value: Any, problem: str, sample_set: Path, tmp_path: Path
) -> None:
    write_parquet(FolderStore(sample_set), tmp_path / "shards", rows_per_shard=24, group_rows=4)
    shard = tmp_path / "shards" / "00000.parquet"
    rows = parquet.read_table(shard).to_pylist()
    if column is None:
        rows = [{name: row[name] for name in row if name != value} for row in rows]
    else:
        rows[5][column] = value
    parquet.write_table(pyarrow.Table.from_pylist(rows), shard, row_group_size=4)
    with pytest.raises(LabelError, match=problem):
        open_store(shard)


def test_a_name_stands_once_in_all_shards_and_a_set_has_rows(
    sample_set: Path, tmp_path: Path
) -> None:
    write_parquet(FolderStore(sample_set), tmp_path / "shards", rows_per_shard=12)
    first, second = sorted((tmp_path / "shards").iterdir())
    second.write_bytes(first.read_bytes())
    with pytest.raises(LabelError, match=r"00001\.parquet:1: '.*' stands here for the second time"):
        open_store(tmp_path / "shards")
    parquet.write_table(parquet.read_table(first).slice(0, 0), first)
    with pytest.raises(LabelError, match=r"00000\.parquet: no row"):
        open_store(first)


@pytest.mark.parametrize("size", [(40, 6), (2000, 700)])
def test_a_picture_of_no_use_is_named_before_anything_is_learned(
    size: tuple[int, int], sample_set: Path
) -> None:
    name = FolderStore(sample_set).labels[2].file
    draw_picture("12", size).save(sample_set / "images" / name)
    with pytest.raises(LabelError, match=rf"labels\.txt:3: '{name}' .* {size[0]}x{size[1]} pixels"):
        FolderStore(sample_set)


def test_part_of_a_set_has_all_of_its_kinds(sample_set: Path) -> None:
    store = FolderStore(sample_set)
    assert [label.line for label in spread(store, 4).labels] == [1, 7, 13, 19]
    assert spread(store, 24) is spread(store, 99) is store


def test_what_is_no_shard_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"PAR1 and then something else")
    with pytest.raises(LabelError, match=r"x\.parquet: no Parquet file"):
        open_store(tmp_path)


def test_a_damaged_shard_is_named(sample_set: Path, tmp_path: Path) -> None:
    write_parquet(FolderStore(sample_set), tmp_path / "shards", rows_per_shard=24)
    shard = tmp_path / "shards" / "00000.parquet"
    store, data = open_store(shard), shard.read_bytes()
    middle = data.index(FolderStore(sample_set).read(0)) + 100  # of what is read on demand
    shard.write_bytes(data[:4] + bytes(middle) + data[4 + middle :])
    with pytest.raises(LabelError, match=r"00000\.parquet: the shard is damaged"):
        open_store(shard)
    with pytest.raises(ImageError, match=r"00000\.parquet:1: '.*': the shard is damaged"):
        store.open(0)


def test_labels_of_a_shard_that_are_no_text_are_named(sample_set: Path, tmp_path: Path) -> None:
    write_parquet(FolderStore(sample_set), tmp_path / "shards", rows_per_shard=24)
    shard = tmp_path / "shards" / "00000.parquet"
    table = parquet.read_table(shard)
    latin = pyarrow.array([b"\xe9"] * 24, pyarrow.binary()).view(pyarrow.string())
    at = table.schema.get_field_index("label")
    parquet.write_table(table.set_column(at, "label", latin), shard)
    with pytest.raises(LabelError, match=r"00000\.parquet: the shard is damaged: .*utf-8"):
        open_store(shard)


def test_a_missing_list_has_no_line(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match=r"labels\.txt: missing; a root holds images/"):
        FolderStore(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_no_picture(sample_set: Path) -> None:
    name = FolderStore(sample_set).labels[2].file
    (sample_set / "images" / name).unlink()
    os.mkfifo(sample_set / "images" / name)
    with pytest.raises(LabelError, match=r"labels\.txt:3: .* no file has this name"):
        FolderStore(sample_set)


def test_packing_a_set_mixes_it(sample_set: Path, tmp_path: Path) -> None:
    out = tmp_path / "shards"
    assert data_main(["pack", str(sample_set), str(out), "--rows", "10"]) == OK
    packed, folder = open_store(out), FolderStore(sample_set)
    names = [label.file for label in packed.labels]
    assert sorted(names) == sorted(label.file for label in folder.labels)
    assert names != [label.file for label in folder.labels]
    assert [path.name for path in sorted(out.iterdir())] == [f"0000{n}.parquet" for n in range(3)]
    assert data_main(["pack", str(sample_set), str(out)]) == FAILURE  # it is never written over


def test_a_folder_of_shards_may_be_called_as_one(sample_set: Path, tmp_path: Path) -> None:
    out = tmp_path / "train.parquet"
    assert data_main(["pack", str(sample_set), str(out)]) == OK
    (out / "._00000.parquet").write_bytes(b"what Finder keeps of a file on others' disks")
    assert len(open_store(out)) == 24


def test_what_a_killed_packing_left_goes_with_the_next(sample_set: Path, tmp_path: Path) -> None:
    partial = tmp_path / "out" / ".shards.part"
    partial.mkdir(parents=True)
    (partial / "00009.parquet").write_bytes(b"PAR1 and no more")
    assert write_parquet(FolderStore(sample_set), partial.with_name("shards"), 24) == 1
    assert len(open_store(partial.with_name("shards"))) == 24
    assert [path.name for path in partial.parent.iterdir()] == ["shards"]


def test_a_packing_that_fails_leaves_nothing(sample_set: Path, tmp_path: Path) -> None:
    store = FolderStore(sample_set)
    (sample_set / "images" / store.labels[20].file).unlink()
    with pytest.raises(FileNotFoundError):
        write_parquet(store, tmp_path / "out" / "shards", rows_per_shard=10)
    assert list((tmp_path / "out").iterdir()) == []


def test_the_seed_of_a_packing_decides_the_order(sample_set: Path, tmp_path: Path) -> None:
    orders = []
    for number, seed in enumerate((0, 1, 1)):
        out = tmp_path / f"packed{number}"
        assert main(["pack", str(sample_set), str(out), "--seed", str(seed)]) == 0
        orders.append([label.file for label in open_store(out).labels])
    assert orders[0] != orders[1] == orders[2]
