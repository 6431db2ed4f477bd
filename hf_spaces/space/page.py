"""The page: what stands where, and which handler fills it."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from space import files, words
from space.handlers import show, show_all
from space.inputs import take_over
from space.reading import SAMPLES, Reader

CSS = Path(__file__).with_name("page.css")
# Those of the system: no font is fetched from anywhere.
FONTS = ["Segoe UI", "Helvetica Neue", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC"]
MONO = ["Cascadia Mono", "Menlo", "Consolas", "DejaVu Sans Mono"]
CLEAN_EVERY, KEEP_FOR = 600, 3600  # seconds: uploads and downloads do not stay

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
        fill = functools.partial(show, reader)
        gr.on([read.click, picture.upload], fill, inputs, outputs, api_name="read")
        samples.load_input_event.then(fill, inputs, outputs, api_visibility="private")
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
    """In the order of handlers.FIELDS."""
    most = reader.settings.max_top_k
    with gr.Accordion(t("settings"), open=False):
        return [
            gr.Dropdown(reader.archs, value=reader.default, label=t("model")),
            gr.Textbox(label=t("length"), info=t("length.hint"), max_lines=1),
            gr.Textbox(label=t("alphabet"), info=t("alphabet.hint"), max_lines=1),
            gr.Textbox(label=t("pattern"), info=t("pattern.hint"), max_lines=1),
            gr.Slider(  # of two values at least; where there is no choice, nobody sees it
                1,
                max(2, most),
                value=min(3, most),
                step=1,
                label=t("top_k"),
                visible=most > 1,
            ),
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
        functools.partial(show_all, reader),
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
