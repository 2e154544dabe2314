"""/admin, for operators in their own chat with the bot; whoever else asks for it hears that there is no such command.

What an operator does is one row of `admin_action` a update, in the transaction that does it: an update that is handled
once more finds its row, and does nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from telegram import Update

from bot import texts, turn
from bot.catalogue import Catalogue
from bot.handlers import orders
from bot.handlers.fallback import unknown_command
from bot.handlers.history import ago
from bot.handlers.orders import Order
from bot.handlers.speaker import Context, Speaker, speaker
from bot.sql import sql

COUNTED: Final = 100_000
"""So many rows of a kind are counted; more are told as so many."""
LETTERS: Final = 10
LONGEST_REASON: Final = 160
MICRO: Final = 1_000_000

Act: TypeAlias = Callable[[Order], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Admin:
    """Follows the orders of operators."""

    catalogue: Catalogue

    async def admin(self, update: Update, context: Context) -> None:
        """Do what is asked, or show how things stand."""
        asker = update.effective_user
        is_private = update.effective_chat is not None and update.effective_chat.id > 0
        if asker is None or asker.id not in turn.current().settings.admin_ids or not is_private:
            await unknown_command(update, context)
            return
        who = await speaker(update)
        if who is None:
            return
        match list(context.args or ()):
            case []:
                await _overview(who)
            case ["dead"]:
                await _letters(who)
            case [verb, *rest] if (act := self._acts().get((verb.lower(), len(rest)))) is not None:
                await act(Order(who, update.update_id, tuple(rest)))
            case _:
                await who.tell(who.phrases.admin.usage)

    def _acts(self) -> Mapping[tuple[str, int], Act]:
        """Return what is done by the word it is asked with, and how many others follow that."""
        return {
            ("user", 1): orders.find,
            ("grant", 2): orders.grant,
            ("refund", 2): orders.refund,
            ("ban", 1): orders.ban,
            ("unban", 1): orders.unban,
            ("on", 1): lambda order: orders.switch(order, self.catalogue, on=True),
            ("off", 1): lambda order: orders.switch(order, self.catalogue, on=False),
        }


async def _overview(who: Speaker) -> None:
    """Show today's numbers, how full the queues are, and who leads."""
    connection, admin = turn.current().connection, who.phrases.admin
    row = await connection.fetchrow(sql("admin_overview"), COUNTED)
    assert row is not None  # noqa: S101 - counts always are a row
    off = await connection.fetch(sql("model_switch_list"))
    values = _values(who, row)
    parts = [texts.fill(admin.overview, **values)]
    if off:
        parts.append(texts.fill(admin.models_off, models=", ".join(each["model_id"] for each in off)))
    await turn.current().effects.send_text(who.chat_id, "\n\n".join([*parts, admin.usage]))


def _values(who: Speaker, row: Any) -> dict[str, str]:
    counted = {
        name: f"{COUNTED}+" if row[name] >= COUNTED else str(row[name])
        for name in ("users", "under_way", "ready", "dead", "sending")
    }
    return counted | {
        "success": str(row["success"]),
        "failed": str(row["failed"]),
        "charged": who.phrases.credits(row["charged"]),
        "cost": f"{row['cost'] / MICRO:.2f}",
        "free_cost": f"{row['free_cost'] / MICRO:.2f}",
        "lock_state": row["lock_state"] or "-",
        "epoch": str(row["epoch"] or "-"),
        "holder": row["instance_id"] or "-",
        "heartbeat": "-" if row["heartbeat_age"] is None else f"{row['heartbeat_age']:.0f}",
    }


async def _letters(who: Speaker) -> None:
    """List the newest dead letters, and how to try one again."""
    admin = who.phrases.admin
    rows: Sequence[Any] = await turn.current().connection.fetch(sql("admin_letters"), LETTERS)
    if not rows:
        await who.tell(admin.no_letters)
        return
    lines = [admin.letters, *(_letter(who, row) for row in rows), admin.more]
    await turn.current().effects.send_text(who.chat_id, "\n\n".join(lines))


def _letter(who: Speaker, row: Any) -> str:
    line = texts.fill(
        who.phrases.admin.letter,
        id=str(row["id"]),
        source=row["source"],
        when=ago(who.phrases, row["age"]),
        attempts=str(row["attempts"]),
        reason=(row["reason"] or "-")[:LONGEST_REASON],
    )
    return line if row["is_readable"] else f"{line} {who.phrases.admin.letter_unreadable}"
