"""Which number type a training step multiplies in, and where bf16 is fast."""

from __future__ import annotations

import torch

AMP_TYPES = {"off": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def amp_type(amp: str, device: torch.device) -> torch.dtype:
    """What ``--amp`` means on ``device``: ``auto`` is bf16 where that is fast, else float32."""
    if amp == "auto":
        amp = "bf16" if has_fast_bf16(device) else "off"
    return AMP_TYPES[amp]


def has_fast_bf16(device: torch.device) -> bool:
    """Whether ``device`` gains by bf16: a CPU without AVX-512 was 10 to 16 times slower with it."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return "AVX512" in torch.backends.cpu.get_cpu_capability()


def slowness(dtype: torch.dtype, device: torch.device) -> str:
    """What to tell who asked for a type that ``device`` only imitates; else nothing."""
    if dtype != torch.bfloat16 or has_fast_bf16(device):
        return ""
    return (
        f"this {device} has no fast bf16, which can take ten times as long as float32; "
        "--amp auto would choose float32 here"
    )
