"""sendPhoto and sendDocument."""

from __future__ import annotations

from typing import Any

from bot.sandbox.errors import bad_request
from bot.sandbox.files import document_json, photo_json
from bot.sandbox.methods.content import caption_content, chat_of, markup_content, reply_content
from bot.sandbox.methods.messages import protection
from bot.sandbox.parameters import Parameters, Upload
from bot.sandbox.world import World


async def send_photo(world: World, bot_id: int, parameters: Parameters) -> dict[str, Any]:
    """Send a picture that was uploaded, that lies at an address of this machine, or that the bot sent before."""
    chat_id, given, content = _prepare(world, bot_id, parameters, "photo")
    sizes = await world.files.photo(bot_id, given)
    return await _post(world, bot_id, chat_id, parameters, {"photo": [photo_json(file) for file in sizes]} | content)


async def send_document(world: World, bot_id: int, parameters: Parameters) -> dict[str, Any]:
    """Send any file under its own name."""
    chat_id, given, content = _prepare(world, bot_id, parameters, "document")
    file = await world.files.document(bot_id, given)
    return await _post(world, bot_id, chat_id, parameters, {"document": document_json(file)} | content)


def _prepare(world: World, bot_id: int, parameters: Parameters, field: str) -> tuple[int, Upload | str, dict[str, Any]]:
    chat_id = chat_of(world, bot_id, parameters)
    given = parameters.file(field)
    if given is None:
        raise bad_request(f"there is no {field} in the request")
    above = {"show_caption_above_media": True} if parameters.flag("show_caption_above_media") else {}
    spoiler = {"has_media_spoiler": True} if parameters.flag("has_spoiler") else {}
    return chat_id, given, caption_content(parameters) | markup_content(parameters) | above | spoiler


async def _post(
    world: World, bot_id: int, chat_id: int, parameters: Parameters, content: dict[str, Any]
) -> dict[str, Any]:
    async with world.book.writing():
        content |= reply_content(world, bot_id, chat_id, parameters) | protection(parameters)
        return world.chats.post(bot_id, chat_id, content, is_from_bot=True).body
