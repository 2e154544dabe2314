"""More chats than are remembered, and chats that change their names while they wait."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from telegram import Bot

from bot import moves
from bot.backlog import MISSED_SECONDS, SWEEP_LANES, SWEEP_ROOM, SWEEP_SECONDS, Backlog
from bot.effects import Effects
from bot.limits import Limits
from supervisor.inbox.wake import Wake
from telemetry import events, testing
from tests.integration.bot.telegram.conftest import Api, Tenure, until
from tests.integration.bot.telegram.test_backlog import fill
from tests.integration.bot.telegram.test_outbox import all_settled, outbox, queue, telegram
from tests.integration.children import running

__all__ = ["telegram"]
OLD, NEW = -5, -1005


class Memory:
    """Lanes as the outbox remembers them: so many, and no more."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.known: dict[str, None] = {}

    async def look(self, backlog: Backlog, pool: Any, now: float) -> None:
        for lane in await backlog.find(pool, self.most - len(self.known), now, self.known.__contains__):
            if len(self.known) < self.most:
                self.known[lane] = None

    def serve(self, number: int) -> list[str]:
        """Forget so many, those first that are known for longest."""
        served = list(self.known)[:number]
        self.known = dict.fromkeys(list(self.known)[number:])
        return served


@pytest.mark.parametrize("places", [SWEEP_ROOM, 10])
async def test_chats_that_arrive_all_the_time_overtake_none_that_waits(pool: Any, tenure: Tenure, places: int) -> None:
    """Twice as many as there is room for: each of the first ones has its turn, however many come after them."""
    await fill(tenure, 1_000, "n")
    backlog, memory = Backlog(), Memory(500)
    served: set[str] = set()
    now, newcomer = 0.0, 100_000
    for _ in range(1_500 // places):
        await memory.look(backlog, pool, now)
        gone = memory.serve(places)
        served.update(gone)
        async with tenure.database.transaction() as connection:
            await connection.execute("UPDATE outbox SET state = 'sent', settled_at = now() WHERE lane = ANY ($1)", gone)
        for _ in gone:
            newcomer += 1
            await queue(tenure, "a", chat_id=newcomer)
        now += 0.01
    assert {f"chat:{number}" for number in range(1, 1_001)} <= served


async def test_a_chat_that_found_no_room_is_found_as_soon_as_there_is_some(pool: Any, tenure: Tenure) -> None:
    """Not half a minute later; an answer to a button needs none."""
    await fill(tenure, 100, "n")
    backlog, memory = Backlog(), Memory(100)
    await memory.look(backlog, pool, 0.0)
    await memory.look(backlog, pool, 0.0)
    await fill(tenure, 1, "777")
    async with tenure.database.transaction() as connection:
        await Effects(connection).answer_callback(7, "query")
    assert await backlog.find(pool, 0, 1.0, memory.known.__contains__) == ["answer:7"]
    gone = memory.serve(SWEEP_ROOM)
    async with tenure.database.transaction() as connection:
        await connection.execute("UPDATE outbox SET state = 'sent', settled_at = now() WHERE lane = ANY ($1)", gone)
    await memory.look(backlog, pool, 1.0 + MISSED_SECONDS)
    assert "chat:777" in memory.known


async def test_where_little_room_is_left_for_long_both_who_comes_and_who_waits_beyond_it_get_some(
    pool: Any, tenure: Tenure
) -> None:
    """All that are known wait for an hour, a sweep is due: what is free serves the others, old ones within seconds."""
    await fill(tenure, 1, "999999")
    await fill(tenure, 2 * SWEEP_LANES, "n + 1000")
    backlog, memory = Backlog(), Memory(2 * SWEEP_LANES + SWEEP_ROOM - 1)
    memory.known = dict.fromkeys(f"chat:{number + 1000}" for number in range(1, 2 * SWEEP_LANES + 1))
    await memory.look(backlog, pool, 0.0)
    await fill(tenure, 1, "777")
    await memory.look(backlog, pool, 0.0)
    assert "chat:777" in memory.known
    for second in (1, 2, 3):
        await memory.look(backlog, pool, second * MISSED_SECONDS)
    assert "chat:999999" in memory.known


async def test_a_chat_that_comes_with_many_messages_needs_room_for_one(pool: Any, tenure: Tenure) -> None:
    """Rows are no chats."""
    backlog = Backlog()
    await backlog.find(pool, SWEEP_ROOM, 0.0)
    await fill(tenure, 100, "1")
    assert set(await backlog.find(pool, 1, 1.0)) == {"chat:1"}


async def test_a_chat_that_came_behind_a_sweeps_back_is_found_by_the_next_which_follows_soon(
    pool: Any, tenure: Tenure
) -> None:
    """It had to stand back for those that the sweep had still to come to."""
    await fill(tenure, 600, "n")
    backlog, memory = Backlog(), Memory(300)
    await memory.look(backlog, pool, 0.0)
    await fill(tenure, 1, "1000000")
    await memory.look(backlog, pool, 0.0)
    for now in (0.0, MISSED_SECONDS):
        async with tenure.database.transaction() as connection:
            gone = memory.serve(300)
            await connection.execute("UPDATE outbox SET state = 'sent', settled_at = now() WHERE lane = ANY ($1)", gone)
        assert "chat:1000000" not in gone
        await memory.look(backlog, pool, now)
    assert "chat:1000000" in memory.known


async def test_a_sweep_goes_past_what_is_known_without_room_for_it(pool: Any, tenure: Tenure) -> None:
    """And stops where the room ends, so that the next look goes on there."""
    await fill(tenure, 1_000, "n")
    backlog, names = Backlog(), [f"chat:{number}" for number in range(1, 1_001)]
    names.sort()
    known = set(names[: SWEEP_LANES - 10])
    found = set(await backlog.find(pool, SWEEP_ROOM, 0.0, known.__contains__))
    assert found - known == set(names[SWEEP_LANES - 10 : SWEEP_LANES])
    known |= found
    found = set(await backlog.find(pool, SWEEP_ROOM, 0.0, known.__contains__))
    assert found == set(names[SWEEP_LANES : SWEEP_LANES + SWEEP_ROOM])


async def test_a_move_that_is_told_while_its_chat_waits_is_followed_at_once(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """The rows keep their old numbers under a new name: nobody reads them anew, and the next sweep is far away."""
    await queue(tenure, "a", "b", chat_id=OLD)
    wake = Wake()
    with testing.record() as recorded:
        async with running(outbox(tenure, telegram, wake=wake, limits=Limits(chat=(1, 0.5))).serve):
            await recorded.next(events.MessagePaced)
            async with tenure.database.transaction() as connection:
                await moves.move(connection, OLD, NEW)
            began = anyio.current_time()
            await until(all_settled(pool))
            assert anyio.current_time() - began < SWEEP_SECONDS / 3
    assert [(int(call["chat_id"]), call["text"]) for call in api.made("sendMessage")] == [(OLD, "a"), (NEW, "b")]


async def test_only_chats_that_have_moved_are_followed(pool: Any, tenure: Tenure) -> None:
    """Whatever a lane is called."""
    async with tenure.database.transaction() as connection:
        await moves.move(connection, OLD, NEW)
        lanes = [f"chat:{OLD}", "chat:-6", "chat:5", "answer:-5", "chat:-", "chat:-x", "chat:-5x", "by hand"]
        assert await moves.followed(connection, lanes) == [f"chat:{NEW}"]
        assert await moves.followed(connection, []) == []
