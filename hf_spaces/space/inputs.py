"""Gradio's inputs hand over files as they were sent: `open_image` is the first that opens them.

Left alone, `gr.Image` opens a picture itself, without our limits and with an error of its own.
The methods are replaced, not overridden: Gradio writes a stub file beside each subclass.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import gradio as gr
from gradio import processing_utils
from gradio.data_classes import FileData, ListFiles

from space.reading import Picture


def take_over() -> None:
    """For this process: inputs give `Picture`s, and a file that is named by a link is refused,
    since Gradio would fetch it and nothing is to leave this host."""
    gr.Image.preprocess = _one
    gr.File.preprocess = _many
    processing_utils.async_ssrf_protected_download = _refuse_link


def _one(component: gr.Image, payload: Any) -> Picture | None:
    return None if payload is None else _picture(payload)


def _many(component: gr.File, payload: ListFiles | FileData | None) -> list[Picture]:
    if payload is None:
        return []
    return [_picture(file) for file in (payload if isinstance(payload, ListFiles) else [payload])]


def _picture(file: Any) -> Picture:
    # Gradio has made sure before that the path is one of its own uploads.
    if not file.path:
        raise gr.Error("there is no file in that; upload the picture")
    return Picture(file.orig_name or Path(file.path).name, Path(file.path))


async def _refuse_link(url: str, cache_dir: str) -> NoReturn:
    message = "links are not followed; save the picture and upload the file"
    raise gr.Error(message, print_exception=False)
