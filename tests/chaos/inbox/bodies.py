"""Bodies of every kind that a webhook may be given, each with what the inbox must make of it."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from supervisor.app.intake import MAX_BODY
from tests.chaos.inbox.script import Script

TEXTS = ("hello", "a\x00b", "\ud800 alone", "\U0001f98a и ещё", "\u202egnp.exe", "' OR 1=1; --", "\\u0000", "")
"""Among them what jsonb, UTF-8 and SQL would each stumble over."""
CHATS = (1001, 7, 2**52 - 1, -1, -4_000_123, -1_001_234_567_890, *range(2001, 2019))
"""Ids of users, groups and supergroups, as far as Telegram's may go."""
ROOM = 500
"""Bytes that a body needs beside its text."""

ENTRIES = (
    b"not json %d",
    b"[%d]",
    b'{"update_id": -%d}',
    b'{"update_id": true, "n": %d}',
    b"\xff\xfe %d",
    b"[" * 100_000 + b"%d" + b"]" * 100_000,
)
"""No updates, and yet entries of a list."""
TORN = (b'{"update_id": %d, "cut', b"[" * 100_000 + b"%d")
"""What would take the rest of a list with it."""


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent, and the key under which it must be found."""

    data: bytes
    dedupe_key: str


def update(number: int, chat: int, script: Script, rng: random.Random) -> Body:
    """Return an update of a chat; one in two hundred is as large as a body may be."""
    text = rng.choice(TEXTS) if rng.random() > 0.005 else rng.choice(("x", "\x00")) * (MAX_BODY // 6 - ROOM)
    message = {"message_id": number, "date": 0, "chat": {"id": chat, "type": "private"}, "text": text}
    brought: dict[str, Any] = rng.choice(
        ({"message": message}, {"edited_message": message}, {"callback_query": {"id": "1", "message": message}})
    )
    return _body(number, brought, script)


def chatless(number: int, script: Script, rng: random.Random) -> Body:
    """Return an update that names no chat, or one that no chat can have."""
    brought: dict[str, Any] = rng.choice(
        (
            {"poll": {"id": "9", "question": "\x00?"}},
            {"message": {"chat": {"id": 10**40}}},
            {"message": {"chat": {"id": True}}},
            {"message": {"chat": None}},
            {"unheard_of": []},
            {},
        )
    )
    return _body(number, brought, script)


def malformed(number: int, rng: random.Random, shapes: Sequence[bytes]) -> Body:
    """Return what is no update at all: kept as a dead letter under its digest."""
    data = rng.choice(shapes) % number
    return Body(data, hashlib.sha256(data).hexdigest())


def given(script: Script) -> bytes:
    """Return the body of a row that came by no webhook."""
    return json.dumps({"script": str(script)}).encode()


def _body(number: int, brought: dict[str, Any], script: Script) -> Body:
    data = json.dumps({"update_id": number, **brought, "script": str(script)}).encode()
    assert len(data) <= MAX_BODY
    return Body(data, str(number))
