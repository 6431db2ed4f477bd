"""From checkpoints to files and figures: what ``captcha-ocr export`` does."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import importlib.util
import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from captcha_ocr.checkpoint import Checkpoint, load_checkpoint
from captcha_ocr.datasets.stores import Store
from captcha_ocr.exporting import FORMATS, Format, NotKeptError, Remark
from captcha_ocr.exporting.measuring import (
    HEIGHT,
    TOLERANCE,
    WIDTHS,
    agree,
    allowed,
    latencies,
    verify,
)
from captcha_ocr.files import file_sha256, find_files, take_place
from captcha_ocr.model_info import WEIGHTS_DIR, ModelError
from captcha_ocr.models import MODELS, find_model
from captcha_ocr.predictor import Predictor, load_predictor
from captcha_ocr.runtimes.torch import TorchPredictor, describe

PACKAGES = ("torch", "ncnn", "ai-edge-litert")  # onnxruntime is part of the machine's line


def find_checkpoints(source: Path | None, arch: str = "all") -> dict[str, Path]:
    """Architecture -> checkpoint: of a file, a run's folder, a folder of runs, or a folder of
    ``<arch>.safetensors`` (None: the shipped one). ModelError when there is none, or two;
    ConfigError for one of an architecture that is not in MODELS."""
    folder = WEIGHTS_DIR if source is None else Path(source)
    if folder.is_file():
        files = [folder]
    elif (folder / "best.safetensors").is_file():
        files = [folder / "best.safetensors"]
    else:
        alone = find_files(folder, "*.safetensors")
        files = sorted([*alone, *folder.glob("*/best.safetensors")])
    found: dict[str, Path] = {}
    for file in files:
        name = load_checkpoint(file).arch
        find_model(name)  # raises for one that no row of MODELS would name below
        if arch not in ("all", name):
            continue
        if name in found:
            raise ModelError(f"{found[name]} and {file} are both {name}; name one of them")
        found[name] = file
    if not found:
        what = "any architecture" if arch == "all" else arch
        raise ModelError(
            f"{folder} holds no weights of {what}; give --checkpoint a run's folder or a "
            ".safetensors file"
        )
    return {name: found[name] for name in MODELS if name in found}


def check_packages(formats: Sequence[str]) -> None:
    """ModuleNotFoundError for the first package that is missing: before minutes of work."""
    for name in formats:
        for package in FORMATS[name].packages:
            if importlib.util.find_spec(package) is None:
                raise ModuleNotFoundError(f"No module named {package!r}", name=package)
        check = getattr(importlib.import_module(FORMATS[name].module), "check", None)
        if check:
            check()


def export(
    checkpoint: Checkpoint, name: str, folder: Path, calibration: Store | None = None
) -> tuple[Path, Remark]:
    """Write ``<folder>/<format>/<arch>`` with its JSON; the file that a runner opens.

    What does not equal torch gets no place there: ModelError, and what was there stays. Nor does
    what is not worth having: NotKeptError, and what was there of earlier weights goes.
    """
    form = FORMATS[name]
    path = Path(folder) / name / f"{checkpoint.arch}{form.suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=path.parent) as scratch:
        made = Path(scratch) / path.name
        try:
            remark = importlib.import_module(form.module).convert(checkpoint, made, calibration)
            model = checkpoint.build()
            info = describe(checkpoint, model)
            sha256 = file_sha256(*files_of(made, form))
            dataclasses.replace(info, sha256=sha256).save(made.with_suffix(".json"))
            if form.exact:
                verify(load_predictor(made, threads=1), model, info)
        except NotKeptError:
            remove(path, form)
            raise
        except RuntimeError as error:  # torch's, of an architecture that a format cannot hold
            raise ModelError(f"{checkpoint.arch} cannot be converted to {name}: {error}") from error
        for file in (made.with_suffix(".json"), *reversed(files_of(made, form))):
            take_place(file, path.with_suffix(file.suffix))
    return path, remark


def files_of(path: Path, form: Format) -> list[Path]:
    return [path, *(path.with_suffix(suffix) for suffix in form.more)]


def remove(path: Path, form: Format) -> None:
    for file in (*files_of(path, form), path.with_suffix(".json")):
        file.unlink(missing_ok=True)


def export_all(
    file: Path,
    formats: Sequence[str],
    folder: Path,
    *,
    store: Store | None,
    calibration: Store | None,
    say: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Export one checkpoint; a row of the table for torch and for each format."""
    checkpoint = load_checkpoint(file)
    reference = TorchPredictor(checkpoint, torch.device("cpu"))
    predictors: dict[str, Predictor] = {}
    paths: dict[str, Path] = {}
    rows: dict[str, dict[str, Any]] = {
        "reference": {"format": "torch", "bytes": file.stat().st_size, "remark": {}}
    }
    for name in formats:
        say(f"{checkpoint.arch}: {name}")
        row: dict[str, Any] = {"format": name}
        try:
            paths[name], row["remark"] = export(checkpoint, name, folder, calibration)
            predictors[name] = load_predictor(paths[name], threads=1)
            files = files_of(paths[name], FORMATS[name])
            row["bytes"] = sum(each.stat().st_size for each in files)
        except NotKeptError as error:
            row["remark"] = error.remark
        except ModelError as error:
            row["remark"] = {"kind": "failed", "message": " ".join(str(error).split())}
        rows[name] = row
    say(f"{checkpoint.arch}: measuring")
    measure(rows, reference, predictors, store)
    for name, path in paths.items():
        if rows[name]["remark"].get("kind") == "failed":
            remove(path, FORMATS[name])
    return [{"arch": checkpoint.arch, **row} for row in rows.values()]


def measure(
    rows: Mapping[str, dict[str, Any]],
    reference: Predictor,
    predictors: Mapping[str, Predictor],
    store: Store | None,
) -> None:
    """Put agreement and latency into the rows. A float32 model that differs too much has failed."""
    for name, times in latencies({"reference": reference, **predictors}).items():
        rows[name]["milliseconds"] = times
    if store is None:
        return
    for name, found in agree(reference, predictors, store).items():
        row = rows[name]
        row["same_text"] = found.same_text / found.pictures
        row["exact_match"] = found.right / found.pictures
        gap = found.largest_difference
        row["largest_difference"] = gap if math.isfinite(gap) else None  # NaN is no JSON
        exact = name == "reference" or FORMATS[name].exact
        if exact and not found.largest_difference <= allowed(found.largest_logit):
            message = f"logits differ by {found.largest_difference:.2g} from torch's"
            row["remark"] = {"kind": "failed", "message": message}


def header(root: Path | None, store: Store | None) -> dict[str, Any]:
    """What a report says besides its rows. Of a set outside of the current folder, the name."""
    if root is not None:
        root, here = root.resolve(), Path.cwd()
        root = root.relative_to(here) if root.is_relative_to(here) else Path(root.name)
    return {
        "runtimes": versions(),
        "set": root and root.as_posix(),
        "pictures": 0 if store is None else len(store),
        "tolerance": TOLERANCE,
        "widths": list(WIDTHS),
        "height": HEIGHT,
    }


def versions() -> str:
    """Such as ``torch 2.15.0, ncnn 1.0.20261020``, of what is installed."""
    found = []
    for name in PACKAGES:
        if importlib.util.find_spec(name.replace("-", "_")):
            found.append(f"{name} {importlib.metadata.version(name)}")
    return ", ".join(found)
