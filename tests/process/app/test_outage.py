"""A real PostgreSQL that stops under a real instance: nothing is charged for it, and nobody is needed afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import asyncpg
import httpx
import pytest

from tests.process.app.conftest import Launch
from tests.process.app.fleet import Instance, Sandbox, until

AWAY_SECONDS = 8.0


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("profile", "epoch"), [("fast", 2), ("compat", 1)], ids=["the term is lost", "the term outlives it"]
)
def test_a_database_that_stops_for_eight_seconds_costs_no_restart_and_no_hand(
    sandbox: Sandbox, launch: Launch, make_server: Callable[..., Any], profile: str, epoch: int
) -> None:
    """It says so meanwhile, works again by itself, and ends with 0: the budget is for faults of our own."""
    server = make_server()
    with server.running():
        instance = launch(DATABASE_URL=server.url, LOCK_PROFILE=profile)
        instance.wait_role("ACTIVE")
        sandbox.write("/balance")
        until(sandbox.messages, "an answer")
        assert measured(instance, "supervisor_ready", "supervisor_database_up") == [1, 1]
    stopped_at = time.monotonic()
    until(lambda: probe(instance, "/readyz") == 503, "it is not ready")
    until(lambda: measured(instance, "supervisor_ready", "supervisor_database_up") == [0, 0], "the metrics say so")
    assert probe(instance, "/livez") == 200
    until(lambda: time.monotonic() - stopped_at > AWAY_SECONDS, "the outage lasts longer than a budget of failures")
    with server.running():
        instance.wait_role("ACTIVE")
        status = instance.status()
        assert status is not None
        assert status["epoch"] == epoch
        assert {child["name"]: child["restarts"] for child in status["children"] if child["restarts"]} == {}
        until(lambda: measured(instance, "supervisor_ready", "supervisor_database_up") == [1, 1], "ready again")
        assert measured(instance, "supervisor_database_losses_total") == [1]
        sandbox.write("/balance")
        until(lambda: len(sandbox.messages()) == 2, "an answer after the outage")
        instance.signal_term()
        assert instance.wait() == 0, instance.output()[-3000:]


async def test_a_child_that_fails_again_and_again_ends_the_process_with_70_and_frees_the_lease(
    launch: Launch, database_url: str
) -> None:
    """A fault is no outage: the platform starts a clean process, or another version, and a standby works meanwhile."""
    instance = launch()
    instance.wait_role("ACTIVE")
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("ALTER TABLE outbox RENAME TO outbox_gone")
        assert instance.wait(60) == 70, instance.output()[-3000:]
        assert await connection.fetchval("SELECT state FROM lock_heartbeat") == "free"
    finally:
        await connection.close(timeout=5)
    output = instance.output()
    assert output.count('"children.gave_up"') == 1
    assert "Child outbox failed 6 times within 60 s, last with UndefinedTableError" in output
    assert "Try: " in output
    assert "Traceback" not in output.splitlines()[-3]


def probe(instance: Instance, path: str) -> int:
    return httpx.get(f"http://127.0.0.1:{instance.port}{path}", timeout=5).status_code


def measured(instance: Instance, *names: str) -> list[float]:
    text = httpx.get(f"http://127.0.0.1:{instance.ops_port}/metrics", timeout=5).text
    found = dict(line.split("{")[0:1] + line.split()[-1:] for line in text.splitlines() if not line.startswith("#"))
    return [float(found[name]) for name in names]
