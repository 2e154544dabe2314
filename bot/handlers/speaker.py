"""Who an update comes from, and where the answer goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from telegram import Update
from telegram.constants import ChatType
from telegram.ext import Application, ContextTypes

from bot import accounts, texts, turn
from bot.accounts import User
from bot.handlers import banned
from bot.sql import sql
from bot.texts import Phrases

App: TypeAlias = Application[Any, Any, Any, Any, Any, Any]
Context: TypeAlias = ContextTypes.DEFAULT_TYPE


@dataclass(frozen=True, slots=True)
class Speaker:
    """A person in a chat, with the phrases of the person's language."""

    user: User
    name: str
    chat_id: int
    is_private: bool

    @property
    def phrases(self) -> Phrases:
        """What the bot says to this person."""
        return texts.of(self.user.language)

    async def tell(self, template: str, **values: str) -> int:
        """Queue a message of the phrase, filled in; return its outbox id."""
        return await turn.current().effects.send_text(self.chat_id, texts.fill(template, **values))


async def speaker(update: Update) -> Speaker | None:
    """Return who speaks, made known at the first contact; None for bots, channels, anonymous admins.

    None as well for whoever was turned away, and has been told so.
    """
    user, chat, message = update.effective_user, update.effective_chat, update.message or update.edited_message
    if user is None or user.is_bot:
        return None
    # Said in a chat's name: what a linked channel forwards comes from a user who is no bot, and nobody's.
    if message is not None and message.sender_chat is not None:
        return None
    now = turn.current()
    known = await accounts.ensure(
        now.connection, user.id, texts.language_of(user.language_code), now.settings.welcome_amount
    )
    # A button under an inline message has no chat: the person's own is the one that can be answered.
    chat_id = user.id if chat is None else chat.id
    if chat_id < 0:
        await now.connection.execute(sql("group_clear_unreachable"), chat_id)
    if known.is_banned and not banned.may(update):
        await banned.turn_away(update, texts.of(known.language), chat_id)
        return None
    name = user.first_name or texts.of(known.language).nameless
    return Speaker(known, name, chat_id, chat is None or chat.type == ChatType.PRIVATE)
