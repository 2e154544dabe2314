"""Whatever comes as a question before a payment, there is an answer or none, and never a payment that was not offered."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from bot.checkout import Order, query_of, refusal

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ORDER = UUID("0193d3a0-0000-7000-8000-000000000001")
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
NAMES = ("id", "from", "currency", "total_amount", "invoice_payload")
QUERY = {
    "id": "4711",
    "from": {"id": 5, "is_bot": False, "first_name": "A", "language_code": "ru"},
    "currency": "XTR",
    "total_amount": 50,
    "invoice_payload": str(ORDER),
}


@given(st.binary(max_size=200))
def test_no_bytes_raise(tail: bytes) -> None:
    """Also where the word itself is in them."""
    assert query_of(tail) is None
    query_of(b'{"pre_checkout_query"' + tail)
    query_of(b'{"pre_checkout_query":' + tail + b"}")


@given(st.dictionaries(st.sampled_from(NAMES), JSON))
def test_a_malformed_question_is_refused_or_not_answered(wrong: dict[str, Any]) -> None:
    """One that differs in anything that counts is never ok."""
    body = json.dumps({"update_id": 1, "pre_checkout_query": QUERY | wrong}).encode()
    query = query_of(body)
    if query is None:
        return
    order = Order(user_id=5, currency="XTR", amount=50, state="open", expires_at=NOW + timedelta(hours=1))
    found = refusal(query, order if query.order_id == ORDER else None, NOW)
    same = {name: value for name, value in (QUERY | wrong).items() if value == QUERY[name] and name != "id"}
    if found is None:
        changed = set(QUERY) - set(same) - {"id"}
        assert changed <= {"from"}
        assert query.user_id == 5
