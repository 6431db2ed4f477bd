"""A walk over the segments of a JPEG and the chunks of a PNG, before a decoder sees them.

A decoder works for each: a scan of twelve bytes goes over the whole picture once more, and an empty
comment is still read. So a file of a few MB could keep it busy for minutes. Files of any camera,
scanner or browser stay far below these limits.
"""

from __future__ import annotations

import re
import struct

MAX_SCANS = 64  # of a progressive JPEG; encoders write about ten
MAX_SEGMENTS = 1_000  # of a JPEG, and bytes between those before the first scan
MAX_CHUNKS = 4_000  # of a PNG; a million pixels of 8 bytes in pieces of 4 KiB are 2,000

_SCAN, _END = 0xDA, 0xD9
_ALONE = frozenset([0x01, 0xC8, *range(0xD0, 0xDA), *range(0xF0, 0xFE)])  # markers, no length
_MARKER = re.compile(rb"\xff([\x01-\xfe])")
_MARKER_AFTER_SCAN = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")  # FF D0 to D7 belong to the scan


def check_segments(data: bytes) -> None:
    """Raise ValueError for a JPEG or PNG of very many parts; other data is let through."""
    if data.startswith(b"\xff\xd8"):
        _check_jpeg(data)
    elif data.startswith(b"\x89PNG\r\n\x1a\n"):
        _check_png(data)


def _check_jpeg(data: bytes) -> None:
    """ITU T.81, annex B."""
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
            return
        position = found.end()
        if marker not in _ALONE:
            position += int.from_bytes(data[position : position + 2], "big")


def _check_png(data: bytes) -> None:
    """ISO 15948, clause 5: length, name, content, checksum."""
    position = 8
    for _ in range(MAX_CHUNKS):
        if position + 8 > len(data):
            return
        length, name = struct.unpack_from(">I4s", data, position)
        if name == b"IEND":
            return
        position += 12 + length
    raise ValueError(f"a PNG of more than {MAX_CHUNKS} chunks")
