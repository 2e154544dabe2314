"""Credits on a real PostgreSQL: exact under concurrency, replays and wrong code."""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING, Any

import anyio
import asyncpg
import pytest

from bot import accounts, ledger
from bot.accounts import AccountError, Balance, HoldResolved, InsufficientCredits, KeyReused
from bot.ledger import Payment
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


async def test_the_operator_gives_and_corrects_but_not_below_zero(bank: Bank, user: int) -> None:
    """A grant adds, an adjustment goes both ways, each once for its reference."""
    async with bank.transaction() as connection:
        for _ in range(2):
            await accounts.grant(connection, user, 1_500, "order-1")
            await accounts.adjust(connection, user, -21_000, "order-2")
            await accounts.adjust(connection, user, 300, "order-3")
        with pytest.raises(InsufficientCredits):
            await accounts.adjust(connection, user, -801, "order-4")
    assert await _balance(bank) == Balance(800, 0)
    assert await _sums(bank) == {"promotion": -20_000, "available": 800, "grant": -1_500, "adjust": 20_700}


async def test_an_invitation_is_rewarded_once_for_each_person(bank: Bank, user: int) -> None:
    """Two who pay each other at once do not wait for one another for ever, when both are locked first."""
    async with bank.transaction() as connection:
        await accounts.ensure(connection, 6, "en", 0)

    async def paid(payer: int, inviter: int) -> None:
        async with bank.transaction() as connection:
            await accounts.lock(connection, [payer, inviter])
            await accounts.topup(connection, payer, 1_000, Payment("stars", f"{payer}"))
            await accounts.refer(connection, inviter, 20_000, payer)

    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(paid, user, 6)
            group.start_soon(paid, 6, user)
    assert (await _balance(bank), await _balance(bank, 6)) == (Balance(41_000, 0), Balance(21_000, 0))


@pytest.mark.parametrize("amount", [0, -1, 0.5, 2**63, 2**70, "800"])
async def test_an_amount_that_cannot_be_moved_is_refused_before_anything_is_asked(
    bank: Bank, user: int, amount: Any
) -> None:
    """Zero, negative, fractional and huge ones, with the key named; the transaction goes on."""
    hold = await _hold(bank, 800, 1)
    async with bank.transaction() as connection:
        for move in (accounts.topup, accounts.refund):
            with pytest.raises(ledger.LedgerError, match=r":stars:7: .*expected a whole number"):
                await move(connection, user, amount, Payment("stars", "7"))
        with pytest.raises(ledger.LedgerError, match=r"grant:7: .*expected a whole number"):
            await accounts.grant(connection, user, amount, 7)
        with pytest.raises(ledger.LedgerError, match=r"hold:7: .*expected a whole number"):
            await accounts.hold(connection, user, amount, 7, seconds=60)
        with pytest.raises(ledger.LedgerError, match=r"charge:1: .*expected a whole number"):
            await accounts.charge(connection, hold, 1, amount)
        with pytest.raises(ledger.LedgerError, match="charge:1: 801 milli-credits against a hold of 800"):
            await accounts.charge(connection, hold, 1, 801)
    assert await _balance(bank) == Balance(19_200, 800)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
async def test_a_hold_that_would_never_or_at_once_expire_is_refused(bank: Bank, user: int, seconds: float) -> None:
    """Its time is a number above zero."""
    async with bank.transaction() as connection:
        with pytest.raises(ledger.LedgerError, match="hold:1: it cannot expire"):
            await accounts.hold(connection, user, 800, 1, seconds=seconds)


async def test_a_request_has_the_hash_that_the_version_before_gave_it(bank: Bank) -> None:
    """What an old instance posted is found under its key by a new one, and the other way round."""
    asked = "SELECT ledger_request_hash('charge', 5, ARRAY['available', 'held', 'revenue'], ARRAY[300, -800, 500]::bigint[])"
    lines = b"charge 5\navailable 300\nheld -800\nrevenue 500"
    assert await bank.value(asked) == hashlib.sha256(lines).digest()


async def test_unknown_holds_and_accounts_are_named(bank: Bank) -> None:
    """A mistake of ours is an error at once, not a silent nothing."""
    async with bank.transaction() as connection:
        with pytest.raises(AccountError, match="hold 99 does not exist"):
            await accounts.charge(connection, 99, 1)
    with pytest.raises(AccountError, match="user 404 has no accounts"):
        async with bank.transaction() as connection:
            await accounts.post(connection, ledger.transfer("welcome", 404, 1, 404))
    async with bank.transaction() as connection:
        with pytest.raises(AccountError, match="hold:1: user 404 has no accounts"):
            await accounts.hold(connection, 404, 800, 1, seconds=60)
        with pytest.raises(AccountError, match="refund:stars:1: user 404 has no accounts"):
            await accounts.refund(connection, 404, 800, Payment("stars", "1"))


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
