"""The queue's alerts, end to end: a real instance whose queue stalls, or whose update nobody can handle, and who is told."""

from __future__ import annotations

import json

import asyncpg
import pytest

from tests.process.app.conftest import Launch
from tests.process.app.fleet import USER, Sandbox, until
from tests.process.observability.conftest import Watch

UPDATE = """
INSERT INTO inbox (source, dedupe_key, lane, body, received_at)
VALUES ('telegram', $1, $2, $3, now() - $4::text::interval)
"""
POISON = {"update_id": 900_000_001, "message": {"message_id": 1, "date": "yesterday", "chat": "nobody"}}
"""It has the number of an update, so it is taken in; no handler can read it."""
pytestmark = [
    pytest.mark.needs("prometheus"),
    pytest.mark.needs("prometheus-alertmanager"),
    pytest.mark.timeout(180),
]


@pytest.fixture
def waits() -> dict[str, str]:
    """Three minutes of a real stall would be three minutes of a test."""
    return {"QueueStalled": "6s"}


async def arrive(database_url: str, update: object, ago: str = "0") -> None:
    """Let an update be in the inbox, accepted that long ago."""
    number = str(update["update_id"]) if isinstance(update, dict) else "none"
    connection = await asyncpg.connect(database_url, timeout=10, command_timeout=10)
    try:
        await connection.execute(UPDATE, number, f"chat:{USER}", json.dumps(update).encode(), ago)
    finally:
        await connection.close(timeout=5)


async def test_an_update_that_nobody_can_handle_is_told_to_someone(
    watch: Watch, launch: Launch, sandbox: Sandbox, database_url: str
) -> None:
    """It becomes a dead letter, its chat goes on, and the page says how many and where to read on."""
    instance = launch("one")
    instance.wait_role("ACTIVE")
    watch.scrape(instance)
    watch.wait_evaluations(2)
    assert watch.receiver.alerts() == []
    await arrive(database_url, POISON)
    _, alert = until(lambda: watch.receiver.first("DeadLetters"), lambda: f"the alert; came: {watch.receiver.alerts()}")
    assert alert["labels"]["severity"] == "warning"
    assert alert["annotations"]["summary"] == "1 updates were given up within an hour"
    assert alert["annotations"]["runbook_url"] == "runbooks.md#deadletters"
    sandbox.write("/start")
    sandbox.wait_for("the chat goes on", lambda message: bool(message["text"]))
    assert watch.value('max(bot_inbox_dead_letters_window{window="1h"})') == 1
    assert watch.receiver.alerts() == ["DeadLetters"]


async def test_updates_that_wait_page_someone_and_the_page_ends_with_the_wait(
    watch: Watch, launch: Launch, sandbox: Sandbox, database_url: str
) -> None:
    """Telegram does not answer when a term begins: the instance leads, accepts, and can answer nobody."""
    sandbox.set_faults(telegram_latency="60")
    instance = launch("one")
    until(lambda: instance.role() == "ACTIVE", f"ACTIVE: {instance.output()[-2000:]}")
    watch.scrape(instance)
    watch.wait_evaluations(2)
    assert watch.receiver.alerts() == []
    hello = {"update_id": 900_000_002, "message": {"message_id": 1, "date": 0, "chat": {"id": USER, "type": "private"}}}
    await arrive(database_url, hello, ago="2 minutes")
    _, alert = until(lambda: watch.receiver.first("QueueStalled"), lambda: f"the page; came: {watch.receiver.alerts()}")
    assert alert["labels"]["severity"] == "critical"
    assert alert["annotations"]["summary"].startswith("An update has been waiting for 2m")
    sandbox.set_faults(telegram_latency="off")
    until(lambda: watch.value('max(bot_inbox_depth{state="ready"})') == 0, "the update is handled", 60)
    until(lambda: not watch.prometheus.query('ALERTS{alertname="QueueStalled"}'), "the alert has ended")
