"""From predictions to the bodies of answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from captcha_ocr.model_info import ModelInfo
from captcha_ocr.predictor import Prediction
from captcha_ocr.web.explain import explain
from captcha_ocr.web.problems import Problem
from captcha_ocr.web.schemas import (
    Alternative,
    CharacterModel,
    FileError,
    FileResult,
    PredictResponse,
    Reading,
)

NDJSON = "application/x-ndjson"


def reading(
    arch: str, prediction: Prediction, info: ModelInfo, *, with_explanation: bool
) -> Reading:
    return Reading(
        arch=arch,
        text=prediction.text,
        confidence=_round(prediction.confidence),
        answer=prediction.answer,
        characters=[
            CharacterModel(char=c.char, confidence=_round(c.confidence), start=c.start, end=c.end)
            for c in prediction.characters
        ],
        alternatives=[
            Alternative(text=r.text, confidence=_round(r.confidence)) for r in prediction.readings
        ],
        explain=explain(prediction, info) if with_explanation else None,
    )


def file_result(
    index: int, name: str, size: tuple[int, int], readings: Sequence[Reading], milliseconds: float
) -> FileResult:
    """The surest reading stands in the result itself; several stand side by side too."""
    best = max(readings, key=lambda r: r.confidence)
    return FileResult(
        index=index,
        file=display_name(name),
        width=size[0],
        height=size[1],
        milliseconds=round(milliseconds, 2),
        compare=list(readings) if len(readings) > 1 else [],
        **dict(best),
    )


def failed(index: int, name: str, code: str, message: str) -> FileResult:
    error = FileError(code=code, message=message)
    return FileResult(index=index, file=display_name(name), error=error)


def display_name(name: str) -> str:
    """A client's file name, for people: no folders, no control characters, not endless.

    Not `secure_filename`, which turns 验证码.png into png. It is never a path here.
    """
    name = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(char for char in name if char.isprintable())[:200]


def respond(results: list[FileResult], milliseconds: float) -> PredictResponse:
    """The body for a whole request. Raises Problem when not one picture could be read."""
    response = PredictResponse(results=results, milliseconds=round(milliseconds, 2))
    first = results[0].error
    if first is not None and all(result.error for result in results):
        detail = first.message if len(results) == 1 else f"no picture was read: {first.message}"
        raise Problem(first.code, detail, results=response.model_dump()["results"])
    return response


def ndjson_line(result: FileResult) -> str:
    return result.model_dump_json() + "\n"


def ndjson_end(count: int, milliseconds: float) -> str:
    """The last line tells a complete answer from one that was cut off."""
    return f'{{"done":true,"count":{count},"milliseconds":{milliseconds:.2f}}}\n'


def wants_ndjson(accept: Iterable[str]) -> bool:
    return any(NDJSON in value for value in accept)


def _round(probability: float) -> float:
    return round(float(probability), 4)
