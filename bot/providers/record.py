"""What a task's record says, whatever the family calls it; a record that cannot be read is looked at again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from bot.providers.base import DETAIL_LENGTH, Failed, Order, OutcomeUnknown, Pending, Progress, Succeeded, plain
from bot.providers.call import MALFORMED, failure_of

LONGEST_ID: Final = 200
LONGEST_URL: Final = 2_000
LONGEST_CODE: Final = 40
MOST_CREDITS: Final = 10**9
"""More is a misprint, and would not fit where costs are kept."""


def flat(order: Order, **more: str) -> dict[str, Any]:
    """Return the body of a family that wraps its inputs in nothing; an input called `model` chooses the model's tier."""
    body: dict[str, Any] = {**more, **order.inputs}
    if order.callback_url is not None:
        body["callBackUrl"] = order.callback_url
    return body


def task_id(data: object) -> str:
    """Return the id of the task that was made; without one nobody knows whether it was."""
    found = data.get("taskId") if isinstance(data, dict) else None
    if not isinstance(found, str) or not 0 < len(found) <= LONGEST_ID or not found.isprintable():
        raise OutcomeUnknown("create", MALFORMED, "no task id")
    return found


def record(data: object) -> Mapping[str, Any]:
    """Return the record."""
    if not isinstance(data, dict):
        raise OutcomeUnknown("poll", MALFORMED, "no record")
    return data


def part(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the object of that name, an empty one when there is none."""
    found = holder.get(name)
    return found if isinstance(found, dict) else {}


def succeeded(urls: Iterable[object], credits_taken: object, text: str | None = None) -> Succeeded:
    """Return the results; a success that has none is no end of the task yet."""
    addresses = tuple(url for url in urls if isinstance(url, str) and 0 < len(url) <= LONGEST_URL and url.isprintable())
    if not addresses and not text:
        raise OutcomeUnknown("poll", MALFORMED, "no result")
    return Succeeded(addresses, amount(credits_taken), plain(text) if text else None)


def failed(code: object, detail: object) -> Failed:
    """Return the end without a result, and whose failure it is."""
    said, words = plain(str(code or "unknown")[:LONGEST_CODE]), str(detail or "")
    return Failed(failure_of(said, words), said, plain(words[:DETAIL_LENGTH]))


def flagged(data: Mapping[str, Any], urls: Iterable[object]) -> Progress:
    """Read `successFlag`: 1 has results, 2 and 3 have failed, everything else goes on."""
    match data.get("successFlag"):
        case 1:
            return succeeded(urls, data.get("creditsConsumed"))
        case 2 | 3:
            return failed(data.get("errorCode"), data.get("errorMessage"))
        case _:
            return Pending()


def listed(value: object) -> list[object]:
    """Return what should be a list, empty when it is none."""
    return value if isinstance(value, list) else []


def amount(value: object) -> Decimal | None:
    """Return an amount of credits exactly; None for what is none."""
    found = Decimal(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None
    return found if found is not None and found.is_finite() and 0 <= found <= MOST_CREDITS else None
