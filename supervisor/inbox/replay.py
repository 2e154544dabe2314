"""Rows of source `operator`: what a command asks of the ACTIVE, which alone may change rows.

    vigil inbox replay 5 ──▶ row `order:replay:5` ──the ACTIVE's transaction──▶ dead row 5 ─▶ done, "replayed as 9"
                                                                             └▶ row 9, `replay:5`, at its lane's end

Invariants
* However often and by however many hands it is asked for, a dead row is replayed once; its replay is a row of its own,
  with attempts of its own, and if it dies it can be replayed in its turn.
* The order, the new row and the end of the old one commit together.
* The key of the old row goes on rejecting duplicates, for as long as done rows are kept.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

from supervisor.errors import SupervisorError
from supervisor.sql import sql
from telemetry import emit, events

SOURCE = "operator"
LANE = "op:replay"
UNREADABLE_LANE = "op:malformed"
"""Of bodies that are no update: another try would find them no better."""


class Unusable(SupervisorError):
    """An order that no further try can fulfil."""


class UnknownOrder(Unusable):
    """This build does not know what is asked for."""


class NotReplayable(Unusable):
    """The row to be replayed is no dead letter any more, or was never readable."""


def key(row_id: int) -> str:
    """Return the dedupe key of the order to replay a row: one row, one order."""
    return f"order:replay:{row_id}"


async def ask(connection: Any, row_ids: Sequence[int]) -> None:
    """Ask for a replay of these rows; what was asked for before is not asked again."""
    bodies = [json.dumps({"order": "replay", "id": row_id}).encode() for row_id in row_ids]
    await connection.execute(sql("inbox_order"), [key(row_id) for row_id in row_ids], bodies, LANE)


class Row(Protocol):
    """The part of an inbox row that an order needs."""

    @property
    def body(self) -> bytes:
        """What is asked for."""
        ...


async def take(row: Row, connection: Any) -> None:
    """Do what a row of the operator asks for, in the transaction that settles it; raise `Unusable` when it cannot be."""
    letter = _letter(row.body)
    again = await connection.fetchval(sql("inbox_replay"), letter)
    if again is None:
        raise NotReplayable(f"Replaying row {letter}: it is no dead letter, or one that never was readable.")
    emit(events.UpdateReplayed(inbox_id=letter, replayed_as=again))


def _letter(body: bytes) -> int:
    try:
        wanted = json.loads(body)
    except (ValueError, RecursionError):
        wanted = None
    match wanted:
        case {"order": "replay", "id": int(letter)}:
            return letter
    raise UnknownOrder("Following an order of the operator: this build knows no such order.")
