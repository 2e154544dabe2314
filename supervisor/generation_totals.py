"""What the generations under way tell of themselves, as the part of a snapshot that they are."""

from __future__ import annotations

from typing import Any

from supervisor.database import Connection
from supervisor.sql import sql
from telemetry.catalogue.bot import SATURATION


async def read(connection: Connection) -> dict[str, Any]:
    """Return the fields of the snapshot that are about generations that are not settled yet."""
    states: dict[str, float] = {}
    oldest: dict[tuple[str, ...], float] = {}
    overdue = 0.0
    for row in await connection.fetch(sql("totals_generations"), SATURATION):
        states[row["state"]] = states.get(row["state"], 0.0) + row["generations"]
        model = (row["model_id"],)
        oldest[model] = max(oldest.get(model, 0.0), row["oldest"])
        overdue = max(overdue, row["overdue"])
    return {
        "generations_open": states,
        "generation_oldest_open_seconds": oldest,
        "generation_overdue_seconds": overdue,
    }
