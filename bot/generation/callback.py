"""The provider's callback: a hint to look now, and for a lost task the only way to learn its id.

    submitting, unknown  ──callback(token, task id)──▶ submitted, polled at once
    submitted            ──callback────────────────▶ polled at once
    released, still awaited ──callback(token, task id)──▶ polled at once; what came is given away

The body is not believed: what became of the task is asked of the provider afterwards. The token is one generation's
own, so a forged id can only spoil the generation of whoever was given the token: the provider. Where the operator has
set the provider's key, its signature (over the task's id and the time, not over the body) is demanded as well.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any, Final
from uuid import UUID

from bot.catalogue import Catalogue
from bot.generation import cadence
from bot.ports import Arrival, Connection
from bot.sql import sql

KNOWN = sql("generation_callback_known")
"""Whether a generation has this token: $1::uuid."""
LONGEST_ID: Final = 200
LONGEST_TIME: Final = 12
"""Digits: seconds, until the year 30,000."""
MOST_SKEW_SECONDS: Final = 300.0


def is_signed(body: bytes, timestamp: str, signature: str, *, key: str, now: float) -> bool:
    """Whether whoever sent this knows the key and speaks of now; a body without a task's id is signed by nobody."""
    found = task_id(body)
    if found is None or len(timestamp) > LONGEST_TIME or not (timestamp.isascii() and timestamp.isdecimal()):
        return False
    wanted = base64.b64encode(hmac.digest(key.encode(), f"{found}.{timestamp}".encode(), "sha256"))
    # Compared whatever the time says, so that a guess learns nothing of which of the two was wrong.
    is_right = hmac.compare_digest(wanted, signature.encode(errors="replace"))
    return is_right and abs(now - int(timestamp)) <= MOST_SKEW_SECONDS


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


async def take(connection: Connection, kept: bytes, catalogue: Catalogue) -> bool:
    """Note what a kept callback tells; False when it no longer matters. Runs in the handler's fenced transaction."""
    note = json.loads(kept)
    hint = UUID(note["token"]), note["task_id"]
    model = catalogue.get(await connection.fetchval(sql("generation_callback_model"), hint[0]) or "")
    seconds = cadence.PROVIDER_SECONDS[model.slo if model else "image"]
    if await connection.fetchval(sql("generation_callback"), *hint, seconds) is not None:
        return True
    return await connection.fetchval(sql("generation_late_callback"), *hint) is not None
