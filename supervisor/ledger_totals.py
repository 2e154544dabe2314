"""What the ledger tells of itself, as the part of a snapshot that it is."""

from __future__ import annotations

from typing import Any

from supervisor.database import Connection
from supervisor.sql import sql
from telemetry.catalogue.bot import SATURATION


async def read(connection: Connection) -> dict[str, Any]:
    """Return the fields of the snapshot that are about the ledger; what no audit has found yet is left out."""
    row = await connection.fetchrow(sql("totals_ledger"), SATURATION)
    return {
        "ledger_posts": dict(zip(row["kinds"], row["posts"] or (), strict=True)),
        "ledger_credits": dict(zip(row["kinds"], row["credits"] or (), strict=True)),
        "ledger_holds": {state: row[state] for state in ("open", "expired", "stranded")},
        "ledger_drift_credits": row["drift"],
        "ledger_negative_balances": row["negative"],
        "ledger_audited_at": row["ended_at"],
    }
