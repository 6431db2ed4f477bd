"""Untrusted bytes to a picture: what is refused, what is read, and exactly how."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from captcha_ocr.imaging import FORMATS, ImageError, ImageLimits, open_image
from drawing import draw_picture
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from raw_pictures import gif_of_dots


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(width: int, height: int, *, depth: int = 8, colour: int = 0, rows: bytes = b"") -> bytes:
    """A PNG put together by hand, so that its header can promise what its data does not hold."""

    def chunk(name: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows, 9))
        + chunk(b"IEND", b"")
    )


def refused(data: bytes) -> str:
    """The code of the ImageError that ``data`` must raise."""
    with pytest.raises(ImageError) as caught:
        open_image(data)
    return caught.value.code


SAMPLES = {
    kind: encode(draw_picture("7*3=?", (120, 40)), kind) for kind in ("PNG", "JPEG", "WEBP", "BMP")
}
SAMPLES["GIF"] = encode(
    draw_picture("7*3=?", (120, 40)),
    "GIF",
    save_all=True,
    append_images=[draw_picture("7*3", (120, 40))],
)


# ---- what is read


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_read(kind: str) -> None:
    image = open_image(SAMPLES[kind])
    assert (image.mode, image.size) == ("RGB", (120, 40))
    assert np.asarray(image).std() > 20  # there is ink


def test_all_sources_give_the_same_picture(tmp_path: Path) -> None:
    path = tmp_path / "验证码.bin"  # neither the name nor the suffix matters
    path.write_bytes(SAMPLES["PNG"])
    wanted = np.asarray(open_image(SAMPLES["PNG"]))
    sources = [path, str(path), io.BytesIO(SAMPLES["PNG"]), Image.open(path), wanted]
    for source in sources:
        np.testing.assert_array_equal(np.asarray(open_image(source)), wanted)


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    wide = np.linspace(0, 65535, 64 * 16).astype(np.uint16).reshape(16, 64)
    pixels = np.asarray(open_image(encode(Image.fromarray(wide), "PNG")))
    np.testing.assert_array_equal(pixels[..., 0], wide >> 8)


def test_sixteen_bits_with_a_transparent_level_are_not_blank() -> None:
    wide = np.linspace(0, 65535, 64 * 16).astype(np.uint16).reshape(16, 64)
    pixels = np.asarray(open_image(encode(Image.fromarray(wide), "PNG", transparency=7)))
    np.testing.assert_array_equal(pixels[..., 0], wide >> 8)


def test_transparency_lies_on_white() -> None:
    for mode, clear, ink in (("RGBA", (0, 0, 0, 0), (200, 0, 0, 255)), ("LA", (0, 0), (90, 255))):
        image = Image.new(mode, (16, 16), clear)
        image.putpixel((3, 4), ink)
        pixels = np.asarray(open_image(encode(image, "PNG")))
        assert pixels[4, 3].tolist() == ([200, 0, 0] if mode == "RGBA" else [90] * 3)
        assert pixels[0, 0].tolist() == [255, 255, 255]


def test_palette_with_transparent_colour_lies_on_white() -> None:
    image = Image.new("P", (16, 16), 1)
    image.putpalette([10, 20, 30, 0, 0, 0] + [0] * 750)
    image.putpixel((2, 2), 0)
    pixels = np.asarray(open_image(encode(image, "PNG", transparency=1)))
    assert pixels[2, 2].tolist() == [10, 20, 30]
    assert pixels[0, 0].tolist() == [255, 255, 255]


def test_grey_with_transparent_level_lies_on_white() -> None:
    image = Image.new("L", (16, 16), 0)
    image.putpixel((2, 2), 90)
    pixels = np.asarray(open_image(encode(image, "PNG", transparency=0)))
    assert pixels[2, 2].tolist() == [90, 90, 90]
    assert pixels[0, 0].tolist() == [255, 255, 255]


def test_deep_grey_with_transparent_level_lies_on_white() -> None:
    image = Image.fromarray(np.full((16, 16), 0x1234, np.uint16))
    image.putpixel((2, 2), 0x5678)
    pixels = np.asarray(open_image(encode(image, "PNG", transparency=0x1234)))
    assert pixels[2, 2].tolist() == [0x56] * 3
    assert pixels[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize(("top", "shown"), [(255, 100), (65_535, 0)])
def test_whole_numbers_are_of_8_or_16_bits(top: int, shown: int) -> None:
    """``convert("I")`` keeps 0 to 255."""
    levels = np.array([[0, 100, top, -5]] * 8, np.int32).repeat(2, axis=1)
    pixels = np.asarray(open_image(Image.fromarray(levels)))
    assert pixels[3, ::2, 0].tolist() == [0, shown, 255, 0]


def test_a_dark_png_is_of_16_bits_whatever_pillow_calls_it() -> None:
    """Older Pillow says "I" of it, newer "I;16"."""
    image = Image.fromarray(np.full((8, 8), 200, np.int32))
    image.format = "PNG"
    assert open_image(image).getpixel((1, 1)) == (0, 0, 0)


def test_cmyk_jpeg_keeps_its_colours() -> None:
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))  # red
    red, green, blue = np.asarray(open_image(encode(image, "JPEG", quality=95)))[8, 8].tolist()
    assert red > 200 > 60 > max(green, blue)


def test_one_bit_pictures() -> None:
    image = Image.new("1", (16, 16), 1)
    image.putpixel((5, 5), 0)
    pixels = np.asarray(open_image(encode(image, "PNG")))
    assert (pixels[5, 5].tolist(), pixels[0, 0].tolist()) == ([0] * 3, [255] * 3)


def test_exif_orientation_is_left_alone() -> None:
    """A CAPTCHA is drawn upright; a tag that says otherwise would only turn it over."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    assert open_image(encode(draw_picture("AB"), "JPEG", exif=exif)).size == (96, 32)


# ---- what is refused


def test_limits_are_inclusive() -> None:
    limits = ImageLimits(min_side=8, max_pixels=64 * 32)
    assert open_image(encode(Image.new("RGB", (64, 32)), "PNG"), limits).size == (64, 32)
    for size in ((65, 32), (7, 32), (64, 7)):
        with pytest.raises(ImageError) as caught:
            open_image(encode(Image.new("RGB", size), "PNG"), limits)
        assert caught.value.code == "size"
        assert f"{size[0]}x{size[1]}" in str(caught.value)


def test_limits_hold_for_arrays_and_images() -> None:
    for source in (np.zeros((4, 90), np.uint8), Image.new("RGB", (90, 4))):
        with pytest.raises(ImageError) as caught:
            open_image(source)
        assert caught.value.code == "size"


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((32, 64), np.float32),
        np.zeros((32, 64, 3), np.uint16),
        np.zeros(64, np.uint8),
        np.zeros((32, 64, 7), np.uint8),
        np.zeros((2, 32, 64, 3), np.uint8),
    ],
)
def test_arrays_of_another_kind_are_refused(array: np.ndarray) -> None:
    with pytest.raises(ImageError) as caught:
        open_image(array)
    assert caught.value.code == "unsupported"


@pytest.mark.parametrize("source", [None, 7, ["a.png"]])
def test_what_is_no_picture_at_all_is_refused(source: Any) -> None:
    with pytest.raises(ImageError, match="give a path, bytes") as caught:
        open_image(source)
    assert caught.value.code == "unsupported"


def test_bytes_in_other_containers_are_read() -> None:
    data = SAMPLES["PNG"]
    for source in (bytearray(data), memoryview(data)):
        assert open_image(source).tobytes() == open_image(data).tobytes()


def test_bytes_are_limited_before_they_are_all_read(tmp_path: Path) -> None:
    limits = ImageLimits(max_bytes=100)
    path = tmp_path / "big.png"
    path.write_bytes(b"x" * 1000)
    stream = io.BytesIO(b"x" * 1000)
    for source in (b"x" * 101, path, stream):
        with pytest.raises(ImageError) as caught:
            open_image(source, limits)
        assert caught.value.code == "size"
    assert stream.tell() <= 101


def test_missing_file(tmp_path: Path) -> None:
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(ImageError) as caught:
            open_image(path)
        assert caught.value.code == "missing"
        assert str(path) in str(caught.value)


def test_a_name_that_no_file_can_have_is_missing() -> None:
    with pytest.raises(ImageError, match="cannot open") as caught:
        open_image("a\0b.png")
    assert caught.value.code == "missing"


def test_a_file_opened_as_text_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(SAMPLES["PNG"])
    with path.open(encoding="utf-8") as file, pytest.raises(ImageError, match="in binary mode"):
        open_image(file)  # type: ignore[arg-type]


class OddFile:
    """Gives one after the other of what it was made with."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    def read(self, most: int) -> Any:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_file_may_give_a_part_at_a_time() -> None:
    """As an unbuffered pipe or socket does."""
    data = SAMPLES["PNG"]
    parts = [data[:100], memoryview(data)[100:101], bytearray(data[101:]), b""]
    assert open_image(OddFile(*parts)).tobytes() == open_image(data).tobytes()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "code"), [("text", "unsupported"), (7, "unsupported"), (OSError(5, "no"), "missing")]
)
def test_a_file_that_gives_no_bytes_is_told_so(answer: Any, code: str) -> None:
    with pytest.raises(ImageError) as caught:
        open_image(OddFile(b"a", answer))  # type: ignore[arg-type]
    assert caught.value.code == code


def test_a_closed_file_is_missing() -> None:
    file = io.BytesIO(SAMPLES["PNG"])
    file.close()
    with pytest.raises(ImageError, match="closed") as caught:
        open_image(file)
    assert caught.value.code == "missing"


def test_an_image_whose_file_is_cut_off_is_broken() -> None:
    """Pillow decodes it when its pixels are asked for."""
    image = Image.open(io.BytesIO(SAMPLES["PNG"][:-40]))
    with pytest.raises(ImageError) as caught:
        open_image(image)
    assert caught.value.code == "broken"


def test_base64_is_told_from_a_path() -> None:
    with pytest.raises(
        ImageError, match=r"cannot open iVBORw0KG.*base64\.b64decode\(text\)"
    ) as caught:
        open_image("iVBORw0KGgo" * 1000)
    assert caught.value.code == "missing"
    assert len(str(caught.value)) < 200


WRONG_TYPES = {
    "empty": b"",
    "text": b"hello, world" * 10,
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg' width='64' height='32'/>",
    "html": b"<html><img src=x onerror=alert(1)></html>",
    "html before png": b"<script>alert(1)</script>" + SAMPLES["PNG"],
    "psd": b"8BPS\0\1" + b"\0" * 6 + struct.pack(">HIIHH", 3, 32, 64, 8, 3) + b"\0" * 64,
    "tiff": encode(draw_picture("AB"), "TIFF"),
    "ico": encode(draw_picture("AB"), "ICO"),
    "ppm": encode(draw_picture("AB"), "PPM"),
    "pdf": encode(draw_picture("AB"), "PDF"),
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 32\n%%EndComments\n",
}


@pytest.mark.parametrize("name", WRONG_TYPES)
def test_other_types_are_refused(name: str) -> None:
    assert refused(WRONG_TYPES[name]) == "unsupported"


def test_what_follows_a_picture_is_not_looked_at() -> None:
    """A polyglot that starts as a PNG is a PNG, and nothing else."""
    plain, mixed = (
        open_image(SAMPLES["PNG"] + tail) for tail in (b"", b"<script>alert(1)</script>")
    )
    assert plain.tobytes() == mixed.tobytes()


@pytest.mark.parametrize("kind", FORMATS)
def test_cut_off_at_every_offset(kind: str) -> None:
    """Read (the end of a file may not matter) or refused; nothing else may be raised."""
    data = SAMPLES[kind]
    step = max(1, len(data) // 400)
    refusals = 0
    for end in range(0, len(data), step):
        try:
            open_image(data[:end])
        except ImageError as error:
            assert error.code in ("unsupported", "broken"), end
            refusals += 1
    assert refusals > 10


def test_a_damaged_part_behind_good_ones() -> None:
    """Pillow raises a SyntaxError for the name of a later IDAT chunk."""
    rng = np.random.default_rng(0)
    rows = b"".join(b"\0" + rng.bytes(64) for _ in range(32))
    whole = png(64, 32, rows=rows)
    start = whole.index(b"IDAT") - 4
    data = zlib.compress(rows, 9)
    first = struct.pack(">I", 100) + b"IDAT" + data[:100]
    first += struct.pack(">I", zlib.crc32(first[4:]))
    rest = struct.pack(">I", len(data) - 100) + b"ID\0T" + data[100:] + b"\0" * 4
    assert refused(whole[:start] + first + rest + whole[-12:]) == "broken"


@pytest.mark.parametrize("kind", FORMATS)
def test_flipped_bits(kind: str) -> None:
    data = SAMPLES[kind]
    rng = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(data)
        for position in rng.integers(0, len(data), rng.integers(1, 4)):
            damaged[position] ^= 1 << int(rng.integers(8))
        try:
            image = open_image(bytes(damaged))
        except ImageError as error:
            assert error.code in ("unsupported", "broken", "size")
        else:
            assert image.width * image.height <= ImageLimits().max_pixels


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(
        [b"", b"GIF89a", b"BM", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP"]
    ),
    st.binary(max_size=200),
)
def test_arbitrary_bytes(magic: bytes, rest: bytes) -> None:
    try:
        open_image(magic + rest)
    except ImageError as error:
        assert error.code in ("unsupported", "broken", "size")


# Measured in a process of its own: a peak is never given back, so other tests would hide it.
MEMORY = """
import resource, sys
from captcha_ocr.imaging import ImageError, open_image
open_image(sys.argv[1])  # codecs are loaded
data = open(sys.argv[2], "rb").read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    open_image(data)
except ImageError as error:
    print(error.code)
unit = 1 if sys.platform == "darwin" else 1024
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit)
"""


def vp8x(width: int, height: int) -> bytes:
    """How a WebP's header says its canvas: three bytes each, one less."""
    return (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


def bomb(name: str) -> bytes:
    if name == "png":  # really there: 20 KB that grow to 160 MB
        return png(12_800, 12_800, rows=b"\0" * (12_800 * 12_801))
    if name == "png header":
        return png(2**31 - 1, 2**31 - 1)
    if name == "bmp header":
        return SAMPLES["BMP"][:18] + struct.pack("<ii", 30_000, 30_000) + SAMPLES["BMP"][26:]
    if name == "gif canvas":
        return gif_of_dots(2, canvas=(65_535, 65_535))
    if name == "webp canvas":  # of an animation, which lies on it in pieces
        frames = [draw_picture(text, (120, 40)) for text in "12"]
        small = encode(frames[0], "WEBP", save_all=True, append_images=frames[1:])
        return small.replace(vp8x(120, 40), vp8x(16_383, 16_383))
    return gif_of_dots(1, box=(0, 0, 65_535, 65_535))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no resource module")
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("png", "size"),
        ("png header", "size"),
        ("bmp header", "size"),
        ("gif canvas", "size"),
        ("webp canvas", "size"),
        ("gif frame", "broken"),
    ],
)
def test_bombs_take_no_memory(name: str, code: str, tmp_path: Path) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_bytes(SAMPLES[name.split()[0].upper()])
    bad.write_bytes(bomb(name))
    assert bad.stat().st_size < 200_000
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, good, bad], capture_output=True, text=True, check=True
    )
    found, risen = done.stdout.split()
    assert found == code
    assert int(risen) < 20 << 20
