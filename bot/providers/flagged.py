"""Veo, 4o image, Flux Kontext: a flat body; successFlag 0 goes on, 1 has results, 2 and 3 have failed.

The results are in response.resultUrls, or the one picture in response.resultImageUrl.
"""

from __future__ import annotations

from bot.providers import record
from bot.providers.base import Order, Progress
from bot.providers.call import Line


class Flagged:
    """The wire of a family below `folder`; some name the model in the body, others have but one."""

    def __init__(self, line: Line, folder: str, *, names_model: bool) -> None:
        self._line = line
        self._create, self._record = f"{folder}/generate", f"{folder}/record-info"
        self._names_model = names_model

    async def create(self, order: Order) -> str:
        """Have a task made and return its id."""
        body = record.flat(order, model=order.model_id) if self._names_model else record.flat(order)
        return record.task_id(await self._line.post("create", self._create, body, order.model_id))

    async def poll(self, task_id: str) -> Progress:
        """Return how a task stands."""
        data = record.record(await self._line.get("poll", self._record, {"taskId": task_id}))
        response = record.part(data, "response")
        one = response.get("resultImageUrl")
        return record.flagged(data, [one] if one else record.listed(response.get("resultUrls")))
