"""Finds the lanes that have something to send, at the cost of what is new and not of what waits.

    what is queued ──▶ read once by id, upwards ──────────────┐
    an id not to be seen yet (its transaction is open) ──▶ gap ┼──▶ lanes
    everything else: a sweep from lane to lane, now and then ──┘

A gap is asked for until it shows or a sweep must have found it. The sweep looks once into the index for each lane, not
for each row: it finds the backlog of earlier terms, and whatever the other two ways have missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Final

from bot.ports import Connection
from bot.sql import sql

READ_ROWS: Final = 500
SWEEP_LANES: Final = 500
SWEEP_SECONDS: Final = 30.0
GAPS: Final = 256


class Backlog:
    """How far one run of the outbox has read."""

    def __init__(self) -> None:
        self._newest: int | None = None
        self._gaps: dict[int, float] = {}
        self._place: str | None = ""
        self._sweep_at = 0.0
        self._behind = False

    def is_behind(self, room: int) -> bool:
        """Whether there is more to read at once."""
        return self._behind or (self._place is not None and room >= SWEEP_LANES)

    async def find(self, connection: Connection, room: int, now: float) -> Sequence[str]:
        """Return lanes that have open rows, perhaps known ones among them; sweep only where there is room for it."""
        if self._place is None and self._sweep_at <= now:
            self._place = ""
        swept: Sequence[str] = ()
        if self._place is not None and room >= SWEEP_LANES:
            swept = await self._sweep(connection, now)
        # The swept ones first: they are not looked for again before the next sweep, and there is room for them.
        return [*swept, *await self._read(connection, now)]

    async def _read(self, connection: Connection, now: float) -> list[str]:
        if self._newest is None:
            # What is still uncommitted below the newest row is not far below it.
            self._newest = max(0, await connection.fetchval(sql("outbox_newest")) - GAPS)
        rows = await connection.fetch(sql("outbox_arrived"), self._newest, READ_ROWS, list(self._gaps))
        seen = {row["id"] for row in rows}
        newest = max(seen, default=self._newest)
        missing = [number for number in range(max(self._newest + 1, newest - GAPS), newest) if number not in seen]
        kept = {number: since for number, since in self._gaps.items() if number not in seen}
        kept = {number: since for number, since in kept.items() if now - since < SWEEP_SECONDS}
        self._gaps = dict(list((kept | dict.fromkeys(missing, now)).items())[-GAPS:])
        self._behind = sum(number > self._newest for number in seen) >= READ_ROWS
        self._newest = max(newest, self._newest)
        return [row["lane"] for row in rows if row["is_open"]]

    async def _sweep(self, connection: Connection, now: float) -> list[str]:
        rows = await connection.fetch(sql("outbox_lanes"), self._place, SWEEP_LANES)
        self._place = rows[-1]["lane"] if len(rows) == SWEEP_LANES else None
        if self._place is None:
            self._sweep_at = now + SWEEP_SECONDS
        return [row["lane"] for row in sorted(rows, key=itemgetter("id"))]
