"""/balance: what the user has, and what is set aside."""

from __future__ import annotations

from telegram import Update

from bot import accounts, turn
from bot.handlers.speaker import Context, speaker


async def balance(update: Update, _context: Context) -> None:
    """Tell the balance."""
    found = await speaker(update)
    if found is None:
        return
    has = await accounts.balance(turn.current().connection, found.user.id)
    phrases = found.phrases
    template = phrases.balance_with_held if has.held else phrases.balance
    await found.tell(template, balance=phrases.credits(has.available), held=phrases.credits(has.held))
