"""Counters for ``GET /metrics`` in Prometheus' text format (version 0.0.4), by hand: the
client library would be a dependency for fifty lines."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SIZES = (1, 2, 4, 8, 16, 32, 64)

Labels = tuple[tuple[str, str], ...]


class Counter:
    """A number that only grows, one for each set of labels."""

    kind = "counter"

    def __init__(self, name: str, help_text: str) -> None:
        self.name, self.help_text = name, help_text
        self._values: dict[Labels, float] = defaultdict(float)
        self._lock = threading.Lock()

    def add(self, amount: float = 1, **labels: str) -> None:
        with self._lock:
            self._values[tuple(sorted(labels.items()))] += amount

    def lines(self) -> list[str]:
        with self._lock:
            return [
                f"{self.name}{_braces(labels)} {_number(value)}"
                for labels, value in sorted(self._values.items())
            ]


class Gauge(Counter):
    """A number that goes up and down."""

    kind = "gauge"

    def set(self, value: float, **labels: str) -> None:
        with self._lock:
            self._values[tuple(sorted(labels.items()))] = value


class Histogram:
    """How often a value was at most each bound."""

    kind = "histogram"

    def __init__(self, name: str, help_text: str, bounds: Sequence[float]) -> None:
        self.name, self.help_text, self._bounds = name, help_text, bounds
        self._series: dict[Labels, list[float]] = {}  # one count a bound, then count and sum
        self._lock = threading.Lock()

    def observe(self, value: float, **labels: str) -> None:
        with self._lock:
            series = self._series.setdefault(
                tuple(sorted(labels.items())), [0.0] * (len(self._bounds) + 2)
            )
            for index, bound in enumerate(self._bounds):
                series[index] += value <= bound
            series[-2] += 1
            series[-1] += value

    def lines(self) -> list[str]:
        lines = []
        with self._lock:
            for labels, series in sorted(self._series.items()):
                bounds = [f"{bound:g}" for bound in self._bounds] + ["+Inf"]
                *counts, total, sum_ = series
                for bound, count in zip(bounds, [*map(_number, counts), _number(total)]):
                    lines.append(f"{self.name}_bucket{_braces((*labels, ('le', bound)))} {count}")
                lines.append(f"{self.name}_sum{_braces(labels)} {_number(sum_)}")
                lines.append(f"{self.name}_count{_braces(labels)} {_number(total)}")
        return lines


class Metrics:
    """What one server process counts. Each worker process has its own."""

    def __init__(self) -> None:
        self.requests = Counter("captcha_ocr_requests_total", "Requests answered.")
        self.request_seconds = Histogram(
            "captcha_ocr_request_seconds", "Time to answer a request.", SECONDS
        )
        self.pictures = Counter("captcha_ocr_pictures_total", "Pictures, by outcome.")
        self.readings = Counter("captcha_ocr_readings_total", "Pictures read, by model.")
        self.batches = Histogram(
            "captcha_ocr_batch_pictures", "Pictures that one model run read.", SIZES
        )
        self.pending = Gauge("captcha_ocr_pending_pictures", "Accepted and not answered yet.")

    def text(self) -> str:
        """The whole page."""
        lines = []
        for metric in vars(self).values():
            lines += [f"# HELP {metric.name} {metric.help_text}"]
            lines += [f"# TYPE {metric.name} {metric.kind}", *metric.lines()]
        return "\n".join(lines) + "\n"


def _braces(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escape(value)}"' for name, value in labels) + "}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
