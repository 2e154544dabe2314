"""4o image: a flat body, no model in it; successFlag 0 goes on, 1 has response.resultUrls, 2 and 3 have failed."""

from __future__ import annotations

from typing import Final

from bot.providers import record
from bot.providers.base import Order, Progress
from bot.providers.call import Line

CREATE: Final = "/api/v1/gpt4o-image/generate"
RECORD: Final = "/api/v1/gpt4o-image/record-info"


class Gpt4o:
    """4o image's wire."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def create(self, order: Order) -> str:
        """Have a task made and return its id."""
        return record.task_id(await self._line.post("create", CREATE, record.flat(order), order.model_id))

    async def poll(self, task_id: str) -> Progress:
        """Return how a task stands."""
        data = record.record(await self._line.get("poll", RECORD, {"taskId": task_id}))
        return record.flagged(data, record.listed(record.part(data, "response").get("resultUrls")))
