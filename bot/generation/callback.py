"""The provider's callback: a hint to look now, and for a lost task the only way to learn its id.

    submitting, unknown ──callback(token, task id)──▶ submitted, polled at once
    submitted           ──callback────────────────▶ polled at once

The body is not believed: what became of the task is asked of the provider afterwards. The token is one generation's
own, so a forged id can only spoil the generation of whoever was given the token: the provider.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any
from uuid import UUID

from bot.ports import Arrival, Connection
from bot.sql import sql

KNOWN = sql("generation_callback_known")
"""Whether a generation has this token: $1::uuid."""
LONGEST_ID = 200


def arrival(token: UUID, body: bytes) -> Arrival:
    """Return the row for one callback; the same callback twice is the same row."""
    digest = hashlib.sha256(token.bytes + body).hexdigest()
    kept = json.dumps({"token": str(token), "task_id": task_id(body)}).encode()
    return Arrival("kie", digest, f"task:{token}", kept)


def task_id(body: bytes) -> str | None:
    """Find the task's id in any of the four places the provider puts it; None when there is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    outer: dict[str, Any] = found if isinstance(found, dict) else {}
    inner = outer.get("data")
    for place in (inner if isinstance(inner, dict) else {}, outer):
        for name in ("taskId", "task_id"):
            value = place.get(name)
            if isinstance(value, str) and 0 < len(value) <= LONGEST_ID and value.isprintable():
                return value
    return None


async def take(connection: Connection, kept: bytes) -> bool:
    """Note what a kept callback tells; False when it no longer matters. Runs in the handler's fenced transaction."""
    note = json.loads(kept)
    return await connection.fetchval(sql("generation_callback"), UUID(note["token"]), note["task_id"]) is not None
