"""sendMessage and sendChatAction."""

from __future__ import annotations

from typing import Any, Final

from bot.sandbox.errors import bad_request
from bot.sandbox.methods.content import chat_of, markup_content, reply_content, text_content
from bot.sandbox.parameters import Parameters
from bot.sandbox.world import World

ACTIONS: Final = frozenset({
    "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document",
    "choose_sticker", "find_location", "record_video_note", "upload_video_note",
})  # fmt: skip


async def send_message(world: World, bot_id: int, parameters: Parameters) -> dict[str, Any]:
    """Send a text."""
    chat_id = chat_of(world, bot_id, parameters)
    content = text_content(parameters) | markup_content(parameters)
    async with world.book.writing():
        content |= reply_content(world, bot_id, chat_id, parameters)
        return world.chats.post(bot_id, chat_id, content | protection(parameters), is_from_bot=True).body


async def send_chat_action(world: World, bot_id: int, parameters: Parameters) -> bool:
    """Show what the bot is doing, for five seconds or until its next message."""
    chat_id = chat_of(world, bot_id, parameters)
    if parameters.text("action") not in ACTIONS:
        raise bad_request("wrong parameter action in request")
    world.chats.act(bot_id, chat_id, parameters.text("action"))
    return True


def protection(parameters: Parameters) -> dict[str, Any]:
    """Return the mark of a message that may not be forwarded."""
    return {"has_protected_content": True} if parameters.flag("protect_content") else {}
