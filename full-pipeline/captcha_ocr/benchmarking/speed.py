"""Latency, throughput and memory of a model, each in a process of its own.

Run as a program it is that process: ``python -m captcha_ocr.benchmarking.speed`` with a request
as JSON on standard input, the figures as JSON on standard output.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from captcha_ocr.benchmarking.machine import peak_memory_mb
from captcha_ocr.benchmarking.robustness import balanced
from captcha_ocr.datasets.stores import Store, open_store
from captcha_ocr.model_info import ModelError
from captcha_ocr.predictor import OnnxPredictor

CPU, GPU = "CPUExecutionProvider", "CUDAExecutionProvider"
BATCHES = (1, 8, 32, 128)


def measure_speed(
    weights: Path, data: Path, *, pictures: int, seconds: float, batches: Sequence[int] = BATCHES
) -> dict[str, Any]:
    """``latency`` by device, ``throughput`` by batch size on the CPU.

    ``pictures`` of each column are read one by one; in batches, for ``seconds`` each size.
    """
    request = {"weights": str(weights), "data": str(data), "pictures": pictures}
    return {
        "latency": {
            device: figures
            for device, provider in devices().items()
            if (figures := _in_process({**request, "what": "latency", "provider": provider}))
        },
        "throughput": {
            str(batch): _in_process(
                {**request, "what": "throughput", "batch": batch, "seconds": seconds}
            )
            for batch in batches
        },
    }


def devices() -> dict[str, str]:
    """Device -> onnxruntime's provider, for those that this build of it has."""
    import onnxruntime

    there = onnxruntime.get_available_providers()
    return {name: kind for name, kind in (("cpu", CPU), ("gpu", GPU)) if kind in there}


def latency(predictor: OnnxPredictor, pictures: Sequence[bytes]) -> dict[str, Any]:
    """Milliseconds a picture, one by one: the model alone, and from bytes to text.

    Each picture is read once before: the first run of a width sets memory aside.
    """
    arrays = [predictor.prepare(data).array for data in pictures]
    for data in pictures:
        predictor.predict([data])
    model = [_timed(partial(predictor.logits, [array])) for array in arrays]
    whole = [_timed(partial(predictor.predict, [data])) for data in pictures]
    return {
        "n": len(pictures),
        "model_ms": _quantiles(model),
        "end_to_end_ms": _quantiles(whole),
    }


def throughput(
    predictor: OnnxPredictor, pictures: Sequence[bytes], batch: int, seconds: float
) -> dict[str, Any]:
    """Pictures a second in batches of pictures of like width, and the memory that took.

    Reading files is not counted, opening pictures is. ``peak_mb`` is the whole process.
    """
    batches = list(_batches(predictor, pictures, batch))
    groups, shares = [group for group, _ in batches], [share for _, share in batches]
    arrays = [[predictor.prepare(data).array for data in group] for group in groups]
    whole = partial(predictor.predict, batch_size=batch)
    return {
        "end_to_end": _rate(groups, shares, whole, seconds),
        "model": _rate(arrays, shares, lambda g: predictor.logits(g, batch), seconds),
        "peak_mb": peak_memory_mb(),
    }


def _batches(
    predictor: OnnxPredictor, pictures: Sequence[bytes], batch: int
) -> Iterator[tuple[list[bytes], float]]:
    """Full batches, pictures repeated and widths kept apart; and for how many pictures each stands.

    A rare width fills a batch as a common one does: counted alike, large batches would read wider
    pictures than small ones, and their rates could not be compared.
    """
    widths: dict[int, list[bytes]] = {}
    for data in pictures:
        widths.setdefault(predictor.prepare(data).array.shape[-1], []).append(data)
    for group in widths.values():
        repeated = group * -(-batch // len(group))
        count = len(repeated) // batch
        for first in range(0, count * batch, batch):
            yield repeated[first : first + batch], len(group) / count


def _rate(
    groups: Sequence[list[Any]],
    shares: Sequence[float],
    work: Callable[[list[Any]], Any],
    seconds: float,
) -> float:
    """Pictures a second over whole rounds, after one round that is not counted; each group counts
    as the pictures that it stands for."""
    for group in groups:
        work(group)
    spent, rounds = [0.0] * len(groups), 0  # milliseconds
    while sum(spent) < 1000 * seconds or not rounds:
        spent = [before + _timed(partial(work, group)) for before, group in zip(spent, groups)]
        rounds += 1
    each = (share * took / len(group) for share, took, group in zip(shares, spent, groups))
    return 1000 * rounds * sum(shares) / sum(each)


def _timed(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - started)


def _quantiles(milliseconds: Sequence[float]) -> dict[str, float]:
    p50, p95 = np.percentile(milliseconds, (50, 95)).tolist()
    return {"p50": p50, "p95": p95}


def sample(store: Store, per_column: int) -> list[bytes]:
    chosen = balanced(store, per_column, part="test")
    return [chosen.read(i) for i in range(len(chosen))]


def _in_process(request: dict[str, Any]) -> dict[str, Any] | None:
    done = subprocess.run(
        [sys.executable, "-m", __name__],
        input=json.dumps(request),
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise ModelError(f"measuring {request['weights']} failed; the reason is above")
    return json.loads(done.stdout)


def main() -> int:
    request = json.load(sys.stdin)
    pictures = sample(open_store(Path(request["data"])), request["pictures"])
    weights = Path(request["weights"])
    if request["what"] == "latency":
        json.dump(latency_on(request["provider"], weights, pictures), sys.stdout)
    else:
        predictor = OnnxPredictor(weights)
        figures = throughput(predictor, pictures, request["batch"], request["seconds"])
        json.dump(figures, sys.stdout)
    return 0


def latency_on(provider: str, weights: Path, pictures: Sequence[bytes]) -> dict[str, Any] | None:
    """None for a device that onnxruntime was built for and that is not there."""
    try:
        predictor = OnnxPredictor(weights, threads=1, provider=provider)
    except ModelError as error:
        if provider == CPU:
            raise
        print(f"not measured on {provider}: {error}", file=sys.stderr)
        return None
    return latency(predictor, pictures)


if __name__ == "__main__":
    sys.exit(main())
