"""The frames of a GIF, and the picture that they make together."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from captcha_ocr.gif import MAX_BLOCKS, GifFrame, gif_frames, gif_size
from captcha_ocr.imaging import DEFAULT_LIMITS, ImageError, ImageLimits, background, open_image
from drawing import draw_picture
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from raw_pictures import BAIT, GIF_PIXEL, RawFrame, gif_of_dots, random_gif, raw_gif


def encode(image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, "GIF", **options)
    return file.getvalue()


def fading_gif(text: str = "2468") -> tuple[bytes, np.ndarray]:
    """Each frame shows one character in full and no other, as EasyCaptcha's GIFs nearly do."""
    whole = draw_picture(text, (96, 32))
    step = 96 // len(text)
    frames = []
    for number in range(len(text)):
        frame = Image.new("RGB", whole.size, "white")
        box = (number * step, 0, (number + 1) * step, 32)
        frame.paste(whole.crop(box), box[:2])
        frames.append(frame.convert("L"))
    data = encode(frames[0], save_all=True, append_images=frames[1:], duration=50, loop=0)
    return data, np.asarray(whole)


def test_text_that_fades_over_the_frames_is_whole() -> None:
    data, whole = fading_gif()
    combined = np.asarray(open_image(data)).astype(int)
    np.testing.assert_array_equal(combined, whole)
    with Image.open(io.BytesIO(data)) as first:
        assert np.abs(np.asarray(first.convert("RGB")).astype(int) - whole).mean() > 10


def test_the_frame_with_the_most_ink_counts_in_whatever_colour_it_is() -> None:
    """Red on white differs in green and blue alone."""
    inks = [(255, 200, 200), (255, 0, 0), (255, 120, 120)]
    frames = [Image.new("RGB", (64, 32), "white") for _ in inks]
    for frame, ink in zip(frames, inks):
        frame.paste(ink, (20, 8, 40, 24))
    data = encode(frames[0], save_all=True, append_images=frames[1:])
    assert np.asarray(open_image(data))[16, 30].tolist() == [255, 0, 0]


def test_a_dark_ground_is_combined_too() -> None:
    frames = []
    for left in (4, 40):
        frame = Image.new("RGB", (64, 32), (20, 20, 40))
        ImageDraw.Draw(frame).rectangle((left, 8, left + 10, 20), fill=(250, 250, 90))
        frames.append(frame)
    combined = np.asarray(open_image(encode(frames[0], save_all=True, append_images=frames[1:])))
    for left in (4, 40):
        assert combined[12, left + 5].tolist() == pytest.approx([250, 250, 90], abs=8)


def test_only_a_bounded_number_of_frames_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked: list[GifFrame] = []
    numbers = GifFrame.numbers
    monkeypatch.setattr(
        GifFrame, "numbers", lambda frame: (unpacked.append(frame), numbers(frame))[1]
    )
    open_image(gif_of_dots(10_000), ImageLimits(max_frames=7))
    assert len(unpacked) == 7


def test_large_frames_are_fewer() -> None:
    limits = ImageLimits(max_frame_pixels=3 * 64 * 32)
    assert limits.frames((64, 32)) == 3
    assert limits.frames((65, 32)) == 2
    assert limits.frames((640, 320)) == 1
    assert limits.frames((8, 8)) == DEFAULT_LIMITS.frames((300, 100)) == limits.max_frames
    frames = [Image.new("RGB", (64, 32), "white") for _ in range(4)]
    for number, frame in enumerate(frames):
        frame.paste((0, 0, 0), (number * 12, 4, number * 12 + 6, 14))
    data = encode(frames[0], save_all=True, append_images=frames[1:])
    seen = np.asarray(open_image(data, limits))
    assert [int(seen[8, number * 12 + 3, 0]) for number in range(4)] == [0, 0, 0, 255]


@pytest.mark.parametrize(
    "box", [(60, 0, 8, 8), (0, 30, 8, 8), (0, 0, 65_535, 65_535), (65_000, 65_000, 1, 1)]
)
def test_frame_outside_of_the_canvas_is_refused(box: tuple[int, ...]) -> None:
    with pytest.raises(ImageError, match="leaves the canvas") as caught:
        open_image(gif_of_dots(2, box=box))
    assert caught.value.code == "broken"


def test_frame_inside_of_the_canvas_is_read() -> None:
    assert open_image(gif_of_dots(2, box=(63, 31, 1, 1))).size == (64, 32)


BLOCKS = {
    "extension": b"\x21\xfe" + bytes([len(BAIT)]) + BAIT + b"\0",
    "extension of two parts": b"\x21\xfe\x02ab" + bytes([len(BAIT)]) + BAIT + b"\0",
    "frame with colours of its own": (
        b"\x2c" + struct.pack("<4HB", 0, 0, 1, 1, 0x81) + BAIT + b"\0\0\0" + GIF_PIXEL
    ),
    "unknown bytes": b"\0\x01",
}


@pytest.mark.parametrize("name", BLOCKS)
def test_a_frame_is_looked_for_behind_every_kind_of_block(name: str) -> None:
    data = gif_of_dots(1)[:-1] + BLOCKS[name]
    assert open_image(data + b"\x3b").size == (64, 32)
    outside = b"\x2c" + struct.pack("<4HB", 60, 0, 8, 8, 0) + GIF_PIXEL
    with pytest.raises(ImageError, match="leaves the canvas"):
        open_image(data + outside + b"\x3b")


# ---- frames that do as they like

PAPER, INK, BLACK = 0, 1, 2
PALETTE = bytes((230, 230, 210, 90, 40, 60)) + bytes(18)
WHITE = [255, 255, 255]


@pytest.mark.parametrize("disposal", range(4))
@pytest.mark.parametrize("clear", [None, BLACK])
def test_what_a_frame_leaves_behind_hides_nothing(disposal: int, clear: int | None) -> None:
    """Some viewers fill a frame's place with the palette's background, black here: no ink."""
    text = [PAPER, INK] * 128
    frames = [RawFrame((0, 0, 16, 16), text, disposal, clear)] * 2
    frames += [RawFrame((3, 3, 1, 1), [PAPER], disposal, clear)] * 2
    shown = np.asarray(open_image(raw_gif((16, 16), PALETTE, frames, ground=BLACK)))
    assert shown.reshape(-1, 3).tolist() == [list(PALETTE[3 * n : 3 * n + 3]) for n in text]


def test_what_no_frame_draws_is_white() -> None:
    frames = [RawFrame((2, 3, 2, 1), [INK, BLACK], clear=BLACK)]
    shown = np.asarray(open_image(raw_gif((8, 8), PALETTE, frames, ground=BLACK))).tolist()
    assert shown[3][2] == list(PALETTE[3:6])
    shown[3][2] = WHITE
    assert shown == [[WHITE] * 8] * 8


def test_frames_are_combined_as_they_are_drawn() -> None:
    """Against the same said pixel by pixel."""
    for seed in range(150):
        data = random_gif(seed)
        np.testing.assert_array_equal(np.asarray(open_image(data)), pixel_by_pixel(data))


def pixel_by_pixel(data: bytes) -> np.ndarray:
    width, height = gif_size(data)
    shown = np.full((height, width, 3), 255, np.uint8)
    farthest = np.full((height, width), -1)
    for number, frame in enumerate(gif_frames(data)):
        drawn = frame.numbers()
        places = [
            (row + frame.box[1], column + frame.box[0], frame.colours[drawn[row, column]])
            for row, column in np.ndindex(drawn.shape)
            if drawn[row, column] != frame.clear
        ]
        if number == 0:
            for row, column, colour in places:
                shown[row, column] = colour
            ground = background(shown).astype(int)
        for row, column, colour in places:
            distance = np.abs(colour - ground).sum()
            if distance > farthest[row, column]:
                shown[row, column], farthest[row, column] = colour, distance
    return shown


def test_a_frame_is_unpacked_as_pillow_does_it() -> None:
    """Of each GIF the first, laid on white."""
    for seed in range(150):
        data = random_gif(seed)
        frame = next(gif_frames(data))
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            left, top, width, height = frame.box
            wanted = image.convert("RGBA").crop((left, top, left + width, top + height))
        numbers = frame.numbers()
        np.testing.assert_array_equal(np.asarray(wanted)[..., :3], frame.colours[numbers])
        np.testing.assert_array_equal(np.asarray(wanted)[..., 3] > 0, frame.opaque[numbers][..., 0])


def test_without_a_palette_numbers_are_greys() -> None:
    data = raw_gif((8, 8), PALETTE, [RawFrame((0, 0, 8, 8), list(range(8)) * 8, control=False)])
    without = data[:10] + b"\0" + data[11:13] + data[13 + len(PALETTE) :]
    assert np.asarray(open_image(without))[0].tolist() == [[n] * 3 for n in range(8)]


def test_a_frame_of_nothing_is_passed_over() -> None:
    frames = [RawFrame((0, 0, 0, 8), []), RawFrame((0, 0, 8, 8), [INK] * 64)]
    assert open_image(raw_gif((8, 8), PALETTE, frames)).getpixel((5, 5)) == (90, 40, 60)


# ---- what is wrong with a file


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("rows", [0, 3, 15])
def test_a_frame_that_breaks_off_is_refused(number: int, rows: int) -> None:
    frames = [RawFrame((0, 0, 16, 16), [INK] * 256)] * 3
    frames[number] = RawFrame((0, 0, 16, 16), [INK] * 16 * rows)
    assert refused(raw_gif((16, 16), PALETTE, frames)) == "broken"


def test_a_file_that_ends_early_is_refused_or_read() -> None:
    data = random_gif(3)
    read = 0
    for end in range(6, len(data)):
        try:
            open_image(data[:end])
            read += 1
        except ImageError as error:
            assert error.code in ("broken", "size")
    assert 0 < read < 100


@settings(deadline=None)
@given(st.integers(0, 50), st.data())
def test_damage_raises_image_errors_alone(seed: int, data: st.DataObject) -> None:
    whole = random_gif(seed)
    place = data.draw(st.integers(6, len(whole) - 1))
    try:
        open_image(whole[:place] + data.draw(st.binary(max_size=3)) + whole[place + 1 :])
    except ImageError as error:
        assert error.code in ("broken", "size")


def refused(data: bytes) -> str:
    with pytest.raises(ImageError) as caught:
        open_image(data)
    return caught.value.code


@pytest.mark.parametrize("bits", [0, 1, *range(9, 13), 255])
def test_codes_of_sizes_that_no_gif_has_are_broken(bits: int) -> None:
    data = raw_gif((8, 8), PALETTE, [RawFrame((0, 0, 8, 8), [0] * 64)])
    place = data.index(b",") + 10
    with pytest.raises(ImageError, match="codes of no GIF"):
        open_image(data[:place] + bytes([bits]) + data[place + 1 :])


def test_a_gif_without_a_frame_is_broken() -> None:
    assert refused(raw_gif((8, 8), PALETTE, [])) == "broken"


NOTES = {
    "a comment": b"!\xfe" + (b"\xff" + b"c" * 255) * 8000 + b"\0",
    "a loop": b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0",
    "a loop of nothing": b"!\xff\x0bNETSCAPE2.0\0",
    "an empty text": b"!\1\0",
    "an empty control": b"!\xf9\0",
    "many": b"!\xfe\0" * 5000,
}
TOO_MANY = {
    "extensions": b"!\xfe\0" * MAX_BLOCKS,
    "small sub-blocks": b"!\xfe" + b"\1a" * MAX_BLOCKS + b"\0",
}


@pytest.mark.parametrize("case", NOTES)
def test_notes_are_passed_over(case: str) -> None:
    data = random_gif(3)
    assert open_image(data[:-1] + NOTES[case] + b";").tobytes() == open_image(data).tobytes()


@pytest.mark.parametrize("case", TOO_MANY)
def test_very_many_blocks_are_refused(case: str) -> None:
    with pytest.raises(ImageError, match="more than") as caught:
        open_image(random_gif(3)[:-1] + TOO_MANY[case] + b";")
    assert caught.value.code == "broken"
