"""How long a Matroska or WebM lasts: what its head says, or its last block, whichever is later."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Final

from bot.probe.measures import Steps, Unmeasurable

EBML: Final = b"\x1a\x45\xdf\xa3"
_SEGMENT, _INFO, _CLUSTER, _GROUP = 0x18538067, 0x1549A966, 0x1F43B675, 0xA0
_ENTERED: Final = frozenset({_SEGMENT, _INFO, _CLUSTER, _GROUP})
_SCALE, _DURATION, _TIME = 0x2AD7B1, 0x4489, 0xE7
_BLOCKS: Final = frozenset({0xA1, 0xA3})
_NANOSECONDS: Final = 1_000_000_000
_USUAL_SCALE: Final = 1_000_000


def seconds(content: bytes, steps: Steps) -> float:
    """Return the seconds from the beginning to the end of the last block; 0 when neither is told."""
    scale, told, cluster, last = _USUAL_SCALE, 0.0, 0, 0
    for name, start, end in _elements(content, steps):
        if name == _SCALE:
            scale = int.from_bytes(content[start:end])
        elif name == _DURATION:
            (duration,) = struct.unpack(">f" if end - start == 4 else ">d", content[start:end])  # noqa: PLR2004 - single or double
            told = max(told, duration)
        elif name == _TIME:
            cluster = int.from_bytes(content[start:end])
            last = max(last, cluster)
        elif name in _BLOCKS:
            _, at = _number(content, start, keeps_length=False)
            (after,) = struct.unpack_from(">h", content, at)
            last = max(last, cluster + after)
    if not math.isfinite(told):
        raise Unmeasurable("its length is no number")
    return max(told, last) * scale / _NANOSECONDS


def _elements(content: bytes, steps: Steps) -> Iterator[tuple[int, int, int]]:
    """Yield what is in the parts that matter; nothing reaches beyond the part that it is in."""
    at, ends = 0, [len(content)]
    while ends:
        if at >= ends[-1]:
            at = ends.pop()
            continue
        steps.take()
        name, at = _number(content, at, keeps_length=True)
        size, start = _number(content, at, keeps_length=False)
        is_open = size == (1 << 7 * (start - at)) - 1
        end = ends[-1] if is_open else min(start + size, ends[-1])
        if name in _ENTERED:
            ends.append(end)
            at = start
        elif is_open:
            raise Unmeasurable("an element without an end")
        else:
            yield name, start, end
            at = end


def _number(content: bytes, at: int, *, keeps_length: bool) -> tuple[int, int]:
    """Return a number of a variable length, and where it ends."""
    first = content[at]
    length = 9 - first.bit_length()
    if length > 8 or at + length > len(content):  # noqa: PLR2004 - no longer ones
        raise Unmeasurable("no number")
    number = int.from_bytes(content[at : at + length])
    return number if keeps_length else number & ((1 << 7 * length) - 1), at + length
