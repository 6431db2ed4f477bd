"""Where labelled pictures lie: a folder, or Parquet shards when there are too many for one."""

from __future__ import annotations

import json
import shutil
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from captcha_ocr.files import find_files, take_place
from captcha_ocr.imaging import BOMBS, DEFAULT_LIMITS, FORMATS, ImageError, check_size, open_image
from captcha_ocr.labels import (
    IMAGES_DIR,
    LABELS_FILE,
    MANIFEST_FILE,
    ROOT_HINT,
    Label,
    LabelError,
    parse_row,
    read_labels,
    read_manifest,
    resolve_inside,
)

OPEN_GROUPS = 128  # held at a time, a MB each: the window, and those with pictures that wait


class Store(ABC):
    """Labels, sizes and manifest fields at hand; the bytes of a picture on demand."""

    labels: list[Label]
    sizes: list[tuple[int, int]]  # (width, height) in pixels, from the file's header
    records: list[dict[str, Any]]  # manifest fields, {} where there are none
    groups: list[int] | None = None  # pictures of one group are cheap to read together

    @abstractmethod
    def read(self, index: int) -> bytes:
        """The encoded picture."""

    @abstractmethod
    def where(self, index: int) -> str:
        """``file:line`` of a label, for error messages."""

    def open(self, index: int) -> Image.Image:
        """The picture, by `open_image`; an ImageError names it."""
        try:
            return open_image(self.read(index))
        except ImageError as error:
            name = self.labels[index].file
            raise ImageError(error.code, f"{self.where(index)}: {name!r}: {error}") from None

    def __len__(self) -> int:
        return len(self.labels)


class FolderStore(Store):
    """A data set root: ``images/`` and ``labels.txt``, maybe ``manifest.jsonl``."""

    def __init__(self, root: Path) -> None:
        root = Path(root)
        self.path = root / LABELS_FILE
        if not self.path.is_file():
            raise LabelError(self.path, 0, f"missing; {ROOT_HINT}")
        self.labels = read_labels(self.path)
        manifest = read_manifest(root / MANIFEST_FILE)
        self.records = [manifest.get(label.file, {}) for label in self.labels]
        self._files, self.sizes = [], []
        for label in self.labels:
            try:
                file = resolve_inside(root / IMAGES_DIR, label.file)
                if not file.is_file():  # to open a pipe is to wait for ever
                    raise FileNotFoundError("no file has this name")
                with Image.open(file, formats=FORMATS) as image:
                    check_size(image.size)
                    self.sizes.append(image.size)
            except (OSError, ValueError, SyntaxError, *BOMBS) as error:
                problem = f"{label.file!r} cannot be read: {error}"
                raise LabelError(self.path, label.line, problem) from None
            self._files.append(file)

    def read(self, index: int) -> bytes:
        with self._files[index].open("rb") as file:  # one byte more than open_image takes
            return file.read(DEFAULT_LIMITS.max_bytes + 1)

    def where(self, index: int) -> str:
        return f"{self.path}:{self.labels[index].line}"


class ParquetStore(Store):
    """Parquet shards with the columns file, label, image (bytes), width, height, fields (JSON).

    Labels are held in memory, pictures are read a row group at a time; the sampler shuffles
    within windows of row groups, so few of them are open at once. What is refused in labels.txt
    is refused here, as a LabelError with the shard's row in place of a line.
    """

    COLUMNS = ("file", "label", "width", "height", "fields")  # and image, read on demand

    def __init__(self, shards: Sequence[Path]) -> None:
        self.labels, self.sizes, self.records = [], [], []
        self.groups: list[int] = []
        self._places: list[tuple[int, int, int]] = []  # (shard, row group, row)
        self.shards = list(shards)
        self._open: OrderedDict[tuple[int, int], list[bytes]] = OrderedDict()
        names: set[str] = set()
        for shard, path in enumerate(self.shards):
            self._read_labels(shard, path, names)
        if not self.labels:
            raise LabelError(self.shards[0], 0, "no row in any shard")

    def _read_labels(self, shard: int, path: Path, names: set[str]) -> None:
        """``names`` are those of the shards before; its own are added."""
        import pyarrow.parquet as parquet

        try:
            file = parquet.ParquetFile(path)
        except (OSError, ValueError) as error:
            raise LabelError(path, 0, f"no Parquet file: {error}") from None
        missing = {*self.COLUMNS, "image"} - set(file.schema_arrow.names)
        if missing:
            problem = f"lacks {sorted(missing)}; captcha-ocr data pack writes such shards"
            raise LabelError(path, 0, problem)
        line = 0
        for group in range(file.num_row_groups):
            group_number = self.groups[-1] + 1 if self.groups else 0
            try:  # only the end of the file, which tells of the groups, has been read
                rows = file.read_row_group(group, columns=list(self.COLUMNS)).to_pylist()
            except (OSError, ValueError) as error:
                raise LabelError(path, 0, f"the shard is damaged: {error}") from None
            for row, values in enumerate(rows):
                line += 1
                try:
                    name, text, size, fields = _check_row(values)
                    if name in names:
                        raise ValueError(f"{name!r} stands here for the second time")
                    names.add(name)
                except (TypeError, ValueError, RecursionError) as error:
                    raise LabelError(path, line, str(error)) from None
                self.labels.append(Label(name, text, line))
                self.sizes.append(size)
                self.records.append(fields)
                self.groups.append(group_number)
                self._places.append((shard, group, row))

    def read(self, index: int) -> bytes:
        import pyarrow.parquet as parquet

        shard, group, row = self._places[index]
        if (shard, group) not in self._open:
            try:
                file = parquet.ParquetFile(self.shards[shard])
                images = file.read_row_group(group, columns=["image"])["image"].to_pylist()
            except (OSError, ValueError) as error:
                raise ImageError("broken", f"the shard is damaged or gone: {error}") from None
            self._open[shard, group] = images
            if len(self._open) > OPEN_GROUPS:
                self._open.popitem(last=False)
        self._open.move_to_end((shard, group))
        return self._open[shard, group][row]

    def where(self, index: int) -> str:
        return f"{self.shards[self._places[index][0]]}:{self.labels[index].line}"


def _check_row(values: dict[str, Any]) -> tuple[str, str, tuple[int, int], dict[str, Any]]:
    """Name, text, size and fields of a shard's row; ValueError or TypeError says what is wrong."""
    for column in ("file", "label"):
        if not isinstance(values[column], str):
            raise TypeError(f"the {column} is {values[column]!r}, not a text")
    name, text = parse_row(f"{values['file']}\t{values['label']}")
    size, fields = (values["width"], values["height"]), json.loads(values["fields"])
    try:
        check_size(size)
    except ImageError as error:
        raise ValueError(f"{name!r}: {error}") from None
    if not isinstance(fields, dict):
        raise ValueError(f"the fields of {name!r} are no JSON object")
    return name, text, size, fields


class Subset(Store):
    """Some pictures of another store, by index."""

    def __init__(self, store: Store, indices: Sequence[int]) -> None:
        self.store, self.indices = store, list(indices)
        self.labels = [store.labels[i] for i in self.indices]
        self.sizes = [store.sizes[i] for i in self.indices]
        self.records = [store.records[i] for i in self.indices]
        self.groups = [store.groups[i] for i in self.indices] if store.groups else None

    def read(self, index: int) -> bytes:
        return self.store.read(self.indices[index])

    def where(self, index: int) -> str:
        return self.store.where(self.indices[index])


def spread(store: Store, limit: int) -> Store:
    """``limit`` pictures at equal distances: names are often in order of kind."""
    if limit >= len(store):
        return store
    return Subset(store, [i * len(store) // limit for i in range(limit)])


def open_store(root: Path) -> Store:
    """A folder root, one ``.parquet`` file, or a folder that holds ``*.parquet`` shards."""
    root = Path(root)
    if root.suffix == ".parquet" and not root.is_dir():
        return ParquetStore([root])
    shards = find_files(root, "*.parquet")
    return ParquetStore(shards) if shards else FolderStore(root)


def write_parquet(store: Store, folder: Path, rows_per_shard: int, group_rows: int = 256) -> int:
    """Pack a store into ``<folder>/00000.parquet`` and so on; the number of shards written. The
    folder must be new; it appears when all shards are whole."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    if folder.exists():
        raise FileExistsError(f"{folder} exists already; name a new folder")
    partial = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(partial, ignore_errors=True)  # of a run that was killed
    partial.mkdir(parents=True)
    starts = range(0, len(store), rows_per_shard)
    try:
        for number, start in enumerate(starts):
            rows = range(start, min(start + rows_per_shard, len(store)))
            table = pa.table(
                {
                    "file": [store.labels[i].file for i in rows],
                    "label": [store.labels[i].text for i in rows],
                    "width": [store.sizes[i][0] for i in rows],
                    "height": [store.sizes[i][1] for i in rows],
                    "fields": [json.dumps(store.records[i], ensure_ascii=False) for i in rows],
                    "image": pa.array([store.read(i) for i in rows], pa.binary()),
                }
            )
            path = partial / f"{number:05d}.parquet"  # of pictures, which are compressed already
            parquet.write_table(table, path, row_group_size=group_rows, compression="none")
        take_place(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return len(starts)
