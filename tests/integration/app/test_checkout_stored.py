"""An answer before a payment counts once it is given: with the 200 that says that the question is stored."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.app.webhook import webhook
from supervisor.inbox.writer import Writer
from telemetry import events, testing
from tests.integration.app.conftest import asking
from tests.integration.app.test_checkout import SECRETS, Shop


@pytest.mark.parametrize("writer", [None, Writer(lambda: "postgresql://nobody@127.0.0.1:9/nowhere")])
async def test_an_answer_that_was_not_given_is_not_counted(pool: Any, writer: Writer | None) -> None:
    """The question could not be stored, so it was answered 503 and comes again."""
    async with asking(webhook(lambda: SECRETS, lambda: writer, lambda: pool)) as client:
        shop = Shop(client, pool, [pool])
        order = str(await shop.offer())
        with testing.record() as recorded:
            answer = await shop.ask(order)
    assert (answer.status_code, answer.content) == (503, b"")
    assert recorded.all(events.PreCheckoutAnswered) == []
