"""Whether a payment that is about to be made may go on: pure. Telegram asks just before it takes the money.

    pre_checkout_query ──▶ the order that its payload names ──▶ ok, or why not

Only what was offered is taken: by the one it was offered to, at its price, in time, and not when it is paid already. Two
questions before the first payment is booked may both be told yes: whoever books the second one must refund it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

Refusal = Literal["unknown", "other_user", "other_price", "expired", "paid", "cancelled"]
Answer = Refusal | Literal["ok"]
KEY = b'"pre_checkout_query"'
LONGEST_ID = 64


@dataclass(frozen=True, slots=True)
class Query:
    """What Telegram asks; None stands for what is absent or of another type, which no order has."""

    id: str
    user_id: int | None
    language: str | None
    currency: str | None
    amount: int | None
    order_id: UUID | None


@dataclass(frozen=True, slots=True)
class Order:
    """What was offered."""

    user_id: int
    currency: str
    amount: int
    state: str
    expires_at: datetime


def query_of(body: bytes) -> Query | None:
    """Return the query in the body of an update; None when there is none that can be answered. Never raises."""
    # Nearly every update is something else: it is not read a second time.
    if KEY not in body:
        return None
    try:
        update = json.loads(body)
    except (ValueError, RecursionError):
        return None
    asked = _object(update).get("pre_checkout_query")
    asked = _object(asked)
    number = asked.get("id")
    if not isinstance(number, str) or not 0 < len(number) <= LONGEST_ID or not number.isascii():
        return None
    payer = _object(asked.get("from"))
    return Query(
        number,
        _integer(payer.get("id")),
        _text(payer.get("language_code")),
        _text(asked.get("currency")),
        _integer(asked.get("total_amount")),
        _uuid(asked.get("invoice_payload")),
    )


def refusal(query: Query, order: Order | None, now: datetime) -> Refusal | None:
    """Return why the payment may not go on; None when it may."""
    if order is None:
        return "unknown"
    if order.user_id != query.user_id:
        return "other_user"
    if order.state == "paid":
        return "paid"
    if order.state != "open":
        return "cancelled"
    if (order.currency, order.amount) != (query.currency, query.amount):
        return "other_price"
    return "expired" if order.expires_at <= now else None


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _uuid(value: object) -> UUID | None:
    """Return the id that was given out as a payload; any other spelling of it was not."""
    try:
        found = UUID(_text(value) or "")
    except ValueError:
        return None
    return found if str(found) == value else None
