"""What was exported and measured, as the Markdown table of the documents, in their languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from captcha_ocr.benchmarking.pages import table

Report = Mapping[str, Any]

HEADERS = {
    "en": ("model, format", "MB", "same text", "EM", "logits differ by", "remarks"),
    "zh": ("模型、格式", "MB", "文本相同", "EM", "logits 相差", "备注"),
}
CAPTIONS = {
    "en": (
        "px: milliseconds for one picture of that width and {height} pixels high, brought to the "
        "model's height, without opening it, on one thread (median; processor time). {date}, "
        "{machine}, {runtimes}.",
        "Same text, EM: of the {pictures} pictures in `{set}`, the text torch reads and the label. "
        "Logits differ by: the most, of all pictures and classes; float32 may by {tolerance:g} and "
        "a ten-thousandth of the largest logit.",
    ),
    "zh": (
        "px：单线程处理宽为该数、高 {height} 像素的一张图片（缩放到模型的高度）所需的毫秒数，"
        "不含打开图片（中位数，处理器时间）。"
        "{date}，{machine}，{runtimes}。",
        "文本相同、EM：`{set}` 的 {pictures} 张图片中，与 torch 的结果相同、与标签相同的比例。"
        "logits 相差：所有图片、所有类别中的最大值；"
        "float32 格式允许 {tolerance:g} 加最大 logit 的万分之一。",
    ),
}
REMARKS = {
    "legacy": ("legacy: torch.jit is deprecated", "旧格式：torch.jit 已弃用"),
    "widths": (
        "fixed widths {widths} px; the filling changes nothing",
        "固定宽度 {widths} px；填充部分不影响结果",
    ),
    "int8": (
        "{variant}, {speed:g} times as fast as float32; of {pictures} training pictures "
        "{right} right, float32 {right_full}",
        "{variant}，速度是 float32 的 {speed:g} 倍；{pictures} 张训练图片读对 {right} 张，"
        "float32 读对 {right_full} 张",
    ),
    "not_kept": ("not kept: {variants}", "未保留：{variants}"),
    "failed": ("failed: {message}", "失败：{message}"),
}
LANGUAGES = tuple(HEADERS)


def render(report: Report, language: str = "en") -> str:
    """The table of a report, with a line below it that says how it was measured."""
    widths = report["widths"]
    *figures, remarks = HEADERS[language]
    header = [*figures, *(f"{width} px" for width in widths), remarks]
    rows = [_row(row, widths, language) for row in report["rows"]]
    captions = CAPTIONS[language] if report["set"] else CAPTIONS[language][:1]
    caption = " ".join(sentence.format(**report) for sentence in captions)
    return f"{table(header, rows)}\n\n{caption}"


def _row(row: Mapping[str, Any], widths: list[int], language: str) -> list[str]:
    milliseconds = {int(width): value for width, value in row.get("milliseconds", {}).items()}
    name = f"{row['arch']}, {row['format']}"
    return [
        name if row["format"] != "torch" else f"**{name}**",
        _figure(row, "bytes", lambda size: f"{size / 1e6:.1f}"),
        _figure(row, "same_text", "{:.2%}".format),
        _figure(row, "exact_match", "{:.2%}".format),
        _figure(row, "largest_difference", lambda gap: f"{gap:.1g}" if gap < 1 else f"{gap:.0f}"),
        *(f"{milliseconds[w]:.1f}" if w in milliseconds else "" for w in widths),
        remark(row["remark"], language),
    ]


def _figure(row: Mapping[str, Any], key: str, shown: Any) -> str:
    return "" if row.get(key) is None else shown(row[key])


def remark(values: Mapping[str, Any], language: str) -> str:
    """What is said of a row, in a language."""
    if not values:
        return ""
    values = dict(values)
    if "widths" in values:
        values["widths"] = ", ".join(map(str, values["widths"]))
    if "variants" in values:
        kept = [remark({"kind": "int8", **each}, language) for each in values["variants"]]
        values["variants"] = " / ".join(kept)
    return REMARKS[values["kind"]][LANGUAGES.index(language)].format(**values)
