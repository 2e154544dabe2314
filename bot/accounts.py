"""Users and their credits: every movement is one balanced ledger transaction in the caller's own fenced transaction.

A hold is resolved once: charged, in full or in part, or released. The same key with the same request returns the first
result; the same key with another request is an error. Each movement is one call of a function of the database, which
locks a user's accounts in id order and the house's not at all: they are sums, so that they are no bottleneck.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from bot import ledger
from bot.ledger import Kind, LedgerError, Payment, Transaction, format_credits
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


class RefundBusy(AccountError):
    """Less is left than was to be taken back, but some is on hold and may come back: ask again once that has ended."""


class HoldResolved(AccountError):
    """The hold was charged or released before, by another request."""


@dataclass(frozen=True, slots=True)
class User:
    """Someone who writes to the bot; `is_new` at the first contact only."""

    id: int
    language: Language
    is_new: bool
    is_banned: bool = False
    chose_language: bool = False


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
    if known is None:
        # Another transaction was first.
        return User(user_id, await update(connection, user_id), is_new=False)
    spoken = known["language"] if known["is_reachable"] else await update(connection, user_id)
    return User(user_id, spoken, False, known["is_banned"], known["chose_language"])


async def update(connection: Connection, user_id: int, language: Language | None = None) -> Language:
    """Note that the user can be reached, in this language if one is given; return the language."""
    chosen: Language = await connection.fetchval(sql("user_update"), user_id, language)
    return chosen


async def choose_language(connection: Connection, user_id: int, language: Language) -> None:
    """Speak this language with the user, whatever Telegram's is."""
    await connection.execute(sql("user_choose_language"), user_id, language)


async def balance(connection: Connection, user_id: int) -> Balance:
    """Return the user's balances; someone unknown has none."""
    return _balance(await connection.fetch(sql("account_balance"), user_id))


async def lock(connection: Connection, user_ids: Iterable[int]) -> None:
    """Lock the accounts of several users until the commit, in id order: before money of more than one is moved."""
    await connection.execute(sql("account_lock"), sorted(set(user_ids)))


async def hold(connection: Connection, user_id: int, amount: int, reference: object, *, seconds: float) -> int:
    """Set `amount` aside for `reference` and return the hold's id; raise InsufficientCredits when it is not there."""
    wanted = ledger.transfer("hold", user_id, amount, reference)
    if not (math.isfinite(seconds) and seconds > 0):
        raise LedgerError(f"{wanted.key}: it cannot expire after {seconds} seconds, expected a number above 0")
    row = await connection.fetchrow(sql("hold_open"), user_id, amount, wanted.key, seconds)
    assert row is not None  # noqa: S101 - a function that returns a record returns one
    match row["outcome"]:
        case "held":
            _posted("hold", row["posted_id"], amount)
        case "insufficient":
            emit(events.LedgerRefused(kind="hold", reason="insufficient"))
            raise InsufficientCredits(amount, row["available"])
        case "unknown":
            raise _nobody(wanted)
        case "conflict":
            raise _reused(wanted.kind, wanted.key)
    opened: int = row["hold_id"]
    return opened


async def charge(connection: Connection, hold_id: int, reference: object, amount: int | None = None) -> None:
    """Turn the hold into revenue, by default all of it; the rest goes back to the user."""
    if amount is not None:
        ledger.check_amount(amount, f"charge:{reference}")
    await _resolve(connection, hold_id, "charge", reference, amount)


async def release(connection: Connection, hold_id: int, reference: object) -> None:
    """Give the hold back to the user."""
    await _resolve(connection, hold_id, "release", reference, 0)


async def topup(connection: Connection, user_id: int, amount: int, payment: Payment) -> int:
    """Credit what a payment bought, once for each payment; return the transaction's id."""
    return await post(connection, ledger.transfer("topup", user_id, amount, payment))


async def refund(
    connection: Connection, user_id: int, amount: int, payment: Payment, refund_id: str | None = None
) -> int:
    """Take back what a payment bought, or what is left of it; return how much was taken, by this call or the first.

    A payment that is given back in parts has a `refund_id` for each. Money that went back for credits that are spent is
    the house's loss: it is told and counted, never a debt. Raises RefundBusy while credits that are on hold may come back:
    then nothing is done, and the same call is to be made again.
    """
    wanted = ledger.transfer("refund", user_id, amount, payment.refund(refund_id))
    row = await connection.fetchrow(sql("ledger_refund"), user_id, amount, wanted.key)
    assert row is not None  # noqa: S101 - a function that returns a record returns one
    taken: int = row["refunded"]
    match row["outcome"]:
        case "unknown":
            raise _nobody(wanted)
        case "conflict":
            raise _reused("refund", wanted.key)
        case "busy":
            raise RefundBusy(
                f"{wanted.key}: {format_credits(taken)} of {format_credits(amount)} credits are free, others on hold; try again later"
            )
        case "done":
            _posted("refund", row["posted_id"], taken)
    if row["outcome"] != "again" and taken < amount:
        emit(events.LedgerRefundShort(credits=format_credits(taken), short=format_credits(amount - taken)))
    return taken


async def grant(connection: Connection, user_id: int, amount: int, reference: object) -> int:
    """Give credits, by the operator's order; return the transaction's id."""
    return await post(connection, ledger.transfer("grant", user_id, amount, reference))


async def adjust(connection: Connection, user_id: int, amount: int, reference: object) -> int:
    """Correct a balance by the operator's order, up or down; raise InsufficientCredits rather than go below zero."""
    wanted = ledger.transfer("adjust", user_id, amount, reference)
    await lock(connection, [user_id])
    has = await balance(connection, user_id)
    if has.available + amount < 0 and await connection.fetchval(sql("ledger_find"), wanted.key) is None:
        emit(events.LedgerRefused(kind="adjust", reason="insufficient"))
        raise InsufficientCredits(-amount, has.available)
    return await post(connection, wanted)


async def refer(connection: Connection, user_id: int, amount: int, invitee: int) -> int:
    """Reward the user for an invitation, once for each person invited; return the transaction's id.

    Both are `lock`ed before either's money is moved: two who invited each other would wait for one another for ever.
    """
    return await post(connection, ledger.transfer("referral", user_id, amount, invitee))


async def post(connection: Connection, wanted: Transaction) -> int:
    """Post the transaction, or find it posted, and return its id; raise KeyReused for another one under its key."""
    # In the order of their names: so they stand in the hash of the request.
    names, amounts = zip(*sorted((entry.account, entry.amount) for entry in wanted.entries), strict=True)
    row = await connection.fetchrow(sql("ledger_post"), wanted.kind, wanted.key, wanted.user_id, names, amounts)
    if row is None:
        raise _nobody(wanted)
    if row["posted_id"] is None:
        raise _reused(wanted.kind, wanted.key)
    posted: int = row["posted_id"]
    if row["is_new"]:
        _posted(wanted.kind, posted, wanted.amount)
    return posted


async def _resolve(
    connection: Connection, hold_id: int, kind: Literal["charge", "release"], reference: object, amount: int | None
) -> None:
    key = f"{kind}:{reference}"
    row = await connection.fetchrow(sql("hold_end"), hold_id, key, amount)
    assert row is not None  # noqa: S101 - a function that returns a record returns one
    match row["outcome"]:
        case "done":
            _posted(kind, row["posted_id"], row["held"] if kind == "release" else row["taken"])
        case "missing":
            raise AccountError(f"{key}: hold {hold_id} does not exist")
        case "exceeded":
            raise LedgerError(
                f"{key}: {amount} milli-credits against a hold of {row['held']}, expected no more than it"
            )
        case "resolved":
            emit(events.LedgerRefused(kind=kind, reason="conflict"))
            raise HoldResolved(f"{key}: hold {hold_id} was resolved before, or the key used for another one")


def _posted(kind: Kind, transaction_id: int, amount: int) -> None:
    emit(events.LedgerPosted(kind=kind, transaction_id=transaction_id, credits=format_credits(amount)))


def _nobody(wanted: Transaction) -> AccountError:
    return AccountError(f"{wanted.key}: user {wanted.user_id} has no accounts; nobody of this id wrote to the bot")


def _reused(kind: Kind, key: str) -> KeyReused:
    emit(events.LedgerRefused(kind=kind, reason="conflict"))
    return KeyReused(f"{key}: posted before for another request; use a key of its own")


def _balance(rows: Iterable[Any]) -> Balance:
    found = {row["name"]: row["balance"] for row in rows}
    return Balance(found.get("available", 0), found.get("held", 0))
