"""The words of the generated tables, in the languages of the documents."""

from __future__ import annotations

LANGUAGES = ("en", "zh")

_WORDS = {
    # Columns and parts of the set (columns.py).
    "easy-text": ("EasyCaptcha text", "EasyCaptcha 文本"),
    "easy-cn": ("EasyCaptcha 中文", "EasyCaptcha 中文"),
    "easy-arith": ("EasyCaptcha sums", "EasyCaptcha 算式"),
    "ctext": ("CalcAllStyles_text", "CalcAllStyles_text"),
    "ruoyi": ("RuoYi", "RuoYi"),
    "all": ("all of them", "以上全部"),
    "heldout": ("unseen fonts", "未见过的字体"),
    "unrelated": ("unseen fonts, no relatives", "未见过的字体，不含近亲"),
    "sizes": ("unseen sizes", "未见过的尺寸"),
    # Heads of columns.
    "reader": ("reader", "识别器"),
    "version": ("version", "版本"),
    "date": ("date", "日期"),
    "ms": ("ms", "毫秒"),
    "load": ("load", "负载"),
    "megabytes": ("MB", "MB"),
    "model": ("model", "模型"),
    "column": ("pictures of", "图片类别"),
    "pictures": ("pictures", "图片数"),
    "folded": ("EM, case folded", "EM（不分大小写）"),
    "interval": ("95 %", "95 %"),
    "families": (" ({n} families)", "（{n} 个字体族）"),
    "strict": ("EM", "EM"),
    "clear": ("EM, clear fonts", "EM（可辨字体）"),
    "cer": ("CER", "CER"),
    "ece": ("ECE", "ECE"),
    "coverage": ("at 90 %", "90 % 覆盖"),
    "style": ("style", "风格"),
    "kind": ("kind", "种类"),
    "size": ("size", "尺寸"),
    "length": ("characters", "字符数"),
    "params": ("weights", "参数量"),
    "macs": ("MACs", "MACs"),
    "cpu_model": ("CPU, model: p50 / p95 ms", "CPU 仅模型：p50 / p95 毫秒"),
    "cpu_end": ("CPU, whole way: p50 / p95 ms", "CPU 全程：p50 / p95 毫秒"),
    "gpu_model": ("GPU, model: p50 / p95 ms", "GPU 仅模型：p50 / p95 毫秒"),
    "gpu_end": ("GPU, whole way: p50 / p95 ms", "GPU 全程：p50 / p95 毫秒"),
    "batch": ("batch", "批大小"),
    "rate_end": ("pictures/s, whole way", "图/秒，全程"),
    "rate_model": ("pictures/s, model", "图/秒，仅模型"),
    "peak": ("peak memory, MB", "内存峰值，MB"),
    # Sentences.
    "nothing": ("Nothing was measured yet.", "尚未测量。"),
    "stamp": (
        "Measured {date} on {machine} with `{command}`{set}.",
        "测于 {date}，{machine}，命令 `{command}`{set}。",
    ),
    "set": ("; the set is `{name}`, of {n:,} pictures", "；图片集为 `{name}`，共 {n:,} 张"),
}


def words(language: str) -> dict[str, str]:
    """Key -> text in a language of LANGUAGES."""
    place = LANGUAGES.index(language)
    return {key: texts[place] for key, texts in _WORDS.items()}
