"""How long a WAV, an MP3 or a bare AAC lasts: its samples and frames, counted."""

from __future__ import annotations

import struct
from typing import Final

from bot.probe.measures import Steps, Unmeasurable

_HEAD: Final = 8
_PLAIN: Final = frozenset({1, 3, 6, 7, 0xFFFE})
"""Forms of WAV in which a second always takes the same number of bytes."""
_BITRATES: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)
"""Of MPEG-1 layer III, kbit/s."""
_LOW_BITRATES: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)
"""Of MPEG-2 layer III."""
_RATES: Final = (44_100, 48_000, 32_000)
_AAC_RATES: Final = (
    96_000,
    88_200,
    64_000,
    48_000,
    44_100,
    32_000,
    24_000,
    22_050,
    16_000,
    12_000,
    11_025,
    8_000,
    7_350,
)
_AAC_HEAD: Final = 7


def wav(content: bytes, steps: Steps) -> float:
    """Return the seconds of plain samples; of what its head says a second takes, the least counts."""
    at, second, data = 12, 0.0, 0
    while at + _HEAD <= len(content):
        steps.take()
        name, size = struct.unpack_from("<4sI", content, at)
        at += _HEAD
        if name == b"fmt ":
            form, channels, rate, bytes_, frame, bits = struct.unpack_from("<HHIIHH", content, at)
            if form not in _PLAIN:
                raise Unmeasurable("a WAV that is packed")
            second = min(bytes_, rate * frame, rate * channels * bits / 8)
        elif name == b"data":
            # Whoever wrote it while it was recorded did not know its size.
            size = min(size or len(content), len(content) - at)
            data += size
        at += size + size % 2
    return data / second


def frames(content: bytes, steps: Steps) -> float:
    """Return the seconds of all frames of MP3 or AAC, or of those that the first one names, if it names more."""
    at = _after_tags(content, steps)
    if _frame(content, at) is None:
        raise Unmeasurable("no frame where there must be one")
    lasts, junk = _named(content, at), 0
    counted = 0.0
    while 0 <= at < len(content):
        steps.take()
        if (found := _frame(content, at)) is not None:
            counted += found[1]
            at += found[0]
            continue
        begins, at = at, content.find(b"\xff", at + 1)
        junk += (at if at >= 0 else len(content)) - begins
    if junk > len(content) // 2:
        raise Unmeasurable("mostly something else")
    return max(lasts, counted)


def _after_tags(content: bytes, steps: Steps) -> int:
    at = 0
    while content[at : at + 3] == b"ID3":
        steps.take()
        a, b, c, d = content[at + 6 : at + 10]
        at += 10 + (a << 21 | b << 14 | c << 7 | d)
    while content[at] == 0:  # Some fill up behind the tag.
        steps.take()
        at += 1
    return at


def _frame(content: bytes, at: int) -> tuple[int, float] | None:
    """Return the bytes and the seconds of the frame that begins here; None when none does."""
    if at + _AAC_HEAD > len(content) or content[at] != 0xFF:  # noqa: PLR2004 - as every frame begins
        return None
    first, second = content[at + 1], content[at + 2]
    if first & 0xF6 == 0xF0:  # noqa: PLR2004 - ADTS
        return _aac(content, at)
    is_first, bitrate, rate = first & 0x18 == 0x18, second >> 4, second >> 2 & 3  # noqa: PLR2004 - MPEG-1
    if first & 0xE6 != 0xE2 or first & 0x18 == 0x08 or rate == 3:  # noqa: PLR2004 - layer III; no such version; no such rate
        return None
    bits = (_BITRATES if is_first else _LOW_BITRATES)[bitrate] * 1000
    if not bits:
        return None
    samples, hertz = (1152 if is_first else 576), _RATES[rate] // (1 if is_first else 2 if first & 0x10 else 4)
    return samples // 8 * bits // hertz + (second >> 1 & 1), samples / hertz


def _aac(content: bytes, at: int) -> tuple[int, float] | None:
    second, third, fourth, fifth, sixth = content[at + 2 : at + _AAC_HEAD]
    length, rate = (third & 3) << 11 | fourth << 3 | fifth >> 5, second >> 2 & 15
    if length < _AAC_HEAD or rate >= len(_AAC_RATES):
        return None
    return length, 1024 * ((sixth & 3) + 1) / _AAC_RATES[rate]


def _named(content: bytes, at: int) -> float:
    """Return how long the file lasts by the number of frames that an encoder wrote into the first one."""
    found, first = max(content.find(tag, at, at + 64) for tag in (b"Xing", b"Info")), _frame(content, at)
    if found < 0 or first is None or not content[found + 7] & 1:
        return 0.0
    (count,) = struct.unpack_from(">I", content, found + 8)
    return float(count * first[1])
