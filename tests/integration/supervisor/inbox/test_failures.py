"""What is said and kept of a failure: where and what kind, and nothing of what the update was about."""

from __future__ import annotations

import random
from typing import Any

from supervisor.inbox.claims import Fate, Row
from supervisor.inbox.wake import Wake
from supervisor.inbox.worker import Pace, Worker
from telemetry import events, testing
from telemetry.fields import plain
from tests.integration.children import running
from tests.integration.supervisor.inbox.conftest import Sample, Tenure, store

PROMPT = "a red fox in the snow"
REFUSED = """
INSERT INTO generation (user_id, chat_id, lane, model_id, inputs, price)
VALUES (1, 1, 'chat:1', 'm', json_build_object('prompt', $1::text), -5)
"""


async def test_a_row_that_the_database_refuses_is_not_quoted_in_a_log_line(pool: Any, tenure: Tenure) -> None:
    """PostgreSQL adds the whole row to its error: a prompt, and the secret part of a callback's address."""

    async def handle(_: Row, connection: Any) -> None:
        await connection.execute("INSERT INTO users (id, language) VALUES (1, 'en')")
        await connection.execute(REFUSED, PROMPT)

    await store(pool, Sample("1"))
    worker = Worker(tenure.database, tenure.claims, handle, Wake(), pace=Pace(poll_seconds=0.02), rng=random.Random(1))
    with testing.record() as recorded:
        async with running(worker.serve):
            retried = await recorded.next(events.UpdateRetried)
    assert "CheckViolationError 23514" in plain(retried)["error"]
    assert not [event for event in recorded.all() if PROMPT in str(plain(event))]


async def test_a_dead_letter_keeps_the_failure_that_was_noted_before(pool: Any, tenure: Tenure) -> None:
    """The next worker only knows that no start is left; what was noted of the last one is the better reason."""
    (number,) = await store(pool, Sample("1"))
    async with tenure.database.transaction() as connection:
        await tenure.claims.claim(connection, {number: 1})
        await tenure.claims.tell(connection, {number: Fate("claimed", 5, "Boom in bot.x:1")})
        await tenure.claims.tell(connection, {number: Fate("dead", 5, "started 5 times")})
    assert await pool.fetchval("SELECT last_error FROM inbox") == "started 5 times; before: Boom in bot.x:1"
