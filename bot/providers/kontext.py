"""Flux Kontext: a flat body with the model in it; the one picture is response.resultImageUrl, or in resultUrls."""

from __future__ import annotations

from typing import Final

from bot.providers import record
from bot.providers.base import Order, Progress
from bot.providers.call import Line

CREATE: Final = "/api/v1/flux/kontext/generate"
RECORD: Final = "/api/v1/flux/kontext/record-info"


class Kontext:
    """Flux Kontext's wire."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def create(self, order: Order) -> str:
        """Have a task made and return its id."""
        body = record.flat(order, model=order.model_id)
        return record.task_id(await self._line.post("create", CREATE, body, order.model_id))

    async def poll(self, task_id: str) -> Progress:
        """Return how a task stands."""
        data = record.record(await self._line.get("poll", RECORD, {"taskId": task_id}))
        response = record.part(data, "response")
        one = response.get("resultImageUrl")
        return record.flagged(data, [one] if one else record.listed(response.get("resultUrls")))
