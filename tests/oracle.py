"""The schema oracle: aiogram's classes, generated from Telegram's documentation, judge what the sandbox takes and says.

While it watches, every call that a sandbox of this process answers and every update that it queues is noted; `judge`
raises for the first that Telegram's documentation would not have so. Calls that the sandbox refused are not judged:
tests make wrong ones on purpose.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import aiogram.methods
from aiogram.types import Update
from pydantic import BaseModel, TypeAdapter
from pytest import MonkeyPatch  # noqa: PT013 - a type, not the library

from bot.sandbox import telegram
from bot.sandbox.chats import Chats
from bot.sandbox.methods import Method
from bot.sandbox.parameters import Parameters
from bot.sandbox.world import World

Answer = tuple[int, dict[str, Any]]
KEPT = 2000
"""So many of the newest of each; a load test makes more."""


@dataclass(slots=True)
class Oracle:
    """What was seen since it watches."""

    calls: deque[tuple[str, dict[str, Any], object]] = field(default_factory=lambda: deque(maxlen=KEPT))
    updates: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT))

    def judge(self) -> None:
        """Raise for what Telegram's documentation does not know."""
        for name, given, result in self.calls:
            method = method_of(name)
            approve(method, plain(given), f"a request {name}")
            approve(method.__returning__, result, f"the result of {name}")
        for update in self.updates:
            approve(Update, update, "an update")


@contextmanager
def watching() -> Iterator[Oracle]:
    """Note everything for as long as the block runs."""
    oracle = Oracle()
    outcome, push = telegram._outcome, Chats.push

    async def noted(world: World, bot_id: int, name: str, method: Method, given: Parameters) -> Answer:
        status, body = await outcome(world, bot_id, name, method, given)
        if body["ok"]:
            oracle.calls.append((name, given.recorded(), json.loads(json.dumps(body["result"]))))
        return status, body

    def queued(chats: Chats, bot_id: int, lane: int, kind: str, body: dict[str, Any], *more: Any) -> None:
        oracle.updates.append({"update_id": 1, kind: json.loads(json.dumps(body))})
        push(chats, bot_id, lane, kind, body, *more)

    with MonkeyPatch.context() as patch:
        patch.setattr(telegram, "_outcome", noted)
        patch.setattr(Chats, "push", queued)
        yield oracle


def method_of(name: str) -> Any:
    """Return aiogram's class of a method."""
    return getattr(aiogram.methods, name[0].upper() + name[1:])


def plain(given: dict[str, Any]) -> dict[str, Any]:
    """Return a request's parameters as the documentation types them, without the files that came beside them."""
    decoded = {name: _decoded(value) for name, value in given.items()}
    attached = json.dumps(decoded)
    return {
        name: "upload" if _is_upload(value) else value
        for name, value in decoded.items()
        if not (_is_upload(value) and f"attach://{name}" in attached)
    }


def approve(kind: Any, value: object, what: str) -> None:
    """Validate, and refuse fields that the documentation does not have, however deep."""
    try:
        unknown = list(_unknown(TypeAdapter(kind).validate_python(value), ""))
    except ValueError as error:
        raise AssertionError(f"{what} is not as documented: {error}\n{value}") from error
    assert not unknown, f"{what} has fields that are not documented: {unknown}\n{value}"


def _unknown(found: object, path: str) -> Iterator[str]:
    if isinstance(found, BaseModel):
        yield from (f"{path}.{name}" for name in found.model_extra or {})
        for name in found.model_fields_set - (found.model_extra or {}).keys():
            yield from _unknown(getattr(found, name), f"{path}.{name}")
    elif isinstance(found, list):
        for each in found:
            yield from _unknown(each, f"{path}[]")


def _is_upload(value: object) -> bool:
    return isinstance(value, dict) and value.keys() == {"filename", "bytes"}


def _decoded(value: object) -> object:
    # Ids that look like numbers stay text, as python-telegram-bot sends them.
    return json.loads(value) if isinstance(value, str) and value[:1] in "[{" and value else value
