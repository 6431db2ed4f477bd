"""One process or several (torchrun): the few things training has to know about that."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist

from captcha_ocr.datasets.ocr import mix_seed
from captcha_ocr.device import pick_device

# The main process alone reads the selection set, and the others wait: torch's own limit is ten
# minutes on GPUs. Of a process that died torchrun knows without it.
LONGEST_WAIT = timedelta(hours=12)


@dataclass(frozen=True)
class World:
    device: torch.device
    rank: int = 0  # number of this process
    size: int = 1  # number of processes

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and talks."""
        return self.rank == 0

    def agree(self, flag: bool) -> bool:
        """The main process's answer, in every process: all must stop at the same step."""
        if self.size == 1:
            return flag
        answer = torch.tensor([flag], dtype=torch.int32, device=self.device)
        dist.broadcast(answer, src=0)
        return bool(answer.item())

    def part_ways(self, seed: int, step: int) -> None:
        """Random numbers of its own for each process but the main one, whose numbers go on: with
        the same, dropout would leave out the same places of every share of a batch."""
        if not self.is_main:
            torch.manual_seed(mix_seed(seed, step, self.rank))

    def total(self, count: int) -> int:
        """The sum of every process's count."""
        if self.size == 1:
            return count
        counts = torch.tensor([count], device=self.device)
        dist.all_reduce(counts)
        return int(counts.item())


@contextmanager
def join_world(device: str) -> Iterator[World]:
    """The world torchrun started us in (its environment variables tell), or a world of one."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    chosen = pick_device(device)
    if size == 1:
        yield World(chosen)
        return
    backend = "nccl" if chosen.type == "cuda" else "gloo"
    dist.init_process_group(backend, timeout=LONGEST_WAIT)
    try:
        yield World(chosen, dist.get_rank(), size)
    finally:
        dist.destroy_process_group()
