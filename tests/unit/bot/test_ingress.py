"""Which row an update becomes."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from bot import ingress

CHAT = {"id": -100123, "type": "supergroup"}
USER = {"id": 5, "is_bot": False, "first_name": "A"}


@pytest.mark.parametrize(
    ("brought", "lane"),
    [
        ({"message": {"message_id": 1, "chat": CHAT, "from": USER}}, "chat:-100123"),
        ({"edited_message": {"message_id": 1, "chat": CHAT}}, "chat:-100123"),
        ({"callback_query": {"id": "1", "from": USER, "message": {"chat": CHAT}}}, "chat:-100123"),
        ({"callback_query": {"id": "1", "from": USER, "inline_message_id": "1"}}, "user:5"),
        ({"my_chat_member": {"chat": CHAT, "from": USER}}, "chat:-100123"),
        ({"pre_checkout_query": {"id": "1", "from": USER}}, "user:5"),
        ({"purchased_paid_media": {"from": USER, "paid_media_payload": "x"}}, "user:5"),
        ({"subscription": {"user": USER}}, "user:5"),
        ({"something_new": {"whatever": 1}}, "op:7"),
        ({"message": {"chat": {"id": True}}}, "op:7"),
        ({"message": {"chat": {"id": 2**63}}}, "op:7"),
        ({"message": "text"}, "op:7"),
        ({}, "op:7"),
    ],
)
def test_an_update_goes_to_the_lane_of_its_chat_or_else_of_its_user(brought: dict[str, Any], lane: str) -> None:
    """What names neither has a lane of its own, so that it waits for nobody and nobody for it."""
    body = json.dumps({"update_id": 7} | brought).encode()
    found = ingress.arrival(body)
    assert (found.source, found.dedupe_key, found.lane, found.dead, found.body) == ("telegram", "7", lane, None, body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe\xfd",
        b'{"update_id": "7"}',
        b'{"update_id": true}',
        b'{"update_id": -7}',
        b'{"update_id": 99999999999999999999}',
        b"[" * 100_000,
        b'{"update_id": ' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_update_is_kept_dead_under_its_hash(body: bytes) -> None:
    """The same body twice is one row."""
    found = ingress.arrival(body)
    assert found.dead
    assert (found.dedupe_key, found.lane) == (hashlib.sha256(body).hexdigest(), "op:malformed")
    assert found.body == body


def test_the_wanted_updates_are_those_of_the_product() -> None:
    """A kind left out here would never arrive: a button without callback_query is dead."""
    assert set(ingress.ALLOWED_UPDATES) == {
        "message",
        "edited_message",
        "callback_query",
        "pre_checkout_query",
        "my_chat_member",
        "purchased_paid_media",
    }
