"""Claiming, settling and taking back rows on a real PostgreSQL, under terms."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.fence import Fenced
from supervisor.inbox.claims import Claims, NotOurs, Row
from supervisor.inbox.lanes import started
from tests.integration.supervisor.inbox.conftest import Begin, Sample, Tenure, states, store


async def claimed(tenure: Tenure, limit: int = 100, held: dict[str, int] | None = None) -> list[Row]:
    async with tenure.database.transaction() as connection:
        return await tenure.claims.claim(connection, limit, held or {})


async def test_a_claim_takes_the_oldest_rows_in_their_order(pool: Any, tenure: Tenure) -> None:
    """Up to the limit, and never twice."""
    await store(pool, *(Sample(str(number), f"chat:{number}") for number in range(5)))
    assert [row.dedupe_key for row in await claimed(tenure, 3)] == ["0", "1", "2"]
    assert [row.dedupe_key for row in await claimed(tenure, 3)] == ["3", "4"]
    assert await claimed(tenure) == []


async def test_a_busy_lane_gets_its_cap_and_no_more(pool: Any, tenure: Tenure) -> None:
    """A chat that fills the table leaves room for the others; what it holds already counts."""
    await store(pool, *(Sample(f"busy{number}", "chat:1") for number in range(50)), Sample("calm", "chat:2"))
    first = await claimed(tenure)
    assert [row.dedupe_key for row in first] == [*(f"busy{number}" for number in range(8)), "calm"]
    assert await claimed(tenure, held={"chat:1": 8}) == []
    assert [row.dedupe_key for row in await claimed(tenure, held={"chat:1": 6})] == ["busy8", "busy9"]


async def test_a_lane_longer_than_the_window_does_not_hide_the_others(pool: Any, tenure: Tenure) -> None:
    """Once a lane holds its cap it is not even looked at."""
    small = Tenure(tenure.term, tenure.database, Claims(tenure.claims.epoch, cap=2, window=5))
    await store(pool, *(Sample(f"busy{number}", "chat:1") for number in range(20)), Sample("calm", "chat:2"))
    assert [row.dedupe_key for row in await claimed(small)] == ["busy0", "busy1"]
    assert [row.dedupe_key for row in await claimed(small, held={"chat:1": 2})] == ["calm"]


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
    for settle in (new.claims.fail, new.claims.bury):
        async with new.database.transaction() as connection:
            assert not await settle(connection, row, "Boom")
    with pytest.raises(NotOurs):
        async with new.database.transaction() as connection:
            await new.claims.done(connection, row)
    async with new.database.transaction() as connection:
        assert await new.claims.start(connection, [started(row)]) == frozenset()
    assert await states(pool) == {"1": ("claimed", 0)}


async def test_a_new_term_takes_back_the_rows_of_older_ones_with_their_attempts(pool: Any, begin: Begin) -> None:
    """They are claimed again in their order; what was started counts."""
    await store(pool, Sample("1"), Sample("2"), Sample("3", "chat:2"))
    old = await begin()
    rows = await claimed(old, 2)
    async with old.database.transaction() as connection:
        await old.claims.start(connection, [started(rows[0])])
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
    async with tenure.database.transaction() as connection:
        await tenure.claims.fail(connection, first, "Boom")
        await tenure.claims.fail(connection, second, "Boom")
        await tenure.claims.done(connection, first)
        assert await tenure.claims.bury(connection, second, "given up")
        assert await tenure.claims.bury(connection, third, "given up")
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
