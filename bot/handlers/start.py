"""/start: who is new gets the welcome gift and hears what the bot does; who comes back, the balance."""

from __future__ import annotations

from dataclasses import replace

from telegram import Update

from bot import accounts, texts, turn
from bot.handlers.speaker import Context, speaker


async def start(update: Update, _context: Context) -> None:
    """Greet."""
    found = await speaker(update)
    if found is None or update.effective_user is None:
        return
    now = turn.current()
    if not found.user.is_new:
        # The one moment at which the language follows Telegram's: the person may have changed it there.
        language = texts.language_of(update.effective_user.language_code)
        if language != found.user.language:
            await accounts.update(now.connection, found.user.id, language)
            found = replace(found, user=replace(found.user, language=language))
    has = await accounts.balance(now.connection, found.user.id)
    phrases = found.phrases
    gift = now.settings.welcome_amount
    template = phrases.hello_again
    if found.user.is_new:
        template = phrases.hello_with_gift if gift else phrases.hello
    await found.tell(template, name=found.name, gift=phrases.credits(gift), balance=phrases.credits(has.available))
