"""A term that is taken away while a call to the provider is in flight. Row 33 of the fault matrix (tests/chaos)."""

from __future__ import annotations

import pytest

from tests.process.app.conftest import Launch
from tests.process.app.fleet import Sandbox, until_async
from tests.process.app.test_kill import STEPS, Gate, ask, check, connected, settled

SUBMITTED = next(step for step in STEPS if "its id is not noted" in step.name)
BREAK = "SELECT lock_break(lock_key, epoch) FROM lock_heartbeat"


@pytest.mark.chaos
@pytest.mark.timeout(180)
async def test_fenced_between_the_submission_and_its_note_it_charges_once_and_delivers_once(
    sandbox: Sandbox, launch: Launch, database_url: str
) -> None:
    """The provider has the task, its id is refused by the fence; the successor waits, finds it, and makes no second."""
    sandbox.set_faults(telegram_backoff="0.05", provider_latency="8")
    first = launch("one")
    first.wait_role("ACTIVE")
    second = launch("two")
    second.wait_role("PASSIVE")
    async with connected(database_url) as connection:
        gate = Gate(connection, SUBMITTED)
        await ask(sandbox)
        await gate.close()
        sandbox.press("Generate")
        await until_async(gate.waiting, "the submission is under way")
        assert await connection.fetchval(BREAK) is True
        await gate.open()
        second.wait_role("ACTIVE")
        assert first.process.poll() is None
        await until_async(lambda: settled(connection), f"the generation is charged:\n{second.output()[-3000:]}", 60.0)
        await check(connection)
    assert len(sandbox.tasks()) == 1
    assert len(sandbox.pictures()) == 1
