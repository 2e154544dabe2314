"""sendPhoto, sendVideo, sendAudio, sendVoice, sendAnimation, sendDocument; sendMediaGroup and editMessageMedia."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final

from bot.sandbox import medium
from bot.sandbox.errors import ApiError, bad_request
from bot.sandbox.files import MAX_UPLOAD_BYTES, NO_CONTENT, UNKNOWN_ID, WRONG_CONTENT, Traits
from bot.sandbox.medium import ANIMATION, AUDIO, DOCUMENT, PHOTO, VIDEO, VOICE
from bot.sandbox.methods.content import caption_content, chat_of, markup_content, reply_content
from bot.sandbox.methods.messages import protection
from bot.sandbox.parameters import Parameters, Upload
from bot.sandbox.records import StoredFile
from bot.sandbox.world import World

MAX_ALBUM: Final = 10
MAX_SECONDS, MAX_SIDE = 86_400, 10_000
SERVERS_WORDS: Final = {NO_CONTENT: "WEBPAGE_CURL_FAILED", WRONG_CONTENT: "WEBPAGE_MEDIA_EMPTY"}
"""What is told in plain words of a file that is sent alone, as Telegram's servers call it."""
ABOVE: Final = "show_caption_above_media"
Send = Callable[[World, int, Parameters], Awaitable[dict[str, Any]]]


def _sending(kind: str) -> Send:
    async def send(world: World, bot_id: int, parameters: Parameters) -> dict[str, Any]:
        chat_id = chat_of(world, bot_id, parameters)
        said = dressing(kind, parameters) | markup_content(parameters)
        files = await stored(world, bot_id, kind, parameters, kind)
        content = medium.content(files) | said
        async with world.book.writing():
            content |= reply_content(world, bot_id, chat_id, parameters) | protection(parameters)
            return world.chats.post(bot_id, chat_id, content, is_from_bot=True).body

    return send


send_photo, send_video, send_animation = _sending(PHOTO), _sending(VIDEO), _sending(ANIMATION)
send_audio, send_voice, send_document = _sending(AUDIO), _sending(VOICE), _sending(DOCUMENT)


async def send_media_group(world: World, bot_id: int, parameters: Parameters) -> list[dict[str, Any]]:
    """Send an album: all of it or nothing."""
    chat_id = chat_of(world, bot_id, parameters)
    items = [album_item(item, parameters) for item in _array(parameters)]
    files = [await _of_album(world, bot_id, number, *item) for number, item in enumerate(items, start=1)]
    check_album([each[-1].kind for each in files], [item.flag(ABOVE) for kind, item in items if kind in (PHOTO, VIDEO)])
    contents = [medium.content(found) | dressing(k, item) for found, (k, item) in zip(files, items, strict=True)]
    group = {"media_group_id": str(secrets.randbits(62))} if len(contents) > 1 else {}
    async with world.book.writing():
        around = reply_content(world, bot_id, chat_id, parameters) | protection(parameters) | group
        return [world.chats.post(bot_id, chat_id, content | around, is_from_bot=True).body for content in contents]


async def _of_album(world: World, bot_id: int, number: int, kind: str, item: Parameters) -> list[StoredFile]:
    """Return an album's file; what only Telegram's servers find wrong is told with its number."""
    try:
        return await stored(world, bot_id, kind, item, "media")
    except ApiError as error:
        said = error.description.removeprefix("Bad Request: ")
        found = SERVERS_WORDS.get(said, said)
        if not found.isupper():
            raise
        text = f'failed to send message #{number} with the error message "{found}"'
        raise bad_request(text) from error


def album_item(item: object, parameters: Parameters) -> tuple[str, Parameters]:
    """Return the kind of an InputMedia and what it says; raise Telegram's 400 for what an album cannot hold."""
    kind, given = input_media(item, parameters)
    if kind not in medium.TOGETHER:
        raise bad_request(f"can't parse InputMedia: type \"{kind}\" can't be used in sendMediaGroup")
    return kind, given


def input_media(item: object, parameters: Parameters) -> tuple[str, Parameters]:
    """Return the kind of an InputMedia and what it says, with the files that came with the call."""
    if not isinstance(item, dict):
        raise bad_request("can't parse InputMedia: expected an Object")
    kind = str(item.get("type") or "").lower()
    if kind not in medium.FOLDERS or kind == VOICE:
        raise bad_request(f'can\'t parse InputMedia: type "{kind}" is unsupported')
    given = parameters.of(item)
    if given.file("media") is None:
        raise bad_request("can't parse InputMedia: media not found")
    return kind, given


def check_album(kinds: list[str], above: list[bool]) -> None:
    """Refuse files that are no album together."""
    if len(set(above)) > 1:
        raise bad_request(f"parameter {ABOVE} must be the same for all messages")
    if len({medium.TOGETHER.get(kind, kind) for kind in kinds}) > 1:
        apart = next(kind for kind in kinds if medium.TOGETHER.get(kind) != PHOTO)
        raise bad_request(f"{apart} can't be mixed with other media types")


def dressing(kind: str, parameters: Parameters) -> dict[str, Any]:
    """Return the caption, and what the message says of how its medium is shown."""
    caption = caption_content(parameters)
    if kind not in (PHOTO, VIDEO, ANIMATION):
        return caption
    above = {ABOVE: True} if parameters.flag(ABOVE) else {}
    return caption | above | ({"has_media_spoiler": True} if parameters.flag("has_spoiler") else {})


async def stored(world: World, bot_id: int, kind: str, parameters: Parameters, field: str) -> list[StoredFile]:
    """Return the file that `field` names: uploaded, at a URL of this machine, or sent before."""
    given = parameters.file(field)
    if given is None:
        raise bad_request(f"there is no {field} in the request")
    if kind in str(world.faults.get("telegram_refuse_media") or "").split(","):
        world.faults.take("telegram_refuse_media")
        raise bad_request(medium.REFUSED[kind])
    if isinstance(given, str):
        if not given.startswith(("http://", "https://")):
            if world.faults.take("telegram_file_lost"):
                raise bad_request(UNKNOWN_ID)
            return await world.files.again(bot_id, kind, given)
        kind, given = await world.files.fetch(kind, given)
    elif len(given.content) > (world.faults.number("telegram_upload_limit") or MAX_UPLOAD_BYTES):
        raise ApiError(413, "Request Entity Too Large")
    return await world.files.keep(bot_id, kind, _named(given, kind), _traits(parameters))


def _named(given: Upload, kind: str) -> Upload:
    """Give a bot's file the type that Telegram's library gives it: by its name, else the usual one of its kind."""
    usual = {VIDEO: "video/mp4", AUDIO: "audio/mpeg", VOICE: "audio/ogg"}.get(kind)
    return Upload(given.filename, usual, given.content) if usual and given.mime == GENERIC else given


def _traits(parameters: Parameters) -> Traits:
    def within(name: str, most: int) -> int:
        return min(max(parameters.integer(name, 0) or 0, 0), most)

    return Traits(
        seconds=within("duration", MAX_SECONDS),
        width=within("width", MAX_SIDE),
        height=within("height", MAX_SIDE),
        track=parameters.text("title"),
        performer=parameters.text("performer"),
    )


def _array(parameters: Parameters) -> list[object]:
    if "media" not in parameters:
        raise bad_request('parameter "media" is required')
    items = parameters.json("media") or []
    if not isinstance(items, list):
        raise bad_request("expected an Array of InputMedia")
    if not items:
        raise bad_request("there are no messages to send")
    if len(items) > MAX_ALBUM:
        raise bad_request("too many messages to send as an album")
    return items


GENERIC: Final = "application/octet-stream"
