"""Payments and their refunds on a real PostgreSQL: each credited once, and taken back once, as far as there is anything."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import anyio
import asyncpg
import pytest

from bot import accounts
from bot.accounts import Balance, KeyReused, RefundBusy
from bot.ledger import Payment
from telemetry import events, testing

if TYPE_CHECKING:
    from tests.integration.bot.conftest import Bank

USER = 5
PAID = Payment("stars", "charge-1")
OTHER = Payment("stars", "charge-2")


@pytest.fixture
async def user(bank: Bank) -> int:
    """A user with the welcome gift of 20 credits."""
    async with bank.transaction() as connection:
        await accounts.ensure(connection, USER, "en", 20_000)
    return USER


async def balance(bank: Bank, user_id: int = USER) -> Balance:
    """Return what the user has."""
    async with bank.reading() as connection:
        return await accounts.balance(connection, user_id)


async def spent(connection: Any, amount: int) -> None:
    """Let the user pay for something."""
    await accounts.charge(connection, await accounts.hold(connection, USER, amount, 1, seconds=60), 1)


async def test_a_payment_is_credited_once(bank: Bank, user: int) -> None:
    """M6: however often and by however many it is told, also at once; of another amount it is an error."""
    posted: list[int] = []

    async def tell() -> None:
        async with bank.transaction() as connection:
            posted.append(await accounts.topup(connection, user, 100_000, PAID))

    async with anyio.create_task_group() as group:
        for _ in range(16):
            group.start_soon(tell)
    assert len(set(posted)) == 1
    with pytest.raises(KeyReused, match="topup:stars:charge-1"):
        async with bank.transaction() as connection:
            await accounts.topup(connection, user, 100_001, PAID)
    assert await balance(bank) == Balance(120_000, 0)


async def test_payments_of_two_providers_may_have_the_same_id(bank: Bank, user: int) -> None:
    """Each is credited, and each is taken back."""
    async with bank.transaction() as connection:
        for provider in ("stars", "yookassa", "stripe"):
            payment = Payment(provider, "1")
            await accounts.topup(connection, user, 1_000, payment)
            assert await accounts.refund(connection, user, 400, payment) == 400
    assert await balance(bank) == Balance(21_800, 0)
    keys = "SELECT array_agg(idempotency_key ORDER BY id) FROM ledger_transaction WHERE kind IN ('topup', 'refund')"
    assert (await bank.value(keys))[:2] == ["topup:stars:1", "refund:stars:1"]


async def test_a_payment_is_given_back_in_parts_each_once(bank: Bank, user: int) -> None:
    """By the id of each refund; the same one of another amount is an error."""
    async with bank.transaction() as connection:
        await accounts.topup(connection, user, 10_000, PAID)
        for _ in range(2):
            assert await accounts.refund(connection, user, 3_000, PAID, "r1") == 3_000
            assert await accounts.refund(connection, user, 2_000, PAID, "r2") == 2_000
        with pytest.raises(KeyReused, match="refund:stars:charge-1:r1"):
            await accounts.refund(connection, user, 2_000, PAID, "r1")
    assert await balance(bank) == Balance(25_000, 0)


async def test_a_refund_takes_what_is_left(bank: Bank, user: int) -> None:
    """Never below zero; a repeat tells what the first took, whatever has come in since."""
    with testing.record() as recorded:
        async with bank.transaction() as connection:
            await spent(connection, 15_000)
            assert await accounts.refund(connection, user, 8_000, PAID) == 5_000
            await accounts.grant(connection, user, 50_000, "sorry")
            assert await accounts.refund(connection, user, 8_000, PAID) == 5_000
            assert await accounts.refund(connection, user, 8_000, OTHER) == 8_000
    (short,) = recorded.all(events.LedgerRefundShort)
    assert (short.credits, short.short) == ("5", "3")
    assert await balance(bank) == Balance(42_000, 0)
    with pytest.raises(KeyReused, match="refund:stars:charge-1"):
        async with bank.transaction() as connection:
            await accounts.refund(connection, user, 5_000, PAID)


async def test_a_refund_that_found_nothing_never_takes_what_comes_later(bank: Bank, user: int) -> None:
    """Nothing is posted, the house's loss is counted once, and the same call answers 0 for ever."""
    with testing.record() as recorded:
        async with bank.transaction() as connection:
            await spent(connection, 20_000)
            assert await accounts.refund(connection, user, 8_000, PAID) == 0
        async with bank.transaction() as connection:
            await accounts.topup(connection, user, 5_000, OTHER)
            assert await accounts.refund(connection, user, 8_000, PAID) == 0
    assert [event.short for event in recorded.all(events.LedgerRefundShort)] == ["8"]
    assert await balance(bank) == Balance(5_000, 0)
    assert await bank.value("SELECT count(*) FROM ledger_transaction WHERE kind = 'refund'") == 0
    with pytest.raises(KeyReused, match="refund:stars:charge-1"):
        async with bank.transaction() as connection:
            await accounts.refund(connection, user, 5_000, PAID)


async def test_a_refund_waits_for_what_is_on_hold(bank: Bank, user: int) -> None:
    """Nothing is final while credits may come back; then all of it is taken. What is free is taken at once."""
    async with bank.transaction() as connection:
        hold = await accounts.hold(connection, user, 15_000, 1, seconds=60)
        with pytest.raises(RefundBusy, match="refund:stars:charge-1: 5 of 8 credits are free"):
            await accounts.refund(connection, user, 8_000, PAID)
        assert await accounts.refund(connection, user, 4_000, OTHER) == 4_000
    assert await balance(bank) == Balance(1_000, 15_000)
    async with bank.transaction() as connection:
        await accounts.release(connection, hold, 1)
        assert await accounts.refund(connection, user, 8_000, PAID) == 8_000
    assert await balance(bank) == Balance(8_000, 0)


async def test_a_refund_at_the_moment_of_a_release_misses_nothing(bank: Bank, user: int) -> None:
    """It comes before and is to be asked again, or after and takes it all; never a part of it."""
    async with bank.transaction() as connection:
        holds = [await accounts.hold(connection, user, 2_000, number, seconds=60) for number in range(10)]
    taken: list[int] = []

    async def release() -> None:
        for number, hold in enumerate(holds):
            async with bank.transaction() as connection:
                await accounts.release(connection, hold, number)

    async def refund() -> None:
        while not taken:
            with contextlib.suppress(RefundBusy):
                async with bank.transaction() as connection:
                    taken.append(await accounts.refund(connection, user, 20_000, PAID))

    async with anyio.create_task_group() as group:
        group.start_soon(release)
        group.start_soon(refund)
    assert taken == [20_000]
    assert await balance(bank) == Balance(0, 0)


async def test_sixteen_refunds_at_once_take_once_also_when_another_user_has_the_key(bank: Bank, user: int) -> None:
    """Whoever is first has it; the same call gets the same answer, another user's is an error."""
    async with bank.transaction() as connection:
        await accounts.ensure(connection, 6, "en", 0)
    answers: list[tuple[int, int | None]] = []

    async def ask(user_id: int) -> None:
        try:
            async with bank.transaction() as connection:
                answers.append((user_id, await accounts.refund(connection, user_id, 8_000, PAID)))
        except KeyReused:
            answers.append((user_id, None))

    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(ask, user)
            group.start_soon(ask, 6)
    assert sorted({answer for answer in answers if answer[1] is not None}) in [[(user, 8_000)], [(6, 0)]]
    assert len([answer for answer in answers if answer[1] is None]) == 8


@pytest.mark.parametrize(
    "statement",
    ["UPDATE ledger_refund_answer SET taken = 0", "DELETE FROM ledger_refund_answer", "TRUNCATE ledger_refund_answer"],
)
async def test_an_answer_is_never_taken_back(bank: Bank, user: int, statement: str) -> None:
    """By no code of ours either, and outside of a term nothing is written at all."""
    async with bank.transaction() as connection:
        await accounts.refund(connection, user, 8_000, PAID)
    with pytest.raises(asyncpg.PostgresError, match="never changed"):
        async with bank.transaction() as connection:
            await connection.execute(statement)
    with pytest.raises(asyncpg.PostgresError, match="unfenced"):
        async with bank.reading() as connection:
            await connection.execute(statement)
