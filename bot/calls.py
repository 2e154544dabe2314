"""The calls that an outbox row may ask for, made through python-telegram-bot."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, Final

import anyio
from telegram import (
    Audio,
    Bot,
    Document,
    InlineKeyboardMarkup,
    InputFile,
    InputMediaAudio,
    InputMediaDocument,
    InputMediaPhoto,
    InputMediaVideo,
    LinkPreviewOptions,
    Message,
    PhotoSize,
    Video,
)

from bot.delivery import Outgoing, Sent, clean
from bot.generation.kinds import Way

MEDIA_READ_SECONDS: Final = 60.0
"""Telegram looks at a picture before it answers."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a generation: where it lies on disk, its bytes, or the id under which Telegram has it already."""

    place: int
    content: Path | bytes | str
    name: str


Content = Sequence[Attachment]
"""The files of a generation; a row says which of them it sends."""
Call = Callable[[], Awaitable[Sent]]


def prepare(bot: Bot, row: Outgoing, content: Content | None) -> Call:
    """Return the call that `row` describes; nothing is sent before it is made.

    Raises AttributeError, LookupError, TypeError or ValueError when no call can be made of the row.
    """
    prepared = _CALLS.get(row.method)
    if prepared is None:
        raise ValueError(f"{row.method} is not a call that the outbox makes")
    return prepared(bot, row, content)


def _send_message(bot: Bot, row: Outgoing, _: Content | None) -> Call:
    preview = row.params.get("link_preview_options")
    given = {
        "chat_id": row.chat_id,
        "text": clean(row.params["text"]),
        "link_preview_options": None if preview is None else LinkPreviewOptions.de_json(preview, bot),
        **_dressed(bot, row),
    }

    async def call() -> Sent:
        return Sent((await bot.send_message(**given)).message_id)

    return call


def _edit_message_text(bot: Bot, row: Outgoing, _: Content | None) -> Call:
    given = {
        "text": clean(row.params["text"]),
        "chat_id": row.chat_id,
        "message_id": row.target_message_id,
        **_dressed(bot, row),
    }

    async def call() -> Sent:
        await bot.edit_message_text(**given)
        return Sent(row.target_message_id)

    return call


def _send_file(bot: Bot, row: Outgoing, content: Content | None) -> Call:
    (file,), (way,) = _chosen(row, content)
    given = {
        "chat_id": row.chat_id,
        "caption": clean(row.params.get("caption", "")),
        "read_timeout": MEDIA_READ_SECONDS,
        **({"supports_streaming": True} if way == "video" else {}),
        **_dressed(bot, row),
    }
    send = getattr(bot, f"send_{way}")

    async def call() -> Sent:
        async with _opened((file,)) as (handle,):
            message = await send(**given, **{way: _given(file, way, handle)})
        return Sent(message.message_id, _file_id(message))

    return call


def _send_media_group(bot: Bot, row: Outgoing, content: Content | None) -> Call:
    files, ways = _chosen(row, content)
    caption, mode = clean(row.params.get("caption", "")), row.params.get("parse_mode")

    async def call() -> Sent:
        async with _opened(files) as handles:
            media = [
                _MEDIA[way](
                    _given(file, way, handle, attach=True),
                    # A file's caption stands under each of the files: under the last one it stands under them all.
                    caption=caption if number == (len(files) - 1 if way == "document" else 0) else None,
                    parse_mode=mode,
                )
                for number, (file, way, handle) in enumerate(zip(files, ways, handles, strict=True))
            ]
            messages = await bot.send_media_group(row.chat_id, media, read_timeout=MEDIA_READ_SECONDS)
        ids = [_file_id(message) for message in messages]
        known = [each for each in ids if each is not None]
        return Sent(messages[0].message_id, *((known[0], tuple(known[1:])) if len(known) == len(files) else ()))

    return call


def _chosen(row: Outgoing, content: Content | None) -> tuple[list[Attachment], list[Way]]:
    """Return the row's own files and how each is shown; an older version's row has one picture and says neither."""
    places = row.params.get("places", [0])
    found = {file.place: file for file in content or ()}
    ways = row.params.get("ways", ["photo"])
    return [found[place] for place in places], list(ways)


@asynccontextmanager
async def _opened(files: Sequence[Attachment]) -> AsyncIterator[list[IO[bytes] | None]]:
    """Have the files that lie on disk open while the call reads them: never whole in memory."""
    async with AsyncExitStack() as stack:
        handles: list[IO[bytes] | None] = []
        for file in files:
            handle = None
            if isinstance(file.content, Path):
                handle = (await stack.enter_async_context(await anyio.open_file(file.content, "rb"))).wrapped
            handles.append(handle)
        yield handles


def _given(file: Attachment, way: Way, handle: IO[bytes] | None, *, attach: bool = False) -> Any:
    match file.content:
        case str(known):
            # A bare string would be looked up as a local file first.
            return _KNOWN[way](known)
        case bytes(content):
            return InputFile(content, filename=file.name, attach=attach)
        case _:
            return InputFile(handle or b"", filename=file.name, attach=attach, read_file_handle=False)


def _answer_callback_query(bot: Bot, row: Outgoing, _: Content | None) -> Call:
    text = row.params.get("text")
    given = {
        "callback_query_id": row.params["callback_query_id"],
        "text": None if text is None else clean(text),
        "show_alert": row.params.get("show_alert"),
    }

    async def call() -> Sent:
        await bot.answer_callback_query(**given)
        return Sent()

    return call


def _dressed(bot: Bot, row: Outgoing) -> dict[str, Any]:
    return {"parse_mode": row.params.get("parse_mode"), "reply_markup": _keyboard(row, bot)}


def _keyboard(row: Outgoing, bot: Bot) -> InlineKeyboardMarkup | None:
    found = row.params.get("reply_markup")
    return None if found is None else InlineKeyboardMarkup.de_json(found, bot)


def _file_id(message: Message) -> str | None:
    """Return Telegram's id of the file; it may have made another kind of it than was sent."""
    file = message.photo[-1] if message.photo else message.effective_attachment
    return getattr(file, "file_id", None)


_KNOWN: Final[Mapping[Way, Callable[[str], Any]]] = {
    "photo": lambda file_id: PhotoSize(file_id, "", 0, 0),
    "video": lambda file_id: Video(file_id, "", 0, 0, 0),
    "audio": lambda file_id: Audio(file_id, "", 0),
    "document": lambda file_id: Document(file_id, ""),
}
_MEDIA: Final[Mapping[Way, Callable[..., Any]]] = {
    "photo": InputMediaPhoto,
    "video": partial(InputMediaVideo, supports_streaming=True),
    "audio": InputMediaAudio,
    "document": InputMediaDocument,
}


_CALLS: dict[str, Callable[[Bot, Outgoing, Content | None], Call]] = {
    "sendMessage": _send_message,
    "editMessageText": _edit_message_text,
    **dict.fromkeys(("sendPhoto", "sendVideo", "sendAudio", "sendDocument"), _send_file),
    "sendMediaGroup": _send_media_group,
    "answerCallbackQuery": _answer_callback_query,
}
