"""What a callback's body may hold, and what is kept of it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.generation import callback

TOKEN = UUID(int=7)


@pytest.mark.parametrize(
    "body",
    [
        {"data": {"taskId": "t1"}},
        {"data": {"task_id": "t1"}},
        {"taskId": "t1"},
        {"task_id": "t1"},
        {"code": 501, "data": {"taskId": "t1", "state": "fail"}},
    ],
)
def test_the_task_is_found_wherever_the_provider_puts_it(body: dict[str, object]) -> None:
    """Four places are in use."""
    assert callback.task_id(json.dumps(body).encode()) == "t1"


@given(
    st.one_of(
        st.binary(), st.recursive(st.none() | st.text() | st.integers(), st.lists).map(lambda v: json.dumps(v).encode())
    )
)
def test_no_body_breaks_it_and_none_is_kept_whole(body: bytes) -> None:
    """Whatever comes, the row holds the token and at most an id."""
    arrival = callback.arrival(TOKEN, body)
    assert set(json.loads(arrival.body)) == {"token", "task_id"}
    assert (arrival.source, arrival.lane) == ("kie", f"task:{TOKEN}")


def test_a_repeated_callback_is_one_row_and_another_one_is_another() -> None:
    """The provider repeats; two states of one task are two hints."""
    first, second = b'{"taskId":"a","state":"generating"}', b'{"taskId":"a","state":"success"}'
    assert callback.arrival(TOKEN, first).dedupe_key == callback.arrival(TOKEN, first).dedupe_key
    assert callback.arrival(TOKEN, first).dedupe_key != callback.arrival(TOKEN, second).dedupe_key


def test_an_id_of_absurd_length_or_with_control_characters_is_not_taken() -> None:
    """Only what can be an id is one."""
    assert callback.task_id(json.dumps({"taskId": "x" * 201}).encode()) is None
    assert callback.task_id(json.dumps({"taskId": "a\u0000b"}).encode()) is None


KEY, NOW = "provider's key", 1_800_000_000.0
BODY = json.dumps({"code": 200, "data": {"callbackType": "first", "task_id": "t1"}}).encode()


def sign(task: str, timestamp: str, key: str = KEY) -> str:
    """Sign as the provider's documentation says."""
    digest = hmac.new(key.encode(), f"{task}.{timestamp}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


@given(st.integers(min_value=-1_000, max_value=1_000))
def test_a_signature_counts_for_300_seconds(skew: int) -> None:
    """Before and after, for neither clock is exact; a day-old callback that somebody recorded is not taken."""
    timestamp = str(int(NOW) + skew)
    assert callback.is_signed(BODY, timestamp, sign("t1", timestamp), key=KEY, now=NOW) == (abs(skew) <= 300)


@given(st.text(max_size=14), st.text(max_size=60), st.binary(max_size=60))
def test_nothing_that_is_not_signed_is_taken_for_signed(timestamp: str, signature: str, body: bytes) -> None:
    """Whatever stands in the headers and in the body, it is no error and no signature."""
    assert not callback.is_signed(body, timestamp, signature, key=KEY, now=NOW)
    assert not callback.is_signed(BODY, timestamp, signature, key=KEY, now=NOW)


@pytest.mark.parametrize("place", [{"data": {"taskId": "t1"}}, {"taskId": "t1"}, {"task_id": "t1"}])
def test_the_signature_is_for_the_task_in_the_body(place: dict[str, object]) -> None:
    """Wherever the id stands; another task's signature does not fit."""
    timestamp, body = str(int(NOW)), json.dumps(place).encode()
    assert callback.is_signed(body, timestamp, sign("t1", timestamp), key=KEY, now=NOW)
    assert not callback.is_signed(body, timestamp, sign("t2", timestamp), key=KEY, now=NOW)
    assert not callback.is_signed(body, timestamp, sign("t1", timestamp, "another key"), key=KEY, now=NOW)
