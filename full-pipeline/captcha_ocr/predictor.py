"""Read pictures with an exported model: numpy and onnxruntime, no torch."""

from __future__ import annotations

import importlib
import io
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from captcha_ocr.arithmetic import solve
from captcha_ocr.constraints import Constraint
from captcha_ocr.decoding import BEAM_WIDTH, Character, Reading, decode, log_softmax
from captcha_ocr.imaging import (
    DEFAULT_LIMITS,
    ImageLimits,
    ImageSource,
    open_image,
    preprocess,
    scaled_width,
)
from captcha_ocr.model_info import (
    RUNTIMES,
    WEIGHTS_DIR,
    ModelError,
    ModelInfo,
    describe_weights,
    find_models,
    weights_of,
)

# What a caller may hand over where a list of pictures belongs.
ONE_PICTURE = (str, bytes, bytearray, Path, Image.Image, io.IOBase)


@dataclass(frozen=True)
class Prediction:
    """What was read in one picture."""

    text: str
    confidence: float  # calibrated probability that the whole text is right, 0 to 1
    characters: tuple[Character, ...]  # each with confidence and columns [start, end)
    answer: int | None  # value of an arithmetic picture such as "7*3=?", else None
    readings: tuple[Reading, ...]  # the top_k texts, most probable first
    log_probs: np.ndarray = field(compare=False)  # (T, C), natural logarithms, after temperature
    picture_columns: float  # time steps the picture covers; the rest of T is padding


@dataclass(frozen=True, eq=False)  # arrays cannot be compared
class Prepared:
    """A picture ready for the model."""

    array: np.ndarray  # float32 (C, H, W), in [-1, 1]
    columns: float  # time steps the picture covers; the rest is padding


class Predictor(ABC):
    """Opens, preprocesses, runs and decodes. A backend supplies ``_run``."""

    info: ModelInfo

    @abstractmethod
    def _run(self, images: np.ndarray) -> np.ndarray:
        """Logits (N, T, C) of float32 images (N, C, H, W)."""

    def logits(self, arrays: Sequence[np.ndarray], batch_size: int = 64) -> list[np.ndarray]:
        """Logits (T, C) for each preprocessed array (C, H, W), in order.

        Arrays of equal width run together; none is padded to another's width, so the
        result does not depend on what else is in the list.
        """
        groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for index, array in enumerate(arrays):
            groups[array.shape].append(index)
        results: list[np.ndarray] = [np.empty(0)] * len(arrays)
        for indices in groups.values():
            for first in range(0, len(indices), batch_size):
                chunk = indices[first : first + batch_size]
                outputs = self._run(np.stack([arrays[i] for i in chunk]))
                self.info.check_classes(outputs.shape[-1])
                for i, output in zip(chunk, outputs):
                    results[i] = output
        return results

    def predict(
        self,
        sources: Sequence[ImageSource],
        *,
        constraint: Constraint | None = None,
        top_k: int = 1,
        batch_size: int = 64,
    ) -> list[Prediction]:
        """Read pictures, in order. Raises ImageError at the first that cannot be opened,
        NoAllowedTextError at the first that is too narrow for every text the constraint allows,
        and TypeError for one picture that is not in a list.

        ``constraint`` (built for ``info.charset``) limits the texts; ``top_k`` asks for
        alternatives.
        """
        # The letters of a path and the rows of an array are no pictures, and would be taken so.
        # An array of one dimension is a list, of paths say, as a table's column is.
        shape = sources.shape[2:] if isinstance(sources, np.ndarray) and sources.ndim > 1 else None
        if shape in ((), (1,), (3,), (4,)) or isinstance(sources, ONE_PICTURE):
            kind = type(sources).__name__
            raise TypeError(f"one picture ({kind}) where a list belongs; use read(picture)")
        prepared = [self.prepare(source) for source in sources]
        outputs = self.logits([picture.array for picture in prepared], batch_size)
        return [
            self.interpret(logits, picture.columns, constraint=constraint, top_k=top_k)
            for picture, logits in zip(prepared, outputs)
        ]

    def read(
        self, source: ImageSource, *, constraint: Constraint | None = None, top_k: int = 1
    ) -> Prediction:
        """One picture, as predict does it."""
        return self.predict([source], constraint=constraint, top_k=top_k)[0]

    def prepare(self, source: ImageSource, limits: ImageLimits = DEFAULT_LIMITS) -> Prepared:
        """The first of predict's three steps; the servers run the steps apart, to batch the
        second over requests. Raises ImageError."""
        image = open_image(source, limits)
        columns = scaled_width(image.size, self.info.image) / self.info.width_stride
        return Prepared(preprocess(image, self.info.image), columns)

    def interpret(
        self,
        logits: np.ndarray,
        columns: float,
        *,
        constraint: Constraint | None = None,
        top_k: int = 1,
    ) -> Prediction:
        """The last step: logits (T, C) of a picture that covers ``columns`` of them."""
        log_probs = log_softmax(logits, self.info.temperature)
        readings = decode(
            log_probs,
            self.info.charset,
            constraint=constraint,
            beam_width=max(BEAM_WIDTH, top_k),
            top_k=top_k,
        )
        best = readings[0]
        return Prediction(
            text=best.text,
            confidence=best.confidence,
            characters=best.characters,
            answer=solve(best.text),
            readings=tuple(readings),
            log_probs=log_probs,
            picture_columns=columns,
        )

    def warm_up(self) -> float:
        """Run once on an empty picture; seconds it took. Shows at start that the model runs."""
        config = self.info.image
        started = time.perf_counter()
        shape = (config.channels, config.height, min(96, config.max_width))
        self.logits([np.zeros(shape, np.float32)])
        return time.perf_counter() - started


class OnnxPredictor(Predictor):
    """An exported model under onnxruntime. Thread-safe: one session serves many threads."""

    def __init__(
        self,
        weights: Path,
        *,
        threads: int = 0,
        provider: str = "CPUExecutionProvider",
    ) -> None:
        """``weights`` is ``<arch>.onnx`` with ``<arch>.json`` beside it; threads 0 = all cores.
        ``provider`` is the device, in onnxruntime's words.

        Raises ModelError when either is missing, broken, or fails its checksum.
        """
        import onnxruntime

        weights = Path(weights)
        self.info = describe_weights(weights)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                str(weights), options, providers=[provider]
            )
        except Exception as error:  # onnxruntime raises its own types, by its build
            raise ModelError(f"onnxruntime cannot load {weights}: {error}") from error
        if self._session.get_providers()[0] != provider:  # it would fall back without a word
            raise ModelError(f"onnxruntime has no working {provider} here; leave the provider out")
        self._input = self._session.get_inputs()[0].name
        self._check_shapes(weights)

    def _check_shapes(self, weights: Path) -> None:
        """Raise ModelError when weights and description are of two models: better than noise."""
        image = self.info.image
        for node, wanted in (
            (self._session.get_inputs()[0], (None, image.channels, image.height, None)),
            (self._session.get_outputs()[0], (None, None, self.info.charset.num_classes)),
        ):
            # A dimension that may vary has a name in place of a number.
            fits = len(node.shape) == len(wanted) and all(
                size is None or size == found or not isinstance(found, int)
                for found, size in zip(node.shape, wanted)
            )
            if not fits:
                raise ModelError(
                    f"{weights}: {node.name} has the shape {node.shape}, its .json asks for "
                    f"{list(wanted)}; export the model again"
                )

    def _run(self, images: np.ndarray) -> np.ndarray:
        return self._session.run(None, {self._input: images})[0]


def load_predictor(weights: Path, *, threads: int = 0) -> Predictor:
    """The runner for a file of any exported format. Raises ModelError; ModuleNotFoundError when
    its runtime is not installed."""
    weights = Path(weights)
    if weights.suffix not in RUNTIMES:
        raise ModelError(f"{weights} is no exported model; formats: {', '.join(RUNTIMES)}")
    module, name = RUNTIMES[weights.suffix]
    return getattr(importlib.import_module(module), name)(weights, threads=threads)


def load_predictors(
    archs: str | Sequence[str] = ("all",),
    folder: str | Path = WEIGHTS_DIR,
    *,
    threads: int = 0,
) -> dict[str, Predictor]:
    """Load the named models (or ``all``) of a weights folder. Unknown names are a ModelError."""
    found = find_models(Path(folder))
    asked = [archs] if isinstance(archs, str) else list(archs)
    names = list(found) if "all" in asked else asked
    files = {name: weights_of(name, found, Path(folder)) for name in names}
    return {name: load_predictor(file, threads=threads) for name, file in files.items()}
