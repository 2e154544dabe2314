"""kill -9 at every step of a generation: the database holds each step open until the process is dead.

A trigger of the test makes the step's own UPDATE wait for a lock the test holds. So the state before the step is
committed, the process is exactly there, and no timing decides what is tested.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
import pytest

from tests.process.app.conftest import Launch
from tests.process.app.fleet import USER, Sandbox, until_async

GATE = 4_242
"""The advisory lock at which the step waits."""
WAITING = "SELECT count(*) FROM pg_locks WHERE objid = $1::bigint::oid AND NOT granted"
END_WAITING = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE objid = $1::bigint::oid AND NOT granted"


@dataclass(frozen=True)
class Step:
    """One step: `table` and the condition of its row change; `pressed`: whether it comes after the confirmation."""

    name: str
    table: str
    when: str
    pressed: bool
    event: str = "UPDATE"
    pictures: int = 1


CONFIRMED = "OLD.state = '{}' AND NEW.state = '{}'"
STEPS = (
    Step("the update arrives and is not committed", "inbox", "NEW.source = 'telegram'", pressed=False, event="INSERT"),
    Step(
        "the update is stored and not claimed", "inbox", "NEW.state = 'claimed' AND OLD.state = 'ready'", pressed=False
    ),
    Step("the update is claimed and not started", "inbox", "NEW.attempts > OLD.attempts", pressed=False),
    Step("the quote's handler has run and is not committed", "inbox", "NEW.state = 'done'", pressed=False),
    Step(
        "the quote is queued and not sent",
        "outbox",
        "NEW.state = 'sending' AND NEW.method = 'sendMessage'",
        pressed=False,
    ),
    Step(
        "the quote is sent and not noted", "outbox", "NEW.state = 'sent' AND NEW.method = 'sendMessage'", pressed=False
    ),
    Step(
        "the confirmation has run and is not committed", "generation", CONFIRMED.format("quoted", "held"), pressed=True
    ),
    Step(
        "the credits are held and nothing is submitted",
        "generation",
        CONFIRMED.format("held", "submitting"),
        pressed=True,
    ),
    Step(
        "the provider has the task and its id is not noted",
        "generation",
        CONFIRMED.format("submitting", "submitted"),
        pressed=True,
    ),
    Step("the result is there and not noted", "generation", CONFIRMED.format("submitted", "succeeded"), pressed=True),
    Step(
        "the picture is queued and not sent",
        "outbox",
        "NEW.state = 'sending' AND NEW.method = 'sendPhoto'",
        pressed=True,
    ),
    Step(
        "the picture is sent and not noted",
        "outbox",
        "NEW.state = 'sent' AND NEW.method = 'sendPhoto'",
        pressed=True,
        pictures=2,
    ),
    Step(
        "the picture is delivered and not charged", "generation", CONFIRMED.format("delivered", "charged"), pressed=True
    ),
)


class Gate:
    """Holds one step open on the test's own connection."""

    def __init__(self, connection: asyncpg.Connection, step: Step) -> None:
        self._connection = connection
        self._step = step

    async def close(self) -> None:
        """From now on the step waits."""
        await self._connection.execute("SELECT pg_advisory_lock($1::bigint)", GATE)
        await self._connection.execute(  # the test's own words, not a user's
            f"""CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN PERFORM pg_advisory_xact_lock({GATE}); RETURN NEW; END $$;
                CREATE TRIGGER zz_gate BEFORE {self._step.event} ON {self._step.table}
                FOR EACH ROW WHEN ({self._step.when}) EXECUTE FUNCTION gate()"""
        )

    async def waiting(self) -> bool:
        """Tell whether the program stands at the gate."""
        return bool(await self._connection.fetchval(WAITING, GATE))

    async def open(self) -> None:
        """End what the dead program has left waiting, and let the step through from now on."""
        await self._connection.execute(END_WAITING, GATE)
        await until_async(self._gone, "the dead program's session ends")
        await self._connection.execute(f"DROP TRIGGER zz_gate ON {self._step.table}")
        await self._connection.execute("SELECT pg_advisory_unlock_all()")

    async def _gone(self) -> bool:
        return not await self.waiting()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url, command_timeout=30)
    try:
        yield connection
    finally:
        await connection.close(timeout=5)


@pytest.fixture
def quick(sandbox: Sandbox) -> Sandbox:
    """A sandbox that repeats deliveries at once instead of after seconds."""
    sandbox.set_faults(telegram_backoff="0.05", provider_latency="0.3")
    return sandbox


@pytest.mark.timeout(120)
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name.replace(" ", "-"))
async def test_killed_at_this_step_it_still_charges_once_and_delivers(
    step: Step, quick: Sandbox, launch: Launch, database_url: str
) -> None:
    """One task at the provider, one charge, the picture, the ledger balanced; a repeat only between sent and noted."""
    if "its id is not noted" in step.name:
        # Nobody but the provider's callback can tell the id: it must come while a successor is there to take it.
        quick.set_faults(provider_latency="8")
    first = launch()
    first.wait_role("ACTIVE")
    async with connected(database_url) as connection:
        gate = Gate(connection, step)
        if step.pressed:
            await ask(quick)
        await gate.close()
        if step.pressed:
            quick.press("Generate")
        else:
            quick.write("a red fox in snow")
        await until_async(gate.waiting, f"the program stands where {step.name}")
        first.kill()
        await gate.open()
        # The same public address, as a restarted service has: the provider's callback finds the successor.
        second = launch("two", PORT=str(first.port))
        second.wait_role("ACTIVE")
        if not step.pressed:
            await quote(quick)
            quick.press("Generate")
        await until_async(lambda: settled(connection), f"the generation is charged:\n{second.output()[-3000:]}")
        await check(connection)
    assert len(quick.tasks()) == 1
    assert 1 <= len(quick.pictures()) <= step.pictures
    second.signal_term()
    assert second.wait() == 0


async def ask(sandbox: Sandbox) -> None:
    sandbox.write("a red fox in snow")
    await quote(sandbox)


async def quote(sandbox: Sandbox) -> None:
    async def offered() -> bool:
        return any("Generate" in message["buttons"] for message in sandbox.messages())

    await until_async(offered, "the quote with its button")


async def settled(connection: asyncpg.Connection) -> bool:
    states = [row["state"] for row in await connection.fetch("SELECT state FROM generation")]
    open_rows = await connection.fetchval("SELECT count(*) FROM outbox WHERE state IN ('ready', 'sending')")
    return states == ["charged"] and not open_rows


async def check(connection: asyncpg.Connection) -> None:
    kinds = await connection.fetch("SELECT kind, count(*) AS n FROM ledger_transaction GROUP BY kind")
    assert {row["kind"]: row["n"] for row in kinds} == {"welcome": 1, "hold": 1, "charge": 1}
    balances = await connection.fetch("SELECT name, balance FROM ledger_account WHERE user_id = $1::bigint", USER)
    assert {row["name"]: row["balance"] for row in balances} == {"available": 19_200, "held": 0}
    assert await connection.fetchval("SELECT sum(amount) FROM ledger_entry") == 0
    assert await connection.fetchval("SELECT count(*) FROM inbox WHERE state <> 'done'") == 0
