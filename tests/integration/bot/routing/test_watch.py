"""The child that keeps the vitals true: what it asks, how often, and what it does when nobody answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from bot.providers.base import Misconfigured, OutcomeUnknown
from bot.vitals import Vitals
from bot.watch import BALANCE_SECONDS, NUMBERS_SECONDS, STOPPED_SECONDS, Watch
from telemetry import events, testing

if TYPE_CHECKING:
    from tests.integration.bot.conftest import Bank


@dataclass
class Account:
    """An account that answers as it is told, and notes when it was asked."""

    now: Callable[[], float]
    answer: Decimal | Exception = Decimal(100)
    asked: list[float] = field(default_factory=list)

    async def balance(self) -> Decimal:
        """Return the credits, or raise."""
        self.asked.append(self.now())
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@dataclass
class Scene:
    """A watch whose time a test moves."""

    bank: Bank
    time: float = 0.0
    vitals: Vitals = field(default_factory=Vitals)
    account: Account = field(init=False)
    watch: Watch = field(init=False)

    def __post_init__(self) -> None:
        self.account = Account(lambda: self.time)
        self.watch = Watch(
            self.bank, self.bank.term, self.vitals, self._open, luck=lambda: 0.5, clock=lambda: self.time
        )

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Account]:
        yield self.account

    async def until(self, time: float) -> None:
        """Let the time pass, a look a second."""
        while self.time < time:
            await self.watch._look(self.account)
            self.time += 1.0

    async def kept(self) -> tuple[Any, ...]:
        """Return what every instance can read of the account."""
        async with self.bank.reading() as connection:
            return tuple(await connection.fetchrow("SELECT credits, stopped FROM provider_balance"))


@pytest.fixture
def scene(bank: Bank) -> Scene:
    """A watch at its beginning."""
    return Scene(bank)


async def test_the_account_is_asked_at_once_and_then_by_the_minute(scene: Scene) -> None:
    """What it says is kept for every instance."""
    await scene.until(2 * BALANCE_SECONDS + 1)
    assert scene.account.asked == [0, BALANCE_SECONDS, 2 * BALANCE_SECONDS]
    assert await scene.kept() == (100, None)
    assert scene.vitals.sale.credits == 100


async def test_while_selling_has_stopped_it_is_asked_more_often_but_not_at_once(scene: Scene) -> None:
    """An order that is refused though the account says that it is full does not stop and start selling all the time."""
    await scene.until(5)
    scene.vitals.ended("m", "provider_error", "402")
    await scene.until(6)
    assert await scene.kept() == (100, "balance")
    scene.account.answer = Decimal(0)
    await scene.until(5 + 3 * STOPPED_SECONDS)
    assert scene.account.asked == [0, 5 + STOPPED_SECONDS, 5 + 2 * STOPPED_SECONDS]
    assert await scene.kept() == (0, "balance")
    scene.account.answer = Decimal(7)
    await scene.until(6 + 3 * STOPPED_SECONDS)
    assert await scene.kept() == (7, None)


async def test_a_refused_key_stops_selling_and_no_answer_changes_nothing(scene: Scene) -> None:
    """Who cannot be reached has said nothing."""
    await scene.until(1)
    scene.account.answer = OutcomeUnknown("balance", "timeout")
    with testing.record() as recorded:
        await scene.until(1 + BALANCE_SECONDS)
        assert len(recorded.all(events.BalanceUnknown)) == 1
    assert scene.vitals.sale.stopped is None
    scene.account.answer = Misconfigured("balance", "401")
    await scene.until(1 + 2 * BALANCE_SECONDS)
    assert scene.vitals.sale.stopped == "key"
    assert (await scene.kept())[1] == "key"


async def test_how_old_the_answer_is_can_be_told(scene: Scene) -> None:
    """The same balance is written again: somebody still asks."""
    await scene.until(1)
    await scene.bank.write("UPDATE provider_balance SET told_at = now() - interval '1 hour'")
    await scene.until(BALANCE_SECONDS + 1)
    assert await scene.bank.value("SELECT told_at > now() - interval '1 minute' FROM provider_balance")


async def test_the_numbers_are_read_again_and_again(scene: Scene) -> None:
    """What was settled meanwhile is known half a minute later."""
    await scene.until(1)
    await scene.bank.write(
        "INSERT INTO model_hour (model_id, hour, success, timeout, seconds) "
        "VALUES ('m', date_trunc('hour', now()), 8, 2, 64)"
    )
    await scene.until(NUMBERS_SECONDS - 1)
    assert scene.vitals.health_of("m").success is None
    await scene.until(NUMBERS_SECONDS + 1)
    assert (scene.vitals.health_of("m").success, scene.vitals.health_of("m").seconds) == (0.8, 8)


async def test_a_database_that_is_away_is_waited_for(scene: Scene) -> None:
    """It works on, and keeps then what it could not."""
    whole = scene.bank.reading
    scene.bank.reading = _away  # type: ignore[method-assign]  # the database goes away
    with testing.record() as recorded:
        await scene.until(1)
        assert len(recorded.all(events.NumbersStalled)) == 1
    scene.bank.reading = whole  # type: ignore[method-assign]  # and comes back
    await scene.until(2)
    assert await scene.kept() == (100, None)


@asynccontextmanager
async def _away() -> AsyncIterator[Any]:
    raise ConnectionResetError
    yield


async def test_it_serves_until_it_is_stopped_and_then_shows_nothing(scene: Scene) -> None:
    """Breakers are shown closed by who is no longer ACTIVE."""
    with testing.record() as recorded:
        async with anyio.create_task_group() as group:
            await group.start(_served(scene.watch))
            for _ in range(4):
                scene.vitals.ended("m", "timeout")
            group.cancel_scope.cancel()
    assert [event.state for event in recorded.all(events.CircuitChanged)] == ["open", "closed"]


def _served(watch: Watch) -> Any:
    async def serve(*, task_status: Any) -> None:
        await watch.serve(task_status=task_status)

    return serve
