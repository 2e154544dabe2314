"""The conversations, one file each. A handler reads, writes and queues in the transaction of its turn, and no more.

A feature adds its commands to `register`, and what its buttons do to `actions`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from telegram import Message
from telegram.ext import CallbackQueryHandler, CommandHandler, MessageHandler, filters

from bot import texts
from bot.afterwards import CARD, CATEGORY, MENU, REPEAT
from bot.catalogue import Catalogue
from bot.handlers import automatic, bargain, buttons
from bot.handlers.admin import Admin
from bot.handlers.asking import DONE, STOP, VALUE, Asking
from bot.handlers.automatic import Automatic
from bot.handlers.balance import balance
from bot.handlers.banned import ERASE
from bot.handlers.cancel import Cancel
from bot.handlers.card import BEGIN, Card
from bot.handlers.confirmation import Confirmation
from bot.handlers.conversation import Conversation
from bot.handlers.fallback import unknown_command
from bot.handlers.help import Help
from bot.handlers.history import AGAIN, HISTORY, History
from bot.handlers.menu import Menu
from bot.handlers.moved import moved
from bot.handlers.privacy import erasing, privacy, terms
from bot.handlers.repeat import Repeat
from bot.handlers.settings import LANGUAGE, language, settings
from bot.handlers.shelf import Shelf, stocked
from bot.handlers.speaker import App
from bot.handlers.start import start
from bot.handlers.taps import Action, Taps
from bot.handlers.topup import paysupport, topup
from bot.vitals import Vitals

COMMANDS: Mapping[str | None, Sequence[tuple[str, str]]] = {None: texts.of("en").menu, "ru": texts.of("ru").menu}
"""The menu that Telegram shows, by language; None for all other languages."""


class _ToUs(filters.MessageFilter):
    """In a group: a reply to one of this bot's messages."""

    def filter(self, message: Message) -> bool:
        answered = message.reply_to_message
        return bool(answered and answered.from_user and answered.from_user.id == message.get_bot().id)


def register(application: App, catalogue: Catalogue, vitals: Vitals) -> None:
    """Add every conversation. New messages only: an edited one was answered when it came."""
    shelf = stocked(catalogue, vitals.health_of)
    menu = Menu(shelf)
    new, private = filters.UpdateType.MESSAGE, filters.ChatType.PRIVATE
    to_us = private | (filters.ChatType.GROUPS & _ToUs())
    application.add_handlers(
        [
            MessageHandler(new & filters.StatusUpdate.MIGRATE, moved),
            CommandHandler("start", start, new),
            CommandHandler("help", Help(automatic.for_words(catalogue)).help, new),
            CommandHandler("balance", balance, new),
            CommandHandler(["models", "generate"], menu.models, new),
            CommandHandler("cancel", Cancel(menu).cancel, new),
            CommandHandler("history", History(shelf).history, new),
            CommandHandler("settings", settings, new),
            CommandHandler("topup", topup, new),
            CommandHandler("paysupport", paysupport, new),
            CommandHandler("privacy", privacy, new),
            CommandHandler("terms", terms, new),
            CommandHandler("admin", Admin(catalogue).admin, new),
            CallbackQueryHandler(Confirmation(catalogue, vitals, menu).pressed, f"^{buttons.VERSION}:"),
            CallbackQueryHandler(Taps(actions(shelf)).pressed),
            MessageHandler(new & filters.COMMAND, unknown_command),
            MessageHandler(
                new & to_us & ~filters.StatusUpdate.ALL, Conversation(Asking(shelf), menu, Automatic(vitals)).message
            ),
        ]
    )


def actions(shelf: Shelf) -> Mapping[str, Action]:
    """Return what each button does, by the action it carries."""
    menu, card, asking, history = Menu(shelf), Card(shelf), Asking(shelf), History(shelf)
    return {
        MENU: menu.menu,
        CATEGORY: menu.category,
        bargain.BEST: bargain.begin,
        CARD: card.card,
        BEGIN: asking.begin,
        VALUE: asking.value,
        DONE: asking.done,
        STOP: Cancel(menu).stop,
        REPEAT: Repeat(shelf).repeat,
        HISTORY: history.page,
        AGAIN: history.again,
        LANGUAGE: language,
        ERASE: erasing,
    }
