"""Any bytes and any JSON become a row that the database takes."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot import ingress

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)
PARTS: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.dictionaries(
        st.sampled_from(["chat", "from", "user", "message", "id", "text", "update_id"]), inner, max_size=5
    ),
    max_leaves=15,
)


def check(body: bytes) -> None:
    found = ingress.arrival(body)
    assert found.body == body
    assert (found.lane == ingress.MALFORMED) == (found.dead is not None)
    for text in (found.dedupe_key, found.lane):
        assert text.isascii()
        assert text.isprintable()
        assert 0 < len(text) < 100
    kind, _, number = found.lane.partition(":")
    if found.dead is None:
        assert kind in {"chat", "user", "op"}
        assert abs(int(number)) < 2**63
        assert 0 <= int(found.dedupe_key) < 2**63


@given(st.binary(max_size=300))
def test_any_bytes_become_a_row(body: bytes) -> None:
    """No delivery can raise; key and lane always are plain short text."""
    check(body)


@given(JSON)
def test_any_json_becomes_a_row(value: object) -> None:
    """Whatever the shape, NUL, lone surrogates and huge numbers included."""
    check(json.dumps(value).encode())


@given(st.integers(0, 2**63 - 1), st.sampled_from(["message", "callback_query", "thing"]), PARTS)
def test_what_has_an_update_id_is_never_dead(number: int, kind: str, brought: object) -> None:
    """The handlers decide about everything else."""
    body = json.dumps({"update_id": number, kind: brought}).encode()
    check(body)
    assert ingress.arrival(body).dead is None
    assert ingress.arrival(body).dedupe_key == str(number)
