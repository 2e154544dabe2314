"""Files that take their time hold up their own chats and nobody else."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest
from telegram import Bot

from bot import moves
from bot.calls import Attachment, Content
from bot.delivery import Outcome, Outgoing
from bot.effects import Effects
from bot.files import FILES
from bot.limits import Limits
from bot.outbox import PARALLEL
from bot.ports import Connection
from bot.sender import Sender
from supervisor.database import LOST
from supervisor.inbox.wake import Wake
from telemetry import events, testing
from tests.integration.bot.telegram.conftest import DEADLINE_SECONDS, Api, Tenure, until
from tests.integration.bot.telegram.test_outbox import Owner, all_settled, is_sent, outbox, queue, state, telegram
from tests.integration.children import running

__all__ = ["telegram"]


@dataclass
class Host(Owner):
    """Whose files take as long as the test wants."""

    gate: anyio.Event = field(default_factory=anyio.Event)
    asked: list[int] = field(default_factory=list)
    under_way: int = 0
    most: int = 0

    async def media(self, generation_id: int) -> Content | None:
        self.asked.append(generation_id)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.gate.wait()
        finally:
            self.under_way -= 1
        return (Attachment(0, f"file-{generation_id}", "picture.png"),)


async def photos(tenure: Tenure, *chats: int) -> list[int]:
    """Queue a picture for each chat."""
    found = []
    async with tenure.database.transaction() as connection:
        await connection.execute("INSERT INTO users (id, language) VALUES (1, 'ru') ON CONFLICT DO NOTHING")
        for chat in chats:
            number = await connection.fetchval(
                "INSERT INTO generation (user_id, chat_id, lane, model_id, inputs, price) "
                "VALUES (1, 1, 'chat:1', 'm', '{}', 0) RETURNING id"
            )
            found.append(await Effects(connection).send_result(chat, number, "sendPhoto", {"caption": "a picture"}))
    return found


async def test_files_that_hang_take_no_call_and_no_place_of_any_other_message(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """As many as there are calls, and the overall limit as narrow; when the host answers, each goes out once."""
    host, wake = Host(), Wake()
    pictures = await photos(tenure, *range(1, PARALLEL + 1))
    limits = Limits(chat=(1, 0.01), overall=(PARALLEL, 1.0))
    async with running(outbox(tenure, telegram, host, limits=limits, wake=wake).serve):
        await until(lambda: _is(host.under_way == FILES))
        (number,) = await queue(tenure, "a", chat_id=99)
        wake.set()
        await until(lambda: is_sent(pool, number))
        assert {(await state(pool, row))["state"] for row in pictures} == {"ready"}
        host.gate.set()
        await until(all_settled(pool))
    sent = sorted(int(call["photo"].removeprefix("file-")) for call in api.made("sendPhoto"))
    assert sent == list(range(1, PARALLEL + 1))
    assert host.most == FILES
    assert sorted(host.asked) == list(range(1, PARALLEL + 1))


async def _is(found: bool) -> bool:
    return found


async def test_what_follows_a_file_in_its_chat_waits_for_it(api: Api, pool: Any, tenure: Tenure, telegram: Bot) -> None:
    """The lane is taken meanwhile."""
    host = Host()
    await photos(tenure, 1)
    await queue(tenure, "b")
    (other,) = await queue(tenure, "c", chat_id=2)
    async with running(outbox(tenure, telegram, host).serve):
        await until(lambda: is_sent(pool, other))
        assert [call["text"] for call in api.made("sendMessage")] == ["c"]
        host.gate.set()
        await until(all_settled(pool))
    made = [method for method, _ in api.calls if method != "getMe"]
    assert made == ["sendMessage", "sendPhoto", "sendMessage"]


@pytest.mark.parametrize("grace", [0.0, 60.0])
async def test_a_stop_does_not_wait_for_a_file(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot, grace: float
) -> None:
    """However much time calls have: nothing is in doubt, the successor fetches it anew."""
    host = Host()
    (number,) = await photos(tenure, 1)
    with anyio.fail_after(DEADLINE_SECONDS):
        async with running(outbox(tenure, telegram, host, grace=lambda: grace).serve):
            await until(lambda: _is(host.under_way == 1))
    row = await state(pool, number)
    assert (row["state"], row["attempts"], host.under_way) == ("ready", 0, 0)


async def test_a_fetch_that_ends_with_a_cancellation_of_its_own_fails_alone(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """It awaited something that somebody else cancelled: it is tried again, and the outbox goes on for everybody."""

    class Cancelling(Host):
        async def media(self, generation_id: int) -> Content | None:
            self.asked.append(generation_id)
            if len(self.asked) == 1:
                shared = asyncio.get_running_loop().create_future()
                shared.cancel()
                await shared
            return (Attachment(0, f"file-{generation_id}", "picture.png"),)

    host, wake = Cancelling(), Wake()
    (picture,) = await photos(tenure, 1)
    with testing.record() as recorded:
        async with running(outbox(tenure, telegram, host, wake=wake).serve):
            again = await recorded.next(events.MessageRetried)
            (other,) = await queue(tenure, "a", chat_id=2)
            wake.set()
            await until(lambda: is_sent(pool, other))
            await until(lambda: is_sent(pool, picture))
    assert (again.reason, len(host.asked)) == ("its file: CancelledError", 2)


async def test_a_stop_is_no_failure_of_the_fetch_that_it_ends(tenure: Tenure, telegram: Bot) -> None:
    """The cancellation that was asked for is not swallowed."""
    host = Host()
    sender = Sender(tenure.database, tenure.term, telegram, host.media, host.settled, LOST, lambda: 0.0)
    row = Outgoing(1, "chat:1", 1, "sendPhoto", {}, False, None, 1, 0, 0, None, 0.0, None, None)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await sender.file(row)
    assert scope.cancelled_caught


async def test_a_failure_of_the_outbox_does_not_wait_for_a_file(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """The child ends and is started anew."""

    class Broken(Host):
        async def settled(self, connection: Connection, row: Outgoing, outcome: Outcome) -> None:
            raise ZeroDivisionError

    host = Broken()
    await photos(tenure, 1)
    await queue(tenure, "a", chat_id=2)
    with pytest.raises(BaseExceptionGroup) as failed, anyio.fail_after(DEADLINE_SECONDS):
        async with running(outbox(tenure, telegram, host).serve):
            await anyio.sleep_forever()
    assert failed.value.subgroup(ZeroDivisionError) is not None


async def test_a_file_whose_chat_moved_meanwhile_is_let_go_and_fetched_for_the_new_one(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """As many of them as may be in memory: none keeps a place that nobody gives back."""
    host = Host()
    groups = range(-FILES, 0)
    await photos(tenure, *groups)
    async with running(outbox(tenure, telegram, host).serve):
        await until(lambda: _is(host.under_way == FILES))
        async with tenure.database.transaction() as connection:
            for group in groups:
                await moves.move(connection, group, group - 1000)
        host.gate.set()
        await until(all_settled(pool))
    assert sorted(int(call["chat_id"]) for call in api.made("sendPhoto")) == [group - 1000 for group in groups]


async def test_a_newer_head_of_a_lane_does_not_get_the_file_of_another(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """The row whose file was on its way has ended by itself meanwhile."""
    host = Host()
    first, second = await photos(tenure, 1, 1)
    async with running(outbox(tenure, telegram, host).serve):
        await until(lambda: _is(host.under_way == 1))
        async with tenure.database.transaction() as connection:
            await connection.execute("UPDATE outbox SET state = 'failed', settled_at = now() WHERE id = $1", first)
        host.gate.set()
        await until(lambda: is_sent(pool, second))
    assert [call["photo"] for call in api.made("sendPhoto")] == ["file-2"]
