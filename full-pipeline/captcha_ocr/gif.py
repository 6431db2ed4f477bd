"""A walk over the blocks of a GIF, before a decoder sees it."""

from __future__ import annotations

import struct

MAX_BLOCKS = 1 << 16  # with sub-blocks, which have 255 bytes unless something is wrong

Spans = list[tuple[int, int]]  # of bytes: start, end


def gif_notes(data: bytes, size: tuple[int, int]) -> Spans:
    """Where the extensions stand that no pixel depends on.

    Raises ValueError when a frame reaches outside the canvas of ``size`` (width, height), or
    there are very many blocks, which would keep a decoder busy for seconds.

    A decoder grows its canvas to hold such a frame, so a file of a few bytes could ask for
    gigabytes after its first frame has passed the size check. GIF89a, sections 18 to 27.
    """
    notes: Spans = []
    position = 13 + table_bytes(data[10])
    blocks = 0
    while position < len(data):
        blocks += 1
        if blocks > MAX_BLOCKS:
            raise ValueError(f"a GIF of more than {MAX_BLOCKS} blocks")
        introducer = data[position]
        if introducer == 0x21:  # extension: label, then sub-blocks
            start = position
            position, blocks = _skip_sub_blocks(data, start + 2, blocks)
            if not _draws(data[start + 1 : start + 3]):
                notes.append((start, position))
        elif introducer == 0x2C:  # image descriptor
            left, top, width, height, flags = struct.unpack_from("<4HB", data, position + 1)
            if left + width > size[0] or top + height > size[1]:
                raise ValueError(
                    f"a GIF frame of {width}x{height} at {left},{top} leaves the canvas of "
                    f"{size[0]}x{size[1]}"
                )
            # The colour table, one byte of LZW code size, then the sub-blocks.
            position += 10 + table_bytes(flags) + 1
            position, blocks = _skip_sub_blocks(data, position, blocks)
        elif introducer == 0x3B:  # trailer
            break
        else:  # decoders pass over what they do not know, and so look at what follows
            position += 1
    return notes


def _draws(head: bytes) -> bool:
    """Of an extension's label and first length: a graphic control, which makes a colour clear.

    Of an empty one, whatever its label, Pillow takes what follows for sub-blocks too, and so may
    see a frame where this walk sees none.
    """
    return len(head) == 2 and head[0] == 0xF9 and head[1] > 0


def table_bytes(flags: int) -> int:
    """Bytes of a colour table with these packed flags."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _skip_sub_blocks(data: bytes, position: int, blocks: int) -> tuple[int, int]:
    """Position after a chain of length-prefixed blocks, past the end when it is cut off; and
    ``blocks`` with those of the chain, at most one more than are allowed."""
    while position < len(data) and data[position] and blocks <= MAX_BLOCKS:
        position += data[position] + 1
        blocks += 1
    return position + 1, blocks
