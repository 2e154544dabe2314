"""The inbox in the database as one term sees it: claim, start, settle, release.

    ready ──claim──▶ claimed ──start (attempts + 1)──▶ claimed ──done──▶ done
      ▲                 │  ▲                              │
      └──── release ────┘  └───────────── fail ───────────┴──bury──▶ dead

Invariants
* Every statement runs in a fenced transaction and names the epoch: a stale term changes no row.
* An epoch has one worker, so a claimed row of this epoch that the worker does not hold is nobody's: the epoch is the
  lease, and no clock is needed to take a row back.
* Rows of a lane are claimed in the order of their ids, and none is made ready again while a later one is held.
* attempts are starts of the handler, written before it starts, so that a handler which kills the process is counted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio

from supervisor.errors import SupervisorError
from supervisor.sql import sql

LANE_CAP = 8
"""Rows of one lane in memory at most: what keeps one busy chat from filling the buffer."""
WINDOW = 2_000
"""Ready rows looked at by one claim at most."""
ERROR_CHARACTERS = 200


class NotOurs(SupervisorError):
    """The row is not this term's any more: what its handler did must not commit."""


@dataclass(frozen=True, slots=True)
class Row:
    """One claimed row. `age` was its age on the database's clock when it was claimed, at `claimed_at` on ours."""

    id: int
    source: str
    dedupe_key: str
    lane: str
    body: bytes = field(repr=False)
    attempts: int
    traceparent: str | None
    age: float
    claimed_at: float

    def lag(self, now: float) -> float:
        """Return the seconds since the row was accepted."""
        return self.age + now - self.claimed_at


@dataclass(frozen=True, slots=True)
class Claims:
    """The statements of one term; each takes the connection of a fenced transaction."""

    epoch: int
    cap: int = LANE_CAP
    window: int = WINDOW

    async def claim(self, connection: Any, limit: int, held: Mapping[str, int]) -> list[Row]:
        """Claim at most `limit` rows, oldest first; `held` tells how many rows each lane has in memory."""
        found = await connection.fetch(
            sql("inbox_claim"), limit, self.epoch, self.cap, list(held), list(held.values()), self.window
        )
        now = anyio.current_time()
        return sorted((Row(**record, claimed_at=now) for record in found), key=lambda row: row.id)

    async def start(self, connection: Any, rows: Sequence[Row]) -> frozenset[int]:
        """Write down the attempts of `rows` and return the ids that are still this term's."""
        ids, attempts = [row.id for row in rows], [row.attempts for row in rows]
        return frozenset(
            record["id"] for record in await connection.fetch(sql("inbox_start"), ids, attempts, self.epoch)
        )

    async def done(self, connection: Any, row: Row) -> None:
        """Settle `row` in its handler's transaction; raise `NotOurs` when it belongs to somebody else by now."""
        if await connection.fetchval(sql("inbox_done"), row.id, self.epoch) is None:
            raise NotOurs(f"Row {row.id} is not claimed by epoch {self.epoch} any more: its handler is rolled back")

    async def fail(self, connection: Any, row: Row, reason: str) -> bool:
        """Note why the handler of `row` failed; False when the row is not this term's."""
        return await connection.fetchval(sql("inbox_fail"), row.id, self.epoch, reason) is not None

    async def bury(self, connection: Any, row: Row, reason: str) -> bool:
        """Make `row` a dead letter; False when the row is not this term's."""
        return await connection.fetchval(sql("inbox_bury"), row.id, self.epoch, reason) is not None

    async def release(self, connection: Any, held: Collection[int] = ()) -> int:
        """Make every claimed row of this and older terms ready again, except `held`; return how many."""
        return int((await connection.execute(sql("inbox_release"), self.epoch, list(held))).rpartition(" ")[2])


def reason(error: BaseException) -> str:
    """Say what failed and where in our code, and nothing of what it was about: a message may hold a prompt."""
    place = ""
    trace = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if "site-packages" not in frame.f_code.co_filename:
            place = f" in {frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}"
        trace = trace.tb_next
    state = getattr(error, "sqlstate", None)
    return f"{type(error).__name__}{f' {state}' if state else ''}{place}"[:ERROR_CHARACTERS]
