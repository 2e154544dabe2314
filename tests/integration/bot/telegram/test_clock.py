"""A database whose clock was set back: times that lie ahead hold nothing up for longer than an hour."""

from __future__ import annotations

from typing import Any

import pytest
from telegram import Bot

from bot.delivery import RETRY_AFTER_CAP_SECONDS
from bot.limits import Limits
from telemetry import events, testing
from tests.integration.bot.telegram.conftest import Api, Begin, Tenure, refused, until
from tests.integration.bot.telegram.test_outbox import all_settled, is_sent, outbox, queue, state, telegram
from tests.integration.children import running

__all__ = ["telegram"]


async def test_what_was_sent_ahead_of_the_clock_fills_one_window_and_no_more(
    api: Api, pool: Any, begin: Begin, telegram: Bot
) -> None:
    """The limit of the bot as a whole would be used up until the clock is there again."""
    old = await begin()
    await queue(old, "a")
    async with running(outbox(old, telegram).serve):
        await until(all_settled(pool))
    new = await begin()
    async with new.database.transaction() as connection:
        await connection.execute("UPDATE outbox SET settled_at = now() + interval '1 hour'")
    await queue(new, "b", chat_id=2)
    async with running(outbox(new, telegram, limits=Limits(overall=(1, 0.2))).serve):
        await until(all_settled(pool))


async def test_a_row_that_nobody_has_tried_waits_for_no_clock(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot
) -> None:
    """It got its time from a clock that was ahead."""
    await queue(tenure, "a")
    async with tenure.database.transaction() as connection:
        await connection.execute(
            "UPDATE outbox SET run_at = now() + interval '1 hour', created_at = now() + interval '1 hour'"
        )
    with testing.record() as recorded:
        async with running(outbox(tenure, telegram).serve):
            sent = await recorded.next(events.MessageSent)
    assert sent.lag_seconds is not None
    assert 0 <= sent.lag_seconds < 60


async def test_a_row_that_telegram_made_wait_still_waits(api: Api, pool: Any, begin: Begin, telegram: Bot) -> None:
    """No attempt is held against it, and yet it was tried."""
    old = await begin()
    api.script("sendMessage", refused(429, "Too Many Requests: retry after 60", retry_after=60), chat_id=1)
    (number,) = await queue(old, "a")
    with testing.record() as recorded:
        async with running(outbox(old, telegram).serve):
            await recorded.next(events.MessageRetried)
    new = await begin()
    (other,) = await queue(new, "b", chat_id=2)
    async with running(outbox(new, telegram).serve):
        await until(lambda: is_sent(pool, other))
    assert ((await state(pool, number))["state"], len(api.made("sendMessage"))) == ("ready", 2)


@pytest.mark.parametrize("ahead", [RETRY_AFTER_CAP_SECONDS + 1, 86_400.0])
async def test_a_row_that_was_tried_waits_an_hour_at_most_however_far_the_clock_was_set_back(
    api: Api, pool: Any, tenure: Tenure, telegram: Bot, ahead: float
) -> None:
    """Nobody is ever told to wait for longer than `RETRY_AFTER_CAP_SECONDS`: what lies further ahead is due at once."""
    (number,) = await queue(tenure, "a")
    async with tenure.database.transaction() as connection:
        await connection.execute(
            "UPDATE outbox SET last_error = 'RetryAfter', run_at = now() + make_interval(secs => $1)", ahead + 60
        )
    async with running(outbox(tenure, telegram).serve):
        await until(lambda: is_sent(pool, number))
