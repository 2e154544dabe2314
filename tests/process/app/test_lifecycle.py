"""Whole instances: a stop under traffic loses nothing, a second instance takes over, a lost database comes back."""

from __future__ import annotations

import anyio
import asyncpg
import httpx
import pytest

from tests.process.app.conftest import Launch
from tests.process.app.fleet import Instance, Sandbox, free_port, until, until_async

CHATS = range(2001, 2031)


async def test_sigterm_under_traffic_loses_nothing_and_releases_the_lease_before_it_ends(
    sandbox: Sandbox, launch: Launch, database_url: str
) -> None:
    """Thirty chats write while the instance is told to stop; its successor answers whoever is left, each once."""
    sandbox.set_faults(telegram_backoff="0.05")
    first = launch()
    first.wait_role("ACTIVE")
    for chat in CHATS:
        sandbox.write("/balance", chat)
        if chat == CHATS[10]:
            first.signal_term()
    assert first.wait() == 0
    connection = await asyncpg.connect(database_url)
    try:
        assert await connection.fetchval("SELECT state FROM lock_heartbeat") == "free"
        kinds = [row["kind"] for row in await connection.fetch("SELECT kind FROM lock_events ORDER BY id")]
        assert kinds == ["first", "release"]
        assert await connection.fetchval("SELECT count(*) FROM inbox WHERE state = 'claimed'") == 0
        second = launch("two", PORT=str(first.port))
        second.wait_role("ACTIVE", seconds=10)

        async def answered() -> bool:
            return all(sandbox.messages(chat) for chat in CHATS)

        await until_async(answered, f"every chat has an answer:\n{second.output()[-3000:]}")
        assert {chat: len(sandbox.messages(chat)) for chat in CHATS} == dict.fromkeys(CHATS, 1), first.output()[-9000:]
        assert await connection.fetchval("SELECT count(*) FROM inbox WHERE state = 'done'") == len(CHATS)
        assert await connection.fetchval("SELECT sum(attempts) FROM inbox") == len(CHATS)
    finally:
        await connection.close(timeout=5)


def test_of_two_instances_one_works_and_the_other_takes_over_at_once(sandbox: Sandbox, launch: Launch) -> None:
    """Both accept; stopping the ACTIVE makes the other ACTIVE without waiting for a lease, and the chat goes on."""
    sandbox.set_faults(telegram_backoff="0.05", provider_latency="0.3")
    first = launch("one")
    first.wait_role("ACTIVE")
    second = launch("two")
    second.wait_role("PASSIVE")
    assert first.role() == "ACTIVE"
    for instance in (first, second):
        assert probe(instance, "/readyz") == 200, "readiness does not depend on the role"
        assert probe(instance, "/livez") == 200
    assert (probe(first, "/activez"), probe(second, "/activez")) == (200, 503)

    sandbox.write("a lighthouse at dusk")
    sandbox.wait_for("the quote", lambda message: "Generate" in message["buttons"])
    first.signal_term()
    assert first.wait() == 0
    second.wait_role("ACTIVE", seconds=5)
    sandbox.press("Generate")
    until(sandbox.pictures, f"the picture from the second instance:\n{second.output()[-3000:]}")
    assert len(sandbox.pictures()) == 1


async def test_a_lost_database_makes_it_passive_and_it_comes_back_by_itself(
    sandbox: Sandbox, launch: Launch, database_url: str, server: object
) -> None:
    """Every session is cut and new ones are refused for longer than a term lasts; then it works again."""
    name = database_url.rpartition("/")[2].partition("?")[0]
    instance = launch()
    instance.wait_role("ACTIVE")
    admin = await asyncpg.connect(server.admin_url)  # type: ignore[attr-defined] # the conftest's Server
    try:
        await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        until(lambda: instance.role() == "PASSIVE", "it stops being ACTIVE")
        assert probe(instance, "/livez") == 200
        assert probe(instance, "/readyz") == 503
        until(lambda: measured(instance, "supervisor_ready", "supervisor_database_up") == [0, 0], "the metrics say so")
        assert instance.process.poll() is None, "an outage is no reason to end"
        await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        instance.wait_role("ACTIVE")
        sandbox.write("/balance")
        sandbox.wait_for("an answer", lambda message: "credits" in message["text"])
        until(lambda: measured(instance, "supervisor_ready", "supervisor_database_up") == [1, 1], "and say so again")
    finally:
        await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await admin.close(timeout=5)


def test_polling_mode_brings_the_same_picture(sandbox: Sandbox, launch: Launch) -> None:
    """Without a public address the ACTIVE fetches the updates itself."""
    sandbox.set_faults(provider_latency="0.3")
    instance = launch(BOT_MODE="polling")
    instance.wait_role("ACTIVE")
    sandbox.write("a red fox in snow")
    sandbox.wait_for("the quote", lambda message: "Generate" in message["buttons"])
    sandbox.press("Generate")
    until(sandbox.pictures, "the picture")
    assert len(sandbox.pictures()) == 1
    instance.signal_term()
    assert instance.wait() == 0


def test_a_provider_that_is_down_costs_nothing_and_says_so(sandbox: Sandbox, launch: Launch) -> None:
    """The chat hears that nothing was charged, and the credits are back."""
    sandbox.set_faults(provider_fail="501", provider_latency="0.2")
    launch().wait_role("ACTIVE")
    sandbox.write("something the provider will not draw")
    sandbox.wait_for("the quote", lambda message: "Generate" in message["buttons"])
    sandbox.press("Generate")
    sandbox.wait_for("the refusal", lambda message: "othing was charged" in message["text"])
    sandbox.write("/balance")
    sandbox.wait_for("the balance", lambda message: "20" in message["text"])
    assert sandbox.pictures() == []


@pytest.mark.parametrize(
    ("environment", "code", "says"),
    [
        ({"PORT": "eighty", "DB_MAXCONN": "1"}, 78, ("PORT", "DB_MAXCONN", "Try: ")),
        ({"PORT": "eighty", "WELCOME_CREDITS": "many"}, 78, ("PORT", "WELCOME_CREDITS", "2 settings")),
        ({"OPS_HOST": "203.0.113.1"}, 69, ("Could not listen on 203.0.113.1", "Try: set OPS_HOST")),
        ({"SHUTDOWN_GRACE": "5"}, 78, ("SHUTDOWN_GRACE",)),
        ({"LOCK_STALE_HEARTBEAT_SECONDS": "1"}, 78, ("LOCK_STALE_HEARTBEAT_SECONDS",)),
    ],
)
def test_wrong_settings_end_with_one_message_and_their_exit_code(
    launch: Launch, environment: dict[str, str], code: int, says: tuple[str, ...]
) -> None:
    """No traceback, every problem, a hint."""
    instance = launch(**environment)
    assert instance.wait() == code
    output = instance.output()
    assert "Traceback" not in output
    for text in says:
        assert text in output


def test_a_taken_port_ends_with_69(launch: Launch, sandbox: Sandbox) -> None:
    """The message names the port and the setting to change."""
    instance = launch(PORT=str(sandbox.port))
    assert instance.wait() == 69
    assert f"{sandbox.port}: another program listens there" in instance.output()
    assert "Try: set PORT" in instance.output()
    assert "Traceback" not in instance.output()


def test_a_database_of_another_bot_ends_with_78(launch: Launch, database_url: str) -> None:
    """Two bots on one database would take each other's updates."""

    async def mark() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute("INSERT INTO generated_setting (name, value) VALUES ('bot_id', '42')")
        await connection.close(timeout=5)

    anyio.run(mark)
    instance = launch()
    assert instance.wait() == 78
    assert "belongs to bot 42" in instance.output()
    assert "Traceback" not in instance.output()


@pytest.mark.timeout(120)
def test_an_unreachable_database_is_waited_for_a_minute_with_the_port_open_then_ends_with_69(launch: Launch) -> None:
    """The platform sees a live process that is not ready; the message names the place and never the password."""
    url = f"postgresql://vigil:hunter2@127.0.0.1:{free_port()}/nowhere"
    instance = launch(DATABASE_URL=url)
    until(lambda: instance.status() is not None, "the port is open before the database is there")
    assert probe(instance, "/livez") == 200
    assert probe(instance, "/health") == 200
    assert probe(instance, "/readyz") == 503
    webhook = httpx.post(f"http://127.0.0.1:{instance.port}/webhook/any", content=b"{}", timeout=5)
    assert webhook.status_code == 503
    assert int(webhook.headers["Retry-After"]) > 0
    assert instance.wait(90) == 69
    assert "127.0.0.1" in instance.output()
    assert "hunter2" not in instance.output()
    assert "Traceback" not in instance.output()


def test_a_second_ctrl_c_hurries(sandbox: Sandbox, launch: Launch) -> None:
    """A drain that waits for a slow call is cut short by the second signal."""
    instance = launch(SHUTDOWN_GRACE="60")
    instance.wait_role("ACTIVE")
    sandbox.set_faults(telegram_latency="30")
    sandbox.write("/balance")
    until(lambda: "inbox.settled" in instance.output(), "the handler has run, its answer is being sent")
    instance.signal_term()
    until(lambda: "lifecycle.shutdown_requested" in instance.output(), "the drain has begun")
    instance.signal_term()
    assert instance.wait(6) == 0


async def test_a_second_signal_interrupts_a_running_handler_and_hands_its_row_back(
    sandbox: Sandbox, launch: Launch, database_url: str
) -> None:
    """A handler that waits in the database is rolled back; nothing stays claimed, and the lease is free."""
    instance = launch(SHUTDOWN_GRACE="60")
    instance.wait_role("ACTIVE")
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE")
            sandbox.write("/balance")

            async def waits() -> bool:
                return bool(await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

            await until_async(waits, "the handler waits for the table")
            instance.signal_term()
            until(lambda: "lifecycle.draining" in instance.output(), "the drain has begun")
            instance.signal_term()
            assert instance.wait(6) == 0, instance.output()[-3000:]
        assert await connection.fetchval("SELECT state FROM lock_heartbeat") == "free"
        assert await connection.fetchval("SELECT array_agg(state) FROM inbox") == ["ready"]
        assert await connection.fetchval("SELECT max(attempts) FROM inbox") == 0
    finally:
        await connection.close(timeout=5)


def probe(instance: Instance, path: str) -> int:
    return httpx.get(f"http://127.0.0.1:{instance.port}{path}", timeout=5).status_code


def measured(instance: Instance, *names: str) -> list[float]:
    text = httpx.get(f"http://127.0.0.1:{instance.ops_port}/metrics", timeout=5).text
    found = dict(line.split("{")[0:1] + line.split()[-1:] for line in text.splitlines() if not line.startswith("#"))
    return [float(found[name]) for name in names]
