"""A call that was made is not taken for one that was not: whatever its answer looks like, or its note meets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from starlette.responses import Response
from telegram import Bot
from telegram.request import HTTPXRequest

from bot.answer import Request, hearing, message_id
from bot.delivery import Failed, Sent
from bot.ports import Serve
from supervisor.inbox.wake import Wake
from telemetry import events, testing
from tests.integration.bot.telegram.conftest import TOKEN, Api, Tenure, hang, ok, refused, until
from tests.integration.bot.telegram.test_outbox import Owner, all_settled, outbox, photo, queue, state
from tests.integration.children import running

READ_SECONDS = 1.5
UNREADABLE = {"message_id": 77, "date": "yesterday", "chat": 5}


@pytest.fixture
async def telegram(api: Api) -> AsyncIterator[Bot]:
    """The library's Bot as the program builds it, with little patience."""
    request = Request(read_timeout=READ_SECONDS, connect_timeout=READ_SECONDS)
    async with Bot(TOKEN, base_url=f"{api.url}/bot", request=request, get_updates_request=HTTPXRequest()) as bot:
        yield bot


async def unreadable(_: dict[str, Any]) -> Response:
    """Carry a call out and say so in words that the library cannot read."""
    return ok(UNREADABLE)


@pytest.mark.parametrize("method", ["sendPhoto", "sendMessage"])
async def test_a_message_whose_answer_cannot_be_read_was_sent(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot, method: str
) -> None:
    """It has a number, so it is there: nobody sends it again, and no picture that arrived is given back."""
    api.script(method, unreadable)
    owner = Owner(files={1: b"\x89PNG the bytes"})
    number = await photo(tenure, 1) if method == "sendPhoto" else (await queue(tenure, "a"))[0]
    async with running(outbox(tenure, telegram, owner).serve):
        await until(all_settled(pool))
    assert len(api.made(method)) == 1
    assert owner.told == [(number, Sent(77))]
    assert (await state(pool, number))["result_message_id"] == 77


@pytest.mark.parametrize("result", [True, None, [], {"message_id": True}, {"message_id": "5"}])
async def test_an_answer_without_a_number_leaves_it_in_doubt(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot, result: object
) -> None:
    """Once more, counted, and then never again."""

    async def vague(_: dict[str, Any]) -> Response:
        return ok(result)

    api.script("sendMessage", vague)
    (number,) = await queue(tenure, "a")
    owner = Owner()
    with testing.record() as recorded:
        async with running(outbox(tenure, telegram, owner).serve):
            await until(all_settled(pool))
    assert len(api.made("sendMessage")) == 2
    assert len(recorded.all(events.MessageAmbiguous)) == 1
    assert [type(outcome) for told, outcome in owner.told if told == number] == [Sent]


class Cancelling(Request):
    """Whose first message ends with the cancellation of something it awaited, when its answer was heard or before."""

    heard = False
    messages = 0

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        self.messages += (first := kwargs["url"].endswith("/sendMessage"))
        if self.heard or not (first and self.messages == 1):
            found = await super().do_request(*args, **kwargs)
        if first and self.messages == 1:
            shared = asyncio.get_running_loop().create_future()
            shared.cancel()
            await shared
        return found


@pytest.mark.parametrize("heard", [True, False])
async def test_a_call_that_ends_with_a_cancellation_of_its_own_concerns_its_row_alone(
    api: Api, pool: Any, tenure: Tenure, heard: bool
) -> None:
    """It is in doubt, unless Telegram's answer was heard; the outbox goes on for everybody."""
    request, wake = Cancelling(read_timeout=READ_SECONDS), Wake()
    request.heard = heard
    async with Bot(TOKEN, base_url=f"{api.url}/bot", request=request, get_updates_request=HTTPXRequest()) as bot:
        (number,) = await queue(tenure, "a")
        with testing.record() as recorded:
            async with running(outbox(tenure, bot, wake=wake).serve):
                await until(all_settled(pool))
                await queue(tenure, "b", chat_id=2)
                wake.set()
                await until(all_settled(pool))
    row = await state(pool, number)
    assert (row["state"], row["ambiguous"]) == ("sent", int(not heard))
    assert len(recorded.all(events.MessageAmbiguous)) == int(not heard)
    assert [call["text"] for call in api.made("sendMessage")] == ["a", "b"]


async def test_an_unreadable_refusal_is_a_refusal(api: Api, pool: Any, tenure: Tenure, telegram: Bot) -> None:
    """What Telegram refused was not sent."""
    api.script("sendMessage", refused(400, "Bad Request: message text is empty"))
    owner = Owner()
    await queue(tenure, "a")
    async with running(outbox(tenure, telegram, owner).serve):
        await until(all_settled(pool))
    assert [type(outcome) for _, outcome in owner.told] == [Failed]


def test_only_a_number_of_a_message_is_one() -> None:
    """Whatever else an answer holds."""
    answers = [b"", b"[]", b"nonsense", b"[" * 100_000, json.dumps({"result": UNREADABLE}).encode()]
    assert [message_id([answer]) for answer in answers] == [None, None, None, None, 77]
    with hearing() as heard:
        assert message_id(heard) is None


class LostAnswer(Exception):
    """The connection broke after the commit."""


@dataclass
class Forgetful:
    """A database that commits, and whose answer to commit number `at` is lost."""

    tenure: Tenure
    at: int
    commits: int = 0

    @property
    def lost(self) -> tuple[type[Exception], ...]:
        return (*self.tenure.database.lost, LostAnswer)

    @property
    def reading(self) -> Any:
        return self.tenure.database.reading

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        async with self.tenure.database.transaction() as connection:
            yield connection
        self.commits += 1
        if self.commits == self.at:
            raise LostAnswer


def forgetful(tenure: Tenure, telegram: Bot, owner: Owner, at: int) -> Serve:
    database = Forgetful(tenure, at)
    return replace(outbox(tenure, telegram, owner), database=database, lost=database.lost).serve


async def test_a_note_whose_commit_was_not_answered_is_still_told(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """Sent once, counted once, its owner told once; the recovery commits first, then the intent, then the note."""
    owner = Owner()
    await queue(tenure, "a")
    with testing.record() as recorded:
        async with running(forgetful(tenure, telegram, owner, at=3)):
            await recorded.next(events.MessageSent)
    assert len(api.made("sendMessage")) == 1
    assert len(owner.told) == 1
    assert len(recorded.all(events.MessageSent)) == 1


async def test_a_doubt_whose_note_was_not_answered_counts_once(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """Else one lost answer of the database would use up the one repeat that a message has."""
    api.script("sendMessage", hang)
    (number,) = await queue(tenure, "a")
    with testing.record() as recorded:
        async with running(forgetful(tenure, telegram, Owner(), at=3)):
            await until(all_settled(pool))
    row = await state(pool, number)
    assert (row["state"], row["ambiguous"]) == ("sent", 1)
    assert len(recorded.all(events.MessageAmbiguous)) == 1


async def test_how_long_a_message_took_ends_with_telegrams_answer(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """Noting it may take as long as the database is away."""
    (number,) = await queue(tenure, "a")
    with testing.record() as recorded:
        async with running(forgetful(tenure, telegram, Owner(), at=3)):
            sent = await recorded.next(events.MessageSent)
    row = await state(pool, number)
    until_noted = (row["settled_at"] - row["created_at"]).total_seconds()
    assert sent.lag_seconds is not None
    assert sent.lag_seconds <= until_noted
