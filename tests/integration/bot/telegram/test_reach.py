"""Chats that take nothing any more, and chats that have moved."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from starlette.responses import Response
from telegram import Bot

from bot import moves
from bot.effects import Effects
from bot.sql import sql
from supervisor.inbox.wake import Wake
from telemetry import events, testing
from tests.integration.bot.telegram.conftest import Api, Begin, Tenure, ok, refused, until
from tests.integration.bot.telegram.test_outbox import (
    Owner,
    all_settled,
    intend,
    outbox,
    queue,
    state,
    telegram,
)
from tests.integration.children import running

__all__ = ["telegram"]
OLD, NEW = -5, -1005
GONE = refused(403, "Forbidden: bot was kicked from the group chat")
MIGRATED = refused(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=NEW)


async def states(pool: Any) -> list[str]:
    return [row["state"] for row in await pool.fetch("SELECT state FROM outbox ORDER BY id")]


def said(api: Api) -> list[tuple[int, str]]:
    return [(int(call["chat_id"]), call["text"]) for call in api.made("sendMessage")]


@pytest.mark.parametrize("chat", [OLD, 1])
async def test_what_is_queued_for_an_unreachable_chat_fails_without_a_call(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot, chat: int
) -> None:
    """A person or a group; its owner is told of every row, and other chats go on."""
    async with tenure.database.transaction() as connection:
        await connection.execute("INSERT INTO users (id, language) VALUES (1, 'ru')")
    numbers = await queue(tenure, *"abc", chat_id=chat)
    await queue(tenure, "x", chat_id=2)
    api.script("sendMessage", GONE, chat_id=chat)
    owner = Owner()
    with testing.record() as recorded:
        async with running(outbox(tenure, telegram, owner).serve):
            await until(all_settled(pool))
    assert await states(pool) == ["failed"] * 3 + ["sent"]
    assert sorted(said(api)) == sorted([(chat, "a"), (2, "x")])
    assert [told for told, _ in owner.told if told in numbers] == numbers
    assert len(recorded.all(events.ChatUnreachable)) == 1


async def test_a_group_that_moved_gets_everything_in_order_at_its_new_id(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """The row that learned it is sent again and no attempt is held against it; what is queued later goes there too."""
    await queue(tenure, *"abc", chat_id=OLD)
    api.script("sendMessage", MIGRATED, chat_id=OLD)
    with testing.record() as recorded:
        async with running(outbox(tenure, telegram).serve):
            await until(all_settled(pool))
            await queue(tenure, "d", chat_id=OLD)
            await until(all_settled(pool))
    assert said(api) == [(OLD, "a"), *((NEW, text) for text in "abcd")]
    assert {row["attempts"] for row in await pool.fetch("SELECT attempts FROM outbox")} == {1}
    assert len(recorded.all(events.ChatMoved)) == 1


async def test_what_was_queued_while_the_move_was_noted_is_carried_along(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """A transaction that did not see the move yet: the outbox sees it before the call."""
    await queue(tenure, "a", "b", chat_id=OLD)
    async with tenure.database.transaction() as connection:
        await connection.execute("INSERT INTO chat_moved (old_id, new_id) VALUES ($1, $2)", OLD, NEW)
    async with running(outbox(tenure, telegram).serve):
        await until(all_settled(pool))
    assert said(api) == [(NEW, "a"), (NEW, "b")]


async def test_a_chain_of_moves_is_followed_and_a_circle_is_not(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """However they become known; who answers in circles gets nothing, and nothing is sent for ever."""
    async with tenure.database.transaction() as connection:
        assert await moves.move(connection, -1, -2) == -2
        assert await moves.move(connection, -2, -3) == -3
        assert await moves.move(connection, -4, -1) == -3
        assert await moves.move(connection, -3, -1) is None
        assert await moves.move(connection, -7, -7) is None
        assert {await connection.fetchval(sql("chat_moved_find"), chat) for chat in (-1, -2, -4)} == {-3}
    api.script("sendMessage", refused(400, "Bad Request: upgraded", migrate_to_chat_id=-1), chat_id=-3)
    await queue(tenure, "a", chat_id=-1)
    async with running(outbox(tenure, telegram).serve):
        await until(all_settled(pool))
    assert said(api) == [(-3, "a")]
    assert await states(pool) == ["failed"]


async def test_a_move_that_is_told_during_a_call_changes_no_order(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """What was behind the call waits until it has ended, and what is queued for the new id waits for both."""
    gate = anyio.Event()

    async def slow(_: dict[str, Any]) -> Response:
        await gate.wait()
        return await MIGRATED({})

    api.script("sendMessage", slow, chat_id=OLD)
    await queue(tenure, "a", "b", chat_id=OLD)
    wake = Wake()
    async with running(outbox(tenure, telegram, wake=wake).serve):
        await api.wait("sendMessage")
        async with tenure.database.transaction() as connection:
            await moves.move(connection, OLD, NEW)
        wake.set()
        await queue(tenure, "c", chat_id=NEW)
        await queue(tenure, "x", chat_id=2)
        wake.set()
        await api.wait("sendMessage", 2)
        gate.set()
        await until(all_settled(pool))
    assert said(api) == [(OLD, "a"), (2, "x"), *((NEW, text) for text in "abc")]


async def test_an_edit_goes_along_with_its_message_or_not_at_all(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """A message that was sent before the move stayed in the old group: its number means nothing in the new one."""
    (sent,) = await queue(tenure, "a", chat_id=OLD)
    async with running(outbox(tenure, telegram).serve):
        await until(all_settled(pool))
    async with tenure.database.transaction() as connection:
        effects = Effects(connection)
        lost = await effects.edit_text(OLD, sent, "too late")
        kept = await effects.edit_text(OLD, await effects.send_text(OLD, "b"), "c")
        await moves.move(connection, OLD, NEW)
    with testing.record() as recorded:
        async with running(outbox(tenure, telegram).serve):
            await until(all_settled(pool))
    assert [(int(call["chat_id"]), call["text"]) for call in api.made("editMessageText")] == [(NEW, "c")]
    assert [(await state(pool, row))["state"] for row in (lost, kept)] == ["failed", "sent"]
    assert [event.outbox_id for event in recorded.all(events.MessageSkipped)] == [lost]


async def test_an_intent_of_an_older_term_follows_its_chat(api: Api, pool: Any, begin: Begin, telegram: Bot) -> None:
    """Once more, there; and before what waits behind it, also under the new id while nobody may decide about it."""
    old = await begin()
    first, _ = await queue(old, "a", "b", chat_id=OLD)
    await intend(old, first)
    async with old.database.transaction() as connection:
        await moves.move(connection, OLD, NEW)
    await queue(old, "c", chat_id=NEW)
    assert (await state(pool, first))["chat_id"] == OLD
    async with running(outbox(await begin(), telegram, quarantine=0.5).serve):
        await until(all_settled(pool))
    assert said(api) == [(NEW, "a"), (NEW, "b"), (NEW, "c")]
    assert (await state(pool, first))["ambiguous"] == 1


async def test_a_newer_edit_replaces_one_that_telegram_made_wait(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """Whoever waits for the lane's turn is replaced; what was said last is shown."""
    (number,) = await queue(tenure, "a")
    api.script("editMessageText", refused(429, "Too Many Requests: retry after 1", retry_after=1))
    async with tenure.database.transaction() as connection:
        await Effects(connection).edit_text(1, number, "b")
    with testing.record() as recorded:
        async with running(outbox(tenure, telegram).serve):
            await recorded.next(events.MessageRetried)
            async with tenure.database.transaction() as connection:
                await Effects(connection).edit_text(1, number, "c")
            await until(all_settled(pool))
    assert [call["text"] for call in api.made("editMessageText")] == ["b", "c"]
    assert await states(pool) == ["sent", "superseded", "sent"]


async def test_an_edit_that_is_replaced_while_it_is_looked_at_is_not_sent(tenure: Tenure) -> None:
    """Between the look at the head of a lane and its intent a newer edit may come."""
    (number,) = await queue(tenure, "a")
    async with tenure.database.transaction() as connection:
        first = await Effects(connection).edit_text(1, number, "b")
        await Effects(connection).edit_text(1, number, "c")
        assert await connection.fetchval(sql("outbox_intend"), first, tenure.term.epoch, 1) is None


async def test_an_edit_that_is_being_sent_is_not_replaced(api: Api, pool: Any, tenure: Tenure, telegram: Bot) -> None:
    """Telegram may have it already: its end is noted, and the newer one follows it."""
    gate = anyio.Event()

    async def slow(_: dict[str, Any]) -> Response:
        await gate.wait()
        return ok(True)

    (number,) = await queue(tenure, "a")
    api.script("editMessageText", slow)
    async with tenure.database.transaction() as connection:
        await Effects(connection).edit_text(1, number, "b")
    async with running(outbox(tenure, telegram).serve):
        await api.wait("editMessageText")
        async with tenure.database.transaction() as connection:
            await Effects(connection).edit_text(1, number, "c")
        gate.set()
        await until(all_settled(pool))
    assert [call["text"] for call in api.made("editMessageText")] == ["b", "c"]
    assert await states(pool) == ["sent"] * 3


async def test_an_edit_of_an_intent_in_doubt_waits_for_it(api: Api, pool: Any, begin: Begin, telegram: Bot) -> None:
    """And changes the message that was sent again, whose number is known."""
    old = await begin()
    (number,) = await queue(old, "a")
    async with old.database.transaction() as connection:
        await Effects(connection).edit_text(1, number, "b")
    await intend(old, number)

    async def numbered(_: dict[str, Any]) -> Response:
        return ok({"message_id": 77, "date": 1, "chat": {"id": 1, "type": "private"}})

    api.script("sendMessage", numbered)
    async with running(outbox(await begin(), telegram).serve):
        await until(all_settled(pool))
    assert [int(call["message_id"]) for call in api.made("editMessageText")] == [77]
