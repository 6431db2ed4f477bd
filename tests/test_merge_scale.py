"""Merging on many processes and on a cluster, in bounded memory, and through kill -9."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from captcha_ocr.config import ConfigError
from captcha_ocr.labels import Label, write_labels
from captcha_ocr.merging import engines
from captcha_ocr.merging.config import MergeConfig, Source
from captcha_ocr.merging.engines import Engine, PoolEngine, SerialEngine, process_engine
from captcha_ocr.merging.pipeline import merge
from PIL import Image

SCRIPT = Path(__file__).parents[1] / "full-pipeline" / "tools" / "merge_datasets.py"


def write_pictures(root: Path, numbers: range, size: tuple[int, int] = (12, 8)) -> Path:
    """A source of small pictures, one a number; the number is in the pixels and in the label."""
    (root / "images").mkdir(parents=True)
    labels = []
    for number in numbers:
        pixels = np.random.default_rng(number).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / "images" / f"{number}.png", compress_level=0)
        labels.append(Label(f"{number}.png", f"{number % 997}"))
    write_labels(root / "labels.txt", labels)
    return root


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> tuple[Source, ...]:
    """1,000 training and 150 test pictures; 100 of the first repeat, 50 are in both splits."""
    root = tmp_path_factory.mktemp("sources")
    return (
        Source("train", "easy", write_pictures(root / "a", range(700))),
        Source("train", "ctext", write_pictures(root / "b", range(600, 900))),
        Source("test", "easy", write_pictures(root / "t", range(850, 1000))),
    )


def run(sources: tuple[Source, ...], out: Path, engine: Engine) -> dict[str, bytes]:
    config = MergeConfig(sources, out / "train", out / "test", seed=5, near=1)
    report = merge(config, engine)
    assert report.total("duplicate") == 100 and report.total("leak") == 50
    assert [source.kept for source in report.sources] == [700, 150, 150]
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name != "merge.json"  # it holds the time it took
    }


def test_processes_give_what_one_thread_gives(sources: tuple[Source, ...], tmp_path: Path) -> None:
    """With the start method of Windows and macOS: nothing is inherited, all of it is sent."""
    alone = run(sources, tmp_path / "alone", SerialEngine())
    with process_engine(2, "spawn") as engine:
        assert run(sources, tmp_path / "processes", engine) == alone


def test_windows_runs_no_more_processes_than_it_can_wait_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ProcessPoolExecutor refuses more there, and one a core is more on a large machine."""
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(engines, "usable_cores", lambda: 64)
    with process_engine() as engine:
        assert isinstance(engine, PoolEngine)


@pytest.fixture
def cluster() -> Iterator[str]:
    """A scheduler and two worker processes on this machine, talking over TCP."""
    distributed = pytest.importorskip("distributed", reason="needs the extra 'cluster'")
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        protocol="tcp://",
        host="127.0.0.1",
    ) as running:
        yield running.scheduler_address


@pytest.mark.slow
def test_a_cluster_gives_what_one_thread_gives(
    sources: tuple[Source, ...], tmp_path: Path, cluster: str
) -> None:
    from captcha_ocr.merging.engines import dask_engine

    alone = run(sources, tmp_path / "alone", SerialEngine())
    with dask_engine(cluster) as engine:
        assert run(sources, tmp_path / "cluster", engine) == alone


def test_an_address_that_is_none_is_a_wrong_command_line() -> None:
    pytest.importorskip("distributed")
    problem = r"--dask nonsense: .*tcp://host:8786"
    with pytest.raises(ConfigError, match=problem), engines.dask_engine("nonsense"):
        pass


def test_few_tasks_are_on_their_way() -> None:
    """The sources are read as fast as they are worked on, not faster."""
    read, done = [], []

    class Later:
        def __init__(self, task: int) -> None:
            self.task = task

        def result(self) -> int:
            done.append(self.task)
            return self.task * 2

    def tasks() -> Iterator[int]:
        for number in range(50):
            read.append(number)
            assert len(read) - len(done) <= 4
            yield number

    engine = PoolEngine(lambda function, task: Later(task), window=4)
    assert list(engine.map(int, tasks())) == [2 * number for number in range(50)]


def test_a_task_that_fails_leaves_none_at_work() -> None:
    """What they write would stay in a folder that is removed meanwhile."""
    done = []

    def work(number: int) -> None:
        if number == 0:
            raise OSError(28, "No space left on device")
        time.sleep(0.05)
        done.append(number)

    with ThreadPoolExecutor(2) as pool:
        with pytest.raises(OSError, match="No space left"):
            list(PoolEngine(pool.submit, window=8).map(work, range(100)))
        at_once = len(done)
    assert len(done) == at_once < 8


def test_a_killed_worker_is_an_error_in_words() -> None:
    with pytest.raises(ChildProcessError, match="fewer --workers"), process_engine(2) as engine:
        list(engine.map(os._exit, [3]))


def interrupted(number: int) -> int:
    signal.raise_signal(signal.SIGINT)
    return number


def test_ctrl_c_is_left_to_the_main_process() -> None:
    """A terminal sends it to the workers, too: what one is writing is waited for."""
    with process_engine(2) as engine:
        assert list(engine.map(interrupted, [1, 2, 3])) == [1, 2, 3]


def test_a_failing_task_fails_the_merge(sources: tuple[Source, ...], tmp_path: Path) -> None:
    """A full disk in a worker process must reach the user, and leave no target."""
    config = MergeConfig(sources[:1], tmp_path / "train", copy_mode="copy")

    class Full:
        def map(self, function, tasks):  # type: ignore[no-untyped-def]
            for task in tasks:
                if function.__name__ == "place_shard":
                    raise OSError(28, "No space left on device")
                yield function(task)

    with pytest.raises(OSError, match="No space left"):
        merge(config, Full())
    assert list(tmp_path.iterdir()) == []


def merge_command(source: Path, out: Path) -> list[str]:
    command = [sys.executable, str(SCRIPT), "--workers", "2", "--train-dest", str(out)]
    return [*command, "--train-src", "easy", str(source)]


def merge_when_unlocked(source: Path, out: Path) -> None:
    """Workers end a moment after the process that they worked for."""
    end = time.monotonic() + 20
    while True:
        command = merge_command(source, out)
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if "another merge is writing" not in done.stderr or time.monotonic() > end:
            break
        time.sleep(0.1)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "killpg"), reason="kills a process group")
def test_killed_at_random_moments_a_target_is_whole_or_absent(tmp_path: Path) -> None:
    source = write_pictures(tmp_path / "source", range(1500))
    start = time.monotonic()
    subprocess.run(merge_command(source, tmp_path / "reference"), check=True, capture_output=True)
    whole = time.monotonic() - start
    expected = (tmp_path / "reference" / "labels.txt").read_bytes()
    rng, absent = random.Random(3), 0
    for number in range(20):
        out = tmp_path / f"out{number}"
        with subprocess.Popen(
            merge_command(source, out),
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            time.sleep(rng.uniform(0.1, whole))
            with contextlib.suppress(PermissionError):  # macOS, when it has ended
                if number % 2:
                    os.killpg(process.pid, signal.SIGKILL)
                else:
                    process.kill()  # as the kernel does for want of memory: no word to its workers
        absent += not out.exists()
        merge_when_unlocked(source, out)
        assert (out / "labels.txt").read_bytes() == expected
        assert len(list((out / "images").iterdir())) == 1500
    assert absent, "no kill came before the end: the test proves nothing"
    left = {path.name for path in tmp_path.iterdir()}
    assert not {name for name in left if ".merging" in name}


PEAK = """
import resource, sys
from captcha_ocr.cli.merge import main
assert main(sys.argv[1:]) == 0
unit = 1 if sys.platform == "darwin" else 1024
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit >> 20)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs getrusage")
def test_memory_does_not_grow_with_the_number_of_pictures(tmp_path: Path) -> None:
    """Twenty times the pictures; the table on disk may cache 64 MB."""
    peaks = []
    for count in (1_000, 20_000):
        source = write_pictures(tmp_path / f"source{count}", range(count), (8, 8))
        command = [*merge_command(source, tmp_path / f"out{count}")[2:], "--workers", "1"]
        done = subprocess.run(
            [sys.executable, "-c", PEAK, *command], check=True, capture_output=True, text=True
        )
        peaks.append(int(done.stdout.split()[-1]))
    assert peaks[1] - peaks[0] < 64, f"peak memory in MiB: {peaks}"
