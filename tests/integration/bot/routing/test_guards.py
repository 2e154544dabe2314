"""What the database refuses wrong code: an order goes to another model in one way only, and for no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import asyncpg
import pytest

from bot import accounts, numbers
from bot.catalogue import load
from bot.generation import callback, rerouting, store
from bot.routing import Route
from bot.sandbox.testing import until
from tests.integration.bot.conftest import LOCK_KEY

if TYPE_CHECKING:
    from tests.integration.bot.conftest import Bank

GIVE = "UPDATE generation SET state = 'held', model_id = 'other', price = 500"
CALLED_BACK = b'{"data": {"taskId": "t"}}'
TRIED = "UPDATE generation_route SET tried = '{m}', quoted = 800"


@pytest.fixture
async def submitting(bank: Bank) -> int:
    """An order without an answer, for a model that nobody chose."""
    async with bank.transaction() as connection:
        await accounts.ensure(connection, 5, "en", 20_000)
        generation_id = await store.quote(
            connection, user_id=5, chat_id=5, model_id="m", inputs={"prompt": "fox"}, price=800, traceparent=None
        )
        await numbers.note_route(connection, generation_id, "m", "words cheapest")
        hold_id = await accounts.hold(connection, 5, 800, generation_id, seconds=60)
        await connection.execute("UPDATE generation SET state = 'held', hold_id = $1", hold_id)
        await connection.execute("UPDATE generation SET state = 'submitting'")
    return generation_id


async def test_an_order_may_go_to_another_model_for_less(bank: Bank, submitting: int) -> None:
    """What was quoted is still held, the rest goes back with the charge."""
    async with bank.transaction() as connection:
        await connection.execute(TRIED)
        await connection.execute(GIVE)
    async with bank.transaction() as connection:
        for state in ("submitting", "submitted", "succeeded", "delivered"):
            await connection.execute("UPDATE generation SET state = $1, task_id = 't'", state)
        await accounts.charge(connection, await connection.fetchval("SELECT hold_id FROM generation"), submitting, 500)
        await connection.execute("UPDATE generation SET state = 'charged', settled_at = now()")
    async with bank.reading() as connection:
        assert (await accounts.balance(connection, 5)).available == 19_500


WRONG = {
    "a model that somebody chose": ["DELETE FROM generation_route", GIVE],
    "a model that somebody chose, for as much": ["DELETE FROM generation_route", GIVE.replace("500", "800")],
    "a model that was not tried": [GIVE],
    "a model that was not tried, for as much": [GIVE.replace("500", "800")],
    "a higher price": [TRIED, GIVE.replace("500", "801")],
    "nothing to pay": [TRIED, GIVE.replace("500", "0")],
    "another step": [TRIED, GIVE.replace("'held'", "'failed'")],
    "no step": [TRIED, GIVE.replace("'held'", "'submitting'")],
    "another user": [TRIED, GIVE + ", user_id = 6"],
    "a task that was made": [TRIED, "UPDATE generation SET task_id = 't'", GIVE],
    "another hold than was quoted": [TRIED.replace("800", "600"), GIVE],
}


@pytest.mark.usefixtures("submitting")
@pytest.mark.parametrize("statements", WRONG.values(), ids=WRONG.keys())
async def test_no_other_way_leads_there(bank: Bank, statements: list[str]) -> None:
    """Whatever the program believes."""
    with pytest.raises(asyncpg.PostgresError) as refused:
        await _run(bank, statements)
    assert refused.value.sqlstate == "VG003"


async def _run(bank: Bank, statements: list[str]) -> None:
    async with bank.transaction() as connection:
        for statement in statements:
            await connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO model_hour (model_id, hour) VALUES ('m', now())",
        "INSERT INTO model_route (requested, model_id, reason) VALUES ('words', 'm', 'cheapest')",
        "INSERT INTO provider_balance (provider) VALUES ('kie')",
        "DELETE FROM generation_route",
    ],
)
@pytest.mark.usefixtures("submitting")
async def test_numbers_are_written_by_the_current_term_only(bank: Bank, statement: str) -> None:
    """Behind the fence like everything the bot writes."""
    async with bank.reading() as connection:
        with pytest.raises(asyncpg.PostgresError, match="unfenced"):
            await connection.execute(statement)


async def test_an_order_whose_task_a_callback_names_meanwhile_is_not_given_away(bank: Bank, submitting: int) -> None:
    """The callback comes first by a moment: nobody is told of another model, and none counts as tried."""
    model = load().models["z-image"]
    found = Route(model, {"prompt": "fox"}, 500, "words", "fallback")
    given: list[bool] = []
    async with bank.reading() as connection:
        row = await store.get(connection, submitting)
        body = callback.arrival(await connection.fetchval("SELECT callback_token FROM generation"), CALLED_BACK).body
    assert row is not None

    async def give() -> None:
        async with bank.transaction() as connection:
            given.append(await rerouting._give(connection, row, found))

    async def waits() -> bool:
        query = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = 'transactionid')"
        return bool(await bank.value(query))

    async with anyio.create_task_group() as group, bank.reading() as connection, connection.transaction():
        await connection.execute("SELECT lock_fence($1, $2)", LOCK_KEY, bank.term.epoch)
        assert await callback.take(connection, body, load())
        group.start_soon(give)
        await until(waits, "the order is about to be given away")
    assert given == [False]
    assert await bank.value("SELECT state FROM generation") == "submitted"
    assert await bank.value("SELECT tried = '{}' AND reason = 'cheapest' FROM generation_route")
