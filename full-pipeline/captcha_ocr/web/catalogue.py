"""What a server offers: its models, its sample pictures, its version and limits."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from captcha_ocr import __version__
from captcha_ocr.files import find_files
from captcha_ocr.model_info import WEIGHTS_DIR, ModelError
from captcha_ocr.packages import missing_package
from captcha_ocr.predictor import Predictor, load_predictors
from captcha_ocr.web.schemas import (
    Health,
    InputSize,
    Limits,
    ModelCard,
    ModelsResponse,
    Rule,
    SampleCard,
    SamplesResponse,
    Version,
)
from captcha_ocr.web.settings import Settings

STATIC = Path(__file__).parent / "static"
NO_RULE = Rule(length="", alphabet="", pattern="")
FILE_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


def name_file_types() -> None:
    """Both servers ask `mimetypes`, which on Windows asks the registry: any program may have made
    .js text/plain there, and a browser runs no such script."""
    for suffix, kind in FILE_TYPES.items():
        mimetypes.add_type(kind, suffix)


def load_models(settings: Settings) -> dict[str, Predictor]:
    """Load and try every model. Raises ModelError that says which file and what to do."""
    folder = Path(settings.weights) if settings.weights else WEIGHTS_DIR
    if settings.backend == "torch":
        predictors = _load_torch(settings.archs, folder, settings.threads)
    else:
        predictors = load_predictors(settings.archs, folder, threads=settings.threads)
    for predictor in predictors.values():
        predictor.warm_up()
    return predictors


def _load_torch(archs: Sequence[str], folder: Path, threads: int) -> dict[str, Predictor]:
    """The checkpoints in a folder, or in its run folders; a model's name is its architecture."""
    # Imported here: the servers work, and start quickly, where torch is not installed.
    try:
        import torch

        from captcha_ocr.runtimes.torch import TorchPredictor
    except ModuleNotFoundError as error:
        raise ModelError(f"--backend torch: {missing_package(error.name or '')}") from None

    if threads:  # for the whole process; torch would take all cores for each of the lanes
        torch.set_num_threads(threads)
    paths = [*find_files(folder, "*.safetensors"), *find_files(folder, "*/best.safetensors")]
    predictors: dict[str, Predictor] = {}
    for path in paths:
        predictor = TorchPredictor.load(path)
        if predictor.info.arch in predictors:
            raise ModelError(f"{folder} holds two models of {predictor.info.arch}; keep one")
        if "all" in archs or predictor.info.arch in archs:
            predictors[predictor.info.arch] = predictor
    missing = sorted(set(archs) - {"all", *predictors})
    if missing or not predictors:
        raise ModelError(
            f"{folder} holds no checkpoint of {', '.join(missing) or 'any model'}; "
            "give --weights a run folder of train.py, with best.safetensors"
        )
    return predictors


def default_model(predictors: Mapping[str, Predictor]) -> str:
    """The model with the fewest character errors; the first one where none was measured."""

    def errors(name: str) -> float:
        cer = _figures(predictors[name].info.metrics).get("cer")
        return float("inf") if cer is None else float(cer)

    return min(predictors, key=errors)


def describe_models(
    predictors: Mapping[str, Predictor], default: str, backend: str, rule: Rule = NO_RULE
) -> ModelsResponse:
    return ModelsResponse(
        default=default,
        rule=rule,
        models=[_card(name, predictor, backend) for name, predictor in predictors.items()],
    )


def _card(name: str, predictor: Predictor, backend: str) -> ModelCard:
    info = predictor.info
    figures = _figures(info.metrics)
    return ModelCard(
        name=name,
        arch=info.arch,
        backend=backend,
        params=info.params,
        charset_size=len(info.charset.symbols),
        input=InputSize(
            height=info.image.height,
            max_width=info.image.max_width,
            channels=info.image.channels,
            pad_multiple=info.image.pad_multiple,
        ),
        width_stride=info.width_stride,
        exact_match=figures.get("exact_match"),
        exact_match_folded=figures.get("exact_match_folded"),
        cer=figures.get("cer"),
        metrics=info.metrics,
        sha256=info.sha256,
    )


def _figures(metrics: Mapping[str, Any]) -> Mapping[str, Any]:
    """Those on the test set, or else on the set that chose the weights."""
    return metrics.get("test") or metrics.get("selection") or {}


def samples() -> SamplesResponse:
    """The pictures in static/samples, as samples.json there describes them."""
    rows = json.loads((STATIC / "samples" / "samples.json").read_text(encoding="utf-8"))
    return SamplesResponse(
        samples=[SampleCard(url=f"static/samples/{row['file']}", **row) for row in rows]
    )


def version(settings: Settings) -> Version:
    return Version(
        name="captcha-ocr",
        version=__version__,
        limits=Limits(
            max_files=settings.max_files,
            max_file_bytes=settings.max_file_bytes,
            max_body_bytes=settings.max_body_bytes,
            max_pixels=settings.max_pixels,
            max_top_k=settings.max_top_k,
        ),
    )


def health() -> Health:
    return Health(status="ok", version=__version__)
