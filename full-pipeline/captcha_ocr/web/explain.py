"""What the explain view draws: the model's probabilities, and the path from columns to text."""

from __future__ import annotations

import numpy as np

from captcha_ocr.charset import Charset
from captcha_ocr.decoding import best_path
from captcha_ocr.model_info import ModelInfo
from captcha_ocr.predictor import Prediction
from captcha_ocr.web.schemas import Candidate, Explanation, HeatRow

TOP = 3  # candidates listed for each column
ROWS = 24  # most characters drawn in the heat map
NOTICEABLE = 0.02  # a character below this in every column is not drawn


def explain(prediction: Prediction, info: ModelInfo) -> Explanation:
    charset = info.charset
    probabilities = np.exp(prediction.log_probs)  # (T, C)
    order = np.argsort(-probabilities, axis=1)[:, :TOP]  # (T, 3)
    path = [_symbol(charset, index) for index in best_path(prediction.log_probs).tolist()]
    return Explanation(
        columns=len(path),
        picture_columns=round(prediction.picture_columns, 3),
        width_stride=info.width_stride,
        rows=_heat_rows(probabilities, charset, prediction.text),
        top=[
            [Candidate(char=_symbol(charset, i), p=_round(column[i])) for i in best.tolist()]
            for best, column in zip(order, probabilities)
        ],
        path=path,
        merged=[char for i, char in enumerate(path) if i == 0 or char != path[i - 1]],
    )


def _heat_rows(probabilities: np.ndarray, charset: Charset, text: str) -> list[HeatRow]:
    """The blank's row, then those of the text's characters and of others that are noticeable
    somewhere, in the order in which they peak."""
    peaks = probabilities.max(axis=0)  # (C,)
    read = set(charset.encode(text))
    others = [i for i in np.argsort(-peaks).tolist() if i != Charset.BLANK and i not in read]
    noticeable = [i for i in others[: max(0, ROWS - len(read))] if peaks[i] >= NOTICEABLE]
    drawn = sorted([*read, *noticeable], key=lambda i: (int(probabilities[:, i].argmax()), i))
    return [
        HeatRow(char=_symbol(charset, i), p=[_round(p) for p in probabilities[:, i]])
        for i in (Charset.BLANK, *drawn)
    ]


def _symbol(charset: Charset, index: int) -> str:
    """The character of a class; the blank, which has none, is the empty string."""
    return "" if index == Charset.BLANK else charset.symbols[index - 1]


def _round(probability: float) -> float:
    return round(float(probability), 4)
