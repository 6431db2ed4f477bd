"""The bodies of all answers. Both servers write them, and the OpenAPI document shows them."""

from __future__ import annotations

from typing import Any, Optional

from pydantic import BaseModel, Field

# ruff: noqa: UP045 - pydantic evaluates these annotations, and Python 3.9 knows no X | None


class CharacterModel(BaseModel):
    char: str
    confidence: float = Field(ge=0, le=1, description="how sure the model is of this glyph")
    start: int = Field(
        ge=0,
        description="first column of its span, which need not stand over the character: the "
        "network has read the whole picture. Do not cut pictures by it",
    )
    end: int = Field(description="one past the last column of its span: see start")


class Alternative(BaseModel):
    text: str
    confidence: float = Field(ge=0, le=1)


class Candidate(BaseModel):
    char: str = Field(description="empty: the blank")
    p: float = Field(ge=0, le=1)


class HeatRow(BaseModel):
    char: str = Field(description="empty: the blank, always the first row")
    p: list[float] = Field(description="probability in each column")


class Explanation(BaseModel):
    columns: int = Field(description="time steps of the model's output")
    picture_columns: float = Field(description="how many of them the picture covers")
    width_stride: int = Field(description="pixels of the scaled picture in a column")
    rows: list[HeatRow]
    top: list[list[Candidate]] = Field(description="the likeliest characters of each column")
    path: list[str] = Field(description="likeliest character of each column; empty: blank")
    merged: list[str] = Field(description="the path after repeats are merged")


class Reading(BaseModel):
    """What one model reads."""

    arch: str
    text: str
    confidence: float = Field(
        ge=0, le=1, description="calibrated probability that the whole text is right"
    )
    answer: Optional[int] = Field(
        default=None, description="value of an arithmetic picture: 7*3=? is 21"
    )
    characters: list[CharacterModel]
    alternatives: list[Alternative] = Field(description="the top_k texts, the best first")
    explain: Optional[Explanation] = None


class FileError(BaseModel):
    code: str = Field(
        description="stable: unsupported, size, broken, too_narrow, timeout, internal"
    )
    message: str


class FileResult(BaseModel):
    """One picture. With ``error`` set, the fields of a reading are null."""

    index: int = Field(description="place of the file in the request, from 0")
    file: str = Field(description="the name that was sent, for display only")
    width: Optional[int] = None
    height: Optional[int] = None
    error: Optional[FileError] = None
    arch: Optional[str] = Field(
        default=None, description="model of this reading; the surest one for all"
    )
    text: Optional[str] = None
    confidence: Optional[float] = None
    answer: Optional[int] = None
    characters: list[CharacterModel] = []
    alternatives: list[Alternative] = []
    explain: Optional[Explanation] = None
    compare: list[Reading] = Field(default=[], description="with arch=all: what every model reads")
    milliseconds: float = Field(
        default=0, description="from acceptance to result, waiting included"
    )


class PredictResponse(BaseModel):
    results: list[FileResult]
    milliseconds: float


class InputSize(BaseModel):
    height: int
    max_width: int
    channels: int
    pad_multiple: int


class ModelCard(BaseModel):
    name: str
    arch: str
    backend: str
    params: int
    charset_size: int
    input: InputSize
    width_stride: int
    exact_match: Optional[float] = Field(
        default=None,
        description="0 to 1, on the test set of the training run, or else on the set that chose "
        "its weights",
    )
    exact_match_folded: Optional[float] = Field(
        default=None, description="the same, upper and lower case taken as one"
    )
    cer: Optional[float] = Field(default=None, description="character error rate, on the same set")
    metrics: dict[str, Any] = Field(description="all figures, as the training run wrote them")
    sha256: str


class Rule(BaseModel):
    """What texts may be where a request says nothing of it, as the server was given it."""

    length: str
    alphabet: str
    pattern: str


class ModelsResponse(BaseModel):
    default: str
    rule: Rule = Field(description="holds where a request has no length, alphabet or pattern")
    models: list[ModelCard]


class Limits(BaseModel):
    max_files: int
    max_file_bytes: int
    max_body_bytes: int
    max_pixels: int
    max_top_k: int


class SampleCard(BaseModel):
    file: str
    url: str = Field(description="relative to the page")
    label: str = Field(description="the text drawn in it")
    style: str


class SamplesResponse(BaseModel):
    samples: list[SampleCard]


class Health(BaseModel):
    status: str
    version: str


class Version(BaseModel):
    name: str
    version: str
    limits: Limits


class ProblemDocument(BaseModel):
    """RFC 9457. ``code`` and ``kind`` are stable; ``detail`` is for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    field: Optional[str] = Field(default=None, description="of invalid: the field that is wrong")
    kind: Optional[str] = Field(
        default=None, description="of length, alphabet and pattern: the mistake, such as unclosed"
    )
    position: Optional[int] = Field(
        default=None,
        ge=0,
        description="of a pattern: the wrong character, from 0, in code points of the NFC form",
    )
