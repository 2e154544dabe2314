"""The hourly look of the ACTIVE at the whole ledger: every balance against its entries, in steps that stand in nobody's way.

    rest until an hour after the last one ended ──▶ accounts, a step of them at a time ──▶ transactions since the last ──▶ note

Invariants
* A step reads a bounded number of rows in one statement, locks nothing, and sees each account as of one moment.
* Between steps it rests several times as long as the step took: it never has more than a quarter of a connection.
* What is posted never changes, so a transaction that was found right is not looked at again, unless something was wrong.
* It looks at transactions up to a horizon, and only once whatever was under way at the horizon has ended: none is passed
  by because it was committed later than one with a higher id.
* The hour goes on across terms: it is counted from what the database knows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import anyio
from anyio.abc import TaskStatus

from bot.ledger import format_credits
from bot.ports import Database
from bot.sql import sql
from telemetry import emit, events


@dataclass(frozen=True, slots=True)
class Pace:
    """How often it looks, at how many rows in a step, and how long it rests in lengths of the step before.

    `patience_seconds`: how long it waits for what is under way; then transactions are the next look's.
    """

    seconds: float = 3600.0
    rows: int = 500
    rest: float = 3.0
    least_rest_seconds: float = 0.05
    patience_seconds: int = 60


@dataclass(frozen=True, slots=True)
class Audit:
    """A child of one term."""

    database: Database
    pace: Pace = Pace()
    clock: Callable[[], float] = anyio.current_time

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        """Look at everything once an hour; woken by time, stopped by cancellation.

        Raises what the database raises when it is lost, or when the term is over.
        """
        task_status.started()
        while True:
            async with self.database.reading() as connection:
                last = await connection.fetchrow(sql("audit_due"))
            if last is None or last["seconds"] >= self.pace.seconds:
                await self.look(last["checked_to"] if last and not last["drifted"] else 0)
            else:
                await anyio.sleep(self.pace.seconds - last["seconds"])

    async def look(self, checked_to: int) -> None:
        """Look at every account, and at every transaction after the one given; note what is found."""
        async with self.database.reading() as connection:
            horizon: Any = await connection.fetchrow(sql("audit_horizon"))
        accounts, drift, negative, _ = await self._walk("audit_accounts", 0)
        await self._settled(horizon["until"])
        posted, uneven, _, last = await self._walk("audit_transactions", checked_to, *horizon)
        async with self.database.transaction() as connection:
            await connection.execute(sql("audit_note"), accounts, Decimal(drift + uneven), negative, last)
        found = format_credits(drift + uneven)
        if drift or uneven or negative:
            emit(events.LedgerDrifted(accounts=accounts, drift_credits=found, negative=negative))
        else:
            emit(events.LedgerAudited(accounts=accounts, transactions=posted))

    async def _settled(self, until: str) -> None:
        """Return once whatever was under way at the horizon has ended, or patience has."""
        for _ in range(self.pace.patience_seconds):
            async with self.database.reading() as connection:
                if await connection.fetchval(sql("audit_settled"), until):
                    return
            await anyio.sleep(1.0)

    async def _walk(self, step: str, after: int, *horizon: object) -> tuple[int, int, int, int]:
        """Go on until there is nothing left; return how many rows, their drift, the negative ones, and the last."""
        looked = drift = negative = 0
        while True:
            began = self.clock()
            async with self.database.reading() as connection:
                row: Any = await connection.fetchrow(sql(step), after, self.pace.rows, *horizon)
            looked, drift = looked + row["looked"], drift + int(row["drift"])
            negative += row.get("negative", 0)
            after = after if row["last"] is None else row["last"]
            if row["looked"] < self.pace.rows:
                return looked, drift, negative, after
            await anyio.sleep(max(self.pace.least_rest_seconds, self.pace.rest * (self.clock() - began)))
