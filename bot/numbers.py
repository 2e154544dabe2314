"""What models brought and cost, counted by the hour in the transaction that settles each generation."""

from __future__ import annotations

from typing import Final, Literal

from bot.health import Recent
from bot.ports import Connection
from bot.sale import Sale
from bot.sql import sql
from telemetry import emit, events

FailedOutcome = Literal["provider_error", "timeout", "moderation", "bad_input", "cancelled"]
Outcome = Literal["success"] | FailedOutcome
PROVIDER: Final = "kie"
HOURS_KEPT: Final = 8 * 24
"""Older ones are added up: only totals are asked for then."""


async def count(connection: Connection, generation_id: int, outcome: Outcome) -> None:
    """Count a generation that was settled in this very transaction: outcome, credits, cost, seconds, and its route."""
    await connection.execute(sql("number_count"), generation_id, outcome)


async def count_late(connection: Connection, generation_id: int) -> None:
    """Count what came after the credits went back, once its cost is noted: it is given away."""
    await connection.execute(sql("number_late"), generation_id)


async def recent(connection: Connection) -> dict[str, Recent]:
    """Return what each model did lately."""
    return {row["model_id"]: Recent(*list(row.values())[1:]) for row in await connection.fetch(sql("number_recent"))}


async def fold(connection: Connection) -> None:
    """Add up the hours that are too old."""
    await connection.execute(sql("number_fold"), HOURS_KEPT)


async def told(connection: Connection, sale: Sale) -> None:
    """Keep how the operator's account stands, for every instance to show."""
    await connection.execute(sql("balance_put"), PROVIDER, sale.credits, sale.stopped)


async def note_route(connection: Connection, generation_id: int, model_id: str, routed: str) -> None:
    """Note how a quote came to its model, as `Route.told` says it; nothing is noted of a model that somebody chose."""
    requested, _, reason = routed.partition(" ")
    await connection.execute(sql("route_note"), generation_id, requested, reason)
    emit(events.GenerationRouted(requested=requested, model=model_id, reason=reason))
