"""Models that cost nothing, so many times a day (UTC) for each user and for all together; the operator pays.

    quote ──something left today──▶ price 0 ──confirmed: counted again, one after the other──▶ taken
      └──nothing left, or dearer──▶ the normal price  └──nothing left by then──▶ the normal price, asked anew

Only a model's lowest price is given away: whoever chooses what is dearer pays for it.
Invariants: whoever confirms at the same time, no more than the limits are given away; what failed does not count, but what
was made and could not be delivered does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot import pricing
from bot.catalogue import Model, Value
from bot.sql import sql
from bot.turn import Turn


@dataclass(frozen=True, slots=True)
class Price:
    """What a user pays, in milli-credits; `left`: how many are free today, at the model's lowest price."""

    amount: int
    left: int = 0


async def priced(now: Turn, user_id: int, model: Model, inputs: Mapping[str, Value]) -> Price:
    """Return what these complete inputs cost this user now."""
    price, left = pricing.price(model, inputs), await left_today(now, user_id, model)
    return Price(0 if left and may_be(model, price) else price, left)


def may_be(model: Model, price: int) -> bool:
    """Whether what has this price is free where the model is: nothing about it is dearer than need be.

    Of what is paid for by the unit one unit is: a second, a minute, a thousand characters.
    """
    return price <= pricing.offer(model).lowest


async def left_today(now: Turn, user_id: int, model: Model) -> int:
    """Return how many generations of this model are free for this user today."""
    if model.id not in now.settings.free_models:
        return 0
    used = await now.connection.fetchrow(sql("free_used"), user_id)
    assert used is not None  # noqa: S101 - counts always are a row
    own, everybody = int(used["own"]), int(used["everybody"])
    return max(0, min(now.settings.free_daily_limit - own, now.settings.free_daily_budget - everybody))


async def lock(now: Turn, model: Model) -> None:
    """Let nobody else take what is free until the commit, so that what is counted next stays true."""
    if model.id in now.settings.free_models:
        await now.connection.execute(sql("free_lock"))


async def take(now: Turn, user_id: int, generation_id: int) -> None:
    """Count this generation as one of today's; under the `lock`, after `priced` has found it free."""
    await now.connection.execute(sql("free_take"), generation_id, user_id)
