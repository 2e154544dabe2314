"""The inbox in the database as one term sees it: look, claim, tell, release.

    ready ──claim──▶ claimed ──tell: a start counted, a failure noted──▶ claimed ──tell, done──▶ done
      ▲                 │                                                   │
      └─ release, tell ─┘                                                   └──────tell────────▶ dead

Invariants
* Every statement runs in a fenced transaction and names the epoch: a stale term changes no row.
* An epoch has one worker, so a claimed row of this epoch that the worker does not hold is nobody's: the epoch is the
  lease, and no clock is needed to take a row back.
* Nobody else makes a ready row anything else, so a claim locks by id and skips none: a lane could lose its order.
* attempts are starts of the handler, written before it starts, so that a handler which kills the process is counted.
  They are written as numbers, never added to, except by the claim: telling twice is telling once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import anyio

from supervisor.errors import SupervisorError
from supervisor.inbox.feed import Seen, Span
from supervisor.sql import sql

ERROR_CHARACTERS = 200
PLACES = 3
"""Of the lines that led to a failure, the last ones are told."""


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
class Fate:
    """What the database is to know of a claimed row from now on."""

    state: Literal["claimed", "done", "dead", "ready"]
    attempts: int
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Claims:
    """The statements of one term; each takes the connection of a fenced transaction."""

    epoch: int

    async def look(self, connection: Any, span: Span) -> list[Seen]:
        """Return ready rows of the span, oldest first in each of its parts; a row of two parts comes twice."""
        found = await connection.fetch(sql("inbox_look"), span.head, span.ahead, span.after, span.behind, span.gaps)
        return [Seen(*record) for record in found]

    async def claim(self, connection: Any, chosen: Mapping[int, int]) -> list[Row]:
        """Claim the ready ones of these ids, oldest first, and add to each the starts that it is given here."""
        found = await connection.fetch(sql("inbox_claim"), list(chosen), list(chosen.values()), self.epoch)
        now = anyio.current_time()
        return sorted((Row(*(*record, now)) for record in found), key=_by_id)

    async def await_others(self, connection: Any, numbers: Collection[int]) -> None:
        """Return when no other transaction is changing these rows: the next statement sees what became of them."""
        await connection.execute(sql("inbox_await"), list(numbers))

    async def states(self, connection: Any, numbers: Collection[int]) -> dict[int, str]:
        """Return how these rows stand."""
        return dict(await connection.fetch(sql("inbox_states"), list(numbers))) if numbers else {}

    async def tell(self, connection: Any, fates: Mapping[int, Fate]) -> frozenset[int]:
        """Write down what became of claimed rows, and return the ids that were still this term's."""
        told = fates.values()
        found = await connection.fetch(
            sql("inbox_tell"),
            list(fates),
            [fate.state for fate in told],
            [fate.attempts for fate in told],
            [fate.error for fate in told],
            self.epoch,
        )
        return frozenset([record[0] for record in found])

    async def done(self, connection: Any, row: Row) -> None:
        """Settle `row` in its handler's transaction; raise `NotOurs` when it belongs to somebody else by now."""
        if await connection.fetchval(sql("inbox_done"), row.id, self.epoch) is None:
            raise NotOurs(f"Row {row.id} is not claimed by epoch {self.epoch} any more: its handler is rolled back")

    async def release(self, connection: Any, held: Collection[int] = ()) -> int:
        """Make every claimed row of this and older terms ready again, except `held`; return how many."""
        return int((await connection.execute(sql("inbox_release"), self.epoch, list(held))).rpartition(" ")[2])


def _by_id(row: Row) -> int:
    return row.id


def reason(error: BaseException) -> str:
    """Say what failed and where in our code, and nothing of what it was about: a message may hold a prompt."""
    places: list[str] = []
    trace = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        file = frame.f_code.co_filename
        # Compiled code names its source by a relative path.
        if file.startswith("/") and "site-packages" not in file:
            places.append(f"{frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}")
        trace = trace.tb_next
    state = getattr(error, "sqlstate", None)
    where = f" in {' < '.join(places[: -PLACES - 1 : -1])}" if places else ""
    return f"{type(error).__name__}{f' {state}' if state else ''}{where}"[:ERROR_CHARACTERS]


def verdict(error: BaseException) -> str:
    """Say in the error's own words why no try can help; for types alone whose words are ours and quote nobody's."""
    return f"{type(error).__name__}: {error}"[:ERROR_CHARACTERS]
