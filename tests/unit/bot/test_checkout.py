"""Who may pay."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from uuid import UUID

import pytest

from bot import texts
from bot.checkout import Order, Query, Refusal, query_of, refusal

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ID = UUID("0193d3a0-0000-7000-8000-00000000abcd")
ORDER = Order(user_id=5, currency="XTR", amount=50, state="open", expires_at=NOW + timedelta(minutes=1))
QUERY = Query("4711", 5, "en", "XTR", 50, ID)


@pytest.mark.parametrize(
    ("query", "order", "expected"),
    [
        (QUERY, ORDER, None),
        (QUERY, None, "unknown"),
        (replace(QUERY, user_id=6), ORDER, "other_user"),
        (replace(QUERY, user_id=None), ORDER, "other_user"),
        (replace(QUERY, amount=49), ORDER, "other_price"),
        (replace(QUERY, amount=None), ORDER, "other_price"),
        (replace(QUERY, currency="RUB"), ORDER, "other_price"),
        (replace(QUERY, currency=None), ORDER, "other_price"),
        (QUERY, replace(ORDER, state="paid"), "paid"),
        (QUERY, replace(ORDER, state="cancelled"), "cancelled"),
        (QUERY, replace(ORDER, state="anything new"), "cancelled"),
        (QUERY, replace(ORDER, expires_at=NOW), "expired"),
        # What counts most is said: a paid bill is not called out of date.
        (QUERY, replace(ORDER, state="paid", expires_at=NOW), "paid"),
    ],
)
def test_only_what_was_offered_is_taken(query: Query, order: Order | None, expected: Refusal | None) -> None:
    """By the one it was offered to, at its price, once, in time."""
    assert refusal(query, order, NOW) == expected


def body(**changed: object) -> bytes:
    asked: dict[str, Any] = {
        "id": "4711",
        "from": {"id": 5, "is_bot": False, "first_name": "A", "language_code": "en"},
        "currency": "XTR",
        "total_amount": 50,
        "invoice_payload": str(ID),
    }
    return json.dumps({"update_id": 1, "pre_checkout_query": asked | changed}).encode()


def test_a_question_is_read() -> None:
    """As Telegram sends it."""
    assert query_of(body()) == QUERY


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"from": None}, replace(QUERY, user_id=None, language=None)),
        ({"from": {"id": True, "language_code": 7}}, replace(QUERY, user_id=None, language=None)),
        ({"total_amount": "50"}, replace(QUERY, amount=None)),
        ({"total_amount": 50.0}, replace(QUERY, amount=None)),
        ({"currency": ["XTR"]}, replace(QUERY, currency=None)),
        ({"invoice_payload": "no uuid"}, replace(QUERY, order_id=None)),
        ({"invoice_payload": "\0"}, replace(QUERY, order_id=None)),
        ({"invoice_payload": str(ID).upper()}, replace(QUERY, order_id=None)),
        ({"invoice_payload": ID.hex}, replace(QUERY, order_id=None)),
        ({"invoice_payload": {}}, replace(QUERY, order_id=None)),
    ],
)
def test_what_is_malformed_in_it_counts_as_absent(changed: dict[str, object], found: Query) -> None:
    """So it is refused, and nobody waits for ten seconds."""
    assert query_of(body(**changed)) == found


@pytest.mark.parametrize(
    "other",
    [
        b"",
        b'{"pre_checkout_query":',
        b'{"pre_checkout_query":' + b"[" * 200_000,
        b'{"pre_checkout_query":null}',
        b'["pre_checkout_query"]',
        body(id=4711),
        body(id=""),
        body(id="x" * 65),
        body(id="\ud800"),
        json.dumps({"update_id": 1, "message": {"text": '"pre_checkout_query":{"id":"1"}'}}).encode(),
        json.dumps({"update_id": 1, "message": {"pre_checkout_query": {"id": "1"}}}).encode(),
    ],
)
def test_what_cannot_be_answered_is_not_asked(other: bytes) -> None:
    """Without an id there is nothing to answer; a message that speaks of it is a message."""
    assert query_of(other) is None


@pytest.mark.parametrize("language", ["ru", "en"])
def test_every_refusal_has_its_words(language: Any) -> None:
    """Short enough for Telegram's notice, and plain."""
    said = texts.of(language).checkout
    assert set(said) == set(get_args(Refusal))
    assert all(0 < len(text) <= 200 and "<" not in text for text in said.values())
