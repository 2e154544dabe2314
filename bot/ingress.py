"""What Telegram delivered, as a row of the inbox. Pure: it never raises, whatever the bytes are.

An update is what has an `update_id`; all else about it is the handlers' business, and one they cannot read ends as a
dead letter of its own. A body that is no update is kept dead: answering it with an error would make Telegram hold
back that chat for a day.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from bot.ports import Arrival

ALLOWED_UPDATES = (
    "message",
    "edited_message",
    "callback_query",
    "pre_checkout_query",
    "my_chat_member",
    "purchased_paid_media",
)
"""Always spelled out: leaving the list away keeps whatever was asked for before."""
MALFORMED = "op:malformed"
_LARGEST_ID = 2**63 - 1


def arrival(body: bytes) -> Arrival:
    """Return the row for the body of one delivery, or for one entry of a poll's answer."""
    try:
        update = json.loads(body)
    except (ValueError, RecursionError):
        return _malformed(body, "the body is not JSON")
    if not isinstance(update, dict):
        return _malformed(body, "the body is not a JSON object")
    return _arrival(update, body)


def _arrival(update: dict[str, Any], body: bytes) -> Arrival:
    number = id_of(update.get("update_id"))
    if number is None or number < 0:
        return _malformed(body, "the body has no update_id")
    return Arrival("telegram", str(number), _lane(update) or f"op:{number}", body)


def _malformed(body: bytes, why: str) -> Arrival:
    return Arrival("telegram", hashlib.sha256(body).hexdigest(), MALFORMED, body, dead=why)


def _lane(update: dict[str, Any]) -> str | None:
    """Return the lane of what the update brings: its chat, else its user; None when it names neither."""
    for kind, brought in update.items():
        if kind == "update_id" or not isinstance(brought, dict):
            continue
        message = brought.get("message")
        chat = _id_in(brought, "chat") or (_id_in(message, "chat") if isinstance(message, dict) else None)
        if chat is not None:
            return f"chat:{chat}"
        user = _id_in(brought, "from") or _id_in(brought, "user")
        if user is not None:
            return f"user:{user}"
    return None


def _id_in(holder: dict[str, Any], name: str) -> int | None:
    found = holder.get(name)
    return id_of(found.get("id")) if isinstance(found, dict) else None


def id_of(value: object) -> int | None:
    """Return an id that fits the database's bigint; True is no id, though Python counts it as 1."""
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST_ID else None
