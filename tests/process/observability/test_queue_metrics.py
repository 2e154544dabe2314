"""Every metric of the queue is moved by a real run: a chat, duplicates, a handler that is held up, a poison update."""

from __future__ import annotations

import asyncpg
import pytest

from telemetry.catalogue.bot import INBOX, INGRESS, OUTBOX, STORED
from telemetry.catalogue.supervisor import STORED as OF_DATABASE
from telemetry.catalogue.supervisor import TABLE
from tests.process.app.conftest import Launch
from tests.process.app.fleet import Sandbox, until
from tests.process.observability.test_lock_metrics import moved, names
from tests.process.observability.test_queue_alerts import POISON, arrive

QUEUE = {metric.name for metric in (*INGRESS, *INBOX, *OUTBOX, *STORED)} | {
    metric.name for metric in OF_DATABASE if TABLE in metric.labels
}
SEEN_ELSEWHERE = {
    # Trouble that has tests of its own: polling, a full inbox, a flood, a group that moves, a drain, old rows.
    "bot_poll_conflicts_total",
    "bot_poll_failures_total",
    "bot_pre_checkout_answers_total",
    "bot_updates_not_stored_total",
    "bot_inbox_returned_total",
    "bot_rows_removed_total",
    "bot_outbox_pauses_total",
    "bot_chats_moved_total",
    "bot_chats_unreachable_total",
    "bot_sends_ambiguous_total",
    # Rows that are due are sent at once, so a reading every 10 s may find none.
    "bot_outbox_oldest_age_seconds",
    # The server counts when it likes.
    "supervisor_table_dead_rows",
}
WORDLESS = {"update_id": 900_000_003, "message": {"message_id": 1, "date": 0, "chat": {"id": 5, "type": "private"}}}
"""No handler has anything to say to it, so it is settled together with others."""
pytestmark = pytest.mark.timeout(150)


async def test_every_metric_of_the_queue_moves_in_a_real_run(
    launch: Launch, sandbox: Sandbox, database_url: str
) -> None:
    """One that stays at 0 in all of this is a promise that nobody keeps."""
    instance = launch("one")
    instance.wait_role("ACTIVE")
    seen: set[str] = set()

    def has_moved(*wanted: str) -> bool:
        found = names(moved(instance))
        seen.update(found)
        return set(wanted) <= found

    sandbox.set_faults(telegram_duplicate="on", telegram_latency="0.2")
    for _ in range(4):
        sandbox.write("/help")
    until(
        lambda: has_moved("bot_outbox_wait_seconds_total", "bot_outbox_lag_seconds"), lambda: f"pacing; moved: {seen}"
    )
    connection = await asyncpg.connect(database_url, timeout=10, command_timeout=60)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
            sandbox.write("/start")
            sandbox.write("/start")
            held_up = ("bot_inbox_handlers_running", "bot_inbox_rows_held", "bot_inbox_depth")
            until(lambda: has_moved(*held_up), lambda: f"a handler that waits; moved: {seen}")
            tried_again = ("bot_updates_retried_total", "bot_inbox_lanes_waiting", "bot_inbox_oldest_age_seconds")
            until(lambda: has_moved() and seen.issuperset(tried_again), lambda: f"a retry; moved: {seen}")
    finally:
        await connection.close(timeout=5)
    for update in (POISON, WORDLESS):
        await arrive(database_url, update)
    late = ("bot_inbox_dead_letters", "bot_inbox_dead_letters_window", "bot_inbox_settle_rows")
    until(lambda: has_moved(*late), lambda: f"what was given up; moved: {seen}")
    accepted = {series: value for series, value in moved(instance).items() if series.startswith("bot_updates_accepted")}
    assert accepted['bot_updates_accepted_total{result="duplicate",source="telegram"}'] >= 4
    assert 'bot_webhook_requests_total{code="200",route="/webhook/{path}"}' in moved(instance)
    assert QUEUE - seen <= SEEN_ELSEWHERE
