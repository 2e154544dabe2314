"""The part of the totals that is about models and money: from rollup rows, as the snapshot's fields.

Windows slide: the oldest hour counts in as much as it still lies within.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

from supervisor.health import ModelHealth
from supervisor.sql import sql
from telemetry.catalogue.models import OUTCOMES

MILLI: Final = 1000
MICRO: Final = 1_000_000
SHOWN: Final = 10
"""So many models stand in the status."""
ENOUGH: Final = 5
"""So many ends before a share of them is told."""

Series = dict[tuple[str, ...], float]


class Connection(Protocol):
    """What reading needs."""

    async def fetch(self, query: str, /) -> list[Any]:
        """Return all rows."""
        ...

    async def fetchrow(self, query: str, /) -> Any | None:
        """Return the first row, or None."""
        ...


async def read(connection: Connection, credit_usd: float) -> dict[str, Any]:
    """Return the fields of the snapshot; `credit_usd` is what a credit sells for."""
    windows = await connection.fetch(sql("totals_models_lately"))
    ever = await connection.fetch(sql("totals_models_ever"))
    routes = await connection.fetch(sql("totals_routes"))
    account = await connection.fetchrow(sql("totals_account"))
    return {
        **lately(windows, credit_usd),
        "charged": {(row["model_id"],): float(row["charged"]) / MILLI for row in ever},
        "cost": {(row["model_id"],): float(row["cost"]) / MICRO for row in ever},
        "routed": {(row["requested"], row["model_id"], row["reason"]): float(row["generations"]) for row in routes},
        "balance_credits": None if account is None or account["credits"] is None else float(account["credits"]),
        "selling_stopped": None if account is None else {account["stopped"]: 1.0} if account["stopped"] else {},
    }


def lately(rows: Iterable[Mapping[str, Any]], credit_usd: float) -> dict[str, Series]:
    """Return what models did within each window, and what it brought and cost."""
    found: dict[str, Series] = {
        name: {}
        for name in (
            "generations_window",
            "charged_window",
            "cost_window",
            "given_cost_window",
            "margin_window",
            "cost_per_success_window",
            "seconds_per_success_window",
        )
    }
    for row in rows:
        key = (row["model_id"], row["time_window"])
        cost, given = float(row["cost"]) / MICRO, float(row["free_cost"] + row["welcome_cost"]) / MICRO
        bought = float(row["charged"] - row["charged_given"]) / MILLI * credit_usd
        for outcome in OUTCOMES:
            found["generations_window"][row["model_id"], outcome, row["time_window"]] = float(row[outcome])
        found["charged_window"][key] = float(row["charged"]) / MILLI
        found["cost_window"][key] = cost
        found["given_cost_window"][key] = given
        found["margin_window"][key] = bought - (cost - given)
        if row["success"] > 0:
            found["cost_per_success_window"][key] = cost / float(row["success"])
            found["seconds_per_success_window"][key] = float(row["seconds"]) / float(row["success"])
    return found


def busiest(generations: Series, seconds: Series) -> tuple[ModelHealth, ...]:
    """Return how the models did that ended most within a day, busiest first."""
    ended: dict[str, float] = {}
    for (model, outcome, window), number in generations.items():
        # What came late had ended before.
        if window == "24h" and outcome != "late":
            ended[model] = ended.get(model, 0.0) + number
    names = sorted(ended, key=lambda model: (-ended[model], model))[:SHOWN]
    return tuple(
        ModelHealth(
            model,
            round(ended[model], 1),
            _success(generations, model, "1h"),
            _success(generations, model, "24h"),
            seconds.get((model, "24h")),
        )
        for model in names
    )


def _success(generations: Series, model: str, window: str) -> float | None:
    """Return the share that came, of what came or was lost by the model's fault; None of too few."""
    came, *lost = (generations.get((model, name, window), 0.0) for name in ("success", "provider_error", "timeout"))
    whole = came + sum(lost)
    return round(came / whole, 4) if whole >= ENOUGH else None
