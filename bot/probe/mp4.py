"""How long an MP4, M4A or MOV lasts and how large its picture is: the longest of all that its parts say.

moov: mvhd (the whole)   trak: tkhd (sides), mdhd (length), stts (every sample's), stsd (what the samples are)
      mvex: trex (a fragment's usual sample)
moof: traf: tfhd, trun (the samples of a fragment)
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from bot.probe.measures import Measures, Steps, Unmeasurable

FIRST: Final = frozenset({b"ftyp", b"styp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
"""What such a file may begin with."""
_ENTERED: Final = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"mvex", b"moof", b"traf"})
_HEAD: Final = 8
_AAC_FRAME: Final = 1024
_AAC_RATE: Final = 48_000
"""The highest in use: whatever a head says, so many frames last at least so long."""


@dataclass(slots=True)
class _Track:
    scale: int = 0
    length: int = 0
    ticks: int = 0
    samples: int = 0
    aac_rate: int = 0

    def seconds(self) -> float:
        """Return the longest answer; a sample of AAC lasts as long as it does, whatever time it is given."""
        sound = self.samples * _AAC_FRAME / self.aac_rate if self.aac_rate else 0.0
        return max(self.length / self.scale, self.ticks / self.scale, sound)


@dataclass(slots=True)
class _Film:
    content: bytes
    steps: Steps
    seconds: float = 0.0
    width: int = 0
    height: int = 0
    tracks: list[_Track] = field(default_factory=list)
    numbered: dict[int, _Track] = field(default_factory=dict)
    track: _Track = field(default_factory=_Track)
    usual: dict[int, int] = field(default_factory=dict)
    fragment: tuple[int, int] = (0, 0)
    """The track that a fragment belongs to, and how long its usual sample is."""

    def take(self, name: bytes, start: int, end: int) -> None:
        """Note what a box says."""
        match name:
            case b"trak":
                self.track = _Track()
                self.tracks.append(self.track)
            case b"mvhd":
                scale, length = self._times(start)
                self.seconds = max(self.seconds, length / scale)
            case b"mdhd":
                self._media_head(start)
            case b"tkhd":
                self._track_head(start, end)
            case b"stts":
                self._samples(start, end)
            case b"stsd":
                self._form(start)
            case b"trex":
                track, usual = struct.unpack_from(">4xI4xI", self.content, start)
                self.usual[track] = usual
            case b"tfhd":
                self._fragment_head(start)
            case b"trun":
                self._run(start, end)

    def _times(self, start: int) -> tuple[int, int]:
        is_long = self.content[start] == 1
        scale, length = struct.unpack_from(">IQ" if is_long else ">II", self.content, start + (20 if is_long else 12))
        # All ones: not known.
        return scale, 0 if length == (1 << (64 if is_long else 32)) - 1 else length

    def _media_head(self, start: int) -> None:
        if self.track.scale:
            raise Unmeasurable("two heads of one track")
        self.track.scale, self.track.length = self._times(start)

    def _track_head(self, start: int, end: int) -> None:
        (number,) = struct.unpack_from(">I", self.content, start + (20 if self.content[start] == 1 else 12))
        if self.numbered.setdefault(number, self.track) is not self.track:
            raise Unmeasurable("two tracks of one number")
        width, height = struct.unpack_from(">II", self.content, end - 8)
        self.width, self.height = max(self.width, width >> 16), max(self.height, height >> 16)

    def _samples(self, start: int, end: int) -> None:
        (count,) = struct.unpack_from(">I", self.content, start + 4)
        count = min(count, (end - start - 8) // 8)
        self.steps.take(count)
        for samples, ticks in struct.iter_unpack(">II", self.content[start + 8 : start + 8 + 8 * count]):
            self.track.samples += samples
            self.track.ticks += samples * ticks

    def _form(self, start: int) -> None:
        form, rate = struct.unpack_from(">4s24xH", self.content, start + 12)
        if form == b"mp4a":
            self.track.aac_rate = min(rate or _AAC_RATE, _AAC_RATE)

    def _fragment_head(self, start: int) -> None:
        flags, number = struct.unpack_from(">II", self.content, start)
        usual = self.usual.get(number, 0)
        if flags & 8:
            at = start + 8 + (8 if flags & 1 else 0) + (4 if flags & 2 else 0)
            (usual,) = struct.unpack_from(">I", self.content, at)
        self.fragment = number, usual

    def _run(self, start: int, end: int) -> None:
        flags, count = struct.unpack_from(">II", self.content, start)
        number, usual = self.fragment
        if (track := self.numbered.get(number)) is None:
            raise Unmeasurable("a fragment of no track")
        track.samples += count
        if not flags & 0x100:
            track.ticks += count * usual
            return
        at, each = start + 8 + (4 if flags & 1 else 0) + (4 if flags & 4 else 0), (flags >> 8 & 15).bit_count() * 4
        count = min(count, (end - at) // each)
        self.steps.take(count)
        run = self.content[at : at + each * count]
        track.ticks += sum(ticks for (ticks,) in struct.iter_unpack(f">I{each - 4}x", run))


def measure(content: bytes, steps: Steps) -> Measures:
    """Return the longest of its lengths, and the sides of its largest track."""
    film = _Film(content, steps)
    for name, start, end in _boxes(content, steps):
        film.take(name, start, end)
    seconds = max([film.seconds, *(track.seconds() for track in film.tracks)])
    return Measures(seconds, film.width, film.height)


def _boxes(content: bytes, steps: Steps) -> Iterator[tuple[bytes, int, int]]:
    """Yield every box; none reaches beyond the one that it is in."""
    at, ends = 0, [len(content)]
    while ends:
        if at + _HEAD > ends[-1]:
            at = ends.pop()
            continue
        steps.take()
        size, name = struct.unpack_from(">I4s", content, at)
        head = _HEAD
        if size == 1:
            (size,) = struct.unpack_from(">Q", content, at + _HEAD)
            head = 16
        stop = min(at + size, ends[-1]) if size else ends[-1]
        if stop < at + head:
            at = ends.pop()
            continue
        yield name, at + head, stop
        if name in _ENTERED:
            ends.append(stop)
            at += head
        else:
            at = stop
