"""Everything a user brought and got is forgotten on request; the ledger stays."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from bot.accounts import Balance
from bot.effects import Effects
from bot.links import Link, data
from bot.sandbox.testing import until
from supervisor.app.workload import keeps
from supervisor.inbox.retention import Pace, Retention
from tests.integration.children import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.integration.bot.handlers.conftest import Talk

CHAT = 501
GROUP = -100_500
SECRET = "purple giraffe"
TABLES = ("generation", "generation_result", "generation_late", "dialog", "outbox")
YES = data(Link(CHAT, "erase", ("yes",)))
ARRIVED = """
INSERT INTO inbox (source, dedupe_key, lane, body, state, settled_at)
VALUES ('telegram', $1, $2, convert_to($3, 'UTF8'), $4, now())
"""


async def found(talk: Talk, what: str = SECRET) -> set[str]:
    """Return the tables in which the words can still be read."""
    places = set()
    for table in TABLES:
        query = f"SELECT count(*) FROM {table} AS row WHERE row::text LIKE '%' || $1 || '%'"  # noqa: S608 - names from above
        if await talk.house.bank.value(query, what):
            places.add(table)
    if await talk.house.bank.value("SELECT count(*) FROM inbox WHERE position($1::bytea IN body) > 0", what.encode()):
        places.add("inbox")
    return places


@asynccontextmanager
async def walking(talk: Talk) -> AsyncIterator[None]:
    """Let the retention walk through the queues, in small batches, while the block runs."""
    pace = Pace(rows=3, rest=0.0, least_rest_seconds=0.0, look_seconds=0.01)
    child = Retention(talk.house.bank, [keep for keep in keeps() if keep.kind.startswith("erased")], pace)
    async with running(child.serve):
        yield


async def walked(talk: Talk) -> None:
    """Let the retention walk through the queues until it has nothing to look at."""
    async with walking(talk):
        await until(lambda: _is_through(talk), "the queues are walked through")


async def _is_through(talk: Talk, user: int | None = None) -> bool:
    left = "SELECT count(*) FROM erasure WHERE (outbox_at < outbox_last OR inbox_at < inbox_last) AND user_id = coalesce($1, user_id)"
    return bool(await talk.house.bank.value(left, user) == 0)


async def begin(talk: Talk) -> None:
    """Press the button under /privacy, and say that it is meant."""
    await talk.write("/privacy")
    await talk.press("Delete my content")
    await talk.press("Yes, delete")


async def test_all_content_is_forgotten_and_the_ledger_stays(mute: Talk) -> None:
    """Prompts, results, file ids, the dialog, what was said in the chat and in a group, and what arrived."""
    house = mute.house
    async with house.open():
        await mute.write(SECRET)
        await mute.press("Generate")
        await house.reaches("charged", CHAT)
        await mute.write(f"a second {SECRET}")
        await mute.update(mute.message(f"in a group, a {SECRET}", chat=GROUP, reply_to_message=mute.ours(GROUP)))
        for key, lane, body, state in (
            ("1", f"chat:{CHAT}", SECRET, "done"),
            ("2", f"chat:{GROUP}", f'{{"from": {{"id": {CHAT}}}, "text": "{SECRET}"}}', "dead"),
            ("3", f"chat:{GROUP}", '{"from": {"id": 777}, "text": "not mine"}', "done"),
        ):
            await house.bank.write(ARRIVED, key, lane, body, state)
        assert await found(mute) == {"generation", "dialog", "outbox", "inbox"}
        assert await house.bank.value("SELECT count(file_id) FROM generation_result") == 1
        await begin(mute)
        *_, answer = await mute.said(4)
        assert "Your content is deleted" in answer["text"]
    assert await found(mute) == {"outbox", "inbox"}
    await walked(mute)
    assert await found(mute) == set()
    assert await found(mute, "not mine") == {"inbox"}
    assert await house.bank.value("SELECT count(*) FROM generation_result") == 0
    states = "SELECT array_agg(state ORDER BY id) FROM generation"
    assert await house.bank.value(states) == ["charged", "expired", "expired"]
    assert await mute.balance() == Balance(19_200, 0)
    kinds = "SELECT array_agg(kind ORDER BY id) FROM ledger_transaction"
    assert await house.bank.value(kinds) == ["welcome", "hold", "charge"]


async def test_what_was_shown_in_a_group_is_forgotten_too(mute: Talk) -> None:
    """A page of the history, questions, a quote that no longer is the newest, and its edits; not what others were shown."""
    bank = mute.house.bank
    async with mute.house.open("telegram"):
        username = await mute.username()
        for user, words in ((CHAT, SECRET), (777, "not mine")):
            sender = {"id": user, "is_bot": False, "first_name": "Ann", "language_code": "en"}
            who = {"from": sender, "reply_to_message": mute.ours(GROUP)}
            await mute.update(mute.message(words, chat=GROUP, **who))
        for step in ("price = 0", "state = 'held'", "state = 'failed'", "state = 'released', settled_at = now()"):
            await bank.write(f"UPDATE generation SET {step}")  # noqa: S608 - steps from above
        (page,) = await mute.update(mute.message(f"/history@{username}", chat=GROUP))
        assert SECRET in page["text"]
        async with bank.transaction() as connection:
            shown = await connection.fetchval("SELECT min(status_outbox_id) FROM generation")
            await Effects(connection).edit_text(GROUP, shown, f"drawing a {SECRET}")
        await bank.write("UPDATE generation SET status_outbox_id = NULL")
        await bank.write("UPDATE outbox SET state = 'sent'")
        await mute.update(mute.pressed(YES))
        await bank.write("UPDATE outbox SET state = 'sent', settled_at = now()")
    await walked(mute)
    assert await found(mute) == set()
    assert "outbox" in await found(mute, "not mine")


async def test_nothing_is_forgotten_while_something_is_being_made(talk: Talk) -> None:
    """It is refused as a whole, kindly; afterwards it works."""
    await talk.write(SECRET)
    await talk.press("Generate")
    await begin(talk)
    *_, answer = await talk.said(2)
    assert "still being made" in answer["text"]
    assert "generation" in await found(talk)
    assert await talk.house.bank.value("SELECT count(*) FROM erasure") == 0


async def test_what_a_provider_may_still_bring_is_not_waited_for(talk: Talk) -> None:
    """The prompt goes, and nobody looks for the late result any more; while one is being sent, it is refused."""
    await talk.update(talk.message(SECRET))
    for step in (
        "UPDATE generation SET price = 0",
        "UPDATE generation SET state = 'held'",
        "UPDATE generation SET state = 'failed'",
        "UPDATE generation SET state = 'released', settled_at = now()",
        "INSERT INTO generation_late SELECT id, 'sent', now(), now() FROM generation",
    ):
        await talk.house.bank.write(step)
    calls = await talk.update(talk.pressed(YES))
    assert "still being made" in calls[0]["text"]
    await talk.house.bank.write("UPDATE generation_late SET state = 'awaited'")
    calls = await talk.update(talk.pressed(YES))
    assert "is deleted" in calls[0]["text"]
    assert await talk.house.bank.value("SELECT state FROM generation_late") == "ended"


async def test_it_may_be_asked_for_as_often_as_one_likes(talk: Talk) -> None:
    """Each time the queues are walked through anew, up to where they reach then."""
    await talk.update(talk.message("/start"))
    for _ in range(3):
        await talk.update(talk.message(SECRET))
        await talk.update(talk.pressed(YES))
        await walked(talk)
        assert await found(talk) == set()


@pytest.mark.parametrize("table", ["outbox", "inbox"])
async def test_what_is_still_on_its_way_is_waited_for_and_holds_up_nobody_else(mute: Talk, table: str) -> None:
    """It is emptied once it is there; the wishes of others go on meanwhile."""
    bank = mute.house.bank
    async with mute.house.open("telegram"):
        await mute.update(mute.message(SECRET))
        if table == "outbox":
            await bank.write("UPDATE outbox SET state = 'sent' WHERE method = 'answerCallbackQuery'")
        else:
            await bank.write("UPDATE outbox SET state = 'sent', params = '{}'")
            await bank.write(ARRIVED.replace(", now()", ", NULL"), "1", f"chat:{CHAT}", SECRET, "ready")
            await bank.write(ARRIVED, "2", "chat:777", SECRET, "done")
        await mute.update(mute.pressed(data(Link(777, "erase", ("yes",))), user=777, chat=777))
        await mute.update(mute.pressed(YES))
        async with walking(mute):
            await until(lambda: _is_through(mute, 777), "the other's queues are walked through")
            assert table in await found(mute)
            await bank.write("UPDATE outbox SET state = 'sent'")
            await bank.write("UPDATE inbox SET state = 'done'")
            await until(lambda: _is_through(mute, CHAT), "the queues are walked through")
    assert await found(mute) == set()


async def test_only_ones_own_content_goes_and_only_when_it_is_meant(talk: Talk) -> None:
    """Somebody else's button, a no, and a walk for another person leave everything as it is."""
    await talk.update(talk.message(SECRET))
    for pressed in (talk.pressed(YES, user=777), talk.pressed(data(Link(CHAT, "erase", ("no",))))):
        await talk.update(pressed)
    await talk.update(talk.pressed(data(Link(777, "erase", ("yes",))), user=777, chat=777))
    await walked(talk)
    assert await found(talk) == {"generation", "dialog", "outbox"}


async def test_what_is_forgotten_can_neither_be_repeated_nor_sent(talk: Talk) -> None:
    """The history shows that it was, and old buttons say so."""
    await talk.update(talk.message(SECRET))
    for step in (
        "UPDATE generation SET price = 0",
        "UPDATE generation SET state = 'held'",
        "UPDATE generation SET state = 'failed'",
        "UPDATE generation SET state = 'released', settled_at = now()",
    ):
        await talk.house.bank.write(step)
    await talk.update(talk.pressed(YES))
    (history,) = await talk.update(talk.message("/history"))
    assert "(deleted)" in history["text"]
    assert "reply_markup" not in history
    number = str(await talk.house.bank.value("SELECT id FROM generation"))
    for action in ("repeat", "again"):
        calls = await talk.update(talk.pressed(data(Link(CHAT, action, (number,)))))
        assert "do not have this any more" in calls[-1]["text"]


@pytest.mark.parametrize(("command", "says"), [("/privacy", "What I keep"), ("/terms", "You pay in credits")])
@pytest.mark.parametrize("language", ["en", "ru"])
async def test_the_pages_are_there_in_both_languages(talk: Talk, command: str, says: str, language: str) -> None:
    """In plain words, and short enough for one message."""
    update: dict[str, Any] = talk.message(command)
    update["message"]["from"]["language_code"] = language
    (call,) = await talk.update(update)
    assert (says in call["text"]) == (language == "en")
    assert len(call["text"]) < 4_000
