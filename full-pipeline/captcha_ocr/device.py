"""What torch computes on."""

from __future__ import annotations

import os

import torch

from captcha_ocr.config import ConfigError


def pick_device(name: str) -> torch.device:
    """``cuda`` is the first one, under torchrun this process's own; ``auto`` the same when there
    is one, else the CPU."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda":  # torch takes no device without a number for the current one
        name = f"cuda:{os.environ.get('LOCAL_RANK', 0)}"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"unknown device {name!r}; choose auto, cpu, cuda or cuda:N") from None
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(f"device {name!r} is not supported; choose auto, cpu, cuda or cuda:N")
    if device.type == "cuda":
        count = torch.cuda.device_count()
        if (device.index or 0) >= count:
            raise ConfigError(f"device {name!r} is not here ({count} CUDA devices); try cpu")
        torch.cuda.set_device(device)
    return device


def require_compiler(device: torch.device) -> None:
    """Raise ConfigError where ``torch.compile`` does not work: a CPU needs a C++ compiler."""
    try:
        torch.compile(torch.sin)(torch.zeros(2, device=device))
    except Exception as error:  # of a dozen kinds, most of them private
        why = str(error).strip().split("\n")[0]
        raise ConfigError(
            f"--compile does not work here ({why}); install a C++ compiler (g++, clang++ or cl), "
            "or leave it out"
        ) from None
