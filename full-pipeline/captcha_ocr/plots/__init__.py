"""The pictures of a run and of an evaluation, as PNG files. Needs matplotlib (extra ``train``).

Every function takes data and a path, and draws through its own figure: no display, no state shared
with a program's own plots.
"""

from captcha_ocr.plots.confusions import plot_confusions
from captcha_ocr.plots.curves import Panel, plot_curves
from captcha_ocr.plots.galleries import plot_batch, plot_worst
from captcha_ocr.plots.history import plot_history
from captcha_ocr.plots.label_counts import plot_labels
from captcha_ocr.plots.reliability import plot_reliability

__all__ = [
    "Panel",
    "plot_batch",
    "plot_confusions",
    "plot_curves",
    "plot_history",
    "plot_labels",
    "plot_reliability",
    "plot_worst",
]
