"""Changing and deleting what was sent."""

from __future__ import annotations

from typing import Any, Final

from bot.sandbox import medium
from bot.sandbox.errors import bad_request
from bot.sandbox.methods.content import caption_content, markup_content, message_of, text_content
from bot.sandbox.methods.media import ABOVE, dressing, input_media, stored
from bot.sandbox.parameters import Parameters
from bot.sandbox.records import Message
from bot.sandbox.world import World

DELETABLE_SECONDS: Final = 48 * 3600
NOT_MODIFIED: Final = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current "
    "content and reply markup of the message"
)
MEDIA: Final = medium.FOLDERS.keys()
SHOWN: Final = ("caption", "caption_entities", ABOVE, "has_media_spoiler", "reply_markup")


async def edit_message_text(world: World, bot_id: int, parameters: Parameters) -> dict[str, Any]:
    """Replace text and keyboard of the bot's text message."""
    content = text_content(parameters) | markup_content(parameters)
    async with world.book.writing():
        message = _own(world, bot_id, parameters)
        if "text" not in message.body:
            raise bad_request("there is no text in the message to edit")
        return _replace(world, message, ("text", "entities", "reply_markup"), content)


async def edit_message_caption(world: World, bot_id: int, parameters: Parameters) -> dict[str, Any]:
    """Replace caption and keyboard of the bot's media message."""
    content = caption_content(parameters) | markup_content(parameters)
    async with world.book.writing():
        message = _own(world, bot_id, parameters)
        if not MEDIA & message.body.keys():
            raise bad_request("there is no caption in the message to edit")
        return _replace(world, message, ("caption", "caption_entities", "reply_markup"), content)


async def edit_message_media(world: World, bot_id: int, parameters: Parameters) -> dict[str, Any]:
    """Replace file, caption and keyboard of the bot's message; a text becomes one with a file."""
    kind, given = input_media(parameters.json("media"), parameters)
    said = dressing(kind, given) | markup_content(parameters)
    _may_become(_own(world, bot_id, parameters), kind)
    content = medium.content(await stored(world, bot_id, kind, given, "media")) | said
    async with world.book.writing():
        return _replace(world, _own(world, bot_id, parameters), ("text", "entities", *MEDIA, *SHOWN), content)


async def edit_message_reply_markup(world: World, bot_id: int, parameters: Parameters) -> dict[str, Any]:
    """Replace the keyboard of the bot's message; none removes it."""
    content = markup_content(parameters)
    async with world.book.writing():
        return _replace(world, _own(world, bot_id, parameters), ("reply_markup",), content)


async def delete_message(world: World, bot_id: int, parameters: Parameters) -> bool:
    """Remove a message of the last two days, the bot's or the person's."""
    async with world.book.writing():
        message = message_of(world, bot_id, parameters, "delete")
        if world.clock() - message.body["date"] > DELETABLE_SECONDS:
            raise bad_request("message can't be deleted for everyone")
        world.chats.change(message, None)
    return True


def _may_become(message: Message, kind: str) -> None:
    if "voice" in message.body:
        raise bad_request("message media can't be edited")
    was = next((known for known in MEDIA if known in message.body), kind)
    if "media_group_id" in message.body and medium.TOGETHER.get(was) != medium.TOGETHER.get(kind):
        raise bad_request("can't change media type in the album")


def _own(world: World, bot_id: int, parameters: Parameters) -> Message:
    message = message_of(world, bot_id, parameters, "edit")
    if not message.is_from_bot:
        raise bad_request("message can't be edited")
    return message


def _replace(world: World, message: Message, fields: tuple[str, ...], content: dict[str, Any]) -> dict[str, Any]:
    if {name: message.body[name] for name in fields if name in message.body} == content:
        raise bad_request(NOT_MODIFIED)
    kept = {name: value for name, value in message.body.items() if name not in fields}
    body = kept | content | {"edit_date": int(world.clock())}
    return world.chats.change(message, body).body
