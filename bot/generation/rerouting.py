"""submitting → held, for another model: when nobody chose the first one, and it surely made no task.

Invariants: the user never pays more than was agreed to; every model is tried once; a model that was chosen is kept.
"""

from __future__ import annotations

from dataclasses import replace

from bot import routing, switches
from bot.catalogue import Model
from bot.generation import progress, store
from bot.generation.means import Means
from bot.generation.store import Generation, Move
from bot.ports import Connection
from bot.routing import Route
from bot.sql import sql
from telemetry import emit, events

UNREACHED = "unreachable"
"""Nobody at the provider has heard of the order: no other model would fare better."""


async def taken(means: Means, row: Generation, model: Model, move: Move) -> bool:
    """Give the order to another model, if the failure is the provider's and there is one; whether it was done."""
    code = (move.detail or "").partition(" ")[0]
    if move.failure != "transient" or code == UNREACHED:
        return False
    async with means.database.reading() as connection:
        known = await connection.fetchrow(sql("route_get"), row.id)
        off = await switches.off(connection)
    if known is None:
        return False
    found = routing.substitute(
        model,
        row.inputs,
        row.price,
        catalogue=means.catalogue,
        standings=means.vitals.standings,
        now=means.vitals.now,
        tried={*known["tried"], *off},
    )
    if found is None:
        return False
    is_done = False

    async def write(connection: Connection) -> None:
        nonlocal is_done
        is_done = await _give(connection, row, found)

    await means.insist(write)
    if is_done:
        means.vitals.ended(model.id, "provider_error", code)
        emit(
            events.GenerationRerouted(
                generation_id=row.id, requested=known["requested"], failed=model.id, model=found.model.id
            )
        )
    return is_done


async def _give(connection: Connection, row: Generation, found: Route) -> bool:
    if await connection.fetchval(sql("route_tried"), row.id, row.model_id) is None:
        return False
    given_to = found.model.id, store.dump(found.inputs), found.price
    if await connection.fetchval(sql("generation_reroute"), row.id, *given_to) is None:
        return False
    given = replace(row, state="held", model_id=found.model.id, inputs=found.inputs, price=found.price)
    await progress.show(connection, given, found.model, "drawing")
    return True
