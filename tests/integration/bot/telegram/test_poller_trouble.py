"""What goes wrong with a poll: it is said, waited out, and costs no update."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from bot.errors import InvalidSetup
from bot.poller import MOST_UNAUTHORIZED, SLOW_FACTOR
from bot.settings import BotSettings
from bot.updates import MOST_BYTES
from supervisor.term import TrustLost
from telemetry import events, testing
from tests.integration.bot.telegram.conftest import DEADLINE_SECONDS, Api, Tenure, hang, ok, refused, until
from tests.integration.bot.telegram.test_poller import Gated, batch, inbox, keys, message, poller, stored
from tests.integration.children import running

__all__ = ["inbox"]

OTHER_POLL = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"


async def truncated(_: dict[str, Any]) -> Response:
    return PlainTextResponse('{"ok":true,"result":[{"update_id":1},{"upd', 200)


async def enormous(_: dict[str, Any]) -> Response:
    return PlainTextResponse(b'{"ok":true,"result":["' + b"x" * MOST_BYTES + b'"]}', 200)


async def trickle(_: dict[str, Any]) -> Response:
    async def drops() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await anyio.sleep(0.02)

    return StreamingResponse(drops())


async def garbage(_: dict[str, Any]) -> Response:
    return PlainTextResponse("<html>", 200)


async def nonsense(_: dict[str, Any]) -> Response:
    return JSONResponse(["no", "object"], 200)


async def test_a_conflict_is_counted_and_waited_out(
    api: Api, settings: BotSettings, inbox: Gated, pool: Any, tenure: Tenure
) -> None:
    """Someone else polls with our token: it is said, and nobody is kicked back at once."""
    times, reconciled = list[float](), list[bool]()

    async def conflict(_: dict[str, Any]) -> Response:
        times.append(anyio.current_time())
        return await refused(409, OTHER_POLL)({})

    async def brings(_: dict[str, Any]) -> Response:
        times.append(anyio.current_time())
        return ok([message(1, 1)])

    api.script("getUpdates", conflict, brings, hang)

    async def reconcile() -> None:
        reconciled.append(True)

    with testing.record() as recorded:
        async with running(poller(settings, inbox, tenure, reconcile=reconcile).serve):
            await api.wait("getUpdates", 3)
    assert [(event.reason, OTHER_POLL in event.found) for event in recorded.all(events.PollConflict)] == [
        ("poller", True)
    ]
    assert await keys(pool) == ["1"]
    assert times[1] - times[0] >= 0.05 * SLOW_FACTOR / 2
    assert reconciled == []


@pytest.mark.parametrize("said", ["can't use getUpdates method while webhook is active", "terminated by setWebhook"])
async def test_a_webhook_that_somebody_set_is_removed_again(
    api: Api, settings: BotSettings, inbox: Gated, tenure: Tenure, said: str
) -> None:
    """To wait for it to go would be to wait for ever."""
    api.script("getUpdates", refused(409, f"Conflict: {said}"), batch(message(1, 1)), hang)
    reconciled: list[int] = []

    async def reconcile() -> None:
        reconciled.append(len(api.made("getUpdates")))

    with testing.record() as recorded:
        async with running(poller(settings, inbox, tenure, reconcile=reconcile).serve):
            await api.wait("getUpdates", 3)
    assert [event.reason for event in recorded.all(events.PollConflict)] == ["webhook"]
    assert reconciled == [1]
    assert inbox.offered == ["1"]


async def test_after_a_conflict_the_term_is_asked_before_the_next_poll(
    api: Api, settings: BotSettings, inbox: Gated, tenure: Tenure
) -> None:
    """The other one may be our successor: then this poll was the last."""

    async def conflict(_: dict[str, Any]) -> Response:
        tenure.term.end("test")
        return await refused(409, OTHER_POLL)({})

    api.script("getUpdates", conflict)
    with pytest.raises(BaseExceptionGroup) as failed, anyio.fail_after(DEADLINE_SECONDS):
        async with running(poller(settings, inbox, tenure).serve):
            await anyio.sleep_forever()
    assert failed.value.subgroup(TrustLost) is not None
    assert len(api.made("getUpdates")) == 1


async def test_a_suspended_term_does_not_poll_until_it_goes_on(
    api: Api, settings: BotSettings, inbox: Gated, pool: Any, tenure: Tenure
) -> None:
    """What a poll under way brings is stored meanwhile; it is confirmed by the next poll, which waits."""

    async def suspend(_: dict[str, Any]) -> Response:
        tenure.term.suspend()
        return ok([message(1, 1)])

    api.script("getUpdates", suspend, hang)
    async with running(poller(settings, inbox, tenure).serve):
        await until(lambda: stored(pool, 1))
        for _ in range(50):
            await anyio.lowlevel.checkpoint()
        assert len(api.made("getUpdates")) == 1
        tenure.term.resume()
        calls = await api.wait("getUpdates", 2)
    assert calls[1]["offset"] == 2


TROUBLE = {
    "refused": refused(502, "Bad Gateway"),
    "flood": refused(429, "Too Many Requests", retry_after=0.2),
    "unauthorized": refused(401, "Unauthorized"),
    "html": garbage,
    "a list": nonsense,
    "truncated": truncated,
    "enormous": enormous,
    "no list": refused(200, "no result"),
}
REASONS = {name: name if name in {"refused", "flood", "unauthorized"} else "malformed" for name in TROUBLE}


@pytest.mark.parametrize("trouble", TROUBLE)
async def test_any_trouble_is_waited_out(
    api: Api, settings: BotSettings, inbox: Gated, tenure: Tenure, trouble: str
) -> None:
    """The poller neither ends nor skips anything, and says what was wrong."""
    api.script("getUpdates", TROUBLE[trouble], batch(message(1, 1)), hang)
    with testing.record() as recorded:
        async with running(poller(settings, inbox, tenure).serve):
            calls = await api.wait("getUpdates", 3)
    assert inbox.offered == ["1"]
    assert [call.get("offset") for call in calls] == [None, None, 2]
    (failed,) = recorded.all(events.PollFailed)
    assert failed.reason == REASONS[trouble]
    assert (failed.retry_seconds == 0.2) == (trouble == "flood"), "as long as Telegram asked for"


async def test_an_answer_that_trickles_in_has_a_deadline(
    api: Api, settings: BotSettings, inbox: Gated, tenure: Tenure
) -> None:
    """A byte now and then keeps no poll open for ever."""
    api.script("getUpdates", trickle, batch(message(1, 1)), hang)
    with testing.record() as recorded:
        async with running(poller(settings, inbox, tenure, margin=-0.5).serve):
            await api.wait("getUpdates", 3)
    assert [event.reason for event in recorded.all(events.PollFailed)][:1] == ["slow"]
    assert inbox.offered == ["1"]


async def test_a_token_that_was_revoked_ends_the_poller_and_says_so(
    api: Api, settings: BotSettings, inbox: Gated, tenure: Tenure
) -> None:
    """Once may be a mistake of Telegram's; again and again, starting anew cannot help."""
    api.script("getUpdates", *[refused(401, "Unauthorized")] * MOST_UNAUTHORIZED)
    with pytest.raises(BaseExceptionGroup) as failed, anyio.fail_after(DEADLINE_SECONDS):
        async with running(poller(settings, inbox, tenure).serve):
            await anyio.sleep_forever()
    assert failed.value.subgroup(InvalidSetup) is not None
    assert len(api.made("getUpdates")) == MOST_UNAUTHORIZED


async def test_an_answer_without_any_number_is_stored_once_and_asked_for_slowly(
    api: Api, settings: BotSettings, inbox: Gated, pool: Any, tenure: Tenure
) -> None:
    """Nothing can be confirmed before an update with a number is behind it; that is said, and what is there is kept."""
    useless = batch({"no": "id"}, "text")
    api.script("getUpdates", useless, useless, batch({"no": "id"}, "text", message(7, 1)), hang)
    with testing.record() as recorded:
        async with running(poller(settings, inbox, tenure).serve):
            calls = await api.wait("getUpdates", 4)
    assert [call.get("offset") for call in calls] == [None, None, None, 8]
    assert [event.entries for event in recorded.all(events.PollStuck)] == [2, 2]
    assert [event.retry_seconds for event in recorded.all(events.PollStuck)] == [0.025, 0.05], "slower and slower"
    assert await pool.fetchval("SELECT count(*) FROM inbox WHERE state = 'dead'") == 2
    assert await pool.fetchval("SELECT count(*) FROM inbox") == 3
