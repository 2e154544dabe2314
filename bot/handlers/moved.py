"""A group became a supergroup: remember its new id, so that what is queued for the old one arrives."""

from __future__ import annotations

from telegram import Update

from bot import moves, turn
from bot.handlers.speaker import Context


async def moved(update: Update, _context: Context) -> None:
    """Take note; each of the two chats has a service message about it, and either may come first."""
    message = update.effective_message
    if message is None:
        return
    connection = turn.current().connection
    if message.migrate_to_chat_id is not None:
        await moves.move(connection, message.chat.id, message.migrate_to_chat_id)
    elif message.migrate_from_chat_id is not None:
        await moves.move(connection, message.migrate_from_chat_id, message.chat.id)
