"""What the metric and the log say of readiness is what /readyz says."""

from __future__ import annotations

from typing import Any

from supervisor.app.instance import Instance
from supervisor.app.readiness import Readiness
from supervisor.outage import Outage
from telemetry import events, testing
from tests.integration.app.test_infrastructure import running
from tests.integration.children import running as children


class Writer:
    """An inbox writer of which only the connection matters."""

    connected = True


async def answers() -> BaseException | None:
    return None


async def refuses() -> BaseException | None:
    return ConnectionRefusedError()


async def test_each_change_of_readiness_is_told_once(instance: Instance, database_url: str) -> None:
    """The reasons may change while it is not ready; that is no transition."""
    writer: Any = Writer()
    readiness = Readiness(instance, Outage(answers))
    with testing.record() as recorded:
        await readiness.look()
        async with running(instance, database_url):
            await readiness.look()
            instance.writer = writer
            await readiness.look()
            await readiness.look()
            writer.connected = False
            await readiness.look()
        await readiness.look()
    told = [event for event in recorded.all() if isinstance(event, events.Ready | events.Unready)]
    assert [type(event) for event in told] == [events.Unready, events.Ready, events.Unready]
    assert isinstance(told[2], events.Unready)
    assert told[2].reason == "the inbox is not connected"


async def test_a_drain_is_not_told_as_trouble(instance: Instance) -> None:
    """Whoever begins the drain tells of it; a warning would page somebody for every deploy."""
    instance.ladder.drain.set()
    with testing.record() as recorded:
        await Readiness(instance, Outage(answers)).look()
    assert not [event for event in recorded.all() if isinstance(event, events.Ready | events.Unready)]


async def test_an_outage_that_fails_no_child_is_noticed(instance: Instance) -> None:
    """Most children wait for the database by themselves; the metric must not depend on one that falls over."""
    outage = Outage(refuses)
    async with children(Readiness(instance, outage).serve):
        assert outage.away
