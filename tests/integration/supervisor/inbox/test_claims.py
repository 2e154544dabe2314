"""Claiming, settling and taking back rows on a real PostgreSQL, under terms."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.fence import Fenced
from supervisor.inbox.claims import Fate, NotOurs, Row
from supervisor.inbox.feed import Span
from tests.integration.supervisor.inbox.conftest import Begin, Sample, Tenure, states, store


async def claimed(tenure: Tenure, limit: int = 100) -> list[Row]:
    """Look at the oldest ready rows and claim them, unstarted."""
    async with tenure.database.transaction() as connection:
        seen = await tenure.claims.look(connection, Span(0, limit, 0, 0))
        return await tenure.claims.claim(connection, dict.fromkeys([row.id for row in seen], 0))


async def told(tenure: Tenure, *fates: tuple[Row, Fate]) -> frozenset[int]:
    async with tenure.database.transaction() as connection:
        return await tenure.claims.tell(connection, {row.id: fate for row, fate in fates})


async def test_a_claim_takes_the_oldest_rows_in_their_order(pool: Any, tenure: Tenure) -> None:
    """Up to the limit, and never twice."""
    await store(pool, *(Sample(str(number), f"chat:{number}") for number in range(5)))
    assert [row.dedupe_key for row in await claimed(tenure, 3)] == ["0", "1", "2"]
    assert [row.dedupe_key for row in await claimed(tenure, 3)] == ["3", "4"]
    assert await claimed(tenure) == []


async def test_a_look_sees_the_ready_rows_of_both_its_parts(pool: Any, tenure: Tenure) -> None:
    """Beyond the head, and from where it says up to the head, each up to its limit; whether they were tried."""
    ids = await store(pool, *(Sample(str(number), f"chat:{number}") for number in range(10)))
    async with tenure.database.transaction() as connection:
        await tenure.claims.claim(connection, {ids[4]: 1})
        await tenure.claims.tell(connection, {ids[4]: Fate("ready", 1)})
        seen = await tenure.claims.look(connection, Span(ids[6], 2, ids[2], 3))
    assert sorted((row.id, row.lane, row.tried) for row in seen) == [
        (ids[number], f"chat:{number}", number == 4) for number in (3, 4, 5, 7, 8)
    ]


async def test_a_claim_counts_the_starts_it_is_told_and_leaves_what_is_not_ready(pool: Any, tenure: Tenure) -> None:
    """Claim and start are one statement for a row that is handled at once."""
    first, second, third = await store(pool, Sample("1"), Sample("2", "chat:2"), Sample("3", "chat:3"))
    async with tenure.database.transaction() as connection:
        await tenure.claims.claim(connection, {first: 1})
        rows = await tenure.claims.claim(connection, {first: 1, second: 1, third: 0})
    assert [(row.id, row.attempts) for row in rows] == [(second, 1), (third, 0)]
    assert await states(pool) == {"1": ("claimed", 1), "2": ("claimed", 1), "3": ("claimed", 0)}


async def test_a_stale_term_claims_and_settles_nothing(pool: Any, begin: Begin) -> None:
    """After the next term began, every statement of the old one is refused by the database."""
    await store(pool, Sample("1"), Sample("2", "chat:2"))
    old = await begin()
    (row,) = await claimed(old, 1)
    await begin()
    with pytest.raises(Fenced):
        await claimed(await refreshed(old))
    with pytest.raises(Fenced):
        async with (await refreshed(old)).database.transaction() as connection:
            await old.claims.done(connection, row)
    assert await states(pool) == {"1": ("claimed", 0), "2": ("ready", 0)}


async def refreshed(tenure: Tenure) -> Tenure:
    """Give the term's own trust back, so that only the database can refuse it."""
    tenure.term._reason = None
    return tenure


async def test_another_terms_row_is_not_ours_to_settle(pool: Any, begin: Begin) -> None:
    """Even with a valid fence, the epoch in the row decides."""
    await store(pool, Sample("1"))
    (row,) = await claimed(await begin())
    new = await begin()
    for fate in (Fate("dead", 1, "Boom"), Fate("claimed", 1), Fate("done", 1), Fate("ready", 9)):
        assert await told(new, (row, fate)) == frozenset()
    with pytest.raises(NotOurs):
        async with new.database.transaction() as connection:
            await new.claims.done(connection, row)
    assert await states(pool) == {"1": ("claimed", 0)}


async def test_a_new_term_takes_back_the_rows_of_older_ones_with_their_attempts(pool: Any, begin: Begin) -> None:
    """They are claimed again in their order; what was started counts."""
    await store(pool, Sample("1"), Sample("2"), Sample("3", "chat:2"))
    old = await begin()
    rows = await claimed(old, 2)
    await told(old, (rows[0], Fate("claimed", 1)))
    new = await begin()
    async with new.database.transaction() as connection:
        assert await new.claims.release(connection) == 2
    assert [(row.dedupe_key, row.attempts) for row in await claimed(new)] == [("1", 1), ("2", 0), ("3", 0)]


async def test_release_leaves_what_is_held(pool: Any, tenure: Tenure) -> None:
    """A claim in doubt is taken back without touching the rows that are being handled."""
    await store(pool, Sample("1"), Sample("2", "chat:2"))
    rows = await claimed(tenure)
    async with tenure.database.transaction() as connection:
        assert await tenure.claims.release(connection, [rows[0].id]) == 1
    assert await states(pool) == {"1": ("claimed", 0), "2": ("ready", 0)}


async def test_settled_rows_say_when_and_why(pool: Any, tenure: Tenure) -> None:
    """Done rows have no error; dead ones keep the reason of their last failure."""
    await store(pool, Sample("1"), Sample("2", "chat:2"), Sample("3", "chat:3"))
    first, second, third = await claimed(tenure)
    await told(tenure, (first, Fate("claimed", 1, "Boom")), (second, Fate("claimed", 1, "Boom")))
    assert await told(
        tenure, (first, Fate("done", 2)), (second, Fate("dead", 2)), (third, Fate("dead", 1, "given up"))
    ) == {first.id, second.id, third.id}
    rows = await pool.fetch("SELECT state, last_error, settled_at IS NOT NULL AS settled FROM inbox ORDER BY id")
    assert [tuple(row) for row in rows] == [("done", None, True), ("dead", "Boom", True), ("dead", "given up", True)]


async def test_a_row_tells_how_long_it_has_waited(pool: Any, tenure: Tenure) -> None:
    """Its age is taken on the database's clock and goes on with ours."""
    (number,) = await store(pool, Sample("1"))
    async with tenure.database.transaction() as connection:
        await connection.execute("UPDATE inbox SET received_at = now() - interval '90 s' WHERE id = $1", number)
    (row,) = await claimed(tenure)
    assert 90 <= row.age < 95
    assert row.lag(row.claimed_at + 5) == pytest.approx(row.age + 5)
