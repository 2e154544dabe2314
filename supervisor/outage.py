"""The gate at which children wait while the database is away, so that an outage costs none of them its restart budget.

    answers ──a look finds it away: lost──▶ away ──a look finds it back: recovered──▶ answers

Only a look, a bounded question of its own, decides: a child that fails as if the database were lost, although it
answers, is charged with it, or a fault of ours would go round for ever. One exception: the connections that a run lost
in an outage may break only after its end, so a run that began before it is excused once.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence

import anyio
import asyncpg

from supervisor.database import LOST, ConnectionLost, connected, place
from telemetry import emit, events

LOOK_SECONDS = 2.0
"""How long one question may take; a database that needs longer is away."""
AGAIN_SECONDS = 0.5
"""Between two looks while it is away."""

Look = Callable[[], Awaitable[BaseException | None]]


class Outage:
    """Knows whether the database is away; a `Gate`. `look` returns what is wrong with it, or None."""

    def __init__(self, look: Look, *, again_seconds: float = AGAIN_SECONDS) -> None:
        self._look = look
        self._again_seconds = again_seconds
        self._turn = anyio.Lock()
        self._lost_at: float | None = None
        self._recovered_at = -math.inf

    @property
    def away(self) -> bool:
        """Whether the last look found the database away."""
        return self._lost_at is not None

    async def excuses(self, error: Exception, began: float) -> bool:
        """Tell whether a run that began then failed because the database is, or just was, away."""
        await self.look()
        return self.away or (began <= self._recovered_at and is_loss(error))

    async def passed(self) -> None:
        """Return once the database answers; whoever comes first looks for all who wait."""
        while self.away:
            async with self._turn:
                await self._look_again()

    async def _look_again(self) -> None:
        # Whoever had the turn before has perhaps seen it recover.
        if self.away and not await self.look():
            await anyio.sleep(self._again_seconds)

    async def look(self) -> bool:
        """Ask the database now; tell of it when that has changed."""
        error = await self._look()
        now = anyio.current_time()
        if error is None:
            if self._lost_at is not None:
                emit(events.DatabaseRecovered(seconds=round(now - self._lost_at, 3)))
                self._lost_at, self._recovered_at = None, now
        elif self._lost_at is None:
            emit(events.DatabaseLost(error=error))
            self._lost_at = now
        else:
            emit(events.DatabaseUnreachable(error=error, retry_seconds=self._again_seconds))
        return error is None


def is_loss(error: BaseException) -> bool:
    """Tell whether the loss of the database is this error, in its group, or behind it as a cause."""
    seen: set[int] = set()
    left: list[BaseException] = [error]
    while left:
        found = left.pop()
        if isinstance(found, LOST):
            return True
        # A cause may lead back to the group it was raised from.
        if id(found) not in seen:
            seen.add(id(found))
            left += found.exceptions if isinstance(found, BaseExceptionGroup) else ()
            left += [found.__cause__] if found.__cause__ is not None else []
    return False


async def ask(urls: Sequence[str], *, seconds: float = LOOK_SECONDS) -> BaseException | None:
    """Return why one of these addresses does not answer within `seconds`, or None when all do.

    A server that refuses us is away too: nobody can work with it, and waiting is all there is to do.
    """
    for url in urls:
        try:
            with anyio.fail_after(seconds):
                async with connected(url, application_name="vigil probe") as connection:
                    await connection.fetchval("SELECT 1")
        except (*LOST, asyncpg.PostgresError) as error:
            found = f"{type(error).__name__}: {error}".rstrip(": ")
            lost = ConnectionLost(f"The database at {place(url)} does not answer ({found}).")
            lost.__cause__ = error
            return lost
    return None
