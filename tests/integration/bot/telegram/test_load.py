"""The outbox against a Bot API that enforces limits: many chats, groups, deaths; the sandbox counts what arrived."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from telegram import Bot
from telegram.request import HTTPXRequest

from bot.effects import Effects
from bot.limits import Limits
from bot.sandbox import testing as sandbox
from bot.sandbox.client import Client, connected
from telemetry import events, testing
from tests.integration.bot.telegram.conftest import Begin, Tenure
from tests.integration.bot.telegram.test_outbox import all_settled, outbox, queue
from tests.integration.children import running

TOKEN = "7000000001:an-invented-token"
DEADLINE_SECONDS = 120.0


@dataclass(frozen=True)
class Telegram:
    """The library's Bot on a sandbox, and the sandbox's other side."""

    bot: Bot
    people: Client

    async def meet(self, chats: range) -> None:
        """Let people write first: only then a bot may write to them."""
        for chat in chats:
            await self.people.write("hello", chat)

    async def arrived(self, method: str = "sendMessage") -> list[tuple[int, str]]:
        """Return (chat, text) of what was done, in the order of its doing."""
        return [
            (int(call["parameters"]["chat_id"]), call["parameters"]["text"])
            for call in await self.people.calls(method)
            if call["status"] in {200, 504}
        ]

    async def refused(self) -> int:
        """Return how many calls were above a limit."""
        return sum(call["status"] == 429 for call in await self.people.calls())


@pytest.fixture
async def telegram(home: Path) -> AsyncIterator[Telegram]:
    """A sandbox and a bot on it."""
    async with sandbox.running(home) as url, connected(url) as people:
        request = HTTPXRequest(connection_pool_size=16)
        async with Bot(TOKEN, base_url=f"{url}/bot", request=request, get_updates_request=request) as bot:
            yield Telegram(bot, people)


async def until_settled(pool: Any) -> None:
    await sandbox.until(all_settled(pool), "every row has ended", DEADLINE_SECONDS)


def most(times: list[float], seconds: float) -> int:
    """Return how many lie in the fullest window of so many seconds."""
    first, found = 0, 0
    for last, time in enumerate(times):
        while time - times[first] >= seconds:
            first += 1
        found = max(found, last - first + 1)
    return found


async def test_several_hundred_messages_break_no_limit_and_meet_no_refusal(
    pool: Any, tenure: Tenure, telegram: Telegram
) -> None:
    """50 chats and 3 groups; every window of the sandbox's own clock is counted, for groups with a shorter minute."""
    chats, groups = range(1, 51), (-1, -2, -1003)
    await telegram.meet(chats)
    await telegram.people.set_faults(telegram_limits="1/1,4/5,30/1")
    for chat in (*chats, *groups):
        await queue(tenure, *(f"{number}" for number in range(5 if chat > 0 else 9)), chat_id=chat)
    limits = Limits(group=(4, 5.0))
    async with running(outbox(tenure, telegram.bot, limits=limits).serve):
        await until_settled(pool)
    assert await telegram.refused() == 0
    arrived = await telegram.arrived()
    for chat in (*chats, *groups):
        wanted = [str(number) for number in range(5 if chat > 0 else 9)]
        assert [text for to, text in arrived if to == chat] == wanted
    calls = await telegram.people.calls("sendMessage")
    times = {chat: [c["time"] for c in calls if int(c["parameters"]["chat_id"]) == chat] for chat in (*chats, *groups)}
    assert most(sorted(call["time"] for call in calls), 1.0) <= 30
    assert max(most(own, 1.0) for own in times.values()) == 1
    assert max(most(times[group], 5.0) for group in groups) <= 4


async def test_where_telegram_allows_less_everything_still_arrives_once_and_in_order(
    pool: Any, tenure: Tenure, telegram: Telegram
) -> None:
    """Its waits are obeyed, for one chat, for a group and for the bot; no attempt is held against anybody."""
    chats, group = range(1, 10), -7
    await telegram.meet(chats)
    await telegram.people.set_faults(telegram_limits="1/0.5,2/2,6/1")
    for chat in (*chats, group):
        await queue(tenure, "a", "b", "c", chat_id=chat)
    limits = Limits(chat=(3, 1.0), overall=(100, 1.0))
    with testing.record() as recorded:
        async with running(outbox(tenure, telegram.bot, limits=limits).serve):
            await until_settled(pool)
    arrived = await telegram.arrived()
    for chat in (*chats, group):
        assert [text for to, text in arrived if to == chat] == ["a", "b", "c"]
    assert await telegram.refused() > 0
    assert recorded.all(events.OutboxPaused)
    assert {row["attempts"] for row in await pool.fetch("SELECT attempts FROM outbox")} == {1}


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Mortal:
    """A database and a term whose process ends at the given point of the first row's way."""

    tenure: Tenure
    point: str
    transactions: int = 0

    @property
    def epoch(self) -> int:
        return self.tenure.term.epoch

    @property
    def lost(self) -> Any:
        return self.tenure.database.lost

    @property
    def reading(self) -> Any:
        return self.tenure.database.reading

    def remaining(self) -> float:
        return 60.0

    async def trusted(self) -> None:
        if self.point == "before the call":
            raise Killed

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        # The first is the recovery's, the second the intent's, the third the note's.
        self.transactions += 1
        async with self.tenure.database.transaction() as connection:
            yield connection
            if (self.point, self.transactions) in {("before the intent", 2), ("before the note", 3)}:
                raise Killed
        if (self.point, self.transactions) == ("after the note", 3):
            raise Killed


async def die(tenure: Tenure, bot: Bot, point: str) -> None:
    mortal = Mortal(tenure, point)
    with pytest.raises(BaseExceptionGroup) as ended, anyio.fail_after(30):
        async with running(replace(outbox(tenure, bot), database=mortal, term=mortal).serve):
            await anyio.sleep_forever()
    assert ended.value.subgroup(Killed) is not None


POINTS = {"before the intent": 1, "before the call": 1, "before the note": 2, "after the note": 1}
AMBIGUOUS = {"before the call", "before the note"}


@pytest.mark.parametrize("point", POINTS)
async def test_a_death_at_any_point_loses_no_message_and_doubles_only_what_is_in_doubt(
    pool: Any, begin: Begin, telegram: Telegram, point: str
) -> None:
    """Twice is the most, it is counted, and what follows in the chat keeps its place."""
    await telegram.meet(range(1, 2))
    old = await begin()
    await queue(old, "a", "b")
    await die(old, telegram.bot, point)
    with testing.record() as recorded:
        async with running(outbox(await begin(), telegram.bot).serve):
            await until_settled(pool)
    assert [text for _, text in await telegram.arrived()] == ["a"] * POINTS[point] + ["b"]
    assert len(recorded.all(events.MessageAmbiguous)) == (point in AMBIGUOUS)


@pytest.mark.parametrize("point", POINTS)
async def test_a_death_at_any_point_of_an_edit_is_no_doubt(
    pool: Any, begin: Begin, telegram: Telegram, point: str
) -> None:
    """It is made again; twice the same words are once the same words."""
    await telegram.meet(range(1, 2))
    old = await begin()
    (number,) = await queue(old, "a")
    async with running(outbox(old, telegram.bot).serve):
        await until_settled(pool)
    async with old.database.transaction() as connection:
        await Effects(connection).edit_text(1, number, "b")
    await die(old, telegram.bot, point)
    with testing.record() as recorded:
        async with running(outbox(await begin(), telegram.bot).serve):
            await until_settled(pool)
    assert [message["text"] for message in (await telegram.people.chat(1))["messages"]] == ["hello", "b"]
    assert recorded.all(events.MessageAmbiguous) == []
    assert {row["state"] for row in await pool.fetch("SELECT state FROM outbox")} == {"sent"}


@pytest.mark.parametrize("point", POINTS)
async def test_a_death_at_any_point_of_an_answer_never_repeats_it(
    pool: Any, begin: Begin, telegram: Telegram, point: str
) -> None:
    """At most one call, and the chat goes on."""
    old = await begin()
    async with old.database.transaction() as connection:
        await Effects(connection).answer_callback(1, "query")
    await die(old, telegram.bot, point)
    async with running(outbox(await begin(), telegram.bot).serve):
        await until_settled(pool)
    assert len(await telegram.people.calls("answerCallbackQuery")) == (0 if point == "before the call" else 1)


async def test_a_killed_handler_has_queued_nothing(pool: Any, tenure: Tenure, telegram: Telegram) -> None:
    """The point before the queue: the rows are its transaction's."""
    await telegram.meet(range(1, 2))

    async def handle() -> None:
        async with tenure.database.transaction() as connection:
            await Effects(connection).send_text(1, "never")
            raise Killed

    with pytest.raises(Killed):
        await handle()
    await queue(tenure, "a")
    async with running(outbox(tenure, telegram.bot).serve):
        await until_settled(pool)
    assert await telegram.arrived() == [(1, "a")]


async def test_a_message_whose_answer_was_lost_twice_is_given_up_and_its_owner_told(
    pool: Any, tenure: Tenure, telegram: Telegram
) -> None:
    """Two is the most that one row can cause, and the next row is sent all the same."""
    await telegram.meet(range(1, 2))
    await telegram.people.set_faults(telegram_lose_reply="504*2")
    await queue(tenure, "a", "b")
    async with running(outbox(tenure, telegram.bot).serve):
        await until_settled(pool)
    assert Counter(text for _, text in await telegram.arrived()) == {"a": 2, "b": 1}
    assert [row["state"] for row in await pool.fetch("SELECT state FROM outbox ORDER BY id")] == ["failed", "sent"]


async def test_a_group_that_moved_and_a_person_who_left_are_handled_end_to_end(
    pool: Any, tenure: Tenure, telegram: Telegram
) -> None:
    """With the sandbox's own faults, set for these chats only."""
    await telegram.meet(range(1, 3))
    faults: dict[str, object] = {"telegram_migrated": "-5>-1005", "telegram_blocked": "deactivated"}
    await telegram.people.set_faults(**faults, telegram_chats="-5,1")
    await queue(tenure, "a", "b", chat_id=1)
    await queue(tenure, "a", "b", chat_id=2)
    async with running(outbox(tenure, telegram.bot).serve):
        await until_settled(pool)
        await telegram.people.set_faults(telegram_blocked=None)
        await queue(tenure, "a", "b", chat_id=-5)
        await until_settled(pool)
    arrived = await telegram.arrived()
    assert [entry for entry in arrived if entry[0] > 0] == [(2, "a"), (2, "b")]
    assert [entry for entry in arrived if entry[0] < 0] == [(-1005, "a"), (-1005, "b")]
