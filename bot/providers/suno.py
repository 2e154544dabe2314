"""Suno: a flat body with the model in it, several tracks, and a callback address that it insists on.

PENDING ─▶ TEXT_SUCCESS ─▶ FIRST_SUCCESS ─▶ SUCCESS
        └▶ CREATE_TASK_FAILED | GENERATE_AUDIO_FAILED | SENSITIVE_WORD_ERROR
CALLBACK_EXCEPTION says that we were not told, nothing about the music: it has come when every track has an address.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bot.providers import record
from bot.providers.base import DETAIL_LENGTH, Failed, Order, Pending, Progress, plain
from bot.providers.call import Line

CREATE: Final = "/api/v1/generate"
RECORD: Final = "/api/v1/generate/record-info"

NO_CALLBACK: Final = "https://no-callback.invalid/"
"""Sent when we have no public address: the field is mandatory, and this name belongs to nobody (RFC 2606)."""


class Suno:
    """Suno's wire."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def create(self, order: Order) -> str:
        """Have a task made and return its id."""
        body = record.flat(order, model=order.model_id)
        body.setdefault("callBackUrl", NO_CALLBACK)
        return record.task_id(await self._line.post("create", CREATE, body, order.model_id))

    async def poll(self, task_id: str) -> Progress:
        """Return how a task stands; music of which a part is missing is not ready."""
        data = record.record(await self._line.get("poll", RECORD, {"taskId": task_id}))
        match data.get("status"):
            case "SUCCESS":
                return record.succeeded(_tracks(data), data.get("creditsConsumed"))
            case "CALLBACK_EXCEPTION":
                tracks = _tracks(data)
                return record.succeeded(tracks, data.get("creditsConsumed")) if tracks and all(tracks) else Pending()
            case "SENSITIVE_WORD_ERROR" as status:
                return Failed("moderation", status, plain(str(data.get("errorMessage") or "")[:DETAIL_LENGTH]))
            case str(status) if "FAILED" in status:
                return record.failed(data.get("errorCode") or status, data.get("errorMessage"))
            case _:
                return Pending()


def _tracks(data: Mapping[str, Any]) -> list[object]:
    tracks = record.listed(record.part(data, "response").get("sunoData"))
    return [track.get("audioUrl") for track in tracks if isinstance(track, dict)]
