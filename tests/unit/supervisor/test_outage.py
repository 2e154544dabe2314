"""The gate of the database: only a look decides, everybody passes once it answers, and one look serves all who wait."""

from __future__ import annotations

from dataclasses import dataclass

import anyio
import asyncpg
import pytest

from supervisor.errors import SupervisorError
from supervisor.outage import AGAIN_SECONDS, Outage, is_loss
from telemetry import events, testing
from tests import virtualtime

REFUSED = ConnectionRefusedError("refused")


@dataclass
class Server:
    """A database that answers when the test says so."""

    error: BaseException | None = None
    looks: int = 0

    async def look(self) -> BaseException | None:
        self.looks += 1
        await anyio.lowlevel.checkpoint()
        return self.error


@pytest.mark.parametrize("error", [REFUSED, ValueError("a fault of ours")])
def test_while_the_database_is_away_every_failure_is_the_outages(error: Exception) -> None:
    """A child that needs it is of no use without it, whatever it says; it waits, so nothing goes round."""

    async def main() -> None:
        assert await Outage(Server(REFUSED).look).excuses(error, began=0.0)

    virtualtime.run(main)


def test_a_failure_is_not_excused_while_the_database_answers() -> None:
    """However much it looks like a lost database."""

    async def main() -> None:
        assert not await Outage(Server().look).excuses(REFUSED, began=0.0)

    virtualtime.run(main)


def test_a_run_from_before_an_outage_is_excused_once_though_it_is_over() -> None:
    """A connection that the outage broke may be noticed only when it is used again; the next run is on new ones."""

    async def main() -> None:
        server = Server(REFUSED)
        outage = Outage(server.look)
        await outage.look()
        await anyio.sleep(3)
        server.error = None
        await outage.look()
        assert await outage.excuses(REFUSED, began=1.0)
        assert not await outage.excuses(ValueError("a fault of ours"), began=1.0)
        assert not await outage.excuses(REFUSED, began=anyio.current_time() + 0.1)

    virtualtime.run(main)


def test_all_who_wait_pass_when_it_answers_and_one_of_them_looks() -> None:
    """Ten children do not ask ten times as often; who is stopped while it looks leaves the turn to the next."""

    async def main() -> None:
        server = Server(REFUSED)
        outage = Outage(server.look)
        await outage.look()
        passed = 0

        async def wait() -> None:
            nonlocal passed
            await outage.passed()
            passed += 1

        async with anyio.create_task_group() as group:
            first = anyio.CancelScope()

            async def stopped() -> None:
                with first:
                    await outage.passed()

            group.start_soon(stopped)
            await anyio.sleep(0.1)
            for _ in range(9):
                group.start_soon(wait)
            await anyio.sleep(9.95)
            first.cancel()
            assert passed == 0
            assert server.looks <= 2 + 10 / AGAIN_SECONDS
            server.error = None
            await anyio.sleep(AGAIN_SECONDS * 1.1)
            assert passed == 9

    virtualtime.run(main)


def test_loss_and_recovery_are_told_once_each_with_the_seconds_between() -> None:
    """One outage is one line and one count, however many looks it took."""

    async def main() -> None:
        server = Server(REFUSED)
        outage = Outage(server.look)
        await outage.look()
        async with anyio.create_task_group() as group:
            group.start_soon(outage.passed)
            await anyio.sleep(9.9)
            server.error = None
        await outage.look()

    with testing.record() as recorded:
        virtualtime.run(main)
    assert len(recorded.all(events.DatabaseLost)) == 1
    assert [event.seconds for event in recorded.all(events.DatabaseRecovered)] == [10.0]
    assert len(recorded.all(events.DatabaseUnreachable)) == 20


def test_a_loss_is_found_wherever_it_hides() -> None:
    """In a group, behind a cause, in a group behind a cause; a cause that leads back to its group ends the search."""
    lost = asyncpg.ConnectionDoesNotExistError("gone")
    behind = SupervisorError("Claiming rows")
    behind.__cause__ = ExceptionGroup("both", [ValueError(), lost])
    circle = ValueError("circle")
    circle.__cause__ = ExceptionGroup("round", [circle])
    assert is_loss(lost)
    assert is_loss(TimeoutError())
    assert is_loss(ExceptionGroup("two", [ValueError(), behind]))
    assert not is_loss(circle)
    assert not is_loss(asyncpg.UndefinedTableError("a fault of ours"))
