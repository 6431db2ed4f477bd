"""A walk over the blocks of a GIF, before a decoder sees it."""

from __future__ import annotations

import struct


def check_gif_frames(data: bytes, size: tuple[int, int]) -> None:
    """Raise ValueError when a frame reaches outside the canvas of ``size`` (width, height).

    A decoder grows its canvas to hold such a frame, so a file of a few bytes could ask for
    gigabytes after its first frame has passed the size check. GIF89a, sections 18 to 26.
    """
    position = 13 + _table_bytes(data[10])
    while position < len(data):
        introducer = data[position]
        if introducer == 0x21:  # extension: label, then sub-blocks
            position = _skip_sub_blocks(data, position + 2)
        elif introducer == 0x2C:  # image descriptor
            left, top, width, height, flags = struct.unpack_from("<4HB", data, position + 1)
            if left + width > size[0] or top + height > size[1]:
                raise ValueError(
                    f"a GIF frame of {width}x{height} at {left},{top} leaves the canvas of "
                    f"{size[0]}x{size[1]}"
                )
            # The colour table, one byte of LZW code size, then the sub-blocks.
            position = _skip_sub_blocks(data, position + 10 + _table_bytes(flags) + 1)
        elif introducer == 0x3B:  # trailer
            return
        else:  # decoders pass over what they do not know, and so look at what follows
            position += 1


def _table_bytes(flags: int) -> int:
    """Bytes of a colour table with these packed flags."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _skip_sub_blocks(data: bytes, position: int) -> int:
    """Position after a chain of length-prefixed blocks; past the end when it is cut off."""
    while position < len(data) and data[position]:
        position += data[position] + 1
    return position + 1
