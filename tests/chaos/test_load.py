"""A machine with no time to spare, and calls cut off at any point. Rows 27 and 32 of the matrix."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import anyio
import asyncpg
import pytest

from supervisor.clock import boottime
from supervisor.keeper import Keeper
from supervisor.timing import PROFILES, Profile
from tests.chaos.arena import last
from tests.chaos.fleet import Fleet
from tests.chaos.member import LOCK_KEY
from tests.integration.children import running

SPIN = "while True: pass"
FEW, MANY = 1, 4
"""Busy loops a core: beside other tests, and alone."""
WRITERS = 10
CHECKPOINT_SECONDS = 5.0
MINUTES = 15.0
"""For each of two profiles; CHAOS_MINUTES shortens a trial."""
POINTS = 1000


@contextmanager
def saturated(fleet: Fleet, burners: int) -> Iterator[None]:
    """Leave no core idle and the server busy with commits."""
    fleet.ask("CREATE TABLE load (at timestamptz)")
    with ExitStack() as stack:
        for _ in range(burners * (os.cpu_count() or 1)):
            burner = subprocess.Popen([sys.executable, "-c", SPIN])
            stack.callback(burner.wait)
            stack.callback(burner.kill)
        for _ in range(WRITERS):
            stack.callback(fleet.arena.portal.start_task_soon(_write, fleet.url).cancel)
        yield


async def _write(url: str) -> None:
    """Commit row after row until cancelled."""
    connection = await asyncpg.connect(url, timeout=60)
    try:
        while True:
            await connection.execute("INSERT INTO load VALUES (now())", timeout=60)
    finally:
        connection.terminate()


def lives_through(fleet: Fleet, profile: Profile, seconds: float, burners: int) -> None:
    """Saturate the machine for so long; it costs no term."""
    fleet.trio(profile=profile)
    with saturated(fleet, burners):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            last(min(CHECKPOINT_SECONDS, max(0.0, end - time.monotonic())))
            fleet.arena.server.admin("CHECKPOINT")
            assert fleet.events() == ["1 first free"]


def test_a_saturated_machine_makes_no_takeover(fleet: Fleet) -> None:
    """Row 32 and bar L4, a taste of it."""
    lives_through(fleet, "standard", 12.0, FEW)


@pytest.mark.chaos
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("profile", ["standard", "fast"])
def test_a_machine_saturated_for_long_makes_no_takeover(fleet: Fleet, profile: Profile) -> None:
    """Row 32 and bar L4: half an hour in all, four busy loops a core, ten writers, a checkpoint every five seconds."""
    lives_through(fleet, profile, 60.0 * float(os.environ.get("CHAOS_MINUTES") or MINUTES), MANY)


@pytest.mark.chaos
@pytest.mark.timeout(600)
async def test_a_keeper_cut_off_at_any_point_leaks_no_lock(
    database_url: str, eventually: Callable[..., Awaitable[Any]]
) -> None:
    """Row 27: cancelled a thousand times while it connects, claims, renews, releases; no session and no lock is left."""
    rng = random.Random(27)
    reached: dict[str, int] = {}
    connection = await asyncpg.connect(database_url, timeout=10, command_timeout=10)
    try:
        for _ in range(POINTS):
            keeper = Keeper(
                url=lambda: database_url,
                lock_key=LOCK_KEY,
                instance_id="the same",
                timing=PROFILES["fast"],
                last_tick=boottime,
                damped=False,
            )
            async with running(keeper.serve):
                await anyio.sleep(rng.uniform(0, 0.06))
                reached[keeper.view.state] = reached.get(keeper.view.state, 0) + 1
        left = (
            "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' "
            "AND datname = current_database()"
        )
        await eventually(lambda: _none(connection, left))
        others = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'vigil keeper%' AND datname = current_database()"
        await eventually(lambda: _none(connection, others))
    finally:
        await connection.close(timeout=5)
    assert min(reached.get("STARTING", 0), reached.get("ACTIVE", 0)) > POINTS // 20, reached


async def _none(connection: Any, query: str) -> bool:
    return not await connection.fetchval(query)
