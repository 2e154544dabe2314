"""The hourly audit on a real ledger: silent about what is right, loud about what somebody wrote around the rules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from bot import accounts
from bot.audit import Audit, Pace
from telemetry import events, testing

if TYPE_CHECKING:
    from tests.integration.bot.conftest import Bank

SMALL = Pace(rows=2, rest=0.0, least_rest_seconds=0.0)
NOTED = "SELECT accounts, drift::bigint AS drift, negative FROM ledger_audit"


async def cheat(bank: Bank, *statements: str) -> None:
    """Write as somebody who has switched the rules off."""
    tables = ("ledger_account", "ledger_transaction", "ledger_entry", "ledger_hold")
    for table in tables:
        await bank.pool.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    for statement in statements:
        await bank.pool.execute(statement)
    for table in tables:
        await bank.pool.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


@pytest.fixture
async def books(bank: Bank) -> Bank:
    """Five users with a hold each."""
    async with bank.transaction() as connection:
        for user in range(1, 6):
            await accounts.ensure(connection, user, "en", 20_000)
            await accounts.hold(connection, user, 800, user, seconds=60)
    return bank


async def look(bank: Bank) -> tuple[int, int, int]:
    """Look at everything and return what was noted."""
    await Audit(bank, SMALL).look(0)
    async with bank.reading() as connection:
        row = await connection.fetchrow(NOTED)
    return row["accounts"], row["drift"], row["negative"]


async def test_right_books_are_found_right_in_small_steps(books: Bank) -> None:
    """All ten accounts and all ten transactions, two at a time."""
    with testing.record() as recorded:
        assert await look(books) == (10, 0, 0)
    (audited,) = recorded.all(events.LedgerAudited)
    assert (audited.accounts, audited.transactions) == (10, 10)


@pytest.mark.parametrize(
    ("statement", "drift", "negative"),
    [
        ("UPDATE ledger_account SET balance = balance + 700 WHERE user_id = 5 AND name = 'available'", 700, 0),
        ("UPDATE ledger_entry SET amount = amount + 1 WHERE id = (SELECT max(id) FROM ledger_entry)", 2, 0),
        (
            "DELETE FROM ledger_entry WHERE account_id = (SELECT id FROM ledger_account WHERE name = 'promotion')",
            100_005,
            0,
        ),
        ("UPDATE ledger_hold SET amount = 900 WHERE user_id = 3", 100, 0),
        (
            """ALTER TABLE ledger_account DROP CONSTRAINT ledger_account_never_below_zero;
               UPDATE ledger_account SET balance = -1 WHERE user_id = 2 AND name = 'available'""",
            19_201,
            1,
        ),
    ],
)
async def test_what_was_written_around_the_rules_is_found(
    books: Bank, statement: str, drift: int, negative: int
) -> None:
    """A balance, an entry, a side of many transactions, a hold, a debt: noted to the milli-credit, and told loudly."""
    await cheat(books, statement)
    with testing.record() as recorded:
        assert await look(books) == (10, drift, negative)
    assert len(recorded.all(events.LedgerDrifted)) == 1


async def test_it_looks_at_once_and_then_an_hour_later_whatever_term_it_is(
    books: Bank, eventually: Callable[..., Awaitable[Any]]
) -> None:
    """A new term goes on counting the hour of the one before; what was found right is not looked at again."""
    with testing.record() as recorded:

        async def serve_until(looks: int) -> None:
            async with anyio.create_task_group() as group:
                await group.start(_served, Audit(books, SMALL))
                await eventually(lambda: len(recorded.all(events.LedgerAudited)) == looks)
                await eventually(lambda: books.value("SELECT count(*) > 0 FROM ledger_audit"))
                group.cancel_scope.cancel()

        await serve_until(1)
        await books.begin()
        await serve_until(1)
        await books.write("UPDATE ledger_audit SET ended_at = ended_at - interval '1 hour'")
        await serve_until(2)
    assert [event.transactions for event in recorded.all(events.LedgerAudited)] == [10, 0]


async def test_a_transaction_that_is_committed_later_than_a_higher_one_is_looked_at(books: Bank) -> None:
    """While it is on its way nothing after it counts as looked at; then each is looked at once."""
    with testing.record() as recorded:
        async with books.transaction() as slow:
            await accounts.grant(slow, 1, 100, "slow")
            async with books.transaction() as quick:
                await accounts.grant(quick, 2, 100, "quick")
            await Audit(books, replace(SMALL, patience_seconds=1)).look(0)
        await Audit(books, SMALL).look(await books.value("SELECT checked_to FROM ledger_audit"))
    assert sum(event.transactions for event in recorded.all(events.LedgerAudited)) == 12


async def _served(audit: Audit, *, task_status: anyio.abc.TaskStatus[None]) -> None:
    await audit.serve(task_status=task_status)
