"""What the sending methods have in common: the chat, the text with its entities, the reply, the keyboard."""

from __future__ import annotations

from typing import Any, Final

from bot.sandbox.entities import Entity, parse_html, utf16_length, with_found
from bot.sandbox.errors import bad_request
from bot.sandbox.keyboard import parse_markup
from bot.sandbox.parameters import Parameters
from bot.sandbox.records import Message
from bot.sandbox.world import World

MAX_TEXT: Final = 4096
MAX_CAPTION: Final = 1024


def chat_of(world: World, bot_id: int, parameters: Parameters) -> int:
    """Return the chat that is meant; a person who never wrote to this bot is not found, as with Telegram.

    Negative ids are groups, and the bot is in every one of them.
    """
    text = parameters.text("chat_id").strip()
    if not text:
        raise bad_request("chat_id is empty")
    try:
        chat_id = int(text)
    except ValueError as error:
        raise bad_request("chat not found") from error
    if chat_id >= 0 and not world.chats.history(bot_id, chat_id):
        raise bad_request("chat not found")
    return chat_id


def text_content(parameters: Parameters) -> dict[str, Any]:
    """Return `text` and `entities` of a text message."""
    text, entities = _formatted(parameters, "text", "entities")
    if not text:
        raise bad_request("message text is empty")
    if len(text) > MAX_TEXT:
        raise bad_request("message is too long")
    return {"text": text} | ({"entities": entities} if entities else {})


def caption_content(parameters: Parameters) -> dict[str, Any]:
    """Return `caption` and `caption_entities` of a media message, nothing for an empty caption."""
    caption, entities = _formatted(parameters, "caption", "caption_entities")
    if len(caption) > MAX_CAPTION:
        raise bad_request("message caption is too long")
    return ({"caption": caption} if caption else {}) | ({"caption_entities": entities} if entities else {})


def markup_content(parameters: Parameters) -> dict[str, Any]:
    """Return `reply_markup`, nothing when there is none."""
    markup = parse_markup(parameters.json("reply_markup"))
    return {"reply_markup": markup} if markup else {}


def reply_content(world: World, bot_id: int, chat_id: int, parameters: Parameters) -> dict[str, Any]:
    """Return `reply_to_message`, nothing when the message answers none."""
    reply = parameters.json("reply_parameters") or {}
    if not isinstance(reply, dict):
        raise bad_request("object expected as reply parameters")
    wanted = reply.get("message_id") or parameters.integer("reply_to_message_id")
    if not wanted:
        return {}
    message = world.chats.find(bot_id, chat_id, int(wanted))
    if message is None:
        if reply.get("allow_sending_without_reply") or parameters.flag("allow_sending_without_reply"):
            return {}
        raise bad_request("message to be replied not found")
    return {"reply_to_message": {name: v for name, v in message.body.items() if name != "reply_to_message"}}


def message_of(world: World, bot_id: int, parameters: Parameters, verb: str) -> Message:
    """Return the message that is meant; `verb` is for the error: edit, delete."""
    chat_id = chat_of(world, bot_id, parameters)
    message_id = parameters.integer("message_id")
    if not message_id:
        raise bad_request("message identifier is not specified")
    message = world.chats.find(bot_id, chat_id, message_id)
    if message is None:
        raise bad_request(f"message to {verb} not found")
    return message


def _formatted(parameters: Parameters, field: str, entities_field: str) -> tuple[str, list[Entity]]:
    source, mode = parameters.text(field), parameters.text("parse_mode").strip().lower()
    if mode == "html":
        text, entities = parse_html(source)
    elif mode:
        raise bad_request("unsupported parse_mode")
    else:
        text, entities = source.strip(), _explicit(source.strip(), parameters.json(entities_field))
    return text, with_found(text, entities)


def _explicit(text: str, given: object) -> list[Entity]:
    if not given:
        return []
    if not isinstance(given, list):
        raise bad_request("can't parse entities: expected an Array")
    end = utf16_length(text)
    for entity in given:
        if not isinstance(entity, dict) or not isinstance(entity.get("type"), str):
            raise bad_request("can't parse MessageEntity: Can't find field \"type\"")
        offset, length = entity.get("offset"), entity.get("length")
        if not isinstance(offset, int) or not isinstance(length, int) or offset < 0 or length <= 0:
            raise bad_request("can't parse MessageEntity: offset and length must be numbers")
        if offset + length > end:
            raise bad_request("entity beyond the end of the text")
    return list(given)
