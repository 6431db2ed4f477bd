"""The registry of picture styles, one row each: the merge, the benchmark and tests read it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Style:
    """A kind of CAPTCHA that a generator here draws."""

    key: str  # short name: the tag of a merge source, the field `style` of a manifest
    name: str  # what people call it
    kinds: tuple[str, ...]  # values of the manifest's field `kind`


_TEXT_KINDS = tuple(
    f"text:{effect}:{spacing}:{noise}"
    for effect in ("water", "shadow", "fisheye")
    for spacing in ("normal", "wide", "compact")
    for noise in ("noise", "nonoise")
)

STYLES = {
    style.key: style
    for style in (
        Style(
            "easy",
            "EasyCaptcha",
            (
                "spec",
                "spec_num",
                "spec_char",
                "spec_upper",
                "spec_lower",
                "spec_numupper",
                "spec_numlower",
                "gif",
                "gif_numupper",
                "gif_numlower",
                "cn",
                "cn_gif",
                "arith",
            ),
        ),
        Style("ctext", "CalcAllStyles_text", _TEXT_KINDS),
        Style("ruoyi", "RuoYi", ("arith",)),
    )
}
