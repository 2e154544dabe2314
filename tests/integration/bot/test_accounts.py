"""Credits on a real PostgreSQL: exact under concurrency, replays and wrong code."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import anyio
import asyncpg
import pytest

from bot import accounts, ledger
from bot.accounts import AccountError, Balance, HoldResolved, InsufficientCredits, KeyReused
from telemetry import events, testing

if TYPE_CHECKING:
    from tests.integration.bot.conftest import Bank

USER = 5


@pytest.fixture
async def user(bank: Bank) -> int:
    """A user with the welcome gift of 20 credits."""
    async with bank.transaction() as connection:
        await accounts.ensure(connection, USER, "en", 20_000)
    return USER


async def _balance(bank: Bank, user_id: int = USER) -> Balance:
    async with bank.reading() as connection:
        return await accounts.balance(connection, user_id)


async def _hold(bank: Bank, amount: int, reference: object) -> int:
    async with bank.transaction() as connection:
        return await accounts.hold(connection, USER, amount, reference, seconds=60)


async def test_the_welcome_gift_is_given_once(bank: Bank) -> None:
    """First contact brings accounts and the gift; later ones, with another gift configured, change nothing."""
    async with bank.transaction() as connection:
        assert await accounts.ensure(connection, USER, "ru", 20_000) == accounts.User(USER, "ru", is_new=True)
    async with bank.transaction() as connection:
        assert await accounts.ensure(connection, USER, "en", 50_000) == accounts.User(USER, "ru", is_new=False)
    assert await _balance(bank) == Balance(20_000, 0)


async def test_thirty_two_first_contacts_at_once_make_one_user_and_one_gift(bank: Bank) -> None:
    """Whoever is first makes the user, the others find it."""
    new: list[bool] = []

    async def contact() -> None:
        async with bank.transaction() as connection:
            new.append((await accounts.ensure(connection, USER, "en", 20_000)).is_new)

    async with anyio.create_task_group() as group:
        for _ in range(32):
            group.start_soon(contact)
    assert sorted(new) == [False] * 31 + [True]
    assert await _balance(bank) == Balance(20_000, 0)


async def test_a_user_who_speaks_again_is_reachable_again(bank: Bank, user: int) -> None:
    """Blocking the bot is noted until the user comes back, and keeps the language."""
    async with bank.transaction() as connection:
        await connection.execute("UPDATE users SET unreachable_at = now()")
        assert (await accounts.ensure(connection, user, "ru", 0)).language == "en"
        assert await connection.fetchval("SELECT unreachable_at FROM users") is None


async def test_without_a_gift_accounts_begin_empty(bank: Bank) -> None:
    """WELCOME_CREDITS=0 is no transaction at all."""
    async with bank.transaction() as connection:
        await accounts.ensure(connection, USER, "en", 0)
        assert await connection.fetchval("SELECT count(*) FROM ledger_transaction") == 0


async def test_a_hold_is_charged(bank: Bank, user: int) -> None:
    """The amount goes from available over held to revenue."""
    hold = await _hold(bank, 800, 1)
    assert await _balance(bank) == Balance(19_200, 800)
    async with bank.transaction() as connection:
        await accounts.charge(connection, hold, 1)
    assert await _balance(bank) == Balance(19_200, 0)
    assert await _sums(bank) == {"promotion": -20_000, "available": 19_200, "revenue": 800, "held": 0}


async def test_a_partial_charge_gives_the_rest_back(bank: Bank, user: int) -> None:
    """What was held and not charged is the user's again."""
    hold = await _hold(bank, 800, 1)
    async with bank.transaction() as connection:
        await accounts.charge(connection, hold, 1, 300)
    assert await _balance(bank) == Balance(19_700, 0)


async def test_a_hold_is_released(bank: Bank, user: int) -> None:
    """A failure costs nothing."""
    hold = await _hold(bank, 800, 1)
    async with bank.transaction() as connection:
        await accounts.release(connection, hold, 1)
    assert await _balance(bank) == Balance(20_000, 0)


async def test_a_hold_above_the_balance_is_refused_and_the_transaction_goes_on(bank: Bank, user: int) -> None:
    """The refusal says both amounts; what else the handler writes still commits."""
    with testing.record() as recorded:
        async with bank.transaction() as connection:
            with pytest.raises(InsufficientCredits) as refused:
                await accounts.hold(connection, user, 20_001, 1, seconds=60)
            await accounts.hold(connection, user, 20_000, 2, seconds=60)
    assert (refused.value.price, refused.value.available) == (20_001, 20_000)
    assert [event.reason for event in recorded.all(events.LedgerRefused)] == ["insufficient"]
    assert await _balance(bank) == Balance(0, 20_000)


async def test_thirty_two_holds_at_once_never_overdraw(bank: Bank, user: int) -> None:
    """M2: of 32 concurrent holds of 3 credits on 20, exactly 6 are granted."""
    granted: list[int] = []

    async def spend(reference: int) -> None:
        with contextlib.suppress(InsufficientCredits):
            granted.append(await _hold(bank, 3_000, reference))

    async with anyio.create_task_group() as group:
        for reference in range(32):
            group.start_soon(spend, reference)
    assert len(granted) == 6
    assert await _balance(bank) == Balance(2_000, 18_000)


async def test_the_same_request_again_returns_the_first_result(bank: Bank, user: int) -> None:
    """M5: hold, charge and release can be repeated, also at once, and move their amount once."""
    holds = [await _hold(bank, 800, 1) for _ in range(3)]
    assert len(set(holds)) == 1

    async def charge() -> None:
        async with bank.transaction() as connection:
            await accounts.charge(connection, holds[0], 1)

    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(charge)
    assert await _hold(bank, 800, 1) == holds[0]
    other = await _hold(bank, 500, 2)
    for _ in range(2):
        async with bank.transaction() as connection:
            await accounts.release(connection, other, 2)
    assert await _balance(bank) == Balance(19_200, 0)


async def test_another_request_under_the_same_key_is_an_error(bank: Bank, user: int) -> None:
    """A key stands for one request for ever."""
    await _hold(bank, 800, 1)
    with pytest.raises(KeyReused, match="hold:1"):
        await _hold(bank, 900, 1)
    async with bank.transaction() as connection:
        await accounts.ensure(connection, 6, "en", 1_000)
    with pytest.raises(KeyReused, match="hold:1"):
        async with bank.transaction() as connection:
            await accounts.hold(connection, 6, 800, 1, seconds=60)
    assert await _balance(bank) == Balance(19_200, 800)


async def test_a_hold_is_resolved_once(bank: Bank, user: int) -> None:
    """M4: what was charged is not released, what was released is not charged, whoever comes first."""
    hold = await _hold(bank, 800, 1)
    outcomes: list[str] = []

    async def resolve(how: str) -> None:
        try:
            async with bank.transaction() as connection:
                await (accounts.charge if how == "charge" else accounts.release)(connection, hold, 1)
            outcomes.append(how)
        except HoldResolved:
            pass

    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(resolve, "charge")
            group.start_soon(resolve, "release")
    assert len(set(outcomes)) == 1
    assert await _balance(bank) == Balance(19_200 if outcomes[0] == "charge" else 20_000, 0)


async def test_unknown_holds_and_accounts_are_named(bank: Bank) -> None:
    """A mistake of ours is an error at once, not a silent nothing."""
    async with bank.transaction() as connection:
        with pytest.raises(AccountError, match="hold 99 does not exist"):
            await accounts.charge(connection, 99, 1)
    with pytest.raises(AccountError, match="1 of 2 accounts"):
        async with bank.transaction() as connection:
            await accounts.post(connection, ledger.transfer("welcome", 404, 1, 404))


WRONG_CODE = {
    "one entry alone": """
        WITH t AS (INSERT INTO ledger_transaction (kind, idempotency_key, request_hash) VALUES ('grant', 'x', '') RETURNING id)
        INSERT INTO ledger_entry (transaction_id, account_id, amount)
        SELECT t.id, a.id, 5 FROM t, ledger_account a WHERE a.user_id = 5 AND a.name = 'available'""",
    "entries that do not sum to zero": """
        WITH t AS (INSERT INTO ledger_transaction (kind, idempotency_key, request_hash) VALUES ('grant', 'x', '') RETURNING id)
        INSERT INTO ledger_entry (transaction_id, account_id, amount)
        SELECT t.id, a.id, 5 FROM t, ledger_account a WHERE a.user_id = 5 AND a.name = 'available' OR a.name = 'grant'""",
    "a transaction without entries": "INSERT INTO ledger_transaction (kind, idempotency_key, request_hash) VALUES ('grant', 'x', '')",
    "entries added to an old transaction": """
        INSERT INTO ledger_entry (transaction_id, account_id, amount)
        SELECT t.id, a.id, CASE a.name WHEN 'available' THEN 5 ELSE -5 END
          FROM ledger_transaction t, ledger_account a
         WHERE t.kind = 'welcome' AND (a.user_id = 5 AND a.name = 'available' OR a.name = 'grant')""",
    "a changed entry": "UPDATE ledger_entry SET amount = amount * 2",
    "a removed entry": "DELETE FROM ledger_entry",
    "emptied entries": "TRUNCATE ledger_entry",
    "a changed transaction": "UPDATE ledger_transaction SET kind = 'grant'",
    "a removed transaction": "DELETE FROM ledger_transaction",
    "emptied transactions": "TRUNCATE ledger_transaction CASCADE",
    "a balance set by hand": "UPDATE ledger_account SET balance = balance + 1 WHERE user_id = 5 AND name = 'available'",
    "an account opened with money": "INSERT INTO ledger_account (user_id, name, balance) SELECT id, 'available', 5 FROM users ON CONFLICT DO NOTHING",
    "a removed account": "DELETE FROM ledger_account",
    "a balance below zero": """
        WITH t AS (INSERT INTO ledger_transaction (kind, idempotency_key, request_hash) VALUES ('refund', 'x', '') RETURNING id)
        INSERT INTO ledger_entry (transaction_id, account_id, amount)
        SELECT t.id, a.id, CASE a.name WHEN 'available' THEN -99000 ELSE 99000 END FROM t, ledger_account a
         WHERE a.user_id = 5 AND a.name = 'available' OR a.name = 'topup'""",
    "a hold without its money": "INSERT INTO ledger_hold (user_id, amount, opened_by, expires_at) SELECT 5, 7, min(id), now() FROM ledger_transaction",
    "a hold made bigger": "UPDATE ledger_hold SET amount = 900",
    "a hold resolved without a transaction": "UPDATE ledger_hold SET state = 'released'",
    "a release that is called a charge": """
        WITH t AS (INSERT INTO ledger_transaction (kind, idempotency_key, request_hash) VALUES ('release', 'x', '') RETURNING id)
        INSERT INTO ledger_entry (transaction_id, account_id, amount)
        SELECT t.id, a.id, CASE a.name WHEN 'held' THEN -800 ELSE 800 END FROM t, ledger_account a WHERE a.user_id = 5;
        UPDATE ledger_hold SET state = 'charged', resolved_by = (SELECT max(id) FROM ledger_transaction)""",
    "a removed hold": "DELETE FROM ledger_hold",
    "emptied holds": "TRUNCATE ledger_hold CASCADE",
    "held money charged past its hold": """
        WITH t AS (INSERT INTO ledger_transaction (kind, idempotency_key, request_hash) VALUES ('charge', 'x', '') RETURNING id)
        INSERT INTO ledger_entry (transaction_id, account_id, amount)
        SELECT t.id, a.id, CASE a.name WHEN 'held' THEN -800 ELSE 800 END FROM t, ledger_account a
         WHERE a.user_id = 5 AND a.name = 'held' OR a.name = 'revenue'""",
}


@pytest.mark.parametrize("statement", WRONG_CODE.values(), ids=WRONG_CODE.keys())
async def test_the_database_refuses_wrong_code(bank: Bank, user: int, statement: str) -> None:
    """Even inside the right term, the ledger's rules hold: nothing is committed."""
    await _hold(bank, 800, 1)
    before = await _sums(bank)
    with pytest.raises(asyncpg.PostgresError) as refused:
        async with bank.transaction() as connection:
            await connection.execute(statement)
    assert refused.value.sqlstate in {"VG003", "23514", "23505", "0A000"}, refused.value
    assert await _sums(bank) == before


@pytest.mark.parametrize(
    "table", ["users", "ledger_account", "ledger_transaction", "ledger_entry", "ledger_hold", "generation"]
)
async def test_money_moves_only_inside_the_current_term(bank: Bank, user: int, table: str) -> None:
    """Without a fence, or with the fence of an older term, every table refuses a write."""
    async with bank.reading() as connection:
        with pytest.raises(asyncpg.PostgresError, match="unfenced"):
            await connection.execute(f"DELETE FROM {table}")  # noqa: S608 - a name of this list
    old = bank.term
    await bank.begin()
    with pytest.raises(asyncpg.PostgresError, match="fenced: epoch"):
        async with bank.of(old) as connection:
            await connection.execute(f"DELETE FROM {table}")  # noqa: S608 - a name of this list


async def _sums(bank: Bank) -> dict[str, int]:
    """Return what the entries of each account sum to; users' balances must say the same."""
    async with bank.reading() as connection:
        rows: list[Any] = await connection.fetch(
            """SELECT a.name, sum(e.amount)::bigint AS total, max(a.balance) AS balance
                 FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id GROUP BY a.name, a.user_id"""
        )
    assert all(row["balance"] in {None, row["total"]} for row in rows)
    assert sum(row["total"] for row in rows) == 0
    return {row["name"]: row["total"] for row in rows}
