"""Which number type a training step multiplies in, and where bf16 is fast."""

from __future__ import annotations

import torch

AMP_TYPES = {"off": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def settle_amp(amp: str, device: torch.device) -> str:
    """``--amp`` with ``auto`` settled: bf16 where ``device`` is fast at it, else off (float32).

    A run records what it settled on, and is resumed with that, on whatever machine.
    """
    if amp != "auto":
        return amp
    return "bf16" if has_fast_bf16(device) else "off"


def has_fast_bf16(device: torch.device) -> bool:
    """Whether ``device`` gains by bf16: a CPU without AVX-512 was 10 to 16 times slower with it."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return "AVX512" in torch.backends.cpu.get_cpu_capability()


def spell_amp(dtype: torch.dtype, device: torch.device) -> str:
    """The type's name, and a warning for who asked for one that ``device`` only imitates."""
    name = str(dtype).split(".")[1]
    if dtype != torch.bfloat16 or has_fast_bf16(device):
        return name
    return (
        f"{name} (this {device} has no fast bf16, which can take ten times as long as float32; "
        "--amp auto would choose float32 here)"
    )
