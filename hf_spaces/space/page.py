"""The page: what stands where, and which function fills it."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, Callable

import gradio as gr
from captcha_ocr.imaging import ImageError
from captcha_ocr.web.problems import Problem
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder
from PIL import Image

from space import files, words
from space.drawing import characters_html, heatmap_svg, path_text
from space.inputs import take_over
from space.reading import SAMPLES, Picture, Reader

CSS = Path(__file__).with_name("page.css")
# Those of the system: no font is fetched from anywhere.
FONTS = ["Segoe UI", "Helvetica Neue", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC"]
MONO = ["Cascadia Mono", "Menlo", "Consolas", "DejaVu Sans Mono"]
CLEAN_EVERY, KEEP_FOR = 600, 3600  # seconds: uploads and downloads do not stay
THUMBNAIL = (320, 160)
FIELDS = ("arch", "length", "alphabet", "pattern", "top_k")

t = gr.I18n(**{"en": words.ENGLISH, "zh-CN": words.CHINESE})


def build(reader: Reader) -> gr.Blocks:
    take_over()
    with gr.Blocks(
        title="CAPTCHA OCR", analytics_enabled=False, delete_cache=(CLEAN_EVERY, KEEP_FOR)
    ) as page:
        gr.Markdown(t("title"))
        with gr.Row():
            with gr.Column(scale=2, min_width=320):
                picture = gr.Image(
                    label=t("picture"),
                    sources=["upload", "clipboard"],
                    height=200,
                    buttons=[],
                    elem_id="picture",
                )
                read = gr.Button(t("read"), variant="primary")
                samples = gr.Examples(
                    [[str(path)] for path in SAMPLES],
                    picture,
                    label=t("samples"),
                    examples_per_page=len(SAMPLES),
                )
                settings = _settings(reader)
            with gr.Column(scale=3, min_width=320), gr.Tabs():
                outputs = [*_reading_tab(), *_explain_tab(), *_compare_tab()]
                _batch_tab(reader, settings)
        inputs = [picture, *settings]
        show = functools.partial(_show, reader)
        gr.on([read.click, picture.upload], show, inputs, outputs, api_name="read")
        samples.load_input_event.then(show, inputs, outputs, api_visibility="private")
    return page.queue(max_size=32, default_concurrency_limit=4)


def launch(page: gr.Blocks, reader: Reader) -> None:
    """Serve until Ctrl-C, on 127.0.0.1 unless GRADIO_SERVER_NAME says otherwise."""
    _, address, _ = page.launch(
        prevent_thread_lock=True,
        quiet=True,  # it would advise to open a public link
        share=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        enable_monitoring=False,
        run_history=False,
        footer_links=["settings"],
        max_file_size=reader.settings.max_file_bytes,
        i18n=t,
        theme=gr.themes.Soft(font=[*FONTS, "sans-serif"], font_mono=[*MONO, "monospace"]),
        css_paths=CSS,
    )
    print(f"the page: {address}", flush=True)
    page.block_thread()


def _settings(reader: Reader) -> list[gr.components.Component]:
    """In the order of FIELDS."""
    with gr.Accordion(t("settings"), open=False):
        return [
            gr.Dropdown(reader.archs, value=reader.default, label=t("model")),
            gr.Textbox(label=t("length"), info=t("length.hint"), max_lines=1),
            gr.Textbox(label=t("alphabet"), info=t("alphabet.hint"), max_lines=1),
            gr.Textbox(label=t("pattern"), info=t("pattern.hint"), max_lines=1),
            gr.Slider(1, reader.settings.max_top_k, value=3, step=1, label=t("top_k")),
        ]


def _reading_tab() -> list[gr.components.Component]:
    with gr.Tab(t("tab.reading")):
        text = gr.Textbox(label=t("text"), buttons=["copy"], elem_id="text")
        with gr.Row():
            confidence = gr.Textbox(label=t("confidence"), elem_id="confidence")
            answer = gr.Textbox(label=t("answer"), elem_id="answer")
        characters = gr.HTML(label=t("characters"), show_label=True, container=True)
        readings = _table("readings", ["text · 文本", "confidence · 置信度"])
    return [text, confidence, answer, characters, readings]


def _explain_tab() -> list[gr.components.Component]:
    with gr.Tab(t("tab.explain")):
        gr.Markdown(t("heatmap.hint"))
        heatmap = gr.HTML(label=t("heatmap"), show_label=True, container=True)
        path = gr.Textbox(label=t("path"), elem_id="path")
        merged = gr.Textbox(label=t("merged"), elem_id="merged")
        final = gr.Textbox(label=t("final"), elem_id="final")
    return [heatmap, path, merged, final]


def _compare_tab() -> list[gr.components.Component]:
    with gr.Tab(t("tab.compare")):
        return [
            _table(
                "compare", ["model · 模型", "text · 文本", "confidence · 置信度", "answer · 答案"]
            )
        ]


def _batch_tab(reader: Reader, settings: Sequence[gr.components.Component]) -> None:
    with gr.Tab(t("tab.batch")):
        pictures = gr.File(
            label=t("pictures"),
            file_count="multiple",
            file_types=["image"],
            height=160,
            elem_id="pictures",
        )
        read_all = gr.Button(t("read_all"), variant="primary")
        gallery = gr.Gallery(
            label=t("gallery"),
            columns=4,
            object_fit="contain",
            format="png",
            buttons=[],
            elem_id="gallery",
        )
        table = _table("table", list(files.COLUMNS), ["24%", "14%", "14%", "10%", "18%", "20%"])
        with gr.Row():
            csv = gr.DownloadButton(t("csv"), interactive=False)
            json = gr.DownloadButton(t("json"), interactive=False)
    read_all.click(
        functools.partial(_show_all, reader),
        [pictures, *settings],
        [gallery, table, csv, json],
        api_name="read_all",
    )


def _table(name: str, headers: list[str], widths: list[str] | None = None) -> gr.Dataframe:
    return gr.Dataframe(
        headers=headers,
        label=t(name),
        interactive=False,
        elem_id=name,
        wrap=True,
        column_widths=widths,
    )


def _tells(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Errors of the core become messages on the page, which would show HTML as HTML."""

    @functools.wraps(handler)
    def wrapped(*arguments: Any) -> Any:
        try:
            return handler(*arguments)
        except (Problem, ImageError) as error:
            raise gr.Error(escape(str(error)), print_exception=False) from None

    return wrapped


@_tells
def _show(reader: Reader, picture: Picture | None, *settings: Any) -> tuple[Any, ...]:
    """One picture on three tabs; in the order of their components."""
    if picture is None:
        raise Problem("missing", "there is no picture yet; drop one, or click a sample")
    fields = _fields(settings)
    found = reader.explain(picture, fields)
    reading = found[fields["arch"]]
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


@_tells
def _show_all(reader: Reader, pictures: list[Picture], *settings: Any) -> tuple[Any, ...]:
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
    return {name: str(value or "") for name, value in zip(FIELDS, settings)}


def _thumbnail(picture: Image.Image) -> Image.Image:
    picture.thumbnail(THUMBNAIL)
    return picture


def _download(content: bytes, name: str) -> gr.DownloadButton:
    path = save_bytes_to_cache(content, name, get_upload_folder())
    return gr.DownloadButton(value=path, interactive=True)
