"""Any bytes and any JSON become a row that the database takes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiogram.types import Update
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


@given(st.integers(0, 2**63 - 1), st.lists(st.tuples(st.text(max_size=9), JSON), max_size=4), JSON)
def test_equal_update_ids_have_equal_keys(number: int, more: list[tuple[str, Any]], other: object) -> None:
    """Whatever else two deliveries say, and in whatever order: the second is a duplicate."""
    first = json.dumps({"update_id": number, "message": other}).encode()
    second = json.dumps({name: value for name, value in more if name != "update_id"} | {"update_id": number}, indent=1)
    assert ingress.arrival(first).dedupe_key == ingress.arrival(second.encode()).dedupe_key == str(number)


CHATS = st.integers(-(2**52), 2**52).filter(bool)
USERS = st.integers(1, 2**52)
OF_A_CHAT = [
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "business_message",
    "edited_business_message",
    "guest_message",
    "deleted_business_messages",
    "message_reaction",
    "message_reaction_count",
    "my_chat_member",
    "chat_member",
    "chat_join_request",
    "chat_boost",
    "removed_chat_boost",
    "callback_query",
    "stopped_message_generation",
]
OF_A_USER = [
    "inline_query",
    "chosen_inline_result",
    "shipping_query",
    "pre_checkout_query",
    "purchased_paid_media",
    "poll_answer",
    "subscription",
    "business_connection",
    "managed_bot",
]
OF_NOBODY = ("poll",)


def test_every_kind_that_telegram_documents_is_expected() -> None:
    """A new one belongs to a chat, to a user, or to nobody: decide it here."""
    assert set(Update.model_fields) == {"update_id", *OF_A_CHAT, *OF_A_USER, *OF_NOBODY}


def update(kind: str, number: int, chat: int, user: int) -> bytes:
    """Return an update in the shape of its kind, as far as it says whose it is."""
    place, person = {"id": chat, "type": "private"}, {"id": user, "is_bot": False, "first_name": "A"}
    if kind == "callback_query":
        brought: dict[str, Any] = {"id": "1", "from": person, "message": {"message_id": 1, "chat": place}}
    elif kind in OF_A_CHAT:
        brought = {"chat": place, "from": person, "message_id": 1}
    elif kind in OF_A_USER:
        name = "from" if "from_user" in _fields(kind) else "user"
        brought = {"id": "1", name: person}
    else:
        brought = {"id": "1", "question": "?"}
    return json.dumps({"update_id": number, kind: brought}).encode()


def _fields(kind: str) -> set[str]:
    annotation: Any = Update.model_fields[kind].annotation
    return set(annotation.__args__[0].model_fields)


@pytest.mark.parametrize("kind", [*OF_A_CHAT, *OF_A_USER, *OF_NOBODY])
def test_each_kind_says_whose_it_is_where_it_is_looked_for(kind: str) -> None:
    """Telegram's own names, as the oracle knows them."""
    fields = _fields(kind)
    if kind == "callback_query":
        assert "message" in fields
    elif kind in OF_A_CHAT:
        assert "chat" in fields
    elif kind in OF_A_USER:
        assert fields & {"from_user", "user"}
    else:
        assert not fields & {"chat", "from_user", "user"}


@given(st.integers(0, 2**31), CHATS, USERS)
def test_every_kind_of_update_has_the_lane_of_its_chat_or_user(number: int, chat: int, user: int) -> None:
    """All that happens in one chat is one lane, whatever kind it is; what is nobody's waits for nobody."""
    lanes = {kind: ingress.arrival(update(kind, number, chat, user)).lane for kind in (*OF_A_CHAT, *OF_A_USER, "poll")}
    assert {lanes[kind] for kind in OF_A_CHAT} == {f"chat:{chat}"}
    assert {lanes[kind] for kind in OF_A_USER} == {f"user:{user}"}
    assert lanes["poll"] == f"op:{number}"
