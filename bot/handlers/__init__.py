"""The conversations, one file each. A handler reads, writes and queues in the transaction of its turn, and no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from telegram import Message
from telegram.ext import CallbackQueryHandler, CommandHandler, MessageHandler, filters

from bot import texts
from bot.catalogue import Catalogue
from bot.handlers.balance import balance
from bot.handlers.confirmation import Confirmation
from bot.handlers.fallback import only_words, unknown_command
from bot.handlers.help import Help
from bot.handlers.moved import moved
from bot.handlers.prompt import Prompt
from bot.handlers.speaker import App
from bot.handlers.start import start

PLAIN_TEXT_MODEL = "z-image"
"""What plain words are drawn with."""

COMMANDS: Mapping[str | None, Sequence[tuple[str, str]]] = {None: texts.of("en").menu, "ru": texts.of("ru").menu}
"""The menu that Telegram shows, by language; None for all other languages."""


class _ToUs(filters.MessageFilter):
    """In a group: a reply to one of this bot's messages."""

    def filter(self, message: Message) -> bool:
        answered = message.reply_to_message
        return bool(answered and answered.from_user and answered.from_user.id == message.get_bot().id)


def register(application: App, catalogue: Catalogue) -> None:
    """Add every conversation. New messages only: an edited one was answered when it came."""
    model = catalogue.models[PLAIN_TEXT_MODEL]
    new, private = filters.UpdateType.MESSAGE, filters.ChatType.PRIVATE
    to_us = private | (filters.ChatType.GROUPS & _ToUs())
    application.add_handlers(
        [
            MessageHandler(new & filters.StatusUpdate.MIGRATE, moved),
            CommandHandler("start", start, new),
            CommandHandler("help", Help(model).help, new),
            CommandHandler("balance", balance, new),
            CallbackQueryHandler(Confirmation(catalogue).pressed),
            MessageHandler(new & filters.COMMAND, unknown_command),
            MessageHandler(new & filters.TEXT & to_us, Prompt(model).words),
            MessageHandler(new & private & ~filters.TEXT & ~filters.StatusUpdate.ALL, only_words),
        ]
    )
