"""The database's table of steps is the program's, and it refuses wrong code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import asyncpg
import pytest

from bot import accounts
from bot.catalogue import Model, load
from bot.generation import cadence, callback, store
from bot.generation.states import State, may_go
from bot.generation.store import Move

if TYPE_CHECKING:
    from tests.integration.bot.conftest import Bank

CATALOGUE = load()
VIDEO = next(model for model in CATALOGUE if model.slo == "video")
STATES: tuple[State, ...] = get_args(State)
HELD = "UPDATE generation SET state = 'held', hold_id = (SELECT id FROM ledger_hold)"


async def test_the_database_allows_exactly_the_steps_of_the_program(bank: Bank) -> None:
    """One table, written twice, compared for every pair."""
    async with bank.reading() as connection:
        for state in STATES:
            for to in STATES:
                allowed = await connection.fetchval("SELECT generation_may_go($1, $2)", state, to)
                assert allowed is may_go(state, to), (state, to)


async def _quote(connection: Any, model_id: str = "z-image") -> int:
    inputs = {"prompt": "fox"}
    return await store.quote(
        connection, user_id=5, chat_id=5, model_id=model_id, inputs=inputs, price=800, traceparent=None
    )


@pytest.fixture
async def held(bank: Bank) -> int:
    """A generation whose credits are held."""
    async with bank.transaction() as connection:
        await accounts.ensure(connection, 5, "en", 20_000)
        generation_id = await _quote(connection)
        await accounts.hold(connection, 5, 800, generation_id, seconds=60)
        await connection.execute(HELD)
    return generation_id


async def _walk(bank: Bank, *states: str) -> None:
    async with bank.transaction() as connection:
        for state in states:
            await connection.execute("UPDATE generation SET state = $1, task_id = 't'", state)


WRONG = {
    "a step that is none": "UPDATE generation SET state = 'charged', settled_at = now(), task_id = 't'",
    "a generation that begins in the middle": """
        INSERT INTO generation (user_id, chat_id, lane, model_id, inputs, price, state)
        VALUES (5, 5, 'chat:5', 'z-image', '{}', 0, 'held')""",
    "another price after the confirmation": "UPDATE generation SET price = 700",
    "another payer": "UPDATE generation SET user_id = 6",
    "another model": "UPDATE generation SET model_id = 'dear'",
    "another hold": "UPDATE generation SET hold_id = NULL",
    "a settled state without its time": "UPDATE generation SET state = 'failed'; UPDATE generation SET state = 'released'",
    "a task without an id": "UPDATE generation SET state = 'submitting'; UPDATE generation SET state = 'submitted'",
}


@pytest.mark.parametrize("statement", WRONG.values(), ids=WRONG.keys())
async def test_the_database_refuses_wrong_code(bank: Bank, held: int, statement: str) -> None:
    """Only these steps, and what was confirmed stays."""
    async with bank.transaction() as connection:
        await accounts.ensure(connection, 6, "en", 20_000)
    with pytest.raises(asyncpg.PostgresError) as refused:
        async with bank.transaction() as connection:
            await connection.execute(statement)
    assert refused.value.sqlstate in {"VG003", "23514"}, refused.value


async def test_a_task_s_id_is_never_replaced(bank: Bank, held: int) -> None:
    """One generation, one task."""
    await _walk(bank, "submitting", "submitted")
    with pytest.raises(asyncpg.PostgresError, match="has task t already"):
        async with bank.transaction() as connection:
            await connection.execute("UPDATE generation SET task_id = 'other'")


@pytest.mark.parametrize(
    ("steps", "statement"),
    [
        ((), "charge"),
        (("submitting", "submitted", "succeeded"), "charge"),
        (("submitting", "submitted", "succeeded", "delivered"), "release"),
        (("submitting", "submitted", "succeeded", "delivered"), "charged without money"),
        (("failed",), "released without money"),
        (("failed",), "charge"),
    ],
)
async def test_money_and_work_end_together_or_not_at_all(
    bank: Bank, held: int, steps: tuple[str, ...], statement: str
) -> None:
    """M3 and M4 in the database: a hold is charged exactly with a delivered generation, released exactly with a failed."""
    await _walk(bank, *steps)

    async def act(connection: Any) -> None:
        hold_id = await connection.fetchval("SELECT hold_id FROM generation")
        if statement == "charge":
            await accounts.charge(connection, hold_id, held)
        elif statement == "release":
            await accounts.release(connection, hold_id, held)
        else:
            state = statement.partition(" ")[0]
            await connection.execute("UPDATE generation SET state = $1, settled_at = now()", state)

    with pytest.raises(asyncpg.PostgresError, match="its hold"):
        async with bank.transaction() as connection:
            await act(connection)


async def test_a_hold_of_another_amount_is_refused(bank: Bank) -> None:
    """M7: what was quoted is what is held."""
    async with bank.transaction() as connection:
        await accounts.ensure(connection, 5, "en", 20_000)
        await _quote(connection)

    async def hold(connection: Any) -> None:
        await accounts.hold(connection, 5, 900, 1, seconds=60)
        await connection.execute(HELD)

    with pytest.raises(asyncpg.PostgresError, match="of 900"):
        async with bank.transaction() as connection:
            await hold(connection)


async def test_a_move_decided_in_another_state_does_nothing(bank: Bank, held: int) -> None:
    """Two who decide at once: one moves, the other is told; an impossible move is an error of ours."""
    async with bank.transaction() as connection:
        seen = await store.get(connection, held)
        assert seen is not None
        assert await store.move(connection, seen, Move("submitting", wait=None))
        assert not await store.move(connection, seen, Move("submitting", wait=None))
        with pytest.raises(ValueError, match="held to charged"):
            await store.move(connection, seen, Move("charged"))


@pytest.mark.parametrize("model", [CATALOGUE.models["z-image"], VIDEO, None], ids=["a picture", "a video", "withdrawn"])
async def test_a_callback_before_the_answer_leaves_the_task_its_whole_time(bank: Bank, model: Model | None) -> None:
    """Whoever tells of the task first, the deadline is that of its model."""
    async with bank.transaction() as connection:
        await accounts.ensure(connection, 5, "en", 20_000)
        made = await _quote(connection, model.id if model else "withdrawn")
        await accounts.hold(connection, 5, 800, made, seconds=60)
        await connection.execute(HELD)
        await connection.execute("UPDATE generation SET state = 'submitting', deadline_at = now() + interval '1 min'")
        token = await connection.fetchval("SELECT callback_token FROM generation")
        told = callback.arrival(token, b'{"data": {"taskId": "t"}}').body
        assert await callback.take(connection, told, CATALOGUE)
        left = "SELECT state || ' ' || extract(epoch FROM deadline_at - now())::integer FROM generation"
        seconds = cadence.PROVIDER_SECONDS[model.slo if model else "image"]
        assert await connection.fetchval(left) == f"submitted {seconds:.0f}"
