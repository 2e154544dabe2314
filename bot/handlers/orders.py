"""What an operator does to a person or a model: checked first, noted, done once, and told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bot import accounts, switches, texts, turn
from bot.amounts import LARGEST_CREDITS, AmountProblem, parse
from bot.catalogue import Catalogue
from bot.handlers.speaker import Speaker
from bot.ledger import Payment
from bot.sql import sql
from telemetry import emit, events
from telemetry.events.people import Action

LONGEST_ID: Final = 16
"""Digits; Telegram's ids have fewer than 52 bits."""
LONGEST_WORD: Final = 60


@dataclass(frozen=True, slots=True)
class Order:
    """What an operator wrote behind the verb, in the update of this number."""

    who: Speaker
    update_id: int
    words: tuple[str, ...]

    async def tell(self, template: str, **values: str) -> None:
        """Answer the operator."""
        await self.who.tell(template, **values)

    async def person(self) -> Any | None:
        """Return the user that the first word names; None when there is no such user, and that was told."""
        admin, written = self.who.phrases.admin, self.words[0]
        if not (written.isascii() and written.isdigit() and len(written) <= LONGEST_ID and int(written)):
            await self.tell(admin.not_an_id, written=written[:LONGEST_WORD])
            return None
        row = await turn.current().connection.fetchrow(sql("user_show"), int(written))
        if row is None:
            await self.tell(admin.nobody, id=str(int(written)))
        return row

    async def amount(self) -> int | None:
        """Return the milli-credits of the second word; None when that is no amount, and that was told."""
        written = self.words[1]
        try:
            return parse(written)
        except AmountProblem as found:
            template = self.who.phrases.admin.amounts[found.problem]
            await self.tell(template, written=written[:LONGEST_WORD], limit=str(LARGEST_CREDITS))
            return None

    async def note(
        self, action: Action, *, user_id: int | None = None, model_id: str | None = None, amount: int | None = None
    ) -> bool:
        """Note what is done now; False when it was done before, and that was told."""
        values = self.update_id, self.who.user.id, action, user_id, model_id, amount
        if await turn.current().connection.fetchval(sql("admin_note"), *values) is None:
            await self.tell(self.who.phrases.admin.done_already)
            return False
        emit(events.AdminActed(admin_id=self.who.user.id, action=action))
        return True

    async def has(self, user_id: int) -> str:
        """Return what a user has, in words."""
        return self.who.phrases.credits((await accounts.balance(turn.current().connection, user_id)).available)


async def find(order: Order) -> None:
    """Show a user."""
    row = await order.person()
    if row is None or not await order.note("find", user_id=row["id"]):
        return
    phrases = order.who.phrases
    has = await accounts.balance(turn.current().connection, row["id"])
    said = texts.fill(
        phrases.admin.user,
        id=str(row["id"]),
        language=row["language"],
        since=_day(row["created_at"]),
        last=_day(row["last_at"]),
        balance=phrases.credits(has.available),
        held=phrases.credits(has.held),
        made=str(row["made"]),
        invited=str(row["invited"]),
        inviter=phrases.admin.nothing if row["inviter"] is None else str(row["inviter"]),
    )
    if row["banned_at"] is not None:
        said += "\n" + texts.fill(phrases.admin.user_banned, since=_day(row["banned_at"]))
    if row["is_unreachable"]:
        said += "\n" + phrases.admin.user_unreachable
    await turn.current().effects.send_text(order.who.chat_id, said)


async def grant(order: Order) -> None:
    """Give credits, and tell the one who gets them."""
    row = await order.person()
    amount = None if row is None else await order.amount()
    if row is None or amount is None or not await order.note("grant", user_id=row["id"], amount=amount):
        return
    now, user_id = turn.current(), row["id"]
    await accounts.grant(now.connection, user_id, amount, f"admin:{order.update_id}")
    theirs = texts.of(row["language"])
    has = await accounts.balance(now.connection, user_id)
    said = texts.fill(theirs.account.granted, amount=theirs.credits(amount), balance=theirs.credits(has.available))
    await now.effects.send_text(user_id, said)
    given = order.who.phrases.credits(amount)
    await order.tell(order.who.phrases.admin.granted, id=str(user_id), amount=given, balance=await order.has(user_id))


async def refund(order: Order) -> None:
    """Take back what was sold, or what is left of it."""
    row = await order.person()
    amount = None if row is None else await order.amount()
    if row is None or amount is None or not await order.note("refund", user_id=row["id"], amount=amount):
        return
    now, phrases, user_id = turn.current(), order.who.phrases, row["id"]
    try:
        taken = await accounts.refund(now.connection, user_id, amount, Payment("admin", str(order.update_id)))
    except accounts.RefundBusy:
        await now.connection.execute(sql("admin_moved"), order.update_id, 0)
        await order.tell(phrases.admin.refund_busy, id=str(user_id), wanted=phrases.credits(amount))
        return
    await now.connection.execute(sql("admin_moved"), order.update_id, taken)
    await order.tell(
        phrases.admin.refunded if taken == amount else phrases.admin.refunded_short,
        id=str(user_id),
        amount=phrases.credits(taken),
        wanted=phrases.credits(amount),
        balance=await order.has(user_id),
    )


async def ban(order: Order) -> None:
    """Turn a user away."""
    row = await order.person()
    if row is not None and row["id"] in turn.current().settings.admin_ids:
        await order.tell(order.who.phrases.admin.not_an_admin, id=str(row["id"]))
    elif row is not None and await order.note("ban", user_id=row["id"]):
        await turn.current().connection.execute(sql("user_ban"), row["id"], True)
        await order.tell(order.who.phrases.admin.banned, id=str(row["id"]))


async def unban(order: Order) -> None:
    """Let a user in again."""
    row = await order.person()
    if row is not None and await order.note("unban", user_id=row["id"]):
        await turn.current().connection.execute(sql("user_ban"), row["id"], False)
        await order.tell(order.who.phrases.admin.unbanned, id=str(row["id"]))


async def switch(order: Order, catalogue: Catalogue, *, on: bool) -> None:
    """Offer a model, or no more."""
    admin, model_id = order.who.phrases.admin, order.words[0]
    if catalogue.get(model_id) is None:
        await order.tell(admin.no_model, model=model_id[:LONGEST_WORD])
    elif await order.note("model_on" if on else "model_off", model_id=model_id):
        await switches.turn(turn.current().connection, model_id, on=on)
        await order.tell(admin.model_on if on else admin.model_off, model=model_id)


def _day(moment: datetime | None) -> str:
    return "-" if moment is None else f"{moment:%Y-%m-%d}"
