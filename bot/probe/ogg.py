"""How long an Ogg lasts: by what its pages say, or by its packets, whichever is longer; streams in a row add up."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from bot.probe.measures import Steps, Unmeasurable

_HEAD: Final = 27
_WHOLE: Final = 255
"""A piece of this length is not its packet's last one."""
_OPUS_RATE: Final = 48_000
_OPUS_FRAMES: Final = (*(0.01, 0.02, 0.04, 0.06) * 3, *(0.01, 0.02) * 2, *(0.0025, 0.005, 0.01, 0.02) * 4)
"""Seconds of a frame, by the configuration in a packet's first five bits."""


@dataclass(slots=True)
class _Stream:
    rate: int
    blocks: tuple[int, int] | None
    """The short and the long block of Vorbis."""
    packets: int = 0
    seconds: float = 0.0
    position: int = 0

    def lasts(self) -> float:
        """Return the longer of what is told and what is there."""
        return max(self.position / self.rate, self.seconds)


def seconds(content: bytes, steps: Steps) -> float:
    """Return the seconds of sound; raise Unmeasurable where there is anything but Opus and Vorbis."""
    streams: dict[int, _Stream] = {}
    done, at = 0.0, 0
    while 0 <= at <= len(content) - _HEAD:
        steps.take()
        flags, position, serial = struct.unpack_from("<BqI", content, at + 5)
        table = content[at + _HEAD : at + _HEAD + content[at + 26]]
        start = at + _HEAD + len(table)
        if flags & 2:
            if serial in streams:
                done += streams.pop(serial).lasts()
            streams[serial] = _begin(content[start : start + 30])
        stream = streams[serial] if serial in streams else _unknown()
        stream.position = max(stream.position, position)
        _count(stream, content, table, start, is_continued=bool(flags & 1), steps=steps)
        at = content.find(b"OggS", start + sum(table))
    return done + sum(stream.lasts() for stream in streams.values())


def _unknown() -> _Stream:
    raise Unmeasurable("a page of a stream that never began")


def _begin(head: bytes) -> _Stream:
    if head.startswith(b"OpusHead"):
        return _Stream(_OPUS_RATE, None)
    if head.startswith(b"\x01vorbis"):
        rate, sizes = struct.unpack_from("<I12xB", head, 12)
        return _Stream(rate, (1 << (sizes & 15), 1 << (sizes >> 4)))
    raise Unmeasurable("a stream of another kind")


def _count(stream: _Stream, content: bytes, table: bytes, start: int, *, is_continued: bool, steps: Steps) -> None:
    """Add what begins on this page; the first packets of a stream are its heads."""
    begins = not is_continued
    for piece in table:
        steps.take()
        if begins and piece:
            stream.packets += 1
            if stream.blocks is None and stream.packets > 2:  # noqa: PLR2004 - head and comments
                stream.seconds += _opus(content, start)
            elif stream.blocks is not None and stream.packets > 3:  # noqa: PLR2004 - head, comments, setup
                # Which packet is short only the setup tells. Three in four are never short: so long it lasts at least.
                short, long = stream.blocks
                stream.seconds += (3 * short + long) / 8 / stream.rate
        begins = piece < _WHOLE
        start += piece


def _opus(content: bytes, at: int) -> float:
    first = content[at]
    frames = (1, 2, 2, 0)[first & 3] or content[at + 1] & 63
    return _OPUS_FRAMES[first >> 3] * frames
