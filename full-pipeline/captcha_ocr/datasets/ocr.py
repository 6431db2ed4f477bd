"""A data set root (or shards) as pictures and targets, in batches of equal width."""

from __future__ import annotations

import atexit
import gc
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from captcha_ocr.alignment import required_steps
from captcha_ocr.charset import Charset, CharsetError
from captcha_ocr.config import ImageConfig
from captcha_ocr.datasets.stores import Store
from captcha_ocr.imaging import ImageError, normalise, open_image, pad, padded_width, scale

# A draw is (index of the picture, epoch): the augmentation of a picture depends on nothing else.
Draw = tuple[int, int]
Augment = Callable[[np.ndarray, int], np.ndarray]  # (H, w, C) uint8 and a seed to the same shape


class PictureError(ImageError):
    """A picture of a set that cannot be read; the message names it.

    From a loader process torch passes on the whole traceback as the only argument; what a reader
    needs of it is its end, behind the name of this class.
    """

    def __init__(self, message: str) -> None:
        super().__init__("broken", message.rpartition(f"{type(self).__name__}: ")[2])


@dataclass(frozen=True)
class Item:
    image: np.ndarray  # (C, H, W) float32
    target: list[int]  # class numbers, no blanks
    index: int  # in the data set


@dataclass(frozen=True)
class Batch:
    """Pictures of one width. Targets are concatenated, as CTC loss takes them."""

    images: Tensor  # (N, C, H, W) float32 in [-1, 1]
    targets: Tensor  # (sum of lengths,) int64
    target_lengths: Tensor  # (N,) int64
    indices: tuple[int, ...]  # in the data set: texts and fields are looked up there

    def pin_memory(self) -> Batch:
        return Batch(self.images.pin_memory(), self.targets, self.target_lengths, self.indices)


class OCRDataset(Dataset):
    """Labelled pictures of a store, preprocessed for a model.

    A text with a character outside the charset is a CharsetError that names file and line.
    """

    def __init__(
        self,
        store: Store,
        charset: Charset,
        image: ImageConfig,
        *,
        augment: Augment | None = None,
        seed: int = 0,
        cache: bool = False,
    ) -> None:
        self.store, self.charset, self.image = store, charset, image
        self.augment, self.seed = augment, seed
        self.texts = [label.text for label in store.labels]
        self.widths = [padded_width(size, image) for size in store.sizes]
        self._targets = [self._encode(i) for i in range(len(self.texts))]
        self._cache: list[np.ndarray] | None = None
        if cache:
            with ThreadPoolExecutor() as pool:  # decoding leaves the interpreter lock
                self._cache = list(pool.map(self._scaled, range(len(self))))

    def _encode(self, index: int) -> list[int]:
        try:
            return self.charset.encode(self.texts[index])
        except CharsetError as error:
            raise CharsetError(f"{self.store.where(index)}: {error}") from None

    def _scaled(self, index: int) -> np.ndarray:
        try:  # stores have seen no more than its header
            image = open_image(self.store.read(index))
            if image.size != self.store.sizes[index]:
                raise ImageError("broken", "the picture changed while in use")
        except (ImageError, OSError) as error:
            where, file = self.store.where(index), self.store.labels[index].file
            raise PictureError(f"{where}: {file!r}: {error}") from None
        return scale(image, self.image)

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, draw: Draw) -> Item:
        index, epoch = draw
        pixels = self._cache[index] if self._cache else self._scaled(index)
        if self.augment:
            pixels = self.augment(pixels, mix_seed(self.seed, epoch, index))
        return Item(normalise(pad(pixels, self.image)), self._targets[index], index)

    def impossible(self, width_stride: int, min_steps: int = 1) -> list[int]:
        """Pictures too narrow for their label, or for the model. CTC needs a step a character and
        one more between two equal ones, or the loss is infinite; a model learns from no picture of
        fewer steps than ``min_steps``. Training leaves them out and says so."""
        return [
            index
            for index, (target, width) in enumerate(zip(self._targets, self.widths))
            if max(min_steps, required_steps(target)) > width // width_stride
        ]


def collate(items: Sequence[Item]) -> Batch:
    return Batch(
        images=torch.from_numpy(np.stack([item.image for item in items])),
        targets=torch.tensor([number for item in items for number in item.target]),
        target_lengths=torch.tensor([len(item.target) for item in items]),
        indices=tuple(item.index for item in items),
    )


def load_batches(
    dataset: OCRDataset, sampler: Iterable[list[Draw]], workers: int, device: torch.device
) -> DataLoader:
    """The batches of one epoch, read by ``workers`` other processes (0: by this one)."""
    return DataLoader(
        dataset,
        batch_sampler=sampler,
        num_workers=workers,
        collate_fn=collate,
        worker_init_fn=begin_loader,
        pin_memory=device.type == "cuda",
        generator=torch.Generator(),  # else it would draw from the model's own numbers
    )


def begin_loader(worker: int) -> None:
    """In a loader process, before its first picture.

    A terminal sends Ctrl-C to loader processes too, and ``timeout``, Slurm and torchrun SIGTERM;
    one that died of it would take the run along before it is saved. They end with the run, see
    `end_loaders`.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    # A fork has the main process's garbage but not its threads: to free an ONNX session, which
    # waits for its own, would take for ever.
    gc.freeze()


@atexit.register
def end_loaders() -> None:
    """Before multiprocessing ends them: it sends SIGTERM, which they ignore, and waits for ever.

    Some are left where an error keeps what was to be iterated over, as any without a handler does.
    """
    for process in multiprocessing.active_children():
        if process.daemon:
            process.kill()


def mix_seed(*parts: int) -> int:
    """One 32-bit seed from several numbers, well mixed."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])
