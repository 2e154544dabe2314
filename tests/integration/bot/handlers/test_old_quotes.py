"""A press on a quote whose message is no longer kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bot.sql import sql
from supervisor.inbox.retention import BEGINNING

if TYPE_CHECKING:
    from tests.integration.bot.handlers.conftest import Talk

WEEK = 7 * 86_400.0
AGED = "UPDATE generation SET quoted_at = quoted_at - $1::integer * interval '1 day'"
LET_GO = "UPDATE generation SET status_outbox_id = NULL, quoted_at = now() - interval '8 days'"


async def shown(talk: Talk) -> Any:
    """Return what the quote's message is by now: its method and its text."""
    async with talk.house.bank.reading() as connection:
        return await connection.fetchrow(
            "SELECT method, params->>'text' AS text FROM generation JOIN outbox ON outbox.id = status_outbox_id"
        )


@pytest.mark.parametrize(("button", "says"), [("go:800", "Generate"), ("set:aspect_ratio:16:9", "✓ 16:9"), ("no", "")])
async def test_a_press_on_it_is_answered_by_another_message(talk: Talk, button: str, says: str) -> None:
    """In its place: it has the buttons, and is edited from then on."""
    await talk.write("a fox")
    await talk.said(1)
    number = await talk.house.bank.value("SELECT id FROM generation")
    await talk.house.bank.write(LET_GO)
    action, _, rest = button.partition(":")
    data = f"1:{action}:{number}" + (f":{rest}" if rest else "")
    calls = await talk.update(talk.pressed(data))
    assert [call["method"] for call in calls] == ["sendMessage", "answerCallbackQuery"]
    assert says in str(calls[0].get("reply_markup"))
    assert (await shown(talk))["method"] == "sendMessage"
    assert (await shown(talk))["text"] == calls[0]["text"]


async def test_the_quote_of_a_model_that_is_gone_is_withdrawn_by_another_message(talk: Talk) -> None:
    """It says so all the same."""
    await talk.write("a fox")
    await talk.said(1)
    await talk.house.bank.write(LET_GO + ", model_id = 'gone'")
    number = await talk.house.bank.value("SELECT id FROM generation")
    calls = await talk.update(talk.pressed(f"1:go:{number}:800"))
    assert [call["method"] for call in calls] == ["sendMessage", "answerCallbackQuery"]


async def test_only_a_quote_as_old_as_its_message_lets_it_go(talk: Talk) -> None:
    """One that was asked for again yesterday is still edited."""
    await talk.write("a fox")
    await talk.said(1)
    bank = talk.house.bank
    await bank.write("UPDATE outbox SET settled_at = now() - interval '8 days'")
    for days, kept in ((1, 1), (7, 0)):
        await bank.write(AGED, days)
        async with bank.transaction() as connection:
            await connection.fetchrow(sql("outbox_forget"), BEGINNING, 0, WEEK, 100)
        assert await bank.value("SELECT count(*) FROM generation WHERE status_outbox_id IS NOT NULL") == kept


async def test_what_is_still_needed_is_not_even_locked(talk: Talk) -> None:
    """Else each walk would hold up whoever wants to edit those messages."""
    await talk.write("a fox")
    await talk.said(1)
    bank = talk.house.bank
    await bank.write("UPDATE outbox SET settled_at = now() - interval '8 days'")
    async with bank.transaction() as connection:
        found = await connection.fetchrow(sql("outbox_forget"), BEGINNING, 0, WEEK, 100)
        assert (found["looked"], found["removed"]) == (1, 0)
        assert await bank.pool.fetchval("SELECT count(*) FROM (SELECT FROM outbox FOR UPDATE NOWAIT) AS free") == 1
