"""The health report as one HTML page: pictures inside, nothing fetched, everything escaped."""

from __future__ import annotations

import base64
import io
from html import escape
from pathlib import Path
from string import Template

from captcha_ocr.data_report.findings import ERROR, RARE, Finding
from captcha_ocr.data_report.health import Health
from captcha_ocr.imaging import ImageError, open_image
from captcha_ocr.labels import IMAGES_DIR, resolve_inside

HERE = Path(__file__).parent
CASES = 200  # of a finding, in words
CASE_PICTURES = 12  # of a finding, shown
THUMBNAIL = (320, 128)  # pixels at most
VALUES = 40  # rows of a count


def render(health: Health) -> str:
    """The page. The pictures are read from ``health.root`` once more."""
    images = Path(health.root) / IMAGES_DIR
    template = Template((HERE / "page.html").read_text(encoding="utf-8"))
    against = f", compared with {health.against}" if health.against else ""
    return template.substitute(
        root=escape(health.root),
        css=(HERE / "page.css").read_text(encoding="utf-8"),
        verdict="healthy" if health.healthy else "not healthy",
        verdict_class="good" if health.healthy else "bad",
        summary=escape(
            f"{health.rows:,} rows, {health.pictures:,} pictures can be read, "
            f"{len(health.characters)} characters{against}"
        ),
        findings="".join(_finding(finding, images) for finding in health.findings)
        or "<p>None.</p>",
        sheet="".join(_figure(images, file, label) for file, label in health.sheet),
        counts="".join(_table(name, values) for name, values in health.counts.items()),
        characters=_characters(health.characters),
    )


def _finding(finding: Finding, images: Path) -> str:
    colour = "bad" if finding.severity == ERROR else ""
    pictures = [item for item in finding.items if item.file][:CASE_PICTURES]
    figures = "".join(_figure(images, item.file, item.text) for item in pictures)
    cases = "".join(f"<li>{escape(item.text)}</li>" for item in finding.items[:CASES])
    more = len(finding.items) - CASES
    return (
        f'<details><summary><strong class="{colour}">{finding.severity}</strong> '
        f"{escape(finding.name)}: {len(finding.items):,} "
        f"<small>({escape(finding.advice)})</small></summary>"
        f'<div class="sheet">{figures}</div><ul>{cases}</ul>'
        + (f"<p>and {more:,} more</p>" if more > 0 else "")
        + "</details>"
    )


def _figure(images: Path, file: str, caption: str) -> str:
    try:
        # Drawn anew from its pixels: no byte of a file from elsewhere gets into the page.
        image = open_image(resolve_inside(images, file))
    except (ImageError, ValueError) as error:
        return f"<figure><figcaption>{escape(f'{file}: {error}')}</figcaption></figure>"
    size = "{}x{}".format(*image.size)
    image.thumbnail(THUMBNAIL)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return (
        f'<figure><img alt="" loading="lazy" src="data:image/png;base64,{data}">'
        f"<figcaption>{escape(caption)}<small>{escape(file)} {size}</small></figcaption></figure>"
    )


def _table(name: str, values: dict[str, int]) -> str:
    most = max(values.values())
    rows = "".join(
        f'<tr><td>{escape(value)}</td><td class="number">{count:,}</td>'
        f'<td class="bar"><i style="width:{100 * count / most:.1f}%"></i></td></tr>'
        for value, count in list(values.items())[:VALUES]
    )
    more = len(values) - VALUES
    rows += f'<tr><td colspan="3">and {more} more</td></tr>' if more > 0 else ""
    return f"<table><caption>by {escape(name)} ({len(values)})</caption>{rows}</table>"


def _characters(characters: dict[str, int]) -> str:
    items = "".join(
        f"<li{' class=rare' if count < RARE else ''}>{escape(char)} <small>{count:,}</small></li>"
        for char, count in characters.items()
    )
    return (
        f"<p>How many pictures show each; framed in red: fewer than {RARE}.</p>"
        f'<ul class="characters">{items}</ul>'
    )
