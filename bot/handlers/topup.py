"""/topup and /paysupport: what there is, said kindly. Credits cannot be bought here yet."""

from __future__ import annotations

from telegram import Update

from bot import accounts, turn
from bot.handlers.speaker import Context, Speaker, speaker


async def topup(update: Update, _context: Context) -> None:
    """Tell how to get credits."""
    if (who := await speaker(update)) is not None:
        has = await accounts.balance(turn.current().connection, who.user.id)
        await _tell(who, who.phrases.account.topup, balance=who.phrases.credits(has.available))


async def paysupport(update: Update, _context: Context) -> None:
    """Tell whom to write to about payments."""
    if (who := await speaker(update)) is not None:
        await _tell(who, who.phrases.account.paysupport)


async def _tell(who: Speaker, template: str, **values: str) -> None:
    support = turn.current().settings.support_telegram
    await who.tell(
        template + (f"\n\n{who.phrases.account.support}" if support else ""), support=support or "", **values
    )
