"""The sides of a PNG, JPEG or WebP, from the part that decoders go by."""

from __future__ import annotations

import struct
from typing import Final

from bot.probe.measures import Steps, Unmeasurable

JPEG: Final = b"\xff\xd8\xff"
PNG: Final = b"\x89PNG\r\n\x1a\n"
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""The markers that begin a JPEG's frame."""
_BARE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
"""The markers that nothing belongs to."""
_SIDE: Final = 0x3FFF


def sides(content: bytes, steps: Steps) -> tuple[int, int]:
    """Return width and height; zeros for what is no picture of these forms."""
    if content.startswith(JPEG):
        return _jpeg(content, steps)
    if content.startswith(PNG) and content[12:16] == b"IHDR":
        width, height = struct.unpack_from(">II", content, 16)
        return width, height
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return _webp(content)
    return 0, 0


def _jpeg(content: bytes, steps: Steps) -> tuple[int, int]:
    at = 2
    while content[at] == 0xFF:  # noqa: PLR2004 - every marker begins so
        steps.take()
        marker = content[at + 1]
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", content, at + 5)
            return width, height
        if marker in _BARE:
            at += 2
        elif marker == 0xFF:  # noqa: PLR2004 - a marker may be filled up in front
            at += 1
        else:
            (length,) = struct.unpack_from(">H", content, at + 2)
            at += 2 + length
    raise Unmeasurable("a JPEG without a frame")


def _webp(content: bytes) -> tuple[int, int]:
    match content[12:16]:
        case b"VP8X":
            return (1 + int.from_bytes(content[24:27], "little"), 1 + int.from_bytes(content[27:30], "little"))
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", content, 21)
            return 1 + (bits & _SIDE), 1 + (bits >> 14 & _SIDE)
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", content, 26)
            return width & _SIDE, height & _SIDE
        case _:
            raise Unmeasurable("a WebP of an unknown form")
