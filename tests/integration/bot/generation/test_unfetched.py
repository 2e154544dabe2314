"""Results that do not come, and files that stay: nobody else waits for them, and they end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from bot import accounts
from bot.accounts import Balance
from bot.generation import disk, late, leftovers, worker
from bot.generation.results import Fetched, ResultRefused, Results, ResultUnavailable
from bot.providers.market import Market
from bot.sandbox.testing import until
from bot.vitals import Vitals
from telemetry import events, testing
from tests.integration.bot.generation.orders import LATE_DUE, finish, looked, order

if TYPE_CHECKING:
    from tests.integration.bot.conftest import House

CHAT = 701
OVERDUE = "UPDATE generation SET next_step_at = now(), deadline_at = now() WHERE state = 'submitted'"


class Door:
    """Stands before the fetching of results: fails while it is shut, and counts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, trouble: Exception) -> None:
        self.is_shut, self.knocks, door = True, 0, self
        fetch = Results.fetch

        async def through(results: Results, *args: Any) -> Fetched:
            door.knocks += 1
            if door.is_shut:
                raise trouble
            return await fetch(results, *args)

        monkeypatch.setattr(Results, "fetch", through)


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the breakers hear of the ends of generations."""
    heard: list[str] = []

    def hear(_: Vitals, _model: str, outcome: str, _code: str = "") -> None:
        heard.append(outcome)

    monkeypatch.setattr(Vitals, "ended", hear)
    return heard


async def _confirm(house: House) -> None:
    await house.write("a red fox in snow", CHAT)
    await house.press("Generate", CHAT)


async def _time_out(house: House) -> None:
    """Have a generation given up whose task is not done."""
    await house.sandbox.set_faults(provider_stuck="on", provider_no_callback="on")
    await _confirm(house)
    await house.reaches("submitted", CHAT)
    await house.bank.write(OVERDUE)
    await house.reaches("released", CHAT)
    await _late(house, "awaited")


async def _late(house: House, state: str) -> None:
    async def is_there() -> bool:
        return bool(await house.bank.value("SELECT state = $1 FROM generation_late", state))

    await until(is_there, f"the late result is {state}")


async def test_a_result_that_cannot_be_fetched_is_tried_until_the_deadline_and_is_a_gift_afterwards(
    house: House, monkeypatch: pytest.MonkeyPatch, ended: list[str]
) -> None:
    """However often it fails, and whatever failed before: the operator has paid for it, so it is not dropped."""
    door = Door(monkeypatch, ResultUnavailable("fetching a result: HTTP 503"))

    async def is_tried() -> bool:
        return door.knocks > 8

    async with house.open():
        await _confirm(house)
        await until(is_tried, "it is tried more often than a few times")
        assert await house.state(CHAT) == "submitted"
        await house.bank.write(OVERDUE)
        await house.reaches("released", CHAT)
        assert await house.bank.value("SELECT failure_class FROM generation") == "timeout"
        await _late(house, "awaited")
        door.is_shut = False
        await house.bank.write(LATE_DUE)
        await _late(house, "delivered")
    async with house.bank.reading() as connection:
        assert await accounts.balance(connection, CHAT) == Balance(20_000, 0)
    assert ended == ["timeout"]


async def test_a_full_disk_of_ours_is_no_fault_of_a_model(
    house: House, monkeypatch: pytest.MonkeyPatch, ended: list[str]
) -> None:
    """It is told, tried until the deadline, and no breaker hears of it."""

    async def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk, "save", full)
    with testing.record() as recorded:
        async with house.open():
            await _confirm(house)
            await recorded.next(events.GenerationStepFailed)
            await house.bank.write(OVERDUE)
            await house.reaches("released", CHAT)
    assert await house.bank.value("SELECT failure_class FROM generation") == "timeout"
    assert ended == []


async def test_looks_that_do_not_end_leave_room_for_orders_and_for_ends(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host of results that says nothing holds as many places as looks may have, and no more."""
    monkeypatch.setattr(worker, "LOOKS_AT_ONCE", 2)
    monkeypatch.setattr(worker, "STEPS_AT_ONCE", 4)
    inside: list[int] = []

    async def never(_: Results, generation_id: int, *_args: Any) -> Fetched:
        inside.append(generation_id)
        await anyio.sleep_forever()
        raise AssertionError

    async def are_inside() -> bool:
        return len(inside) == 2

    monkeypatch.setattr(Results, "fetch", never)
    async with house.open():
        for user in range(CHAT, CHAT + 6):
            await order(house, user, "z-image", prompt="a fox", aspect_ratio="1:1")
        await until(are_inside, "as many look as may")
        await order(house, CHAT + 6, "z-image", prompt="a fox", aspect_ratio="1:1")
        await house.reaches("submitted", CHAT + 6)
        waits = await house.bank.value("SELECT max(id) FROM generation WHERE id <> ALL ($1::bigint[])", inside)
        await house.bank.write(
            "UPDATE generation SET state = 'failed', failure_class = 'transient', next_step_at = now() WHERE id = $1",
            waits,
        )
        await house.reaches("released", CHAT + 6)
    assert len(inside) == 2


async def test_a_late_result_that_is_refused_leaves_nothing_on_the_disk(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One piece came, the next one never will: nobody needs the first."""
    fetch = Results.fetch

    async def second_refused(results: Results, generation_id: int, place: int, url: str, *args: Any) -> Fetched:
        found = await fetch(results, generation_id, place, url, *args)
        assert list((house.home / "results").iterdir())
        raise ResultRefused(str(found))

    async with house.open():
        await _time_out(house)
        monkeypatch.setattr(Results, "fetch", second_refused)
        await finish(house)
        await looked(house, "ended")
        await until(lambda: _is_clean(house), "nothing is left")


async def test_a_late_result_whose_step_was_taken_meanwhile_leaves_nothing_on_the_disk(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was fetched, and is not to be sent: nobody needs it."""
    move, refused = late.move, anyio.Event()

    async def taken(connection: Any, row: Any, to: Any) -> bool:
        if to != "sent":
            return await move(connection, row, to)
        assert list((house.home / "results").iterdir())
        refused.set()
        return False

    async with house.open():
        await _time_out(house)
        monkeypatch.setattr(late, "move", taken)
        await finish(house)
        await house.bank.write(LATE_DUE)
        with anyio.fail_after(10):
            await refused.wait()
        await until(lambda: _is_clean(house), "nothing is left")


async def _is_clean(house: House) -> bool:
    return not list((house.home / "results").iterdir())


async def test_what_was_left_on_the_disk_is_removed_while_the_term_lasts(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An end whose commit was not answered leaves files; what is still needed stays."""
    monkeypatch.setattr(leftovers, "EVERY_SECONDS", 0.05)
    monkeypatch.setattr(Market, "poll", _never)
    folder = house.home / "results"
    async with house.open():
        needed = await order(house, CHAT, "z-image", prompt="a fox", aspect_ratio="1:1")
        await house.reaches("submitted", CHAT)
        (folder / f"{needed}.0").write_bytes(b"x")
        (folder / "999999.0").write_bytes(b"x")

        async def is_swept() -> bool:
            return [file.name for file in folder.iterdir()] == [f"{needed}.0"]

        await until(is_swept, "what nobody needs is gone")


async def _never(*_: Any) -> Any:
    await anyio.sleep_forever()
