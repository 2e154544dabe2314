"""How long a recording lasts and how large a picture is, read from the file itself: pure, bounded, for hostile files.

A head may lie about what follows. Where frames, samples or packets can be counted they are counted, and of several
answers the longest one holds. What cannot be read to its end is not measured, rather than measured too short.
"""

from __future__ import annotations

import struct
from typing import Final

from bot.probe import matroska, mp4, ogg, picture, sound
from bot.probe.measures import Measures, Steps

__all__ = ["Measures", "measure"]

STEPS: Final = 1_000_000
"""Boxes, pages, packets and frames: a second or two of work. Twenty megabytes of ordinary sound have 50,000 frames."""


def measure(content: bytes) -> Measures:
    """Return what the file shows of itself, whatever it is. Blocking: call it in a thread."""
    try:
        return _measure(content, Steps(STEPS))
    except (struct.error, ValueError, ArithmeticError, IndexError):
        return Measures()  # Cut short or not what its head promises: nothing is known of it.


def _measure(content: bytes, steps: Steps) -> Measures:
    head = content[:12]
    if head[4:8] in mp4.FIRST:
        return mp4.measure(content, steps)
    if head.startswith(matroska.EBML):
        return Measures(matroska.seconds(content, steps))
    if head.startswith(b"RIFF") and head[8:] == b"WAVE":
        return Measures(sound.wav(content, steps))
    if head.startswith(b"OggS"):
        return Measures(ogg.seconds(content, steps))
    if head.startswith((b"ID3", b"\xff")) and not head.startswith(picture.JPEG):
        return Measures(sound.frames(content, steps))
    return Measures(0.0, *picture.sides(content, steps))
