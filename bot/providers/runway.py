"""Runway: a flat body, no model in it; the states are the market's, the one clip is videoInfo.videoUrl."""

from __future__ import annotations

from typing import Final

from bot.providers import record
from bot.providers.base import Order, Pending, Progress
from bot.providers.call import Line

CREATE: Final = "/api/v1/runway/generate"
RECORD: Final = "/api/v1/runway/record-detail"


class Runway:
    """Runway's wire."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def create(self, order: Order) -> str:
        """Have a task made and return its id."""
        return record.task_id(await self._line.post("create", CREATE, record.flat(order), order.model_id))

    async def poll(self, task_id: str) -> Progress:
        """Return how a task stands; a state nobody has heard of is pending."""
        data = record.record(await self._line.get("poll", RECORD, {"taskId": task_id}))
        match data.get("state"):
            case "success":
                return record.succeeded([record.part(data, "videoInfo").get("videoUrl")], data.get("creditsConsumed"))
            case "fail":
                return record.failed(data.get("failCode"), data.get("failMsg"))
            case _:
                return Pending()
