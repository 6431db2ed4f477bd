"""Where and when something was measured: figures without that mean little."""

from __future__ import annotations

import os
import platform
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from captcha_ocr.merging.engines import usable_cores


def describe_machine() -> str:
    """Such as ``AMD EPYC, 2 cores, Linux x86_64, Python 3.11.7, onnxruntime 1.23.0``."""
    import onnxruntime

    cores = usable_cores()
    parts = [
        processor_name(),
        f"{cores} core{'s' if cores > 1 else ''}",
        f"{platform.system()} {platform.machine()}",
        f"Python {platform.python_version()}",
        f"onnxruntime {onnxruntime.__version__}",
    ]
    return ", ".join(part for part in parts if part)


def processor_name() -> str:
    """What the processor calls itself; on Linux only the kernel knows."""
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor()


def load() -> float | None:
    """How many processes wanted a core in the last minute; None where nobody counts them."""
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None


def stamp(command: str) -> dict[str, Any]:
    """Goes with every figure. ``load`` is that of before: timings on a busy machine are slow."""
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "machine": describe_machine(),
        "load": load(),
        "command": command,
    }
