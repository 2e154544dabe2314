"""What a file is, by how it begins."""

from __future__ import annotations

import pytest

from bot.generation.kinds import KINDS, kind_of

HEADS = {
    b"\x89PNG\r\n\x1a\n\0\0\0\0": "png",
    b"\xff\xd8\xff\xe0\0\x10JFIF\0\1": "jpg",
    b"RIFF\0\0\0\0WEBPVP8 ": "webp",
    b"RIFF\0\0\0\0WAVEfmt ": "wav",
    b"GIF89a\0\0\0\0\0\0": "gif",
    b"\0\0\0\x20ftypisom\0\0": "mp4",
    b"\0\0\0\x20ftypmp42\0\0": "mp4",
    b"\0\0\0\x14ftypqt  \0\0": "mov",
    b"\0\0\0\x20ftypM4A \0\0": "m4a",
    b"\0\0\0\x20ftypavif\0\0": "avif",
    b"\x1a\x45\xdf\xa3\0\0\0\0\0\0\0\0": "webm",
    b"ID3\4\0\0\0\0\0\0\0\0": "mp3",
    b"\xff\xfb\x90\0\0\0\0\0\0\0\0\0": "mp3",
    b"\xff\xf1\x50\0\0\0\0\0\0\0\0\0": "aac",
    b"OggS\0\2\0\0\0\0\0\0": "ogg",
    b"fLaC\0\0\0\x22\0\0\0\0": "flac",
}


@pytest.mark.parametrize(("head", "suffix"), HEADS.items(), ids=HEADS.values())
def test_a_file_is_known_by_its_beginning(head: bytes, suffix: str) -> None:
    """Its name and what its host says of it do not matter."""
    assert kind_of(head) == KINDS[suffix]


@pytest.mark.parametrize(
    "head", [b"", b"\xff", b"<html><body>", b"RIFF\0\0\0\0AVI LIST", b'{"code":500}', b"\xff\xff\xff\xff"]
)
def test_what_is_no_medium_is_none(head: bytes) -> None:
    """A page, an error, nothing at all: no result."""
    assert kind_of(head) is None


def test_every_kind_is_found() -> None:
    """Except text, which has no beginning of its own."""
    assert set(KINDS) - set(HEADS.values()) == {"txt"}
