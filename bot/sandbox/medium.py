"""The kinds of media: which a file is, what Telegram says of it, and how a message carries it."""

from __future__ import annotations

from collections.abc import Sequence
from mimetypes import MimeTypes
from pathlib import PurePath
from typing import Any, Final

from bot.sandbox.records import StoredFile

PHOTO, VIDEO, AUDIO, VOICE, ANIMATION, DOCUMENT = "photo", "video", "audio", "voice", "animation", "document"
FOLDERS: Final = {
    PHOTO: "photos",
    VIDEO: "videos",
    AUDIO: "music",
    VOICE: "voice",
    ANIMATION: "animations",
    DOCUMENT: "documents",
}
"""Where getFile says a file of each kind lies; its keys are all kinds."""
TYPES: Final = {
    PHOTO: "Photo",
    VIDEO: "Video",
    AUDIO: "Audio",
    VOICE: "VoiceNote",
    ANIMATION: "Animation",
    DOCUMENT: "Document",
}
"""What Telegram's errors call them."""
REFUSED: Final = {
    PHOTO: "PHOTO_INVALID_DIMENSIONS",
    VIDEO: "VIDEO_CONTENT_TYPE_INVALID",
    AUDIO: "MEDIA_INVALID",
    VOICE: "VOICE_MESSAGES_FORBIDDEN",
    ANIMATION: "VIDEO_CONTENT_TYPE_INVALID",
    DOCUMENT: "MEDIA_INVALID",
}
"""What Telegram says of content that it does not take as this kind."""
TOGETHER: Final = {PHOTO: PHOTO, VIDEO: PHOTO, AUDIO: AUDIO, DOCUMENT: DOCUMENT}
"""Kinds with the same value can be in one album; the others are in none."""
PLAYABLE: Final = ("video/mp4", "video/quicktime")
SPOKEN: Final = ("audio/ogg", "audio/mpeg", "audio/mp4")
PICTURES: Final = ("image/jpeg", "image/png", "image/webp", "image/bmp")
_KNOWN: Final = {
    ".m4a": "audio/mp4", ".mp3": "audio/mpeg", ".oga": "audio/ogg", ".ogg": "audio/ogg", ".opus": "audio/ogg",
    ".flac": "audio/flac", ".wav": "audio/x-wav", ".webp": "image/webp", ".heic": "image/heic",
}  # fmt: skip
_GUESSED: Final = MimeTypes()


def mime_of(name: str, otherwise: str = "application/octet-stream") -> str:
    """Return the type that the end of a file's name means."""
    return _KNOWN.get(PurePath(name).suffix.lower()) or _GUESSED.guess_type(name)[0] or otherwise


def picked(mime: str) -> str:
    """Return the kind that a person's app makes of a file by itself."""
    if mime in PICTURES:
        return PHOTO
    if mime == "image/gif":
        return ANIMATION
    if mime in PLAYABLE:
        return VIDEO
    return AUDIO if mime.startswith("audio/") else DOCUMENT


def settled(kind: str, mime: str) -> str:
    """Return the kind that Telegram makes of a file sent as `kind`: what it cannot play is a document."""
    fits = {
        VIDEO: mime in PLAYABLE,
        ANIMATION: mime in PLAYABLE or mime == "image/gif",
        AUDIO: mime.startswith("audio/"),
        VOICE: mime in SPOKEN,
    }
    return kind if fits.get(kind, True) else DOCUMENT


def content(files: Sequence[StoredFile]) -> dict[str, Any]:
    """Return what a message with this file holds; `files` are the sizes of a photo, else one file."""
    file = files[-1]
    if file.kind == PHOTO:
        return {PHOTO: [_size(each) for each in files]}
    described = _described(file)
    # As Telegram does for those who know no animations.
    also = {DOCUMENT: _described(file, DOCUMENT)} if file.kind == ANIMATION else {}
    return {file.kind: described} | also


def _ids(file: StoredFile) -> dict[str, Any]:
    return {"file_id": file.id, "file_unique_id": file.unique_id, "file_size": file.size}


def _size(file: StoredFile) -> dict[str, Any]:
    return _ids(file) | {"width": file.width, "height": file.height}


def _described(file: StoredFile, kind: str = "") -> dict[str, Any]:
    kind = kind or file.kind
    found = _ids(file) | {"mime_type": file.mime}
    if kind in (VIDEO, ANIMATION):
        found |= {"width": file.width, "height": file.height}
    if kind != DOCUMENT:
        found |= {"duration": file.seconds}
    if kind != VOICE:
        found |= {"file_name": file.title or file.name}
    if kind == AUDIO:
        found |= {name: text for name, text in (("title", file.track), ("performer", file.performer)) if text}
    return found
