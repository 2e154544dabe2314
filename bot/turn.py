"""What a handler works with: one update, one transaction, the effects it queues."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

from bot.effects import Effects
from bot.ports import Connection
from bot.settings import BotSettings


@dataclass(frozen=True, slots=True)
class Turn:
    """The handling of one update. `connection` is in the fenced transaction that `done` will commit with."""

    connection: Connection
    effects: Effects
    now: datetime
    settings: BotSettings


_current: ContextVar[Turn] = ContextVar("turn")


def current() -> Turn:
    """Return the turn that this handler is part of; raise LookupError outside of any."""
    return _current.get()


@contextmanager
def taken(turn: Turn) -> Iterator[Turn]:
    """Make `turn` the current one while the block runs."""
    token = _current.set(turn)
    try:
        yield turn
    finally:
        _current.reset(token)
