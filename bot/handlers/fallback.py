"""What nothing else takes: unknown commands."""

from __future__ import annotations

from telegram import Update
from telegram.constants import ChatType

from bot.handlers.speaker import Context, speaker


async def unknown_command(update: Update, context: Context) -> None:
    """Point to /help; in a group only when this bot was addressed, for others may know the command."""
    message, chat = update.effective_message, update.effective_chat
    if message is None or chat is None:
        return
    command = (message.text or message.caption or "/").split(maxsplit=1)[0].lower()
    addressed = chat.type == ChatType.PRIVATE or command.endswith(f"@{context.bot.username.lower()}")
    if addressed and (found := await speaker(update)) is not None:
        await found.tell(found.phrases.unknown_command)
