"""The beacon: a session lock that shows that the holder lives, and what its loss means for holder and standby."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import anyio
import asyncpg
import pytest

from supervisor.clock import boottime
from supervisor.sql import sql
from supervisor.term import TrustLost, beacon_key
from supervisor.timing import PROFILES
from supervisor.view import LockState
from telemetry import events, testing
from tests.integration.supervisor.lock.conftest import QUICK

KEY = 4_213_370_000_000_000_001
LEASE_MS = 60_000
DEADLINE = 10.0
Connect = Callable[[], Awaitable[Any]]
Contest = Callable[..., Awaitable[Any]]


async def claim(on: Any, who: str, reason: str, *, beacon: bool = True) -> Any:
    """Claim as `who`, having seen the lease as it is."""
    seen = await on.fetchrow("SELECT epoch, beat FROM lock_heartbeat") or (None, None)
    return await on.fetchrow(sql("lock_claim"), KEY, who, LEASE_MS, *seen, reason, beacon)


async def holders(on: Any, epoch: int) -> list[int]:
    """The sessions that hold the beacon of this epoch."""
    rows = await on.fetch("SELECT pid FROM lock_holders($1, 'ExclusiveLock') AS pid", beacon_key(KEY, epoch))
    return [row["pid"] for row in rows]


async def test_a_claim_takes_the_beacon_before_its_epoch_is_seen(connect: Connect) -> None:
    """Nobody can see the term without its beacon: it is held before the claim commits."""
    a, observer = await connect(), await connect()
    attempt = a.transaction()
    await attempt.start()
    await claim(a, "a", "free")
    assert await holders(observer, 1) == [a.get_server_pid()]
    assert await observer.fetchval("SELECT count(*) FROM lock_heartbeat WHERE epoch = 1") == 0
    await attempt.commit()
    assert await holders(observer, 1) == [a.get_server_pid()]


async def test_a_lost_session_is_claimed_only_when_the_database_sees_the_beacon_free(connect: Connect) -> None:
    """Whatever the standby believes: while any session holds it, nobody claims."""
    a, b = await connect(), await connect()
    await claim(a, "a", "free")
    assert (await claim(b, "b", "session_lost"))["epoch"] is None
    await a.close()
    won = await claim(b, "b", "session_lost")
    assert (won["epoch"], won["quarantined"]) == (2, True)
    found = await b.fetchrow("SELECT kind, reason FROM lock_events WHERE epoch = 2")
    assert tuple(found) == ("takeover", "session_lost")


async def test_a_lease_without_a_beacon_is_never_claimed_for_its_absence(connect: Connect) -> None:
    """A holder behind a pooler, or of an older build, takes none."""
    a, b = await connect(), await connect()
    await claim(a, "a", "free", beacon=False)
    assert (await claim(b, "b", "session_lost"))["epoch"] is None


async def test_a_refused_claim_leaves_no_beacon_behind(connect: Connect) -> None:
    """A session lock outlives a rollback: it must not be taken before the claim is as good as won."""
    a, b = await connect(), await connect()
    await claim(a, "a", "free")
    assert (await claim(b, "b", "stale"))["epoch"] is None
    assert await holders(b, 2) == []


async def test_the_beacon_is_taken_from_our_own_former_session_only(connect: Connect) -> None:
    """The server may not know yet that it is dead; another session, whatever its number, is left alone."""
    a, again, stranger = await connect(), await connect(), await connect()
    await claim(a, "a", "free")
    former = a.get_server_pid()
    take = sql("lock_beacon")
    assert await again.fetchval(take, KEY, "a", 1, [stranger.get_server_pid()]) is False
    assert await stranger.fetchval("SELECT 1") == 1
    assert await holders(again, 1) == [former]
    assert await again.fetchval(take, KEY, "a", 1, [0, former]) is False
    with anyio.fail_after(DEADLINE):
        while not await again.fetchval(take, KEY, "a", 1, [0, former]):  # noqa: ASYNC110 - the server ends it when it can
            await anyio.sleep(0.005)
    assert await holders(again, 1) == [again.get_server_pid()]


@pytest.mark.parametrize(("who", "epoch"), [("b", 1), ("a", 2), ("a", 0)])
async def test_nobody_takes_the_beacon_of_a_term_that_is_not_theirs(connect: Connect, who: str, epoch: int) -> None:
    """Nor keeps it: the lock taken to look is given back."""
    a, other = await connect(), await connect()
    await claim(a, "a", "free", beacon=False)
    assert await other.fetchval(sql("lock_beacon"), KEY, who, epoch, []) is False
    assert await holders(other, epoch) == []


async def test_a_holder_that_dies_is_replaced_long_before_its_lease_ends(
    contest: Contest, link: Any, recorded: testing.Recorder
) -> None:
    """Its session is gone and it does not come back: the grace, not the lease of a minute."""
    timing = replace(PROFILES["fast"], watch=0.05, grace=0.2, lease=60.0, hard=50.0, soft=40.0)
    a = await contest("a", url=link.url, timing=timing)
    await a.until_state(LockState.ACTIVE)
    b = await contest("b", timing=timing)
    await b.until(lambda view: view.holder == "a")
    began = anyio.current_time()
    link.cut()
    term = await b.working()
    assert anyio.current_time() - began < 5
    assert term.epoch == 2
    assert 0 < term.quarantine() <= 60
    assert recorded.all(events.TermWon)[-1].reason == "session_lost"
    (told,) = recorded.all(events.HolderReplaced)
    assert (told.epoch, told.holder, told.reason) == (2, "a", "session_lost")
    assert told.silent_seconds > 0


async def test_no_effect_starts_while_the_session_is_lost(
    contest: Contest, link: Any, recorded: testing.Recorder
) -> None:
    """SUSPECT: the work goes on in the same term once a new session shows the beacon."""
    a = await contest("a", url=link.url)
    term = await a.working()
    link.cut()
    view = await a.until_state(LockState.SUSPECT)
    assert (view.role, view.epoch, view.term) == ("PASSIVE", 1, term)
    with pytest.raises(TrustLost, match="suspended"):
        term.check()
    assert term.ended is None
    await link.mend()
    with anyio.fail_after(DEADLINE):
        await term.trusted()
    term.check()
    await a.until_state(LockState.ACTIVE)
    assert len(recorded.all(events.LockSuspect)) == len(recorded.all(events.LockResumed)) == 1
    assert recorded.all(events.SuspensionEnded)[0].seconds > 0


async def test_a_suspended_term_that_is_not_renewed_in_time_ends(contest: Contest, link: Any, connect: Connect) -> None:
    """The suspension lengthens nothing; once back, the end is written down."""
    a = await contest("a", url=link.url)
    term = await a.working()
    link.cut()
    with anyio.fail_after(DEADLINE):
        assert await a.keeper.lost(term) == "soft_deadline"
    with pytest.raises(TrustLost):
        await term.trusted()
    a.keeper.work_ended(term)
    await link.mend()
    again = await a.working()
    assert again.epoch == 2
    db = await connect()
    rows = await db.fetch("SELECT epoch, kind, reason FROM lock_events ORDER BY id")
    assert [tuple(row) for row in rows] == [
        (1, "first", "free"),
        (1, "demotion", "soft_deadline"),
        (2, "reclaim", "self"),
    ]


async def test_the_end_of_a_term_is_noted_once_and_only_for_ones_own(connect: Connect) -> None:
    """Another instance's term, or the same end again, adds nothing."""
    db = await connect()
    await claim(db, "a", "free")
    note = sql("lock_note")
    assert await db.fetchval(note, KEY, "b", 1, "demotion", "stalled") is False
    assert await db.fetchval(note, KEY, "a", 1, "demotion", "stalled") is True
    assert await db.fetchval(note, KEY, "a", 1, "fencing", "fenced") is False
    with pytest.raises(asyncpg.PostgresError, match="neither demotion nor fencing"):
        await db.fetchval(note, KEY, "a", 1, "takeover", "stale")


async def test_takeovers_that_follow_each_other_closely_wait(contest: Contest, connect: Connect) -> None:
    """The damper: after three unplanned takeovers in ten minutes the lease alone is not enough."""
    db = await connect()
    await claim(db, "dead", "free")
    await db.execute(
        "INSERT INTO lock_events (lock_key, epoch, instance_id, kind, reason) "
        "SELECT $1, -n, 'x', 'takeover', 'stale' FROM generate_series(1, 3) AS n",
        KEY,
    )
    await db.execute("UPDATE lock_heartbeat SET expires_at = clock_timestamp()")
    b = await contest("b")
    view = await b.until(lambda view: view.holder == "dead")
    assert 7.5 < view.takeover_in(boottime()) <= 7.5 + b.timing.lease


async def test_a_claim_that_fails_late_keeps_no_beacon(connect: Connect) -> None:
    """A session lock outlives the rollback: it is taken when nothing can fail any more."""
    a, b, locker = await connect(), await connect(), await connect()
    await claim(a, "dead", "free", beacon=False)
    await a.execute("UPDATE lock_heartbeat SET state = 'free', instance_id = NULL")
    await locker.transaction().start()
    await locker.execute("LOCK TABLE lock_events IN SHARE MODE")
    with pytest.raises(asyncpg.LockNotAvailableError):
        await claim(a, "a", "free")
    await locker.execute("ROLLBACK")
    assert await holders(b, 2) == []
    assert (await claim(b, "b", "free"))["epoch"] == 2


async def test_the_doubt_about_a_holder_is_left_to_whoever_follows_within_a_lease(connect: Connect) -> None:
    """A lost session, then a planned release: what the first holder began may still be under way."""
    a, b, c = await connect(), await connect(), await connect()
    await claim(a, "a", "free")
    await a.close()
    assert (await claim(b, "b", "session_lost"))["quarantined"] is True
    assert await b.fetchval(sql("lock_release"), KEY, "b", 2) is True
    assert (await claim(c, "c", "free"))["quarantined"] is True
    assert await c.fetchval(sql("lock_release"), KEY, "c", 3) is True
    await c.execute("UPDATE lock_events SET at = at - interval '61 s'")
    assert (await claim(b, "b", "free"))["quarantined"] is False


async def test_a_former_session_is_ended_though_another_failed_in_between(
    contest: Contest, link: Any, connect: Connect, recorded: testing.Recorder
) -> None:
    """The second session opens and its renew hangs; the third one must still know the first, which has the beacon."""
    a = await contest("a", url=link.url, timing=PROFILES["fast"])
    await a.working()
    locker, db = await connect(), await connect()
    attempt = locker.transaction()
    await attempt.start()
    await locker.execute("SELECT FROM lock_heartbeat FOR UPDATE")
    link.silence()
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'vigil keeper' AND wait_event_type = 'Lock'"
    )
    await a.until_state(LockState.SUSPECT)
    with anyio.fail_after(DEADLINE):
        while not await db.fetchval(waiting):  # noqa: ASYNC110 - only the server's own tables show it
            await anyio.sleep(0.005)
        # That session has asked, and gives up; the one after it finds the row free.
        await recorded.next(events.HeartbeatFailed, timeout=DEADLINE)
    await attempt.rollback()
    resumed = await recorded.next(events.LockResumed, timeout=DEADLINE)
    assert resumed.epoch == 1


async def test_a_term_that_cannot_show_its_beacon_ends(
    contest: Contest, connect: Connect, recorded: testing.Recorder
) -> None:
    """Suspended for longer than a dead link may last, it gets no renew, and a standby may follow."""
    db = await connect()
    timing = replace(QUICK, dead_link=1.5)
    a = await contest("a", timing=timing)
    term = await a.working()
    source = await db.fetchval(
        "SELECT pg_get_functiondef('lock_beacon(bigint, text, bigint, integer[])'::regprocedure)"
    )
    await db.execute("DROP FUNCTION lock_beacon(bigint, text, bigint, integer[])")
    try:
        await db.fetch("SELECT pg_terminate_backend(backend_pid) FROM lock_heartbeat")
        await a.until_state(LockState.SUSPECT)
        with anyio.fail_after(DEADLINE):
            assert await a.keeper.lost(term) == "misconfigured"
        assert {event.kind for event in recorded.all(events.HeartbeatFailed)} >= {"schema", "suspended"}
    finally:
        await db.execute(source)


async def test_a_note_that_cannot_be_written_keeps_nobody_from_leading(
    contest: Contest, link: Any, connect: Connect
) -> None:
    """What is wrong is told; the next term begins all the same."""
    db = await connect()
    a = await contest("a", url=link.url)
    term = await a.working()
    source = await db.fetchval("SELECT pg_get_functiondef('lock_note(bigint, text, bigint, text, text)'::regprocedure)")
    await db.execute("DROP FUNCTION lock_note(bigint, text, bigint, text, text)")
    try:
        link.cut()
        with anyio.fail_after(DEADLINE):
            await a.keeper.lost(term)
        a.keeper.work_ended(term)
        await link.mend()
        assert (await a.working()).epoch == 2
    finally:
        await db.execute(source)


async def test_a_server_that_hides_its_log_gives_tokens_without_a_timeline(connect: Connect) -> None:
    """Aurora refuses pg_current_wal_lsn; its epochs are lost in no promotion."""
    db = await connect()
    await db.execute(
        "CREATE SCHEMA aurora; "
        "CREATE FUNCTION aurora.pg_current_wal_lsn() RETURNS pg_lsn LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'not supported' USING ERRCODE = '55000'; END $$"
    )
    try:
        assert await db.fetchval("SELECT lock_timeline()") == 1
        await db.execute("SET search_path = aurora, public, pg_catalog")
        assert await db.fetchval("SELECT lock_timeline()") == 0
    finally:
        await db.execute("DROP SCHEMA aurora CASCADE")
