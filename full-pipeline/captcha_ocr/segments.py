"""A walk over the parts of a JPEG, a PNG or a BMP, before a decoder sees them; gif.py has a GIF's.

A decoder works for each: a scan of twelve bytes goes over the whole picture once more, and an empty
comment is still read. So a file of a few MB could keep it busy for minutes. Files of any camera,
scanner or browser stay far below these limits.

What no pixel depends on is taken out: Pillow unpacks every colour profile, warns of every odd entry
of a camera's notes, and lets an animation's rectangles cut a PNG.
"""

from __future__ import annotations

import re
import struct

Spans = list[tuple[int, int]]  # of bytes: start, end

MAX_SCANS = 64  # of a progressive JPEG; encoders write about ten
MAX_SEGMENTS = 1_000  # of a JPEG, and bytes between those before the first scan
MAX_CHUNKS = 4_000  # of a PNG; a million pixels of 8 bytes in pieces of 4 KiB are 2,000
# Pixels, and bytes, of a BMP in run lengths: Pillow takes both one by one, in Python, and two bytes
# need not draw anything.
MAX_RUNS = 1 << 17

_SCAN, _END = 0xDA, 0xD9
_ALONE = frozenset([0x01, 0xC8, *range(0xD0, 0xDA), *range(0xF0, 0xFE)])  # markers, no length
# Of applications, but for JFIF (0xE0) and Adobe (0xEE), which say how colours are stored.
_NOTES = frozenset([*range(0xE1, 0xEE), 0xEF])
_CHUNKS = frozenset([b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"])
_MARKER = re.compile(rb"\xff([\x01-\xfe])")
_MARKER_AFTER_SCAN = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")  # FF D0 to D7 belong to the scan


def pixel_parts(data: bytes) -> bytes:
    """A JPEG or PNG without its notes; other data as it is.

    Raises ValueError when it has very many parts, or a BMP in run lengths is large.
    """
    if data.startswith(b"\xff\xd8"):
        return _join(data, _jpeg_notes(data))
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _join(data, _png_notes(data))
    if data.startswith(b"BM") and len(data) >= 34:
        _check_bmp_runs(data)
    return data


def _join(data: bytes, left_out: Spans) -> bytes:
    """What is cut off stays in, so that a decoder says so."""
    kept, position = [], 0
    for start, end in left_out:
        if end <= len(data):
            kept.append(data[position:start])
            position = end
    return b"".join([*kept, data[position:]])


def _jpeg_notes(data: bytes) -> Spans:
    """Where they stand. ITU T.81, annex B."""
    notes: Spans = []
    scans = others = 0
    position, marker = 2, 0
    while marker != _END or not scans:
        found = (_MARKER_AFTER_SCAN if scans else _MARKER).search(data, position)
        start, marker = (found.start(), found[1][0]) if found else (len(data), _END)
        if not scans:
            others += start - position  # Pillow passes over these one by one
        if marker == _SCAN:
            scans += 1
        else:
            others += 1
        if scans > MAX_SCANS or others > MAX_SEGMENTS:
            raise ValueError(
                f"a JPEG of more than {MAX_SCANS} scans or {MAX_SEGMENTS} other segments"
            )
        if not found:
            break
        position = found.end()
        if marker not in _ALONE:
            position += int.from_bytes(data[position : position + 2], "big")
        if marker in _NOTES and not scans:
            notes.append((start, position))
    return notes


def _png_notes(data: bytes) -> Spans:
    """Where they stand. ISO 15948, clause 5: length, name, content, checksum."""
    notes: Spans = []
    position = 8
    for _ in range(MAX_CHUNKS):
        if position + 8 > len(data):
            return notes
        start = position
        length, name = struct.unpack_from(">I4s", data, position)
        position += 12 + length
        if name == b"IEND":
            return notes
        if name.isalpha() and name not in _CHUNKS:  # any other name is damage
            notes.append((start, position))
    raise ValueError(f"a PNG of more than {MAX_CHUNKS} chunks")


def _check_bmp_runs(data: bytes) -> None:
    """BITMAPINFOHEADER: its size, width, height, planes, bits, compression (1 and 2: runs)."""
    size, width, height, _, _, compression = struct.unpack_from("<IiiHHI", data, 14)
    if size >= 40 and compression in (1, 2) and max(len(data), abs(width * height)) > MAX_RUNS:
        raise ValueError(
            f"a BMP in run lengths of more than {MAX_RUNS} pixels or bytes; save it as a PNG"
        )
