"""Files of very many parts, which a decoder would work on for seconds or minutes."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from captcha_ocr.imaging import ImageError, open_image
from captcha_ocr.segments import MAX_CHUNKS, MAX_RUNS, MAX_SCANS, MAX_SEGMENTS, pixel_parts
from drawing import draw_barcode

HEAD, END = b"\xff\xd8", b"\xff\xd9"
COMMENT = b"\xff\xfe\0\2"


def encoded(kind: str, **options: bool) -> bytes:
    file = io.BytesIO()
    draw_barcode("12AB").save(file, kind, **options)
    return file.getvalue()


def jpeg_with_scans(more: int) -> bytes:
    data = encoded("JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * more + END


def jpeg_with(inserted: bytes) -> bytes:
    return HEAD + inserted + encoded("JPEG")[2:]


def chunk(name: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + checksum


def png_with(inserted: bytes) -> bytes:
    data = encoded("PNG")
    after_header = 33
    return data[:after_header] + inserted + data[after_header:]


def png_with_texts(count: int) -> bytes:
    return png_with(chunk(b"tEXt", b"a\0b") * count)


def application(number: int, content: bytes) -> bytes:
    return struct.pack(">2BH", 0xFF, 0xE0 + number, len(content) + 2) + content


def tags(count: int) -> bytes:
    """A camera's notes (TIFF), each of which claims the whole of them and lies far outside."""
    entries = (struct.pack("<HHLL", number, 1, 60_000, 1 << 30) for number in range(count))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", count) + b"".join(entries)


def bmp_of_runs(width: int, height: int, runs: bytes) -> bytes:
    """A BMP of 8 bits a pixel in run lengths, its palette black."""
    head = struct.pack("<I2i2H6I", 40, width, height, 1, 8, 1, len(runs), 0, 0, 256, 0)
    start = 14 + len(head) + 1024
    return struct.pack("<2sI2HI", b"BM", start + len(runs), 0, 0, start) + head + bytes(1024) + runs


WIDTH, HEIGHT = draw_barcode("12AB").size
ROW_OF_RUNS = bytes((WIDTH, 1, 0, 0))  # a run of the colour 1, the end of the line

ORDINARY = {
    "scans": jpeg_with_scans(40),
    "comments": jpeg_with(COMMENT * 900),
    "many markers in a comment": jpeg_with(b"\xff\xfe\x7f\xff" + b"\xff\xda" * 0x3FFE + b"\0"),
    "behind the end": encoded("JPEG") + COMMENT * 5000,
    "texts": png_with_texts(3000),
    "behind the last chunk": encoded("PNG") + bytes(100_000),
    "runs": bmp_of_runs(WIDTH, HEIGHT, ROW_OF_RUNS * HEIGHT + b"\0\1"),
}
BROKEN = {
    "scans": jpeg_with_scans(MAX_SCANS),
    "comments": jpeg_with(COMMENT * (MAX_SEGMENTS + 1)),
    "comments behind an end": jpeg_with(END + COMMENT * (MAX_SEGMENTS + 1)),
    "fill bytes": jpeg_with(b"\xff" * 100_000),
    "zeros": jpeg_with(bytes(100_000)),
    "nothing else": HEAD + b"\xff" + bytes(100_000),
    "markers without length": jpeg_with(b"\xff\xf0" * 2000),
    "texts": png_with_texts(MAX_CHUNKS),
    "ends of lines": bmp_of_runs(8, 8, b"\0\0" * MAX_RUNS),
    "steps of nothing": bmp_of_runs(8, 8, b"\0\2\0\0" * MAX_RUNS),
    "lines to fill up": bmp_of_runs(MAX_RUNS // 8 + 1, 8, b"\1\0\0\0" * 8),
    "lines to fill down": bmp_of_runs(MAX_RUNS // 8 + 1, -8, b"\1\0\0\0" * 8),
}


@pytest.mark.parametrize("case", ORDINARY)
def test_what_ordinary_files_have_is_read(case: str) -> None:
    assert open_image(ORDINARY[case]).size == draw_barcode("12AB").size


NOTES = {
    "exif": jpeg_with(application(1, b"Exif\0\0" + tags(5000))),
    "exif in parts": jpeg_with(application(1, b"Exif\0\0" + tags(9)) * 3),
    "several pictures": jpeg_with(application(2, b"MPF\0" + tags(5000))),
    "several pictures, damaged": jpeg_with(application(2, b"MPF\0no TIFF")),
    "profiles": png_with(chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(1 << 20))) * 3000),
    "texts": png_with(chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 20))) * 9),
    "an animation of no frames": png_with(chunk(b"acTL", bytes(8))),
    "an animation's first frame": png_with(
        chunk(b"acTL", struct.pack(">2I", 1, 0))
        + chunk(b"fcTL", struct.pack(">5I2H2B", 0, 9, 9, 3, 3, 1, 1, 0, 0))
    ),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", NOTES)
def test_notes_reach_no_decoder(case: str) -> None:
    """Of a MB of them Pillow 11 makes GB, Pillow 13 a warning each; profiles take it seconds."""
    data = NOTES[case]
    plain = encoded("JPEG" if data.startswith(HEAD) else "PNG")
    assert pixel_parts(data) == pixel_parts(plain) == plain
    assert open_image(data).tobytes() == open_image(plain).tobytes()


def test_notes_that_are_cut_off_stay() -> None:
    """A decoder says what is wrong with the file."""
    for data in (
        HEAD + application(1, bytes(9))[:-1],
        png_with(chunk(b"tEXt", b"a"))[:42],
    ):
        assert pixel_parts(data) == data


@pytest.mark.parametrize("number", [0, 14])
def test_what_says_how_colours_are_stored_stays(number: int) -> None:
    data = jpeg_with(application(number, b"a"))
    assert pixel_parts(data) == data


@pytest.mark.parametrize("marker", [0x01, 0xC8, 0xD0, 0xF0])
def test_a_marker_without_length_hides_nothing(marker: int) -> None:
    with pytest.raises(ValueError, match="more than"):
        pixel_parts(jpeg_with(bytes([0xFF, marker]) + COMMENT * (MAX_SEGMENTS + 1)))


def test_restart_markers_are_part_of_a_scan() -> None:
    """A camera writes one a row of blocks, and no decoder works more for them."""
    pixel_parts(HEAD + b"\xff\xda\0\2" + b"a\xff\xd0" * 2 * MAX_SEGMENTS + END)


@pytest.mark.parametrize("case", BROKEN)
def test_a_file_of_very_many_parts_is_refused(case: str) -> None:
    with pytest.raises(ImageError, match="more than") as caught:
        open_image(BROKEN[case])
    assert caught.value.code == "broken"
    with pytest.raises(ValueError, match="more than"):  # before a decoder sees it
        pixel_parts(BROKEN[case])


def test_a_file_may_end_anywhere() -> None:
    for data in (encoded("JPEG"), encoded("PNG"), ORDINARY["runs"]):
        for end in range(len(data)):
            pixel_parts(data[:end])
