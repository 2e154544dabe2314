"""Finds the lanes that have something to send, at the cost of what is new and not of what waits.

    what is queued ──▶ read once by id, upwards ──────────────┐
    an id not to be seen yet (its transaction is open) ──▶ gap ┼──▶ lanes
    everything else: a sweep from lane to lane, now and then ──┘

A gap is asked for until it shows or a sweep must have found it. The sweep looks once into the index for each lane, not
for each row: it finds the backlog of earlier terms, and whatever the other two ways have missed. Once a sweep has had
no room for a chat, only the sweep takes new ones in, until it ends: so each gets its turn, however many come after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Final

from bot.ports import Connection
from bot.sql import sql

READ_ROWS: Final = 500
SWEEP_LANES: Final = 500
SWEEP_SECONDS: Final = 30.0
SWEEP_ROOM: Final = 50
"""Without room for so many chats it is not worth more than a look now and then."""
MISSED_SECONDS: Final = 1.0
"""Between such looks; and until the next sweep where one had no room for a chat."""
GAPS: Final = 256


class Backlog:
    """How far one run of the outbox has read."""

    def __init__(self) -> None:
        self._newest: int | None = None
        self._gaps: dict[int, float] = {}
        self._place: str | None = ""
        self._sweep_at = 0.0
        self._behind = False
        self._is_missed = False

    def is_behind(self, room: int) -> bool:
        """Whether there is more to read at once."""
        return self._behind or (self._place is not None and room >= SWEEP_ROOM)

    async def find(
        self, connection: Connection, room: int, now: float, knows: Callable[[str], bool] = lambda _: False
    ) -> Sequence[str]:
        """Return lanes that have open rows, perhaps known ones among them; sweep seldom where there is little room.

        `room` is for chats that nobody `knows`.
        """
        if self._place is None and self._sweep_at <= now:
            self._place = ""
        swept: Sequence[str] = ()
        if self._place is not None and room >= (1 if self._sweep_at <= now else SWEEP_ROOM):
            self._sweep_at = now + MISSED_SECONDS
            swept = await self._sweep(connection, room, now, knows)
        arrived = await self._read(connection, now)
        room -= sum(_is_new(lane, knows) for lane in swept)
        new = {lane for lane in arrived if _is_new(lane, knows)} - set(swept)
        if new and (self._is_missed or len(new) > room):
            # Those that a sweep has still to come to have waited for longer.
            arrived = [lane for lane in arrived if lane not in new]
            self._is_missed = self._place is not None
            self._sweep_at = min(self._sweep_at, now + MISSED_SECONDS)
        # The swept ones first: they are not looked for again before the next sweep, and there is room for them.
        return [*swept, *arrived]

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

    async def _sweep(self, connection: Connection, room: int, now: float, knows: Callable[[str], bool]) -> list[str]:
        """Go on from lane to lane, as far as there is room."""
        rows, taken = await connection.fetch(sql("outbox_lanes"), self._place, SWEEP_LANES), []
        for row in rows:
            if _is_new(row["lane"], knows):
                if room == 0:
                    self._is_missed = True
                    break
                room -= 1
            taken.append(row)
            self._place = row["lane"]
        if len(taken) == len(rows) < SWEEP_LANES:
            self._place, self._sweep_at = None, now + (MISSED_SECONDS if self._is_missed else SWEEP_SECONDS)
            self._is_missed = False
        return [row["lane"] for row in sorted(taken, key=itemgetter("id"))]


def _is_new(lane: str, knows: Callable[[str], bool]) -> bool:
    """Whether the lane takes some of the room; answers to buttons have their own."""
    return lane.startswith("chat:") and not knows(lane)
