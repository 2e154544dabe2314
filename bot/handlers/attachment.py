"""The file of a message, as Telegram describes it; nothing is fetched."""

from __future__ import annotations

import mimetypes
from datetime import timedelta
from typing import Any, Final, get_args

from telegram import Document, Message

from bot.catalogue import File, Medium

MEDIA: Final[tuple[Medium, ...]] = get_args(Medium)
JPEG: Final = "image/jpeg"
"""What Telegram makes of every photo."""
MPEG4: Final = "video/mp4"
SAME: Final = {
    "audio/mp3": "audio/mpeg",
    "audio/x-m4a": "audio/mp4",
    "audio/m4a": "audio/mp4",
    "audio/opus": "audio/ogg",
}
"""Other names of the same."""


def attachment(message: Message) -> File | None:
    """Return the picture, sound or video of a message; None when it has none of these."""
    if message.photo:
        best = message.photo[-1]
        return File(best.file_id, "image", best.file_size, JPEG, None, best.width, best.height)
    if (video := message.video or message.animation) is not None:
        mime = video.mime_type or MPEG4
        seconds = _seconds(video.duration)
        return File(video.file_id, "video", video.file_size, mime, seconds, video.width, video.height)
    if (note := message.video_note) is not None:
        return File(note.file_id, "video", note.file_size, MPEG4, _seconds(note.duration), note.length, note.length)
    if (sound := message.audio or message.voice) is not None:
        mime = sound.mime_type or ""
        return File(sound.file_id, "audio", sound.file_size, SAME.get(mime, mime) or None, _seconds(sound.duration))
    return None if message.document is None else _document(message.document)


def _document(document: Document) -> File | None:
    """Return a file sent as such: how long it lasts and how large its picture is, Telegram does not tell."""
    mime = document.mime_type or mimetypes.guess_type(document.file_name or "")[0] or ""
    mime = SAME.get(mime, mime)
    medium = next((each for each in MEDIA if mime.startswith(f"{each}/")), None)
    return None if medium is None else File(document.file_id, medium, document.file_size, mime)


def _seconds(told: Any) -> int:
    """Return whole seconds; the library tells them as a number or as a span of time."""
    return int(told.total_seconds() if isinstance(told, timedelta) else told)
