"""The totals on a real database: exact whatever restarts, fresh whenever the lock changes, absent when they are old."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from supervisor import totals
from supervisor.totals import KINDS, Totals
from telemetry import events, expose, metrics, snapshot, testing
from telemetry.catalogue import BY_NAME
from telemetry.catalogue.models import NUMBERS
from telemetry.catalogue.supervisor import LOCK_EVENTS
from telemetry.snapshot import AGE

LOCK_KEY = 4_213_370_000_000_000_002
TAKEOVERS = (("stale", "59 minutes"), ("session_lost", "10 minutes"), ("stale", "61 minutes"), ("stale", "25 hours"))


@pytest.fixture(autouse=True)
def configured() -> Any:
    """The metrics of one process, which has seen nothing of what the database knows."""
    metrics.configure(instance_id="test-1", version="1.2.3")
    yield
    metrics.reset()
    snapshot.SNAPSHOT.begin()


@pytest.fixture
async def reader(pool: Any) -> Totals:
    """Totals that are read when a test says so."""
    return Totals(lambda: pool, LOCK_KEY)


def scraped() -> dict[str, float]:
    """Read every series of a scrape by its name and labels, without the instance."""
    found = {}
    for line in expose.render()[0].decode().splitlines():
        if not line.startswith("#"):
            series, _, value = line.rpartition(" ")
            found[re.sub(r'instance_id="test-1",?|\{instance_id="test-1"\}', "", series).replace("{}", "")] = float(
                value
            )
    return found


async def happen(pool: Any, kind: str, reason: str, ago: str, epoch: int) -> None:
    """Write an entry of the lock's event log."""
    await pool.execute(
        "INSERT INTO lock_events (lock_key, epoch, instance_id, kind, reason, at) "
        "VALUES ($1, $2, 'a', $3, $4, clock_timestamp() - $5::text::interval)",
        *(LOCK_KEY, epoch, kind, reason, ago),
    )


async def test_takeovers_are_counted_by_the_database_whatever_this_process_has_seen(reader: Totals, pool: Any) -> None:
    """A process that starts after three takeovers exports three; a handover is none."""
    await happen(pool, "first", "free", "30 hours", 1)
    for epoch, (reason, ago) in enumerate(TAKEOVERS, start=2):
        await happen(pool, "takeover", reason, ago, epoch)
    await happen(pool, "handover", "free", "5 minutes", 9)
    await happen(pool, "demotion", "soft_deadline", "5 minutes", 9)
    await reader.read()
    found = scraped()
    assert found['supervisor_lock_takeovers_window{lock="bot",window="1h"}'] == 2
    assert found['supervisor_lock_takeovers_window{lock="bot",window="24h"}'] == 3
    assert found['supervisor_lock_takeovers_db_total{lock="bot",reason="stale"}'] == 3
    assert found['supervisor_lock_takeovers_db_total{lock="bot",reason="session_lost"}'] == 1
    assert found['supervisor_lock_handovers_db_total{lock="bot"}'] == 1
    by_kind = {kind: found[f'supervisor_lock_events_db_total{{kind="{kind}",lock="bot"}}'] for kind in KINDS}
    assert by_kind == dict.fromkeys(KINDS, 0) | {"first": 1, "takeover": 4, "handover": 1, "demotion": 1}
    at = found['supervisor_lock_last_takeover_timestamp_seconds{lock="bot"}']
    assert at == pytest.approx(time.time() - 600, abs=30)


async def test_the_kinds_are_those_the_database_allows_and_the_catalogue_names(pool: Any) -> None:
    """A kind that one of the three does not know would be counted nowhere."""
    rule = await pool.fetchval(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'lock_events_kind_check'"
    )
    assert set(re.findall(r"'(\w+)'::text", rule)) == set(KINDS) == set(LOCK_EVENTS)


@pytest.mark.parametrize(
    ("state", "expires", "holders", "has_age"),
    [("held", "5 seconds", 1, True), ("held", "-1 second", 0, True), ("free", "0", 0, False)],
)
async def test_the_lease_shows_whether_anyone_holds_it(  # noqa: PLR0917 - parameters and fixtures
    reader: Totals, pool: Any, state: str, expires: str, holders: int, has_age: bool
) -> None:
    """An expired lease is held by nobody; a lease given back has no heartbeat that could be old."""
    await pool.execute(
        "INSERT INTO lock_heartbeat (lock_key, instance_id, epoch, state, beat, renewed_at, expires_at) VALUES "
        "($1, 'a', 7, $2, 3, clock_timestamp() - interval '4 seconds', clock_timestamp() + $3::text::interval)",
        *(LOCK_KEY, state, expires),
    )
    await reader.read()
    found = scraped()
    assert found['supervisor_lock_fencing_token{lock="bot"}'] == 7
    assert found['supervisor_lock_holders{lock="bot"}'] == holders
    age = found.get('supervisor_lock_heartbeat_age_seconds{lock="bot"}')
    assert (age == pytest.approx(4, abs=2)) if has_age else age is None
    assert abs(found["supervisor_db_clock_offset_seconds"]) < 5
    assert 'supervisor_lock_last_takeover_timestamp_seconds{lock="bot"}' not in found


async def test_a_change_of_the_lock_is_read_without_waiting_for_the_timer(
    pool: Any, monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., Awaitable[Any]]
) -> None:
    """With a timer of an hour, what the keeper hears of still arrives; a lock that rests asks nothing."""
    monkeypatch.setattr(totals, "INTERVAL", 3600.0)
    monkeypatch.setattr(totals, "LOOK_SECONDS", 0.01)
    lease: list[tuple[int, str]] = [(1, "a")]
    looks = 0

    def look() -> object:
        nonlocal looks
        looks += 1
        return lease[-1]

    reader = Totals(lambda: pool, LOCK_KEY, look)
    window = 'supervisor_lock_takeovers_window{lock="bot",window="1h"}'
    async with anyio.create_task_group() as group:
        await group.start(reader.serve)
        await eventually(lambda: scraped().get(window) == 0)
        await happen(pool, "takeover", "stale", "0", 2)
        before = looks
        await eventually(lambda: looks > before + 5)
        assert scraped()[window] == 0, "nothing has changed as far as the keeper knows"
        lease.append((2, "b"))
        await eventually(lambda: scraped()[window] == 1)
        group.cancel_scope.cancel()


async def test_a_database_that_refuses_the_reading_is_asked_again(
    pool: Any, monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., Awaitable[Any]]
) -> None:
    """Numbers that cannot be read are said to be missing; they cost no restart and no bot."""
    monkeypatch.setattr(totals, "INTERVAL", 0.01)
    monkeypatch.setattr(totals, "LOOK_SECONDS", 0.01)
    await pool.execute("ALTER TABLE lock_events RENAME TO lock_events_away")
    async with anyio.create_task_group() as group:
        with testing.record() as recorded:
            await group.start(Totals(lambda: pool, LOCK_KEY).serve)
            await recorded.next(events.SnapshotFailed)
            await recorded.next(events.SnapshotFailed)
        await pool.execute("ALTER TABLE lock_events_away RENAME TO lock_events")
        await eventually(lambda: 'supervisor_lock_takeovers_window{lock="bot",window="1h"}' in scraped())
        group.cancel_scope.cancel()


async def test_what_is_too_old_is_not_shown(reader: Totals) -> None:
    """`absent()` has to fire: of everything read from the database only the age is left."""
    names = {name for name, metric in BY_NAME.items() if metric.source == "database"} - {each.name for each in NUMBERS}
    await reader.read()
    assert names - {name.partition("{")[0] for name in scraped()} == {
        "supervisor_lock_heartbeat_age_seconds",
        "supervisor_lock_last_takeover_timestamp_seconds",
        "bot_ledger_drift_credits",
        "bot_ledger_negative_balances",
        "bot_ledger_audited_timestamp_seconds",
        "bot_generation_oldest_open_seconds",
    }, "of a lock that was never held, books that were never audited, and no generation"
    old = snapshot.SnapshotCollector(lambda: 1000.0)
    old._latest = (1000.0 - 30.1, snapshot.Snapshot(fencing_token=1))
    assert [family.name for family in old.collect()] == [AGE]
