"""Where and when something was measured: figures without that mean little."""

from __future__ import annotations

import os
import platform
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from captcha_ocr.cores import usable_cores


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
        name = name_in(listing.read_text(encoding="utf-8", errors="replace"))
        if name:
            return name
    return platform.processor()


def name_in(listing: str) -> str:
    """The first processor's name in the text of ``/proc/cpuinfo``; empty where it has none.

    Rented machines call theirs ``AMD EPYC`` and no more, whether it is new or twice as slow: the
    numbers of family and model tell them apart.
    """
    first = listing.strip().partition("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    values = {name.strip(): value.strip() for name, _, value in pairs}
    name = values.get("model name", "")
    if "cpu family" not in values or any(letter.isdigit() for letter in name):
        return name
    return f"{name}, family {values['cpu family']}, model {values['model']}"


class OtherLoad:
    """How busy other processes keep the machine from now on: timings on a busy one are slow."""

    def __init__(self) -> None:
        self._started, self._others = time.perf_counter(), _seconds_of_others()

    def cores(self) -> float | None:
        """Cores that others kept busy, on average; None where the system does not say (Linux
        does). Own processes count as own once they have ended."""
        now = _seconds_of_others()
        if self._others is None or now is None:
            return None
        spent = (now - self._others) / (time.perf_counter() - self._started)
        return round(max(0.0, spent), 1)


def _seconds_of_others() -> float | None:
    """Processor time that processes other than this one and its ended children have spent."""
    statistics = Path("/proc/stat")
    if not statistics.is_file():
        return None
    counts = statistics.read_text(encoding="utf-8").split()[1:8]
    user, nice, system, _, _, *interrupts = map(int, counts)
    everyone = (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")
    return everyone - sum(os.times()[:4])


def peak_memory_mb() -> float | None:
    """The most memory that this process has had, in MB; None where nobody counts it (Windows).

    Linux's own figure, not that of getrusage: a child takes over its parent's there.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return None


def stamp(command: str) -> dict[str, Any]:
    """Goes with every figure."""
    date = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    return {"date": date, "machine": describe_machine(), "command": command}
