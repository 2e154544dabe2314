"""The lock's functions in the database, called as their SQL says, without any of our own rules around them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import asyncpg
import pytest

from supervisor.lease import Lease
from supervisor.sql import sql
from supervisor.timing import PROFILES

KEY = -42
LEASE_MS = 60_000
Connect = Callable[[], Awaitable[Any]]


async def claim(
    on: Any, who: str, reason: str | None = "free", seen: tuple[int, int] | None = None, *, beacon: bool = False
) -> Any:
    """Claim as `who`, having seen (epoch, beat); the epoch won."""
    epoch, beat = seen or (None, None)
    return await on.fetchval(sql("lock_claim"), KEY, who, LEASE_MS, epoch, beat, reason, beacon)


async def row(on: Any) -> Any:
    """The lease as it stands."""
    return await on.fetchrow("SELECT *, expires_at - renewed_at AS lease FROM lock_heartbeat WHERE lock_key = $1", KEY)


async def timeline(on: Any) -> Any:
    """The timeline of the present token."""
    return await on.fetchval("SELECT timeline FROM lock_epoch")


async def expire(on: Any) -> tuple[int, int]:
    """Let the lease be over on the database's clock; return what there is to be seen of it."""
    found = await on.fetchrow(
        "UPDATE lock_heartbeat SET expires_at = clock_timestamp() - interval '1 ms' RETURNING epoch, beat"
    )
    return found["epoch"], found["beat"]


async def kinds(on: Any) -> list[tuple[int, str, str, str]]:
    """The lock's event rows in order."""
    rows = await on.fetch("SELECT epoch, instance_id, kind, reason FROM lock_events ORDER BY id")
    return [tuple(found) for found in rows]


async def test_the_first_claim_makes_the_row_and_term_1(db: Any) -> None:
    """An empty database is claimed, held and renewed once by the claim itself."""
    assert await claim(db, "a") == 1
    lease = await row(db)
    assert (lease["instance_id"], lease["epoch"], lease["state"], lease["beat"]) == ("a", 1, "held", 1)
    assert lease["lease"].total_seconds() == pytest.approx(60, abs=0.01)
    assert lease["backend_pid"] == db.get_server_pid()
    assert await kinds(db) == [(1, "a", "first", "free")]


async def test_two_first_claims_at_once_have_one_winner(connect: Connect) -> None:
    """The row is made by both, claimed by one."""
    won: list[int | None] = []

    async def contend(who: str, on: Any) -> None:
        won.append(await claim(on, who))

    async with anyio.create_task_group() as group:
        for who in "abcd":
            group.start_soon(contend, who, await connect())
    assert sorted(won, key=str) == [1, None, None, None]


@pytest.mark.parametrize("reason", ["free", "self", "stale", "session_lost", "nonsense", None])
async def test_a_living_lease_is_not_claimed_by_another(db: Any, reason: str | None) -> None:
    """Whatever the reason given, even with what is truly there to be seen."""
    await claim(db, "a")
    assert await claim(db, "b", reason, (1, 1)) is None
    assert (await row(db))["instance_id"] == "a"


@pytest.mark.parametrize("reason", ["free", "session_lost", "nonsense", None])
async def test_an_expired_lease_needs_the_right_reason(db: Any, reason: str | None) -> None:
    """Only `stale` says that somebody watched it."""
    await claim(db, "a")
    assert await claim(db, "b", reason, await expire(db)) is None


@pytest.mark.parametrize("seen", [(1, 2), (2, 1), (0, 0), None])
async def test_a_stale_claim_needs_the_very_beat_that_was_seen(db: Any, seen: tuple[int, int] | None) -> None:
    """A beat in between makes the observation worthless."""
    await claim(db, "a")
    await expire(db)
    assert await claim(db, "b", "stale", seen) is None
    assert await claim(db, "b", "stale", (1, 1)) == 2
    assert (await kinds(db))[-1] == (2, "b", "takeover", "stale")


async def test_an_instance_reclaims_its_own_lease_in_a_new_term(db: Any) -> None:
    """Whoever is named by the row does not wait, and gets a new epoch all the same."""
    await claim(db, "a")
    assert await claim(db, "b", "self", (1, 1)) is None
    assert await claim(db, "a", "self", (1, 1)) == 2
    assert (await kinds(db))[-1] == (2, "a", "reclaim", "self")


async def test_a_released_lease_is_handed_over(db: Any) -> None:
    """After a release the next claim is a handover, not a takeover."""
    await claim(db, "a")
    assert await db.fetchval(sql("lock_release"), KEY, "a", 1) is True
    assert await claim(db, "b") == 2
    assert await kinds(db) == [(1, "a", "first", "free"), (1, "a", "release", "planned"), (2, "b", "handover", "free")]


@pytest.mark.parametrize(("who", "epoch"), [("b", 1), ("a", 2), ("a", 0)])
async def test_release_is_refused_to_everyone_but_the_holder_of_this_term(db: Any, who: str, epoch: int) -> None:
    """A late release of an older term must not end a newer one."""
    await claim(db, "a")
    assert await db.fetchval(sql("lock_release"), KEY, who, epoch) is False
    assert (await row(db))["state"] == "held"


async def test_release_and_its_notification_are_one_transaction(db: Any, connect: Connect) -> None:
    """Nobody is told of a release that is rolled back; at its commit everybody is."""
    told: list[str] = []
    heard = anyio.Event()

    def hear(*notification: Any) -> None:
        told.append(notification[-1])
        heard.set()

    await claim(db, "a")
    listener = await connect()
    await listener.add_listener("vigil_lock", hear)
    attempt = db.transaction()
    await attempt.start()
    await db.fetchval(sql("lock_release"), KEY, "a", 1)
    await attempt.rollback()
    assert (await row(db))["state"] == "held"
    await db.fetchval(sql("lock_release"), KEY, "a", 1)
    with anyio.fail_after(5):
        await heard.wait()
    assert told == ["released 1"]
    assert (await row(db))["state"] == "free"


@pytest.mark.parametrize(("who", "epoch"), [("b", 1), ("a", 2), ("a", 0), ("a", -1)])
async def test_renew_is_refused_to_everyone_but_the_holder_of_this_term(db: Any, who: str, epoch: int) -> None:
    """A renew of another term or instance changes nothing."""
    await claim(db, "a")
    before = await row(db)
    assert await db.fetchval(sql("lock_renew"), KEY, who, epoch, LEASE_MS) is False
    assert await row(db) == before


async def test_renew_lengthens_the_lease_and_counts_a_beat(db: Any) -> None:
    """A beat shows that the holder lives, and never starts again within a term."""
    await claim(db, "a")
    await expire(db)
    assert await db.fetchval(sql("lock_renew"), KEY, "a", 1, LEASE_MS) is True
    lease = await row(db)
    assert lease["beat"] == 2
    assert lease["lease"].total_seconds() == pytest.approx(60, abs=0.01)


async def test_renew_of_a_released_lease_is_refused(db: Any) -> None:
    """What was given back is not taken again by a late heartbeat."""
    await claim(db, "a")
    await db.fetchval(sql("lock_release"), KEY, "a", 1)
    assert await db.fetchval(sql("lock_renew"), KEY, "a", 1, LEASE_MS) is False


async def test_renews_do_not_wait_for_the_disk_but_claim_and_release_do(db: Any) -> None:
    """A lost beat ends a lease earlier; a lost epoch would be given out twice. Looked at just before the commit."""

    async def at_commit(statement: str, *arguments: Any) -> str:
        await db.execute("SET synchronous_commit = local")
        async with db.transaction():
            await db.fetchval(statement, *arguments)
            return str(await db.fetchval("SHOW synchronous_commit"))

    assert await at_commit(sql("lock_claim"), KEY, "a", LEASE_MS, None, None, "free", False) == "on"
    assert await at_commit(sql("lock_renew"), KEY, "a", 1, LEASE_MS) == "off"
    assert await at_commit(sql("lock_release"), KEY, "a", 1) == "on"


BROKEN = {
    "says no": "BEGIN RETURN false; END",
    "says nothing": "BEGIN RETURN NULL; END",
    "says yes and does nothing": "BEGIN RETURN true; END",
    "fails": "BEGIN RAISE EXCEPTION 'broken'; END",
    "renews and says no": "BEGIN UPDATE lock_heartbeat SET beat = beat + 1, expires_at = clock_timestamp() + '1 min'; "
    "RETURN false; END",
}


@pytest.mark.parametrize("how", BROKEN)
async def test_a_broken_heartbeat_cannot_claim(db: Any, how: str) -> None:
    """The claim calls the real renew and believes the row: nothing of the claim is kept."""
    assert await claim(db, "a") == 1
    before = await row(db)
    attempt = db.transaction()
    await attempt.start()
    await db.execute(
        "CREATE OR REPLACE FUNCTION lock_renew(p_lock_key bigint, p_instance_id text, p_epoch bigint, p_lease_ms integer) "
        f"RETURNS boolean LANGUAGE plpgsql AS $$ {BROKEN[how]} $$"
    )
    with pytest.raises(asyncpg.PostgresError):
        async with db.transaction():
            await claim(db, "a", "self", (1, 1))
    assert await row(db) == before
    assert await kinds(db) == [(1, "a", "first", "free")]
    assert await db.fetchval("SELECT epoch FROM lock_epoch") == 1
    await attempt.rollback()


async def test_a_missing_heartbeat_cannot_claim(db: Any) -> None:
    """The incident that started everything: the function is not there."""
    attempt = db.transaction()
    await attempt.start()
    await db.execute("DROP FUNCTION lock_renew(bigint, text, bigint, integer)")
    with pytest.raises(asyncpg.UndefinedFunctionError):
        await claim(db, "a")
    await attempt.rollback()


async def test_a_lease_that_is_over_at_once_is_not_claimed(db: Any) -> None:
    """A lease of no length proves nothing."""
    with pytest.raises(asyncpg.PostgresError) as refused:
        await db.fetchval(sql("lock_claim"), KEY, "a", 0, None, None, "free", False)
    assert refused.value.sqlstate == "VG004"


async def test_a_database_has_one_bot(db: Any) -> None:
    """The fenced tables bear no lock key: a second key would let two terms write side by side."""
    await claim(db, "a")
    with pytest.raises(asyncpg.PostgresError) as refused:
        await db.fetchval(sql("lock_claim"), KEY + 1, "b", LEASE_MS, None, None, "free", False)
    assert refused.value.sqlstate == "VG005"


async def test_epochs_cannot_be_recorded_twice(db: Any) -> None:
    """A second guard: two terms under one epoch are refused by an index."""
    await claim(db, "a")
    with pytest.raises(asyncpg.UniqueViolationError):
        await db.execute(
            "INSERT INTO lock_events (lock_key, epoch, instance_id, kind, reason) VALUES ($1, 1, 'b', 'takeover', 'stale')",
            KEY,
        )


async def test_a_claim_waits_for_writers_in_flight_and_no_longer_than_2_seconds(db: Any, connect: Connect) -> None:
    """A claim that cannot begin gives up and leaves everything as it was; the writer commits in its own term."""
    await claim(db, "a")
    await db.fetchval(sql("lock_release"), KEY, "a", 1)
    challenger = await connect()
    async with db.transaction():
        await db.execute(sql("lock_fence"), KEY, 1, await timeline(db))
        began = anyio.current_time()
        with pytest.raises(asyncpg.LockNotAvailableError):
            await claim(challenger, "b")
        assert 1.9 < anyio.current_time() - began < 4
        await db.execute("INSERT INTO users (id, language) VALUES (1, 'ru')")
    assert await claim(challenger, "b") == 2
    assert await challenger.fetchval("SHOW lock_timeout") == "0"


async def test_update_lock_heartbeat_renews_only_for_the_holder_from_its_own_connection(
    db: Any, connect: Connect
) -> None:
    """The predecessor's call by the holder renews; by anybody else, or from elsewhere, it does not."""
    query = "SELECT update_lock_heartbeat($1::bigint, $2::text)"
    assert await db.fetchval(query, KEY, "a") is False
    await claim(db, "a")
    stranger = await connect()
    assert await stranger.fetchval(query, KEY, "invented") is False
    assert await stranger.fetchval(query, KEY, "a") is False
    assert (await row(db))["beat"] == 1
    assert await db.fetchval(query, KEY, "a") is True
    lease = await row(db)
    assert lease["beat"] == 2
    assert lease["lease"].total_seconds() == pytest.approx(60, abs=0.01)


async def test_is_lock_stale_reads_the_age_of_the_last_beat(db: Any) -> None:
    """True without a holder or without a recent beat; it decides nothing."""
    query = "SELECT is_lock_stale($1::bigint, $2::integer)"
    assert await db.fetchval(query, KEY, 300) is True
    await claim(db, "a")
    assert await db.fetchval(query, KEY, 300) is False
    await db.execute("UPDATE lock_heartbeat SET renewed_at = clock_timestamp() - interval '301 s'")
    assert await db.fetchval(query, KEY, 300) is True
    await db.fetchval(sql("lock_renew"), KEY, "a", 1, LEASE_MS)
    await db.fetchval(sql("lock_release"), KEY, "a", 1)
    assert await db.fetchval(query, KEY, 300) is True


async def test_the_probe_passes_and_changes_nothing(db: Any, database_url: str) -> None:
    """It calls the real renew and release for a term that cannot exist."""
    await claim(db, "a")
    before = await row(db)
    assert await db.fetchval(sql("lock_probe"), KEY, "a") is False
    lease = await Lease.open(database_url, KEY, "a", PROFILES["fast"], within=10, hear=lambda _: None)
    await lease.probe()
    lease.drop()
    assert await row(db) == before
