"""What Telegram answered, word for word, for when the library cannot read it: the message was sent all the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from telegram.request import HTTPXRequest

_heard: ContextVar[list[bytes] | None] = ContextVar("heard", default=None)


class Request(HTTPXRequest):
    """The library's way to Telegram; keeps each answer for whoever is `hearing`."""

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        """Make a request and return its status and its body."""
        code, body = await super().do_request(*args, **kwargs)
        if (heard := _heard.get()) is not None:
            heard.append(body)
        return code, body


@contextmanager
def hearing() -> Iterator[list[bytes]]:
    """Collect the answers to what this task asks within the block."""
    heard: list[bytes] = []
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)


def message_id(heard: list[bytes]) -> int | None:
    """Return the id of the message that the last answer speaks of, if it does; of an album, the first one's."""
    try:
        result = json.loads(heard[-1])["result"]
        found = (result[0] if isinstance(result, list) else result)["message_id"]
    except (LookupError, TypeError, ValueError, RecursionError):
        return None
    return found if isinstance(found, int) and not isinstance(found, bool) else None
