"""Fixtures that several test files share, and what happens to tests that cannot run here.

Without torch (the light installation) the test files that need it are left out, and the head of
the report says so. Tests marked ``java`` are skipped where JDK or Maven is missing, browser tests
where there is no Chromium; ``--must-run java`` makes such a skip a failure, so that CI cannot lose
them unnoticed.
"""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Any

import pytest
from drawing import write_sample_set
from hypothesis import HealthCheck, settings
from import_graph import LEAVING_OUT, needed

# A machine that is slow or busy is no failure.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

HERE = Path(__file__).parent
OPTIONAL = [name for name in LEAVING_OUT if importlib.util.find_spec(name) is None]
LEFT_OUT = [
    str(path.relative_to(HERE))
    for path in sorted(HERE.rglob("test_*.py"))
    if needed(path).intersection(OPTIONAL)
]
collect_ignore = LEFT_OUT

JAVA_PROGRAMS = ("java", "javac", "mvn")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--must-run",
        action="append",
        default=[],
        metavar="MARKER",
        help="fail where a test with this marker is skipped, and where there is none",
    )


def pytest_report_header() -> list[str]:
    return [f"{', '.join(OPTIONAL)} not installed, left out: {LEFT_OUT}"] if LEFT_OUT else []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for marker in config.getoption("--must-run"):
        if not any(item.get_closest_marker(marker) for item in items):
            raise pytest.UsageError(f"--must-run {marker}: no such test was collected")
    missing = [name for name in JAVA_PROGRAMS if shutil.which(name) is None]
    for item in items:
        if missing and item.get_closest_marker("java"):
            item.add_marker(pytest.mark.skip(reason=f"not installed: {', '.join(missing)}"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):  # type: ignore[no-untyped-def]
    report = yield
    required = [
        name for name in item.config.getoption("--must-run") if item.get_closest_marker(name)
    ]
    if report.skipped and required and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but --must-run {required[0]} was given: {report.longrepr}"
    return report


@pytest.fixture
def sample_set(tmp_path: Path) -> Path:
    """A data set root with 24 easily read pictures of two styles; see `write_sample_set`."""
    return write_sample_set(tmp_path / "sample")


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder with one model, ``vanilla_crnn``, that reads `draw_barcode` pictures.

    Shared by all tests: to break something, write a model of your own with `write_tiny_model`.
    """
    from tiny_model import write_tiny_model

    return write_tiny_model(tmp_path_factory.mktemp("weights")).parent


@pytest.fixture(scope="session")
def benchmark_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A benchmark set of `draw_barcode` pictures, shared: to change something, write a copy."""
    from benchmark_set import write_benchmark_set

    return write_benchmark_set(tmp_path_factory.mktemp("set") / "benchmark")


@pytest.fixture
def merge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """A `Merge` in a folder of its own."""
    from merge_harness import Merge

    return Merge(tmp_path, capsys)
