"""The process dies at every committed step of a generation, before the commit and right after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest

from bot.sandbox.testing import until

if TYPE_CHECKING:
    from tests.integration.bot.conftest import House

OVERDUE = "UPDATE generation SET next_step_at = now(), deadline_at = now() WHERE state = 'unknown'"
SETTLED = ("charged", "released")

LEDGER = """
    SELECT count(*) FILTER (WHERE t.kind = 'hold')    AS holds,
           count(*) FILTER (WHERE t.kind = 'charge')  AS charges,
           count(*) FILTER (WHERE t.kind = 'release') AS releases
      FROM ledger_transaction t
     WHERE t.idempotency_key IN (SELECT k || g.id FROM generation g, unnest(ARRAY['hold:', 'charge:', 'release:']) k
                                  WHERE g.user_id = $1)"""
DRIFT = """
    SELECT count(*) FROM ledger_account a
     WHERE a.balance IS DISTINCT FROM (SELECT coalesce(sum(e.amount), 0) FROM ledger_entry e WHERE e.account_id = a.id)
       AND a.user_id IS NOT NULL"""


async def _run(house: House, user: int) -> bool:
    """Work until the user's generation is settled and its words are said; False when the process died before."""

    async def is_over() -> bool:
        # Time passes: the deadline of an order comes whose fate nobody knows.
        await house.bank.write(OVERDUE)
        waiting = await house.bank.value("SELECT count(*) FROM outbox WHERE state IN ('ready', 'sending')")
        return house.bank.dead or (await house.state(user) in SETTLED and waiting == 0)

    try:
        async with house.open():
            await until(is_over, "the generation is settled")
    except BaseExceptionGroup:
        if not house.bank.dead:
            raise
    return not house.bank.dead


@pytest.mark.parametrize(
    ("faults", "after", "before"),
    [
        ({}, ["submitting", "submitted", "succeeded", "delivered", "charged"], []),
        ({}, [], ["submitted", "succeeded", "delivered", "charged"]),
        ({"provider_fail": 500}, ["failed", "released"], ["released"]),
        ({"provider_lose_reply": 0}, ["unknown", "failed"], ["unknown"]),
    ],
    ids=["success, after", "success, before", "failure", "no answer"],
)
async def test_a_death_at_any_step_ends_in_one_resolution(
    house: House, faults: Mapping[str, object], after: list[str], before: list[str]
) -> None:
    """M3, M4, M5: one task at most, one hold, one end of it, the ledger balanced, the picture if it was paid for.

    Right after a commit nothing that was to follow has happened; before it, what the step did outside has.
    """
    await house.sandbox.set_faults(**faults)
    deaths = [(state, True) for state in after] + [(state, False) for state in before]
    for number, (state, after_commit) in enumerate(deaths):
        await _die_and_go_on(house, 600 + number, state, after_commit=after_commit)


async def _die_and_go_on(house: House, user: int, state: str, *, after_commit: bool) -> None:
    async with house.open("telegram", "outbox"):
        await house.write("a red fox in snow", user)
        await house.press("Generate", user)
    house.bank.kill_at, house.bank.kill_after_commit = state, after_commit
    tasks = len(await house.sandbox.tasks())
    assert not await _run(house, user), f"nobody died at {state}"
    if after_commit:
        assert await house.state(user) == state
    house.bank.kill_at, house.bank.dead = None, False
    await house.bank.begin()
    assert await _run(house, user)
    await _check(house, user, len(await house.sandbox.tasks()) - tasks)


async def _check(house: House, user: int, tasks: int) -> None:
    async with house.bank.reading() as connection:
        posted = dict(await connection.fetchrow(LEDGER, user))
        balances = dict(await connection.fetch("SELECT name, balance FROM ledger_account WHERE user_id = $1", user))
    charged = await house.state(user) == "charged"
    assert posted == {"holds": 1, "charges": int(charged), "releases": int(not charged)}
    assert balances == {"available": 19_200 if charged else 20_000, "held": 0}
    assert await house.bank.value(DRIFT) == 0
    photos = sum(message["kind"] == "photo" for message in await house.messages(user))
    assert tasks <= 1
    assert photos in ({1, 2} if charged else {0})
