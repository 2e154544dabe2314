"""The market family: createTask and recordInfo for every model that has no endpoint of its own.

{model, input{…}, callBackUrl?} ──▶ taskId;  state: waiting, queuing, generating … success | fail
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from bot.providers import record
from bot.providers.base import Order, OutcomeUnknown, Pending, Progress
from bot.providers.call import MALFORMED, Line

CREATE: Final = "/api/v1/jobs/createTask"
RECORD: Final = "/api/v1/jobs/recordInfo"


class Market:
    """The market's wire."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def create(self, order: Order) -> str:
        """Have a task made and return its id."""
        body: dict[str, Any] = {"model": order.model_id, "input": dict(order.inputs)}
        if order.callback_url is not None:
            body["callBackUrl"] = order.callback_url
        return record.task_id(await self._line.post("create", CREATE, body, order.model_id))

    async def poll(self, task_id: str) -> Progress:
        """Return how a task stands; a state nobody has heard of is pending."""
        data = record.record(await self._line.get("poll", RECORD, {"taskId": task_id}))
        match data.get("state"):
            case "success":
                result = _result(data.get("resultJson"))
                urls, text = record.listed(result.get("resultUrls")), _text(result)
                return record.succeeded(urls, data.get("creditsConsumed"), text)
            case "fail":
                return record.failed(data.get("failCode"), data.get("failMsg"))
            case _:
                return Pending()


def _result(written: object) -> Mapping[str, Any]:
    """Return the object in `resultJson`, which is JSON inside a JSON text."""
    try:
        result = json.loads(written) if isinstance(written, str) else written
    except (ValueError, RecursionError) as error:
        raise OutcomeUnknown("poll", MALFORMED, "no result") from error
    if not isinstance(result, dict):
        raise OutcomeUnknown("poll", MALFORMED, "no result")
    return result


def _text(result: Mapping[str, Any]) -> str | None:
    """Return the words of a text result: `resultObject` holds them, or is them."""
    held = result.get("resultObject")
    for found in (held, held.get("text") if isinstance(held, dict) else None, result.get("text")):
        if isinstance(found, str) and found.strip():
            return found
    return None
