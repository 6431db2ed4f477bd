"""The sections of a run, in their order; each can be measured by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from captcha_ocr.benchmarking.leaderboard import figure_of, figures_of
from captcha_ocr.benchmarking.machine import OtherLoad
from captcha_ocr.benchmarking.macs import count_macs
from captcha_ocr.benchmarking.peers import (
    PEERS,
    PeerFailedError,
    PeerMissingError,
    as_png,
    run_peer,
)
from captcha_ocr.benchmarking.quality import measure_quality
from captcha_ocr.benchmarking.robustness import balanced_indices, measure_robustness
from captcha_ocr.benchmarking.run import Run, version_of
from captcha_ocr.benchmarking.speed import measure_speed
from captcha_ocr.datasets.stores import Store, Subset
from captcha_ocr.evaluation import evaluate
from captcha_ocr.imaging import padded_width
from captcha_ocr.model_info import ModelInfo
from captcha_ocr.predictor import Predictor, load_predictors

REFERENCE = (160, 60)  # pixels; MACs are those of a picture of this size, the commonest
CARD = "models/{}.md"  # of a model, from docs/


def measure_size(run: Run) -> None:
    about = run.about(run.open(run.shipped), run.shipped)
    figures = {}
    for arch, weights in run.models.items():
        info = ModelInfo.load(weights.with_suffix(".json"))
        shape = (1, info.image.channels, info.image.height, padded_width(REFERENCE, info.image))
        macs = count_macs(weights, shape)
        figures[arch] = {"params": info.params, "macs": macs, "input": list(shape)}
        figures[arch]["megabytes"] = megabytes(weights)
    run.put("size", about, figures)


def measure_reading(run: Run) -> None:
    store = run.open(run.data)
    about = run.about(store, run.data)
    for arch, predictor in _predictors(run).items():
        say(f"quality: {arch} reads {len(store):,} pictures")
        run.put("quality", about, {arch: {"parts": measure_quality(predictor, store)}})


def measure_curves(run: Run) -> None:
    store = run.open(run.data)
    about = run.about(store, run.data)
    curves = measure_robustness(
        _predictors(run), store, run.effort.robustness, lambda step: say(f"robustness: {step}")
    )
    run.put("robustness", about, {arch: {"curves": found} for arch, found in curves.items()})


def measure_latency(run: Run) -> None:
    """Wants the machine for itself."""
    about = run.about(run.open(run.shipped), run.shipped)
    effort = run.effort
    for arch, weights in run.models.items():
        say(f"speed: {arch}")
        load = OtherLoad()
        figures = measure_speed(
            weights,
            run.shipped,
            pictures=effort.latency,
            seconds=effort.seconds,
            batches=effort.batches,
        )
        run.put("speed", about, {arch: {**figures, "load": load.cores()}})


def compare_models(run: Run) -> None:
    """This project's rows of the leaderboard; their latency is that of the section before."""
    store, _ = compared(run)
    about = run.about(store, run.shipped)
    for arch, predictor in _predictors(run).items():
        say(f"leaderboard: {arch} reads {len(store):,} pictures")
        texts = evaluate(predictor, store).texts
        speed = run.results.get("speed", {}).get(arch)
        other = speed and _other(speed["measured"], about)
        if other:
            say(f"{arch} was timed on {other}: no latency; measure speed here too")
            speed = None  # a row names one machine and one set, for all that it holds
        row = {
            **_row(about, store, {label.file: text for label, text in zip(store.labels, texts)}),
            "load": speed["load"] if speed else None,
            "name": arch,
            "kind": "project",
            "version": version_of(run.digests[arch]),
            "link": CARD.format(quote(arch)),
            "latency_ms": speed["latency"]["cpu"]["end_to_end_ms"]["p50"] if speed else None,
            "megabytes": megabytes(run.models[arch]),
        }
        run.put_row(row)


def compare_peers(run: Run) -> None:
    """The peers' rows. One that is not installed is named, and has no figure; one that fails ends
    the run, once the others have read."""
    store, timed = compared(run)
    about = run.about(store, run.shipped)
    failed = []
    with as_png(store) as paths:
        for peer in PEERS.values():
            say(f"peers: {peer.name}, {len(store):,} pictures")
            load = OtherLoad()
            try:
                found = run_peer(peer, run.peers_python, run.peer_worker, store, paths, timed)
            except PeerMissingError as error:
                say(f"left out: {error}")
                continue
            except PeerFailedError as error:
                failed.append(str(error))
                continue
            row = {
                **_row(about, store, found.texts),
                "load": load.cores(),
                "name": peer.name,
                "kind": "peer",
                "version": found.version,
                "link": peer.link,
                "latency_ms": found.latency_ms,
                "megabytes": found.megabytes,
            }
            run.put_row(row)
    if failed:
        raise PeerFailedError("; ".join(failed))


# In this order: the leaderboard has the latency that was measured before.
SECTIONS: dict[str, Callable[[Run], None]] = {
    "size": measure_size,
    "quality": measure_reading,
    "robustness": measure_curves,
    "speed": measure_latency,
    "leaderboard": compare_models,
    "peers": compare_peers,
}


def compared(run: Run) -> tuple[Store, int]:
    """The pictures that all readers are compared on, and how many of them, the first ones, say
    how fast a reader is: those that `measure_speed` takes."""
    store = run.open(run.shipped)
    first = balanced_indices(store, run.effort.latency, part="test")
    rest = [
        i
        for i, record in enumerate(store.records)
        if figure_of(record) is not None and i not in set(first)
    ]
    return Subset(store, [*first, *rest]), len(first)


def _row(about: Mapping[str, Any], store: Store, texts: Mapping[str, str]) -> dict[str, Any]:
    row = {key: about[key] for key in ("date", "machine", "command")}
    return {**row, "set": about["pictures"]["digest"], "figures": figures_of(store, texts)}


def _other(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Why figures of two occasions cannot stand in one row; empty when they can."""
    if before["machine"] != now["machine"]:
        return "another machine"
    same = before["pictures"]["digest"] == now["pictures"]["digest"]
    return "" if same else "other pictures"


def _predictors(run: Run) -> dict[str, Predictor]:
    return load_predictors(list(run.models), run.weights)


def megabytes(weights: Path) -> float:
    """Of what has to be there to read: the model and its description."""
    files = (weights, weights.with_suffix(".json"))
    return sum(file.stat().st_size for file in files) / 1e6


def say(what: str) -> None:
    print(what, flush=True)
