"""What a file is, told by how it begins: never by its name, its address, or what its host says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Medium = Literal["image", "video", "audio", "text"]
Way = Literal["photo", "video", "audio", "document"]
"""How Telegram shows a file."""

HEAD_BYTES: Final = 12
"""So much of a file's beginning tells its kind."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A form of file; `way` is the best one in which Telegram takes it from a bot."""

    suffix: str
    mime: str
    medium: Medium
    way: Way


KINDS: Final[Mapping[str, Kind]] = {
    kind.suffix: kind
    for kind in (
        Kind("png", "image/png", "image", "photo"),
        Kind("jpg", "image/jpeg", "image", "photo"),
        Kind("webp", "image/webp", "image", "photo"),
        Kind("gif", "image/gif", "image", "document"),
        Kind("avif", "image/avif", "image", "document"),
        Kind("mp4", "video/mp4", "video", "video"),
        Kind("mov", "video/quicktime", "video", "document"),
        Kind("webm", "video/webm", "video", "document"),
        Kind("mp3", "audio/mpeg", "audio", "audio"),
        Kind("m4a", "audio/mp4", "audio", "audio"),
        Kind("aac", "audio/aac", "audio", "document"),
        Kind("wav", "audio/wav", "audio", "document"),
        Kind("ogg", "audio/ogg", "audio", "document"),
        Kind("flac", "audio/flac", "audio", "document"),
        Kind("txt", "text/plain", "text", "document"),
    )
}
"""By suffix. Telegram shows as a video MPEG-4 only, as sound MP3 and M4A only; other forms go as files."""

BEGINNINGS: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"GIF8", "gif"),
    (b"\x1a\x45\xdf\xa3", "webm"),
    (b"ID3", "mp3"),
    (b"OggS", "ogg"),
    (b"fLaC", "flac"),
)
RIFF: Final[Mapping[bytes, str]] = {b"WEBP": "webp", b"WAVE": "wav"}
BRANDS: Final[Mapping[bytes, str]] = {
    b"qt  ": "mov",
    b"M4A ": "m4a",
    b"M4B ": "m4a",
    **dict.fromkeys((b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1"), "avif"),
}
"""What follows `ftyp`; every other brand is an MPEG-4 video."""


def kind_of(head: bytes) -> Kind | None:
    """Return what begins so; None for what is no picture, video or sound."""
    suffix = next((suffix for begins, suffix in BEGINNINGS if head.startswith(begins)), None)
    if suffix is None and head.startswith(b"RIFF"):
        suffix = RIFF.get(head[8:12])
    elif suffix is None and head[4:8] == b"ftyp":
        suffix = BRANDS.get(head[8:12], "mp4")
    elif suffix is None:
        suffix = _mpeg_sound(head[:2])
    return None if suffix is None else KINDS[suffix]


def _mpeg_sound(head: bytes) -> str | None:
    """Tell MP3 from AAC by the layer in a frame's first two bytes: eleven bits set, then the version, then the layer."""
    if len(head) < 2 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:  # noqa: PLR2004 - the frame's two bytes
        return None
    if head[1] & 0xF6 == 0xF0:  # noqa: PLR2004 - ADTS: no layer
        return "aac"
    return "mp3" if head[1] & 0x06 == 0x02 else None  # noqa: PLR2004 - layer III
