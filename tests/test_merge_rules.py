"""The pure parts of a merge: when pictures are equal, which copy stays, what looks alike."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from captcha_ocr.gif import MAX_BLOCKS
from captcha_ocr.imaging import ImageError, open_image
from captcha_ocr.merging import keys
from captcha_ocr.merging.near import BITS, distance, near_hash, thin_out
from captcha_ocr.merging.rules import CONFLICT, Copy, judge, normalise_label, rank
from captcha_ocr.segments import MAX_CHUNKS
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

MODES = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "BMP": ("1", "L", "P", "RGB"),
    "JPEG": ("L", "RGB"),
    "WEBP": ("RGB", "RGBA"),
}
FORMATS = [(kind, mode) for kind, modes in MODES.items() for mode in modes]


def noise(seed: int, size: tuple[int, int], mode: str = "RGB") -> Image.Image:
    rng = np.random.default_rng(seed)
    if mode == "I;16":
        return Image.fromarray(rng.integers(0, 1 << 16, size[::-1], dtype=np.uint16))
    channels = rng.integers(0, 256, (size[1], size[0], 4), dtype=np.uint8)
    return Image.fromarray(channels).convert("RGB" if mode == "P" else mode).convert(mode)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


relaxed = settings(deadline=None)  # the machine may be busy
sizes = st.tuples(st.integers(8, 40), st.integers(8, 40))


@relaxed
@given(st.sampled_from(FORMATS), sizes, st.integers(0, 9))
def test_the_band_is_the_upper_part_of_the_picture(
    form: tuple[str, str], size: tuple[int, int], seed: int
) -> None:
    data = encoded(noise(seed, size, form[1]), form[0])
    assert keys.read_band(data) == keys.band_of(open_image(data))
    assert keys.read_picture(data).tobytes() == open_image(data).tobytes()


def test_a_picture_of_too_many_parts_is_refused() -> None:
    """The short ways read what open_image reads, and no more."""
    texts = [(b"tEXt", b"a\0b")] * MAX_CHUNKS
    pixels = (b"IDAT", zlib.compress(bytes(73 * 12)))
    png = png_of((b"IHDR", HEADER), *texts, pixels, (b"IEND", b""))
    gif = encoded(noise(1, (24, 12)), "GIF")[:-1] + b"!\xfe\0" * MAX_BLOCKS + b";"
    for data in (png, gif):
        for read in (open_image, keys.read_band):
            with pytest.raises(ImageError, match="more than"):
                read(data)


@pytest.mark.parametrize("size", [(7, 40), (40, 7), (2000, 501)])
@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_picture_of_no_use_is_refused_by_its_size(kind: str, size: tuple[int, int]) -> None:
    """Training refuses it, so it must not get into a training set."""
    image = Image.new("RGB", size)
    data = encoded(image, kind)
    with pytest.raises(ImageError) as caught:
        keys.read_band(data)
    assert caught.value.code == "size"


def test_the_short_way_is_taken() -> None:
    """Else the tests above would compare open_image with itself."""
    assert keys._png_band(encoded(noise(1, (40, 16)), "PNG")) is not None


@relaxed
@given(sizes, st.integers(0, 9))
def test_one_picture_has_one_key_however_it_is_stored(size: tuple[int, int], seed: int) -> None:
    image = noise(seed, size)
    stored = [
        encoded(image, "PNG", compress_level=0),
        encoded(image, "PNG", optimize=True),
        encoded(image.convert("RGBA"), "PNG"),
        encoded(image, "BMP"),
        encoded(image, "WEBP", lossless=True),
    ]
    assert len({keys.band_key(data) for data in stored}) == 1
    assert len({keys.pixel_key(data) for data in stored}) == 1


@relaxed
@given(sizes, st.data())
def test_one_different_pixel_is_another_key(size: tuple[int, int], data: st.DataObject) -> None:
    image = noise(1, size)
    other = image.copy()
    place = data.draw(st.tuples(st.integers(0, size[0] - 1), st.integers(0, size[1] - 1)))
    red, green, blue = image.getpixel(place)  # type: ignore[misc]
    other.putpixel(place, (red ^ 1, green, blue))
    assert keys.pixel_key(encoded(image, "PNG")) != keys.pixel_key(encoded(other, "PNG"))


def test_the_size_is_part_of_the_key() -> None:
    """Equal bytes in another shape are another picture."""
    pixels = noise(1, (8, 32)).tobytes()
    other = Image.frombytes("RGB", (32, 8), pixels)
    assert keys.pixel_key(encoded(noise(1, (8, 32)), "PNG")) != keys.pixel_key(
        encoded(other, "PNG")
    )


@pytest.mark.parametrize("kind", ["PNG", "GIF", "JPEG"])
def test_damaged_pictures_raise_image_errors_alone(kind: str) -> None:
    options = {"save_all": True, "append_images": [noise(2, (24, 12))]} if kind == "GIF" else {}
    whole = encoded(noise(1, (24, 12)), kind, **options)
    damaged = [whole[:length] for length in range(len(whole))]
    rng = random.Random(5)
    for _ in range(300):
        flipped = bytearray(whole)
        flipped[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        damaged.append(bytes(flipped))
    for data in damaged:
        for read in (keys.read_band, keys.read_picture):
            try:
                read(data)
            except ImageError:
                continue


def test_a_flipped_bit_in_a_png_is_never_accepted() -> None:
    whole = encoded(noise(1, (24, 12)), "PNG")
    for place in range(len(whole)):
        flipped = bytearray(whole)
        flipped[place] ^= 4
        with pytest.raises(ImageError):
            keys.read_picture(bytes(flipped))


def png_of(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of these (name, body), each with the right checksum."""
    parts = [b"\x89PNG\r\n\x1a\n"]
    for name, body in chunks:
        checksum = zlib.crc32(name + body).to_bytes(4, "big")
        parts.append(len(body).to_bytes(4, "big") + name + body + checksum)
    return b"".join(parts)


HEADER = struct.pack(">2I5B", 24, 12, 8, 2, 0, 0, 0)


@pytest.mark.parametrize(
    "chunks",
    [
        [],
        [(b"IHDR", b"")],
        [(b"IHDR", HEADER[:4])],
        [(b"IHDR", HEADER + b"\0")],
        [(b"tEXt", HEADER), (b"IHDR", HEADER)],
    ],
)
def test_a_png_without_its_header_is_broken(chunks: list[tuple[bytes, bytes]]) -> None:
    pixels = (b"IDAT", zlib.compress(bytes(73 * 12)))
    open_image(png_of((b"IHDR", HEADER), pixels, (b"IEND", b"")))  # with it, it is a picture
    for body in ([], [pixels]):
        data = png_of(*chunks, *body, (b"IEND", b""))
        for read in (keys.read_band, keys.read_picture):
            with pytest.raises(ImageError, match="IHDR") as caught:
                read(data)
            assert caught.value.code == "broken"


def interlaced(pixels: np.ndarray) -> bytes:
    """The rows of Adam7's seven passes over (H, W, 3), none filtered."""
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2)]
    parts = [pixels[y::dy, x::dx] for y, x, dy, dx in [*passes, (1, 0, 2, 1)]]
    return b"".join(b"\0" + row.tobytes() for part in parts for row in part)


def test_png_rows_of_other_kinds_are_not_taken_for_plain_ones() -> None:
    # (12, 24, 3), so dark that any byte may pass for the number of a filter.
    pixels = np.asarray(noise(1, (24, 12))) & 1
    deep = np.repeat(pixels, 2, axis=2)  # 16 bits: 257 times the value of 8
    for depth, adam7, rows in (
        (8, 1, interlaced(pixels)),
        (16, 0, b"".join(b"\0" + row.tobytes() for row in deep)),
    ):
        header = struct.pack(">2I5B", 24, 12, depth, 2, 0, 0, adam7)
        data = png_of((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
        assert np.array_equal(np.asarray(open_image(data)), pixels)
        assert keys.read_band(data) == keys.band_of(open_image(data))


copies = st.lists(
    st.tuples(st.sampled_from(["train", "test"]), st.integers(0, 3), st.sampled_from("ab")),
    min_size=2,
    max_size=6,
).map(
    lambda rows: [Copy(n, split, source, n, label) for n, (split, source, label) in enumerate(rows)]
)


def staying(group: list[Copy], **how: bool) -> list[Copy]:
    gone = {fate.id for fate in judge(group, **how)}
    return [copy for copy in group if copy.id not in gone]


@relaxed
@given(copies, st.booleans(), st.booleans(), st.randoms(use_true_random=False))
def test_what_stays_of_one_picture(
    group: list[Copy], keep_first: bool, dedupe: bool, rng: random.Random
) -> None:
    how = {"keep_first": keep_first, "dedupe": dedupe}
    kept = staying(group, **how)
    conflict = len({copy.label for copy in group}) > 1
    if conflict and not keep_first:
        assert not kept
        assert all(fate.reason == CONFLICT for fate in judge(group, **how))
        return
    assert len({copy.label for copy in kept}) == 1
    assert len({copy.split for copy in kept}) == 1, "never in both splits"
    if any(copy.split == "test" for copy in group):
        first = min(group, key=rank)
        assert first.split == "test" and first in kept, "test wins"
    if dedupe:
        assert len(kept) == 1
    elif not conflict:
        assert len(kept) == max(Counter(c.split for c in group)[s] for s in {kept[0].split})
    shuffled = group[:]
    rng.shuffle(shuffled)
    assert sorted(judge(shuffled, **how)) == sorted(judge(group, **how))


@relaxed
@given(copies, st.booleans())
def test_the_order_of_sources_changes_which_file_stays_and_nothing_else(
    group: list[Copy], dedupe: bool
) -> None:
    outcomes = set()
    for order in permutations(range(4)):
        renamed = [copy._replace(source=order[copy.source]) for copy in group]
        kept = staying(renamed, keep_first=False, dedupe=dedupe)
        outcomes.add(tuple(sorted((copy.split, copy.label) for copy in kept)))
    assert len(outcomes) == 1


@relaxed
@given(copies, st.booleans())
def test_every_fate_names_a_copy_that_stays(group: list[Copy], keep_first: bool) -> None:
    fates = judge(group, keep_first=keep_first, dedupe=True)
    gone = {fate.id for fate in fates}
    assert len(gone) == len(fates)
    assert all(fate.kept is None or fate.kept not in gone for fate in fates)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("7*3=？", "7*3=?"),
        ("7×3＝？", "7×3=?"),
        ("8÷2=", "8÷2="),
        ("1+2-3=？", "1+2-3=?"),
        ("好？", "好？"),
        ("A＝？", "A＝？"),
        ("７+3=?", "７+3=?"),
    ],
)
def test_only_the_marks_of_arithmetic_become_ascii(written: str, meant: str) -> None:
    assert normalise_label(written) == meant


def greedy(group: list[tuple[Copy, bytes]], bits: int) -> set[int]:
    """The rule of thin_out, comparing everything with everything."""
    kept: list[int] = []
    gone = set()
    for copy, code in sorted(group, key=lambda item: rank(item[0])):
        number = int.from_bytes(code, "big")
        if any(distance(number, other) <= bits for other in kept):
            gone.add(copy.id)
        else:
            kept.append(number)
    return gone


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 24), st.integers(0, 10_000), st.integers(2, 40))
def test_stripes_find_what_comparing_everything_finds(bits: int, seed: int, count: int) -> None:
    rng = random.Random(seed)
    base = rng.getrandbits(BITS)
    group = []
    for number in range(count):
        code = base
        for place in rng.sample(range(BITS), rng.randrange(0, 2 * bits)):
            code ^= 1 << place
        copy = Copy(number, rng.choice(["train", "test"]), 0, number, "a")
        group.append((copy, code.to_bytes(BITS // 8, "big")))
    fates = thin_out(group, bits)
    gone = {fate.id for fate in fates}
    assert gone == greedy(group, bits)
    codes = {copy.id: int.from_bytes(code, "big") for copy, code in group}
    for fate in fates:
        assert fate.kept is not None and fate.kept not in gone
        assert distance(codes[fate.id], codes[fate.kept]) <= bits


def test_near_hashes_of_a_smaller_copy_are_close_and_of_another_picture_far() -> None:
    gradient = Image.fromarray(np.add.outer(np.arange(64), np.arange(200)).astype(np.uint8))
    waves = (np.sin(np.arange(200) / 9) * 90 + 128).astype(np.uint8)
    other = Image.fromarray(np.tile(waves, (64, 1)))

    def bits(one: Image.Image, two: Image.Image) -> int:
        first, second = (int.from_bytes(near_hash(i.convert("RGB")), "big") for i in (one, two))
        return distance(first, second)

    assert bits(other, other.resize((160, 60), Image.Resampling.BILINEAR)) <= 8
    assert bits(gradient, other) > 24


def test_noise_changes_few_bits_of_a_near_hash() -> None:
    waves = np.tile((np.sin(np.arange(200) / 9) * 90 + 128).astype(np.uint8), (64, 1))
    noisy = waves.copy()
    rng = np.random.default_rng(0)
    dots = rng.random(waves.shape) < 0.05
    noisy[dots] = rng.integers(0, 256, dots.sum())
    one, two = (
        int.from_bytes(near_hash(Image.fromarray(pixels)), "big") for pixels in (waves, noisy)
    )
    assert distance(one, two) <= 4
