"""From files to readings, through the same service as the servers. Knows nothing of Gradio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from captcha_ocr.imaging import ImageLimits, open_image
from captcha_ocr.web.catalogue import STATIC, load_models, samples
from captcha_ocr.web.metrics import Metrics
from captcha_ocr.web.options import ALL
from captcha_ocr.web.problems import Problem
from captcha_ocr.web.schemas import FileResult, Reading
from captcha_ocr.web.service import Service, Upload
from captcha_ocr.web.settings import Settings
from PIL import Image

SAMPLES = [STATIC.parent / card.url for card in samples().samples]


@dataclass(frozen=True)
class Picture:
    """A file that was uploaded."""

    name: str  # as its owner calls it: for display, never a path
    path: Path  # where it lies now


class Reader:
    """The loaded models. Errors are Problems, with the same words as the servers'."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._limits = ImageLimits(
            max_bytes=settings.max_file_bytes, max_pixels=settings.max_pixels
        )
        self._service = Service(settings, load_models(settings), Metrics())

    @classmethod
    def from_env(cls) -> Reader:
        """Raises ConfigError or ModelError."""
        return cls(Settings.from_env())

    @property
    def archs(self) -> list[str]:
        return list(self._service.predictors)

    @property
    def default(self) -> str:
        return self._service.default

    def read(self, pictures: Sequence[Picture], fields: Mapping[str, str]) -> list[FileResult]:
        """One result a picture, in order; a picture that cannot be read has an ``error``.

        ``fields`` are those of ``POST /predict``: arch, length, alphabet, pattern, top_k, explain.
        """
        if len(pictures) > self.settings.max_files:
            raise Problem(
                "too_many_files",
                f"{len(pictures)} pictures; {self.settings.max_files} at once are read",
            )
        options = self._service.options(fields.items())
        uploads = [Upload(picture.name, self._bytes(picture.path)) for picture in pictures]
        return [future.result() for future in self._service.submit(uploads, options)]

    def explain(self, picture: Picture, fields: Mapping[str, str]) -> dict[str, Reading]:
        """What every model reads in one picture, with its probabilities: model -> reading."""
        (result,) = self.read([picture], {**fields, "arch": ALL, "explain": "true"})
        if result.error:
            raise Problem(result.error.code, result.error.message)
        alone = [Reading(**{name: getattr(result, name) for name in Reading.model_fields})]
        return {reading.arch: reading for reading in result.compare or alone}

    def picture(self, path: Path) -> Image.Image:
        """The picture as the models get it, the frames of a GIF combined. Raises ImageError."""
        return open_image(path, self._limits)

    def _bytes(self, path: Path) -> bytes:
        """No more than one byte over the limit: the service then says that it is too large."""
        try:
            with path.open("rb") as file:
                return file.read(self._limits.max_bytes + 1)
        except FileNotFoundError:  # the page was open for longer than its uploads are kept
            raise Problem("missing", "an upload is kept for an hour; choose it again") from None
