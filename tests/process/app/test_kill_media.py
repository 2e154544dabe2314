"""kill -9 around users' files, albums and late results: the rows alone say how it goes on.

As in test_kill, a trigger of the test holds the step's own transaction open until the process is dead. The orders are
written as the chat writes them, behind the fence of the term that is ACTIVE.
"""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
import pytest
from PIL import Image

from bot import accounts, pricing
from bot.catalogue import File, check, load
from bot.effects import Effects
from bot.generation import cadence, store
from bot.sandbox import identity
from bot.sql import sql
from tests.process.app.conftest import Launch
from tests.process.app.fleet import USER, Sandbox, until_async
from tests.process.app.test_kill import Gate, Step, connected

CATALOGUE = load()
GIFT = 1_000_000
SUM = "SELECT sum(amount) FROM ledger_entry"
OVERDUE = "UPDATE generation SET deadline_at = now(), next_step_at = now() WHERE state = 'submitted'"
LATE_DUE = "UPDATE generation_late SET next_look_at = now() WHERE state = 'awaited'"
UPLOADED = Step("a file is uploaded and not noted", "generation", "NEW.missing < OLD.missing", pressed=True)
ALBUM = Step(
    "an album is sent and not noted", "outbox", "NEW.state = 'sent' AND NEW.method = 'sendMediaGroup'", pressed=True
)
FOUND = Step("a late result is found and not noted", "generation_late", "NEW.state = 'sent'", pressed=True)
GIVEN = Step("a late result is sent and not noted", "generation_late", "NEW.state = 'delivered'", pressed=True)


@asynccontextmanager
async def fenced(connection: asyncpg.Connection) -> AsyncIterator[Any]:
    """Write as the term that is ACTIVE."""
    async with connection.transaction():
        row = await connection.fetchrow("SELECT lock_key, epoch, timeline FROM lock_heartbeat")
        await connection.execute("SELECT lock_fence($1, $2, $3)", *row)
        yield connection


async def order(connection: asyncpg.Connection, model_id: str, **inputs: Any) -> None:
    """Have a generation quoted and confirmed."""
    model = CATALOGUE.models[model_id]
    checked = check(model, inputs)
    price = pricing.price(model, checked)
    async with fenced(connection) as writing:
        made = await store.quote(
            writing, user_id=USER, chat_id=USER, model_id=model_id, inputs=checked, price=price, traceparent=None
        )
        status = await Effects(writing).send_text(USER, "A quote", generation_id=made)
        await writing.execute(sql("generation_announce"), made, status)
        hold = await accounts.hold(writing, USER, price, made, seconds=cadence.hold_seconds(model.slo))
        await writing.execute(sql("generation_confirm"), made, hold, cadence.QUEUE_SECONDS)


async def greeted(sandbox: Sandbox, connection: asyncpg.Connection) -> None:
    """Have a user who can afford everything."""
    sandbox.write("/start")

    async def is_known() -> bool:
        return bool(await connection.fetchval("SELECT count(*) FROM users WHERE id = $1", USER))

    await until_async(is_known, "the user is known")
    async with fenced(connection) as writing:
        await accounts.grant(writing, USER, GIFT, "test")


def attach(sandbox: Sandbox, color: str) -> File:
    """Send a picture as a user; return it as Telegram names it."""
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), color).save(buffer, "PNG")
    answer = httpx.post(
        sandbox.url(f"/sandbox/chats/{USER}/files"),
        files=[("file", (f"{color}.png", buffer.getvalue(), "image/png"))],
        data={"kind": "document"},
        headers={"X-Sandbox": "test"},
        timeout=10,
    )
    told = answer.raise_for_status().json()["messages"][0]["message"]["document"]
    return File(told["file_id"], "image", size=told["file_size"], mime="image/png")


async def settled(connection: asyncpg.Connection, end: str) -> bool:
    states = [row["state"] for row in await connection.fetch("SELECT state FROM generation")]
    waiting = await connection.fetchval("SELECT count(*) FROM outbox WHERE state IN ('ready', 'sending')")
    return states == [end] and not waiting


@pytest.mark.timeout(120)
@pytest.mark.parametrize("step", [UPLOADED, ALBUM], ids=lambda step: step.name.replace(" ", "-"))
async def test_killed_around_files_it_still_charges_once_and_tells_the_token_to_nobody(
    step: Step, sandbox: Sandbox, launch: Launch, database_url: str
) -> None:
    """One task, one charge, the album once or (sent, not noted) twice; no file is left, no token in any log."""
    sandbox.set_faults(provider_latency="0.3")
    first = launch()
    first.wait_role("ACTIVE")
    async with connected(database_url) as connection:
        await greeted(sandbox, connection)
        gate = Gate(connection, step)
        files = tuple(attach(sandbox, color) for color in ("red", "blue"))
        await gate.close()
        if step is ALBUM:
            await order(connection, "openai/4o-image", prompt="a fox", nVariants="2")
        else:
            await order(connection, "google/nano-banana-edit", prompt="swap", image_urls=files)
        await until_async(gate.waiting, f"the program stands where {step.name}")
        first.kill()
        await gate.open()
        second = launch("two", PORT=str(first.port))
        second.wait_role("ACTIVE")
        await until_async(lambda: settled(connection, "charged"), f"it is charged:\n{second.output()[-3000:]}")
        assert await connection.fetchval("SELECT count(*) FROM ledger_transaction WHERE kind = 'charge'") == 1
        assert await connection.fetchval(SUM) == 0
        assert await connection.fetchval("SELECT uploads IS NULL AND missing = 0 FROM generation")
    assert len(sandbox.tasks()) == 1
    assert len(sandbox.pictures()) in ({2, 4} if step is ALBUM else {1})
    second.signal_term()
    assert second.wait() == 0
    assert identity.TOKEN not in first.output() + second.output()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("step", [FOUND, GIVEN], ids=lambda step: step.name.replace(" ", "-"))
async def test_killed_around_a_late_result_it_is_still_given_away(
    step: Step, sandbox: Sandbox, launch: Launch, database_url: str
) -> None:
    """M8: the credits went back before; whatever dies now, the picture comes and nothing is charged."""
    sandbox.set_faults(provider_latency="0.3", provider_stuck="on", provider_no_callback="on")
    first = launch()
    first.wait_role("ACTIVE")
    async with connected(database_url) as connection:
        await greeted(sandbox, connection)
        await order(connection, "z-image", prompt="a fox", aspect_ratio="1:1")

        async def is_there(query: str) -> bool:
            return bool(await connection.fetchval(query))

        await until_async(lambda: is_there("SELECT state = 'submitted' FROM generation"), "it is submitted")
        async with fenced(connection) as writing:
            await writing.execute(OVERDUE)
        await until_async(lambda: is_there("SELECT count(*) > 0 FROM generation_late"), "its credits went back")
        gate = Gate(connection, step)
        await gate.close()
        sandbox.set_faults(provider_stuck="off")
        async with fenced(connection) as writing:
            await writing.execute(LATE_DUE)
        await until_async(gate.waiting, f"the program stands where {step.name}")
        first.kill()
        await gate.open()
        second = launch("two", PORT=str(first.port))
        second.wait_role("ACTIVE")
        given = "SELECT state = 'delivered' FROM generation_late"
        await until_async(lambda: is_there(given), f"it is given away:\n{second.output()[-3000:]}")
        assert await settled(connection, "released")
        assert await connection.fetchval("SELECT count(*) FROM ledger_transaction WHERE kind = 'charge'") == 0
        assert await connection.fetchval(SUM) == 0
    assert len(sandbox.pictures()) in ({1, 2} if step is GIVEN else {1})
    second.signal_term()
    assert second.wait() == 0
