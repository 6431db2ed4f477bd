"""Which number type a training step multiplies in, and where bf16 is fast."""

from __future__ import annotations

import functools
import time

import torch
from torch.nn.functional import conv2d

from captcha_ocr.training.distributed import World

AMP_TYPES = {"off": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def settle_amp(amp: str, world: World) -> str:
    """``--amp`` with ``auto`` settled: bf16 where the device is fast at it, else off (float32).

    A run records what it settled on, and is resumed with that, on whatever machine. Each process
    times for itself, and what is close may come out either way: the main one decides for all.
    """
    if amp != "auto":
        return amp
    return "bf16" if world.agree(has_fast_bf16(world.device)) else "off"


def has_fast_bf16(device: torch.device) -> bool:
    """Whether ``device`` gains by bf16. A CPU is tried: its name and its flags do not tell.

    With AVX-512 an AMD EPYC gains, while an Intel Xeon with AVX512_BF16 and without AMX takes 1.4
    to 1.5 times as long as in float32, and one with AVX2 alone 10 to 16 times.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return convolution_seconds(torch.bfloat16) < convolution_seconds(torch.float32)


@functools.cache
def convolution_seconds(dtype: torch.dtype, tries: int = 5) -> float:
    """The shortest of some passes through a middle layer of the recognisers and back, on the CPU.

    A tenth of a second, and about one where bf16 is imitated. No random number is drawn.
    """
    kernels = torch.ones(64, 64, 3, 3).to(memory_format=torch.channels_last).requires_grad_()
    images = torch.ones(8, 64, 12, 80).to(memory_format=torch.channels_last).requires_grad_()
    seconds = []
    for _ in range(tries):
        start = time.perf_counter()
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            conv2d(images, kernels, padding=1).sum().backward()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def spell_amp(dtype: torch.dtype, device: torch.device) -> str:
    """The type's name, and a warning for who asked for one that ``device`` only imitates.

    fp16 on a CPU is not tried, and not refused: a run that began on a GPU may end on a CPU.
    """
    name = str(dtype).split(".")[1]
    if dtype == torch.float16 and device.type == "cpu":
        return f"{name} (fp16 is for GPUs, most CPUs only imitate it; --amp auto suits this one)"
    if dtype != torch.bfloat16 or has_fast_bf16(device):
        return name
    return (
        f"{name} (this {device} has no fast bf16, which can take ten times as long as float32; "
        "--amp auto would choose float32 here)"
    )
