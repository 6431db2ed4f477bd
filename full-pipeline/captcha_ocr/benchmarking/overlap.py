"""Which pictures of a set equal one of another set, pixel by pixel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import islice
from pathlib import Path

from captcha_ocr.merging.engines import Engine
from captcha_ocr.merging.keys import band_key, pixel_key

CHUNK = 500  # pictures that a process hashes at a time


def find_equal(
    pictures: Sequence[Path], others: Iterable[Path], engine: Engine
) -> dict[Path, Path]:
    """Picture -> what it equals: one of ``others``, or an earlier one of ``pictures``.

    Raises ImageError for a picture that cannot be opened.
    """
    bands: dict[bytes, list[Path]] = {}
    for path, band in _band_keys(pictures, engine):
        bands.setdefault(band, []).append(path)
    alike = [(path, twin) for twins in bands.values() for path, twin in _earlier(twins)]
    for other, band in _band_keys(others, engine):
        alike += [(path, other) for path in bands.get(band, ())]
    pixels = cache(lambda path: pixel_key(path.read_bytes()))
    return {path: other for path, other in alike if pixels(path) == pixels(other)}


def _earlier(twins: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    """Each with every one before it."""
    for number, path in enumerate(twins):
        for twin in twins[:number]:
            yield path, twin


def _band_keys(paths: Iterable[Path], engine: Engine) -> Iterator[tuple[Path, bytes]]:
    """Pictures with different band keys differ; equal ones need a look at all pixels."""
    chunks = _chunks(paths)
    for chunk in engine.map(_hash, chunks):
        yield from chunk


def _chunks(paths: Iterable[Path]) -> Iterator[list[Path]]:
    waiting = iter(paths)
    while chunk := list(islice(waiting, CHUNK)):
        yield chunk


def _hash(paths: list[Path]) -> list[tuple[Path, bytes]]:
    return [(path, band_key(path.read_bytes())) for path in paths]
