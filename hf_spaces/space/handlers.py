"""What the buttons do: values of components in, values of components out."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Sequence
from html import escape
from typing import Any, Callable

import gradio as gr
from captcha_ocr.imaging import ImageError
from captcha_ocr.web.problems import Problem
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder
from PIL import Image

from space import files
from space.drawing import characters_html, heatmap_svg, path_text
from space.reading import Picture, Reader

FIELDS = ("arch", "length", "alphabet", "pattern", "top_k")  # of POST /predict
THUMBNAIL = (320, 160)


def tells(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Errors of the core become messages on the page, which would show HTML as HTML.

    The handler's ``*settings`` get the names of FIELDS: Gradio's API calls its parameters by them.
    """

    @functools.wraps(handler)
    def wrapped(*arguments: Any) -> Any:
        try:
            return handler(*arguments)
        except (Problem, ImageError) as error:
            raise gr.Error(escape(str(error)), print_exception=False) from None

    own = inspect.signature(handler)
    named = [one for one in own.parameters.values() if one.kind is not one.VAR_POSITIONAL]
    named += [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in FIELDS]
    wrapped.__signature__ = own.replace(parameters=named)  # type: ignore[attr-defined]
    return wrapped


@tells
def show(reader: Reader, picture: Picture | None, *settings: Any) -> tuple[Any, ...]:
    """One picture on three tabs; in the order of their components."""
    if picture is None:
        raise Problem("missing", "there is no picture yet; drop one, or click a sample")
    fields = _fields(settings)
    found = reader.explain(picture, fields)
    reading = found[fields["arch"] or reader.default]
    path, merged = reading.explain.path, reading.explain.merged
    return (
        reading.text,
        f"{reading.confidence:.1%}",
        "" if reading.answer is None else str(reading.answer),
        characters_html(reading.characters),
        [[other.text, f"{other.confidence:.1%}"] for other in reading.alternatives],
        heatmap_svg(reading, reader.picture(picture.path)),
        path_text(path),
        path_text(merged),
        "".join(merged),
        [[r.arch, r.text, f"{r.confidence:.1%}", r.answer] for r in found.values()],
    )


@tells
def show_all(reader: Reader, pictures: list[Picture], *settings: Any) -> tuple[Any, ...]:
    """Many pictures as a gallery, a table and two files."""
    if not pictures:
        raise Problem("missing", "there are no pictures yet; drop some first")
    results = reader.read(pictures, _fields(settings))
    gallery = [
        (_thumbnail(reader.picture(picture.path)), f"{result.text} ({result.confidence:.0%})")
        for picture, result in zip(pictures, results)
        if not result.error
    ]
    return (
        gallery,
        files.rows(results),
        _download(files.to_csv(results), "captcha-ocr.csv"),
        _download(files.to_json(results), "captcha-ocr.json"),
    )


def _fields(settings: Sequence[Any]) -> dict[str, str]:
    # Gradio tells programs that a slider's value is a float: 3.0 is 3.
    texts = [f"{one:g}" if isinstance(one, float) else str(one or "") for one in settings]
    return dict(zip(FIELDS, texts))


def _thumbnail(picture: Image.Image) -> Image.Image:
    picture.thumbnail(THUMBNAIL)
    return picture


def _download(content: bytes, name: str) -> gr.DownloadButton:
    path = save_bytes_to_cache(content, name, get_upload_folder())
    return gr.DownloadButton(value=path, interactive=True)
