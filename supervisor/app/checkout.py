"""The till of an instance, whatever its role, and what a webhook's reply says when Telegram asks before a payment."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg

from bot.ports import Connection
from bot.till import NoAnswer, Reply, Till
from supervisor.app.intake import RETRY_AFTER, Refused
from supervisor.database import LOST, Pool


def till(pool: Callable[[], Pool | None]) -> Till:
    """Return what looks orders up; whatever is wrong with the database only means that there is no answer."""

    @asynccontextmanager
    async def reading() -> AsyncIterator[Connection]:
        connections = pool()
        if connections is None:
            raise ConnectionError("the database is not connected")
        async with connections.acquire() as connection:
            yield connection

    return Till(reading, (*LOST, asyncpg.PostgresError))


def replying(asked: Till) -> Callable[[bytes], Awaitable[Reply | None]]:
    """Return what answers an update's body; without a database it is 503, and Telegram asks again at once."""

    async def reply(body: bytes) -> Reply | None:
        try:
            return await asked.reply(body)
        except NoAnswer as error:
            raise Refused(503, "database does not answer", retry_after=RETRY_AFTER) from error

    return reply
