"""The keys of fence and beacon are derived twice, here and in the database: both must mean the same lock."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supervisor.term import beacon_key, fence_key


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(keys=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20))
async def test_python_and_the_database_derive_the_same_fence_key(db: Any, keys: list[int]) -> None:
    """For every lock key there is, the negative ones too."""
    rows = await db.fetch(
        "SELECT lock_fence_key(key) AS fence FROM unnest($1::bigint[]) WITH ORDINALITY AS k (key)", keys
    )
    assert [row["fence"] for row in rows] == [fence_key(key) for key in keys]


async def test_a_fenced_writer_holds_exactly_this_lock(db: Any) -> None:
    """As pg_locks shows it: the key's halves put together again, the sign included."""
    await db.fetchval("SELECT lock_claim(-7::bigint, 'a', 60000, NULL, NULL, 'free')")
    async with db.transaction():
        await db.execute("SELECT lock_fence(-7::bigint, 1)")
        held = await db.fetch(
            "SELECT (classid::bigint << 32) | objid::bigint AS key, mode FROM pg_locks "
            "WHERE locktype = 'advisory' AND objsubid = 1 AND pid = pg_backend_pid()"
        )
    assert [(row["key"], row["mode"]) for row in held] == [(fence_key(-7), "ShareLock")]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(keys=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20), epoch=st.integers(0, 2**63 - 1))
async def test_python_and_the_database_derive_the_same_beacon_key(db: Any, keys: list[int], epoch: int) -> None:
    """One for each term, never the fence's."""
    rows = await db.fetch(
        "SELECT lock_beacon_key(key, $2) AS beacon FROM unnest($1::bigint[]) WITH ORDINALITY AS k (key)", keys, epoch
    )
    assert [row["beacon"] for row in rows] == [beacon_key(key, epoch) for key in keys]
    assert not {row["beacon"] for row in rows} & {fence_key(key) for key in keys}


def test_the_keys_never_change() -> None:
    """Golden vectors: two builds that derive different keys would both lead."""
    assert (fence_key(-42), beacon_key(-42, 7)) == (2607179061792625579, 7756756523088193361)
