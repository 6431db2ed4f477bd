"""The health report for a terminal."""

from __future__ import annotations

from captcha_ocr.data_report.findings import RARE
from captcha_ocr.data_report.health import Health
from captcha_ocr.tables import display_width, pad, printable

SHOWN = 5  # cases of a finding
VALUES = 20  # rows of a count
BAR = 30  # columns


def lines(health: Health) -> list[str]:
    found = [f"{health.root}: {health.rows:,} rows, {health.pictures:,} pictures can be read"]
    for name, values in health.counts.items():
        found += ["", f"by {name} ({len(values)})", *_bars(values)]
    found += ["", *_characters(health.characters), ""]
    for finding in health.findings:
        found.append(
            f"{finding.severity}: {finding.name}: {len(finding.items):,} ({finding.advice})"
        )
        found += [f"  {printable(item.text)}" for item in finding.items[:SHOWN]]
        if len(finding.items) > SHOWN:
            found.append(f"  ... and {len(finding.items) - SHOWN:,} more: --json names all")
    found.append("healthy" if health.healthy else "not healthy: mend the errors above")
    return found


def _bars(values: dict[str, int]) -> list[str]:
    top = list(values.items())[:VALUES]
    width = max(display_width(printable(value)) for value, _ in top)
    most = top[0][1]
    bars = [
        f"  {pad(printable(value), width)}  {count:>9,}  {'#' * round(BAR * count / most)}"
        for value, count in top
    ]
    if len(values) > VALUES:
        bars.append(f"  ... and {len(values) - VALUES} more")
    return bars


def _characters(characters: dict[str, int]) -> list[str]:
    if not characters:
        return ["no characters"]
    counts = list(characters.values())
    rare = sum(count < RARE for count in counts)
    return [
        f"{len(counts)} characters; the most frequent is in {counts[0]:,} pictures, the median in "
        f"{counts[len(counts) // 2]:,}, the rarest in {counts[-1]:,}; {rare} in fewer than {RARE}"
    ]
