"""The outbox on a real PostgreSQL and a Bot API on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import anyio
import asyncpg
import httpx
import pytest
from starlette.responses import Response
from telegram import Bot
from telegram.request import HTTPXRequest

from bot.calls import Attachment, Content
from bot.delivery import Failed, Outcome, Outgoing, Sent
from bot.effects import Effects
from bot.limits import Limits
from bot.outbox import Outbox
from bot.ports import Connection
from supervisor.database import LOST
from supervisor.inbox.wake import Wake
from supervisor.term import TrustLost
from telemetry import events, testing
from tests.integration.bot.telegram.conftest import (
    DEADLINE_SECONDS,
    TOKEN,
    Api,
    Begin,
    Tenure,
    hang,
    ok,
    refused,
    until,
)
from tests.integration.children import running

READ_SECONDS = 0.4
HASTY = Limits(chat=(1, 0.01))


@pytest.fixture
async def telegram(api: Api) -> AsyncIterator[Bot]:
    """The library's Bot on the server, with little patience."""
    request = HTTPXRequest(read_timeout=READ_SECONDS, connect_timeout=READ_SECONDS)
    async with Bot(TOKEN, base_url=f"{api.url}/bot", request=request, get_updates_request=request) as bot:
        yield bot


@dataclass
class Owner:
    """Who is told of the end of rows, and has their files."""

    files: dict[int, bytes | str | Exception | None] = field(default_factory=dict)
    told: list[tuple[int, Outcome]] = field(default_factory=list)

    async def media(self, generation_id: int) -> Content | None:
        found = self.files[generation_id]
        if isinstance(found, Exception):
            raise found
        return None if found is None else (Attachment(0, found, "picture.png"),)

    async def settled(self, connection: Connection, row: Outgoing, outcome: Outcome) -> None:
        assert await connection.fetchval("SELECT state FROM outbox WHERE id = $1", row.id) in {"sent", "failed"}
        self.told.append((row.id, outcome))


def outbox(tenure: Tenure, telegram: Bot, owner: Owner | None = None, **options: Any) -> Outbox:
    owner = owner or Owner()
    return Outbox(
        tenure.database,
        tenure.term,
        telegram,
        options.pop("wake", Wake()),
        media=owner.media,
        settled=owner.settled,
        lost=LOST,
        jitter=lambda: 0.0,
        limits=options.pop("limits", HASTY),
        **options,
    )


async def queue(tenure: Tenure, *texts: str, chat_id: int = 1) -> list[int]:
    async with tenure.database.transaction() as connection:
        return [await Effects(connection).send_text(chat_id, text) for text in texts]


async def state(pool: Any, number: int) -> Any:
    return await pool.fetchrow("SELECT * FROM outbox WHERE id = $1", number)


def all_settled(pool: Any) -> Callable[[], Awaitable[bool]]:
    async def found() -> bool:
        return not await pool.fetchval("SELECT count(*) FROM outbox WHERE state IN ('ready', 'sending')")

    return found


async def test_rows_go_out_in_the_order_of_their_lane_and_their_result_is_noted(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """Each chat gets its messages in order; the message ids are kept for edits."""
    for chat_id in (1, 2, 3):
        await queue(tenure, "a", "b", "c", chat_id=chat_id)
    async with running(outbox(tenure, telegram).serve):
        await until(all_settled(pool))
    sent = [(call["chat_id"], call["text"]) for call in api.made("sendMessage")]
    for chat in ("1", "2", "3"):
        assert [text for to, text in sent if to == chat] == ["a", "b", "c"]
    rows = await pool.fetch("SELECT * FROM outbox")
    assert {row["state"] for row in rows} == {"sent"}
    assert all(row["result_message_id"] and row["settled_at"] and row["attempts"] == 1 for row in rows)


async def test_the_intent_is_committed_before_the_call(api: Api, pool: Any, tenure: Tenure, telegram: Bot) -> None:
    """While Telegram works on a call, every connection sees that it was begun, and by which term."""
    found = []

    async def look(_: dict[str, Any]) -> Response:
        found.append(tuple(await pool.fetchrow("SELECT state, intent_epoch, attempts FROM outbox")))
        return ok({"message_id": 5, "date": 1, "chat": {"id": 1, "type": "private"}})

    api.script("sendMessage", look)
    await queue(tenure, "a")
    async with running(outbox(tenure, telegram).serve):
        await until(all_settled(pool))
    assert found == [("sending", tenure.term.epoch, 1)]


async def test_a_commit_wakes_the_outbox(api: Api, pool: Any, tenure: Tenure, telegram: Bot) -> None:
    """What is queued later is sent as soon as the event is set."""
    wake = Wake()
    async with running(outbox(tenure, telegram, wake=wake).serve):
        await queue(tenure, "a")
        wake.set()
        await until(all_settled(pool))
    assert len(api.made("sendMessage")) == 1


async def test_an_edit_names_the_message_of_the_row_it_edits(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """It waits for that message, and one that changes nothing is done all the same."""
    (number,) = await queue(tenure, "a")
    async with tenure.database.transaction() as connection:
        await Effects(connection).edit_text(1, number, "b", [[("Go", "go:1")]])
    api.script("editMessageText", refused(400, "Bad Request: message is not modified: the same"))
    async with running(outbox(tenure, telegram).serve):
        await until(all_settled(pool))
    (edit,) = api.made("editMessageText")
    assert int(edit["message_id"]) == (await state(pool, number))["result_message_id"]
    assert edit["reply_markup"] == {"inline_keyboard": [[{"text": "Go", "callback_data": "go:1"}]]}
    assert {row["state"] for row in await pool.fetch("SELECT state FROM outbox")} == {"sent"}


async def test_an_edit_of_a_message_that_was_not_sent_is_left_out(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """Quietly, and counted."""
    (number,) = await queue(tenure, "a")
    async with tenure.database.transaction() as connection:
        await Effects(connection).edit_text(1, number, "b")
    api.script("sendMessage", refused(400, "Bad Request: chat not found"))
    with testing.record() as recorded:
        async with running(outbox(tenure, telegram).serve):
            await until(all_settled(pool))
    assert api.made("editMessageText") == []
    assert [event.reason for event in recorded.all(events.MessageSkipped)] == ["the message to edit was not sent"]


async def test_flood_control_stops_only_its_lane(api: Api, pool: Any, tenure: Tenure, telegram: Bot) -> None:
    """The other chat goes on; this one waits as long as Telegram says, and its row is not at fault."""
    api.script("sendMessage", refused(429, "Too Many Requests: retry after 60", retry_after=60), chat_id=1)
    first, second = await queue(tenure, "a", "b")
    others = await queue(tenure, "c", "d", chat_id=2)
    async with running(outbox(tenure, telegram).serve):
        await api.wait("sendMessage", 3)
        await until(lambda: is_sent(pool, others[1]))
    row = await state(pool, first)
    assert (row["state"], row["attempts"], row["ambiguous"]) == ("ready", 0, 0)
    waits = await pool.fetchval("SELECT run_at - now() > interval '50 s' FROM outbox WHERE id = $1", first)
    assert waits
    assert (await state(pool, second))["attempts"] == 0


async def is_sent(pool: Any, number: int) -> bool:
    return bool((await state(pool, number))["state"] == "sent")


async def test_a_failed_call_is_made_again_before_what_follows_it(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """A server error delays the lane and changes nothing of its order."""
    api.script("sendMessage", refused(500, "Internal Server Error"))
    await queue(tenure, "a", "b")
    async with running(outbox(tenure, telegram).serve):
        await until(all_settled(pool))
    assert [call["text"] for call in api.made("sendMessage")] == ["a", "a", "b"]
    assert [row["attempts"] for row in await pool.fetch("SELECT attempts FROM outbox ORDER BY id")] == [2, 1]


async def test_a_blocked_bot_marks_the_user_and_tells_the_owner(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """All in the transaction that notes the failure."""
    async with tenure.database.transaction() as connection:
        await connection.execute("INSERT INTO users (id, language) VALUES (1, 'ru')")
    (number,) = await queue(tenure, "a")
    api.script("sendMessage", refused(403, "Forbidden: bot was blocked by the user"))
    owner = Owner()
    async with running(outbox(tenure, telegram, owner).serve):
        await until(all_settled(pool))
    assert await pool.fetchval("SELECT unreachable_at IS NOT NULL FROM users")
    assert (await state(pool, number))["last_error"].startswith("Forbidden")
    assert [(told, type(outcome)) for told, outcome in owner.told] == [(number, Failed)]


async def test_a_refused_message_fails_alone(api: Api, pool: Any, tenure: Tenure, telegram: Bot) -> None:
    """Its lane goes on, and the row keeps what Telegram said."""
    api.script("sendMessage", refused(400, "Bad Request: can't parse entities"))
    first, second = await queue(tenure, "a", "b")
    async with running(outbox(tenure, telegram).serve):
        await until(all_settled(pool))
    assert (await state(pool, first))["state"] == "failed"
    assert "an't parse entities" in (await state(pool, first))["last_error"]
    assert (await state(pool, second))["state"] == "sent"


async def test_a_row_of_which_no_call_can_be_made_fails_alone(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """An unknown method and missing parameters are their own row's problem."""
    async with tenure.database.transaction() as connection:
        for method, params in (("launchRocket", "{}"), ("sendMessage", "{}"), ("sendMessage", '{"text": 5}')):
            await connection.execute(
                "INSERT INTO outbox (lane, chat_id, method, params) VALUES ('chat:1', 1, $1, $2::text::json)",
                method,
                params,
            )
    (last,) = await queue(tenure, "a")
    async with running(outbox(tenure, telegram).serve):
        await until(all_settled(pool))
    assert (await state(pool, last))["state"] == "sent"
    assert await pool.fetchval("SELECT count(*) FROM outbox WHERE state = 'failed'") == 3


@pytest.mark.parametrize("text", ["\ud83e\udd8a", "lone \ud800", "nul \0", "<b>é</b>"])
async def test_any_text_reaches_telegram(api: Api, pool: Any, tenure: Tenure, telegram: Bot, text: str) -> None:
    """What a user typed and we repeat may hold anything."""
    await queue(tenure, text)
    async with running(outbox(tenure, telegram).serve):
        await until(all_settled(pool))
    assert {row["state"] for row in await pool.fetch("SELECT state FROM outbox")} == {"sent"}
    assert len(api.made("sendMessage")) == 1


async def test_a_send_without_an_answer_is_repeated_once_and_counted(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """Then the row has failed: two messages are the most that one row can cause."""
    api.script("sendMessage", hang, hang)
    (number,) = await queue(tenure, "a")
    owner = Owner()
    with testing.record() as recorded:
        async with running(outbox(tenure, telegram, owner).serve):
            await until(all_settled(pool))
    assert len(api.made("sendMessage")) == 2
    assert len(recorded.all(events.MessageAmbiguous)) == 1
    assert (await state(pool, number))["state"] == "failed"
    assert isinstance(owner.told[0][1], Failed)


async def intend(tenure: Tenure, *numbers: int) -> None:
    """Leave intents as a process that was killed in the middle of sending."""
    async with tenure.database.transaction() as connection:
        await connection.execute(
            "UPDATE outbox SET state = 'sending', attempts = 1, intent_epoch = $1 WHERE id = ANY ($2::bigint[])",
            tenure.term.epoch,
            list(numbers),
        )


async def test_intents_of_an_older_term_are_sent_once_more_and_counted(
    api: Api, pool: Any, begin: Begin, telegram: Bot
) -> None:
    """Before what follows them in their lane; answers to buttons are dropped instead."""
    old = await begin()
    first, second = await queue(old, "a", "b")
    async with old.database.transaction() as connection:
        answer = await Effects(connection).answer_callback(2, "query")
    await intend(old, first, answer)
    with testing.record() as recorded:
        async with running(outbox(await begin(), telegram).serve):
            await until(all_settled(pool))
    assert [call["text"] for call in api.made("sendMessage")] == ["a", "b"]
    assert api.made("answerCallbackQuery") == []
    assert [event.outbox_id for event in recorded.all(events.MessageAmbiguous)] == [first]
    assert (await state(pool, first))["ambiguous"] == 1
    assert (await state(pool, answer))["state"] == "failed"
    assert (await state(pool, second))["state"] == "sent"


async def test_an_intent_that_two_terms_left_behind_is_not_sent_a_third_time(
    api: Api, pool: Any, begin: Begin, telegram: Bot
) -> None:
    """A message that kills the process is not repeated for ever; its owner is told."""
    old = await begin()
    (number,) = await queue(old, "a")
    await intend(old, number)
    async with old.database.transaction() as connection:
        await connection.execute("UPDATE outbox SET ambiguous = 1")
    owner = Owner()
    async with running(outbox(await begin(), telegram, owner).serve):
        await until(all_settled(pool))
    assert api.made("sendMessage") == []
    assert [(told, type(outcome)) for told, outcome in owner.told] == [(number, Failed)]


async def test_intents_of_older_terms_wait_for_the_quarantine(api: Api, pool: Any, begin: Begin, telegram: Bot) -> None:
    """While their sender may still be at it their lane stands still, and no other."""
    old = await begin()
    number, _ = await queue(old, "a", "what follows it")
    await queue(old, "b", chat_id=2)
    await intend(old, number)
    async with running(outbox(await begin(), telegram, quarantine=60.0).serve):
        await api.wait("sendMessage")
    assert [call["text"] for call in api.made("sendMessage")] == ["b"]
    assert (await state(pool, number))["state"] == "sending"


async def test_an_outbox_whose_term_is_over_calls_nobody(api: Api, pool: Any, tenure: Tenure, telegram: Bot) -> None:
    """It ends and says why; the row is left for the successor."""
    await queue(tenure, "a")
    tenure.term.end("test")
    with pytest.raises(BaseExceptionGroup) as failed, anyio.fail_after(DEADLINE_SECONDS):
        async with running(outbox(tenure, telegram).serve):
            await anyio.sleep_forever()
    assert failed.value.subgroup(TrustLost) is not None
    assert api.calls[1:] == []


async def test_trust_is_asked_for_between_the_intent_and_the_call(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """A term that ends in that very moment sends nothing, and its intent says that it might have."""
    (number,) = await queue(tenure, "a")

    class Hesitant:
        epoch = tenure.term.epoch

        async def trusted(self) -> None:
            raise TrustLost(self.epoch, "test")

        def remaining(self) -> float:
            return 0.0

    with pytest.raises(BaseExceptionGroup) as failed, anyio.fail_after(DEADLINE_SECONDS):
        async with running(
            Outbox(
                tenure.database, Hesitant(), telegram, Wake(), media=Owner().media, settled=Owner().settled, lost=LOST
            ).serve
        ):
            await anyio.sleep_forever()
    assert failed.value.subgroup(TrustLost) is not None
    assert api.made("sendMessage") == []
    assert (await state(pool, number))["state"] == "sending"


async def test_an_edit_that_was_replaced_is_not_sent(api: Api, pool: Any, tenure: Tenure, telegram: Bot) -> None:
    """Of many waiting edits of one message only the last is worth a call."""
    (number,) = await queue(tenure, "a")
    async with tenure.database.transaction() as connection:
        for text in ("b", "c", "d"):
            await Effects(connection).edit_text(1, number, text)
    async with running(outbox(tenure, telegram).serve):
        await until(all_settled(pool))
    assert [call["text"] for call in api.made("editMessageText")] == ["d"]


async def photo(tenure: Tenure, generation_id: int) -> int:
    """Queue a picture; its generation's row is another test's business."""
    async with tenure.database.transaction() as connection:
        await connection.execute("INSERT INTO users (id, language) VALUES (1, 'ru') ON CONFLICT DO NOTHING")
        number = await connection.fetchval(
            "INSERT INTO generation (user_id, chat_id, lane, model_id, inputs, price) "
            "VALUES (1, 1, 'chat:1', 'm', '{}', 0) RETURNING id"
        )
        assert number == generation_id
        return await Effects(connection).send_result(1, number, "sendPhoto", {"caption": "a picture"})


async def test_a_picture_is_uploaded_and_its_file_id_kept(api: Api, pool: Any, tenure: Tenure, telegram: Bot) -> None:
    """The owner is told in the same transaction; a file that Telegram has is named, not uploaded."""
    owner = Owner(files={1: b"\x89PNG the bytes", 2: "file-of-before"})
    first, second = await photo(tenure, 1), await photo(tenure, 2)
    async with running(outbox(tenure, telegram, owner).serve):
        await until(all_settled(pool))
    assert [call["photo"] for call in api.made("sendPhoto")] == [b"\x89PNG the bytes", "file-of-before"]
    row = await state(pool, first)
    assert owner.told[0] == (first, Sent(row["result_message_id"], row["result_file_id"]))
    assert row["result_file_id"].startswith("file-")
    assert owner.told[1][0] == second


async def test_a_file_that_is_gone_fails_its_row_and_tells_its_owner(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """No call is made."""
    owner = Owner(files={1: None})
    number = await photo(tenure, 1)
    async with running(outbox(tenure, telegram, owner).serve):
        await until(all_settled(pool))
    assert api.made("sendPhoto") == []
    assert owner.told == [(number, Failed("its file is gone"))]


async def test_a_file_that_cannot_be_fetched_now_is_tried_again(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """Without an intent, so that nothing is in doubt; other chats are sent to meanwhile."""
    owner = Owner(files={1: httpx.ConnectError("away")})
    number = await photo(tenure, 1)
    await queue(tenure, "a", chat_id=2)
    with testing.record() as recorded:
        async with running(outbox(tenure, telegram, owner).serve):
            await recorded.next(events.MessageRetried)
            await api.wait("sendMessage")
            owner.files[1] = b"bytes"
            await until(all_settled(pool))
    row = await state(pool, number)
    assert (row["state"], row["ambiguous"]) == ("sent", 0)


async def test_a_late_answer_to_a_button_is_left_out(api: Api, pool: Any, tenure: Tenure, telegram: Bot) -> None:
    """Telegram has stopped the spinner long ago."""
    async with tenure.database.transaction() as connection:
        number = await Effects(connection).answer_callback(1, "query")
        await connection.execute("UPDATE outbox SET created_at = now() - interval '1 min' WHERE id = $1", number)
        fresh = await Effects(connection).answer_callback(1, "another", "Done")
    async with running(outbox(tenure, telegram).serve):
        await until(all_settled(pool))
    assert [call["callback_query_id"] for call in api.made("answerCallbackQuery")] == ["another"]
    assert [(await state(pool, row))["state"] for row in (number, fresh)] == ["failed", "sent"]


async def test_a_stop_lets_the_call_under_way_end_and_notes_it(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """Nothing is left in doubt by a planned end."""
    gate = anyio.Event()

    async def slow(_: dict[str, Any]) -> Response:
        await gate.wait()
        return ok({"message_id": 5, "date": 1, "chat": {"id": 1, "type": "private"}})

    api.script("sendMessage", slow)
    first, second = await queue(tenure, "a", "b")
    patient = outbox(tenure, telegram, grace=lambda: 5.0)
    async with anyio.create_task_group() as group, running(patient.serve):
        await api.wait("sendMessage")
        group.start_soon(_open_later, pool, gate)
    assert [(await state(pool, row))["state"] for row in (first, second)] == ["sent", "ready"]


async def _open_later(pool: Any, gate: anyio.Event) -> None:
    for _ in range(10):
        await pool.fetchval("SELECT 1")
    gate.set()


@pytest.mark.parametrize("trouble", [ConnectionResetError, asyncpg.DeadlockDetectedError])
async def test_a_result_is_noted_when_the_database_is_back_and_nothing_is_sent_twice(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot, trouble: type[Exception]
) -> None:
    """The database goes away while Telegram answers, or gives up this once; there is one call and one note."""

    class Away:
        """A database that is away for the next transactions."""

        lost = tenure.database.lost
        reading = tenure.database.reading
        refusals = 0

        def transaction(self) -> Any:
            if self.refusals:
                self.refusals -= 1
                raise trouble
            return tenure.database.transaction()

    away = Away()

    async def lose(_: dict[str, Any]) -> Response:
        away.refusals = 1
        return ok({"message_id": 5, "date": 1, "chat": {"id": 1, "type": "private"}})

    api.script("sendMessage", lose)
    (number,) = await queue(tenure, "a")
    owner = Owner()
    sending = Outbox(away, tenure.term, telegram, Wake(), owner.media, owner.settled, away.lost)
    with testing.record() as recorded:
        async with running(sending.serve):
            await until(all_settled(pool))
    assert len(recorded.all(events.OutboxStalled)) == 1
    assert len(api.made("sendMessage")) == 1
    assert [told for told, _ in owner.told] == [number]


async def test_an_outbox_started_again_in_its_term_knows_its_own_intents(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """A crash of the child alone leaves no lane blocked."""
    (number,) = await queue(tenure, "a")
    await intend(tenure, number)
    async with running(outbox(tenure, telegram).serve):
        await until(all_settled(pool))
    assert (await state(pool, number))["state"] == "sent"
