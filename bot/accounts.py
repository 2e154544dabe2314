"""Users and their credits: every movement is one balanced ledger transaction in the caller's own fenced transaction.

A hold is resolved once: charged, in full or in part, or released. The same key with the same request returns the first
result; the same key with another request is an error. Accounts are locked in id order, the house's not at all: they
are sums, so that they are no bottleneck.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from bot import ledger
from bot.ledger import Transaction, format_credits
from bot.ports import Connection
from bot.sql import sql
from telemetry import emit, events

Language = Literal["ru", "en"]


class AccountError(Exception):
    """A movement of credits that cannot be made; nothing has changed."""


class InsufficientCredits(AccountError):
    """The user has fewer credits than the price."""

    def __init__(self, price: int, available: int) -> None:
        super().__init__(f"the price is {format_credits(price)} credits, the user has {format_credits(available)}")
        self.price = price
        self.available = available


class KeyReused(AccountError):
    """The idempotency key stands for another request already."""


class HoldResolved(AccountError):
    """The hold was charged or released before, by another request."""


@dataclass(frozen=True, slots=True)
class User:
    """Someone who writes to the bot; `is_new` at the first contact only."""

    id: int
    language: Language
    is_new: bool


@dataclass(frozen=True, slots=True)
class Balance:
    """A user's milli-credits."""

    available: int
    held: int


async def ensure(connection: Connection, user_id: int, language: Language, welcome: int) -> User:
    """Return the user, made known at the first contact with accounts and the welcome gift of `welcome` milli-credits."""
    known = await connection.fetchrow(sql("user_find"), user_id)
    if known is None and await connection.fetchval(sql("user_add"), user_id, language) is not None:
        await connection.execute(sql("account_open"), user_id)
        if welcome:
            await post(connection, ledger.transfer("welcome", user_id, welcome, user_id))
        return User(user_id, language, is_new=True)
    if known is None or not known["is_reachable"]:
        return User(user_id, await update(connection, user_id), is_new=False)
    return User(user_id, known["language"], is_new=False)


async def update(connection: Connection, user_id: int, language: Language | None = None) -> Language:
    """Note that the user can be reached, in this language if one is given; return the language."""
    chosen: Language = await connection.fetchval(sql("user_update"), user_id, language)
    return chosen


async def balance(connection: Connection, user_id: int) -> Balance:
    """Return the user's balances; someone unknown has none."""
    return _balance(await connection.fetch(sql("account_balance"), user_id))


async def hold(connection: Connection, user_id: int, amount: int, reference: object, *, seconds: float) -> int:
    """Set `amount` aside for `reference` and return the hold's id; raise InsufficientCredits when it is not there."""
    wanted = ledger.transfer("hold", user_id, amount, reference)
    # The lock comes first: what is read now holds until the commit, whoever else wants to spend.
    has = _balance(await connection.fetch(sql("account_lock"), user_id))
    if (posted := await _posted(connection, wanted)) is None:
        if has.available < amount:
            emit(events.LedgerRefused(kind="hold", reason="insufficient"))
            raise InsufficientCredits(amount, has.available)
        posted = await post(connection, wanted)
        opened: int = await connection.fetchval(sql("hold_open"), user_id, amount, posted, seconds)
        return opened
    first: int = await connection.fetchval(sql("hold_by_transaction"), posted)
    return first


async def charge(connection: Connection, hold_id: int, reference: object, amount: int | None = None) -> None:
    """Turn the hold into revenue, by default all of it; the rest goes back to the user."""

    def wanted(user_id: int, held: int) -> Transaction:
        return ledger.charge(user_id, held, held if amount is None else amount, reference)

    await _resolve(connection, hold_id, "charged", wanted)


async def release(connection: Connection, hold_id: int, reference: object) -> None:
    """Give the hold back to the user."""

    def wanted(user_id: int, held: int) -> Transaction:
        return ledger.transfer("release", user_id, held, reference)

    await _resolve(connection, hold_id, "released", wanted)


async def post(connection: Connection, wanted: Transaction) -> int:
    """Post the transaction, or find it posted, and return its id; raise KeyReused for another one under its key."""
    row = await connection.fetchrow(
        sql("ledger_post"),
        wanted.kind,
        wanted.key,
        wanted.request_hash,
        wanted.user_id,
        [entry.account for entry in wanted.entries],
        [entry.amount for entry in wanted.entries],
    )
    if row is None:
        first = await _posted(connection, wanted)
        if first is None:
            raise KeyReused(f"{wanted.key}: taken, but not to be seen; try again")
        return first
    if row["entries"] != len(wanted.entries):
        raise AccountError(f"posting {wanted.key}: found {row['entries']} of {len(wanted.entries)} accounts")
    amount = max(entry.amount for entry in wanted.entries)
    emit(events.LedgerPosted(kind=wanted.kind, transaction_id=row["id"], credits=format_credits(amount)))
    posted: int = row["id"]
    return posted


async def _posted(connection: Connection, wanted: Transaction) -> int | None:
    row = await connection.fetchrow(sql("ledger_find"), wanted.key)
    if row is None:
        return None
    if row["request_hash"] != wanted.request_hash:
        emit(events.LedgerRefused(kind=wanted.kind, reason="conflict"))
        raise KeyReused(f"{wanted.key}: posted before for another request; use a key of its own")
    found: int = row["id"]
    return found


async def _resolve(
    connection: Connection,
    hold_id: int,
    state: Literal["charged", "released"],
    transaction: Callable[[int, int], Transaction],
) -> None:
    row = await connection.fetchrow(sql("hold_lock"), hold_id)
    if row is None:
        raise AccountError(f"hold {hold_id} does not exist: it cannot be {state}")
    wanted = transaction(row["user_id"], row["amount"])
    if row["state"] == "held":
        await connection.execute(sql("hold_resolve"), hold_id, state, await post(connection, wanted))
    elif row["resolved_by"] != await _posted(connection, wanted):
        emit(events.LedgerRefused(kind=wanted.kind, reason="conflict"))
        raise HoldResolved(f"hold {hold_id} is {row['state']}: it cannot be {state} as well")


def _balance(rows: Iterable[Any]) -> Balance:
    found = {row["name"]: row["balance"] for row in rows}
    return Balance(found.get("available", 0), found.get("held", 0))
