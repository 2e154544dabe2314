"""Random sequences of movements on a real PostgreSQL keep M1, M2 and M4, against a model of a few lines."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import accounts, ledger
from bot.accounts import AccountError, Balance, InsufficientCredits
from bot.ledger import LedgerError

if TYPE_CHECKING:
    from tests.integration.bot.conftest import Bank

USERS = count(1_000)
AMOUNTS = st.integers(min_value=1, max_value=3_000)
STEPS = st.one_of(
    st.tuples(st.just("topup"), st.integers(0, 9), AMOUNTS),
    st.tuples(st.just("refund"), st.integers(0, 9), AMOUNTS),
    st.tuples(st.just("hold"), st.integers(0, 9), AMOUNTS),
    st.tuples(st.just("charge"), st.integers(0, 9), AMOUNTS),
    st.tuples(st.just("charge_all"), st.integers(0, 9), st.just(0)),
    st.tuples(st.just("release"), st.integers(0, 9), st.just(0)),
)
AUDIT = """
    SELECT (SELECT count(*) FROM (SELECT transaction_id FROM ledger_entry GROUP BY transaction_id
                                  HAVING sum(amount) <> 0 OR count(*) < 2) AS unbalanced) AS unbalanced,
           (SELECT count(*) FROM ledger_account a WHERE balance IS DISTINCT FROM
                   (SELECT coalesce(sum(amount), 0) FROM ledger_entry WHERE account_id = a.id)
               AND user_id IS NOT NULL) AS drifted,
           (SELECT count(*) FROM ledger_account WHERE balance < 0) AS negative"""


class Model:
    """What should be: a balance, and holds by reference with how each was resolved."""

    def __init__(self) -> None:
        self.available = 5_000
        self.holds: dict[int, int] = {}
        self.resolved: dict[int, tuple[str, int]] = {}
        self.posted: dict[tuple[str, int], int] = {}

    def move(self, kind: str, reference: int, amount: int) -> type[Exception] | None:
        """Return the error that the step should raise; change the balance when it should raise none."""
        if kind in {"topup", "refund"}:
            return self._move(kind, reference, amount)
        if kind == "hold":
            if (first := self.holds.get(reference)) is not None:
                return None if first == amount else AccountError
            if amount > self.available:
                return InsufficientCredits
            self.holds[reference] = amount
            self.available -= amount
            return None
        return self._resolve(kind, reference, amount)

    def _move(self, kind: str, reference: int, amount: int) -> type[Exception] | None:
        if (first := self.posted.get((kind, reference))) is not None:
            return None if first == amount else AccountError
        if kind == "refund" and amount > self.available:
            return Exception
        self.posted[kind, reference] = amount
        self.available += amount if kind == "topup" else -amount
        return None

    def _resolve(self, kind: str, reference: int, amount: int) -> type[Exception] | None:
        held = self.holds.get(reference)
        if held is None:
            return KeyError
        if kind == "charge" and amount > held:
            return LedgerError
        wanted = ("released", 0) if kind == "release" else ("charged", amount if kind == "charge" else held)
        if (first := self.resolved.get(reference)) is not None:
            return None if first == wanted else AccountError
        self.resolved[reference] = wanted
        self.available += held - wanted[1]
        return None

    @property
    def held(self) -> int:
        """What open holds sum to."""
        return sum(amount for reference, amount in self.holds.items() if reference not in self.resolved)


class Books:
    """One user's real books."""

    def __init__(self, bank: Bank, user: int) -> None:
        self._bank = bank
        self._user = user
        self._holds: dict[int, int] = {}

    async def move(self, kind: str, reference: int, amount: int) -> None:
        """Take the step in a transaction of its own."""
        key = f"{self._user}-{reference}"
        async with self._bank.transaction() as connection:
            match kind:
                case "topup" | "refund":
                    transaction = ledger.transfer("topup" if kind == "topup" else "refund", self._user, amount, key)
                    await accounts.post(connection, transaction)
                case "hold":
                    self._holds[reference] = await accounts.hold(connection, self._user, amount, key, seconds=60)
                case "charge":
                    await accounts.charge(connection, self._holds[reference], key, amount)
                case "charge_all":
                    await accounts.charge(connection, self._holds[reference], key)
                case _:
                    await accounts.release(connection, self._holds[reference], key)

    async def balance(self) -> Balance:
        """Return the balance as the bot sees it."""
        async with self._bank.reading() as connection:
            return await accounts.balance(connection, self._user)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, max_size=25))
async def test_any_sequence_keeps_the_books(bank: Bank, steps: list[tuple[str, int, int]]) -> None:
    """Every step does what the model says, refusals change nothing, and the audit finds nothing."""
    user, model = next(USERS), Model()
    async with bank.transaction() as connection:
        await accounts.ensure(connection, user, "en", model.available)
    books = Books(bank, user)
    for step in steps:
        expected = model.move(*step)
        found: Exception | None = None
        try:
            await books.move(*step)
        except Exception as error:  # noqa: BLE001 - compared with what the model expects
            found = error
        assert isinstance(found, expected) if expected else found is None, (step, found)
        assert await books.balance() == Balance(model.available, model.held), step
    async with bank.reading() as connection:
        audit: Any = await connection.fetchrow(AUDIT)
    assert dict(audit) == {"unbalanced": 0, "drifted": 0, "negative": 0}
