"""The models that the operators took off the menu: not offered, not quoted, not confirmed; what is under way goes on."""

from __future__ import annotations

from bot.ports import Connection
from bot.sql import sql


async def off(connection: Connection) -> frozenset[str]:
    """Return the ids of the models that are switched off."""
    return frozenset(row["model_id"] for row in await connection.fetch(sql("model_switch_list")))


async def turn(connection: Connection, model_id: str, *, on: bool) -> None:
    """Switch a model on or off."""
    await connection.execute(sql("model_switch_on" if on else "model_switch_off"), model_id)
