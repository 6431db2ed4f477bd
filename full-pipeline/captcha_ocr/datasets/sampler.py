"""Batches of equal width, in an order that depends on the seed and the epoch alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from captcha_ocr.config import TrainConfig
from captcha_ocr.datasets.ocr import Draw


class WidthBatches:
    """The batches of one epoch, for ``DataLoader(batch_sampler=...)``.

    Pictures come in a random order and wait in a bucket of their width; a bucket that holds a
    batch leaves. The rest leaves at the end in smaller batches, so that an epoch sees every
    picture once. Sets in shards are shuffled shard group by shard group (``groups``), so that
    only ``window`` groups have to be held open at a time, and those of pictures that wait.

    With several processes (``world`` > 1) each takes its share of the same batches.
    """

    def __init__(
        self,
        widths: Sequence[int],
        batch_size: Callable[[int], int],
        *,
        seed: int,
        epoch: int,
        first_step: int = 0,
        skip: int = 0,
        leave_out: Sequence[int] = (),
        groups: Sequence[int] | None = None,
        window: int = 16,
        lengths: Sequence[int] | None = None,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        """``batch_size(step)`` tells the size at a global step; ``skip`` batches are passed over
        (a resumed epoch); ``leave_out`` names pictures that take no part. With ``lengths`` the
        short labels come first, as far as their buckets fill (SortaGrad: Amodei et al. 2016,
        arXiv:1512.02595, section 3.3); shards are then read in no order of theirs."""
        self.epoch, self.rank, self.world = epoch, rank, world
        rng = np.random.default_rng((seed, epoch))
        order = _order(len(widths), groups, window, rng)
        if lengths is not None:
            order.sort(key=lengths.__getitem__)  # stable: as random as before among equals
        left_out = set(leave_out)
        buckets: dict[int, list[int]] = defaultdict(list)
        self.batches: list[list[int]] = []
        for index in order:
            if index in left_out:
                continue
            bucket = buckets[widths[index]]
            bucket.append(index)
            if len(bucket) >= batch_size(first_step + len(self.batches)):
                self.batches.append(bucket.copy())
                bucket.clear()
        rest = [buckets[width] for width in sorted(buckets) if buckets[width]]
        rng.shuffle(rest)
        self.batches = (self.batches + rest)[skip:]

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[list[Draw]]:
        for batch in self.batches:
            # All processes take part in each step: a batch too small for that is repeated.
            while len(batch) < self.world:
                batch = batch + batch
            yield [(index, self.epoch) for index in batch[self.rank :: self.world]]


def growing_batch(config: TrainConfig, step: int) -> int:
    """Many small steps first: the size doubles every ``grow_steps`` until it is the largest.

    Small batches leave CTC's all-blank plateau sooner; large ones settle finer (Smith et al.
    2018, arXiv:1711.00489).
    """
    if config.grow_steps <= 0:
        return config.batch
    doublings = min(step // config.grow_steps, 20)
    return min(config.batch, config.batch_start << doublings)


def _order(
    count: int, groups: Sequence[int] | None, window: int, rng: np.random.Generator
) -> list[int]:
    if groups is None:
        return rng.permutation(count).tolist()
    members: dict[int, list[int]] = defaultdict(list)
    for index, group in enumerate(groups):
        members[group].append(index)
    shuffled = rng.permutation(sorted(members)).tolist()
    order: list[int] = []
    for first in range(0, len(shuffled), window):
        part = [i for group in shuffled[first : first + window] for i in members[group]]
        order += rng.permutation(part).tolist()
    return order
