"""scripts/load_test.py, briefly: what it must find whatever the machine's speed is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "load_test.py"
pytestmark = pytest.mark.slow


def measure(what: str, weights: Path, out: Path, *options: str) -> dict[str, Any]:
    command = [sys.executable, str(SCRIPT), "--only", what, "--out", str(out), "--seconds", "2"]
    subprocess.run([*command, *options, "--", "--weights", str(weights)], check=True)
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["date"] and found["machine"], "figures without these mean little"
    figures: dict[str, Any] = found[what]
    return figures


def test_fifty_clients_are_served_or_told_to_wait(two_models: Path, tmp_path: Path) -> None:
    for row in measure("overload", two_models, tmp_path / "load.json").values():
        assert set(row["statuses"]) <= {"200", "429", "503"}
        assert row["statuses"]["200"] > 0


def test_slow_sockets_are_closed_and_harm_nobody(two_models: Path, tmp_path: Path) -> None:
    for row in measure("slow", two_models, tmp_path / "load.json").values():
        assert set(row["statuses"]) == {"200"}
        assert row["open_at_10s"] == 200
        assert row["open_after_deadline"] == 0


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_memory_does_not_grow(two_models: Path, tmp_path: Path) -> None:
    options = ("--memory-requests", "3000")
    for row in measure("memory", two_models, tmp_path / "load.json", *options).values():
        assert row["growth_percent"] < 5
