"""M1-M8: whatever several connections do to the ledger at once, it is as if one had done it after the other.

A machine of steps on a real PostgreSQL. Each batch runs on connections of its own; some are rolled back, some are killed
before their commit, many repeat what was done before. What they answer must be what a model answers in some order of
them, and the balances that model's. The books are audited after every batch.
"""

from __future__ import annotations

from itertools import count, permutations
from typing import TYPE_CHECKING, Any

import anyio
import asyncpg
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from bot import accounts
from bot.accounts import AccountError, InsufficientCredits, RefundBusy
from bot.ledger import LedgerError, Payment
from bot.sql import sql
from supervisor import database
from tests.integration.bot.books import GIFT, Model, Step
from tests.integration.bot.conftest import Bank

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal

CONNECTIONS = 4
NUMBERS = count(1)
# Not shrunk: that takes hundreds of runs more, and a failing one is told step by step anyway.
BOUNDS = settings(
    max_examples=25,
    stateful_step_count=20,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.too_slow],
)
KINDS = (
    *("topup", "grant", "adjust", "refund", "refer", "hold", "hold", "hold", "deliver", "deliver", "fail"),
    *("charge", "charge", "charge careless", "release", "release careless"),
)
STEPS = st.builds(
    Step,
    st.sampled_from(KINDS),
    st.integers(0, 1),
    st.integers(0, 3),
    st.sampled_from([1, 300, 800, 2_500, 4_000, 6_000]),
    st.sampled_from(["commit", "commit", "commit", "commit", "rollback", "kill"]),
)
GENERATION = """
    WITH quote AS (SELECT $1::bigint AS hold, $2::bigint AS user_id, $3::bigint AS price)
    INSERT INTO generation (user_id, chat_id, lane, model_id, inputs, price)
    SELECT user_id, user_id, 'chat:' || user_id, 'z-image', '{}', price FROM quote
     WHERE NOT EXISTS (SELECT FROM generation WHERE hold_id = quote.hold) RETURNING id"""
MOVE = "UPDATE generation SET state = $2, settled_at = CASE WHEN $2 IN ('charged', 'released') THEN now() END WHERE hold_id = $1"
WAY = {
    "deliver": ("submitting", "submitted", "succeeded", "delivered"),
    "fail": ("failed",),
    "charge": ("charged",),
    "release": ("released",),
}
FOUND = (
    "SELECT id, state FROM ledger_hold WHERE opened_by = (SELECT id FROM ledger_transaction WHERE idempotency_key = $1)"
)


class Killed(Exception):
    """The connection ended before the commit."""


class Books:
    """The real books of two users."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank
        self._number = next(NUMBERS)

    def id(self, user: int) -> int:
        """Return the user's real id."""
        return 10 * self._number + user

    async def open(self) -> None:
        """Make the users known."""
        async with self._bank.transaction() as connection:
            for user in (0, 1):
                await accounts.ensure(connection, self.id(user), "en", GIFT)

    async def batch(self, steps: list[Step]) -> list[object]:
        """Take all steps at once; return what came of each."""
        found: list[object] = [None] * len(steps)

        async def run(index: int) -> None:
            found[index] = await self._outcome(steps[index])

        async with anyio.create_task_group() as group:
            for index in range(len(steps)):
                group.start_soon(run, index)
        return found

    async def _outcome(self, step: Step) -> object:
        outcome: object = None
        try:
            async with self._bank.transaction() as connection:
                outcome = await self._take(connection, step)
                if step.fate == "kill":
                    connection.terminate()
                if step.fate != "commit":
                    raise Killed  # noqa: TRY301 - the transaction is to see it
        except InsufficientCredits:
            outcome = "insufficient"
        except RefundBusy:
            outcome = "busy"
        except (AccountError, LedgerError):
            outcome = "refused"
        except asyncpg.PostgresError as error:
            if error.sqlstate != "VG003":
                raise
            outcome = "refused"
        except (Killed, asyncpg.InterfaceError):
            if step.fate == "commit":
                raise
        return outcome if step.fate == "commit" else None

    async def _take(self, connection: Any, step: Step) -> object:
        user, reference = self.id(step.user), f"{self._number}-{step.user}-{step.reference}"
        match step.kind:
            case "topup":
                await accounts.topup(connection, user, step.amount, Payment("stars", reference))
            case "grant":
                await accounts.grant(connection, user, step.amount, reference)
            case "adjust":
                await accounts.adjust(connection, user, step.amount * (-1 if step.reference % 2 else 1), reference)
            case "refund":
                return await accounts.refund(connection, user, step.amount, Payment("stars", reference))
            case "refer":
                invitee = self._number * 100 + step.user * 10 + step.reference
                await accounts.refer(connection, user, step.amount, invitee)
            case "hold":
                hold = await accounts.hold(connection, user, step.amount, reference, seconds=60)
                quote = await connection.fetchval(GENERATION, hold, user, step.amount)
                if quote is not None:
                    await connection.execute(
                        "UPDATE generation SET state = 'held', hold_id = $2 WHERE id = $1", quote, hold
                    )
            case kind:
                await self._move(connection, kind, reference, step.amount)
        return "done"

    async def _move(self, connection: Any, kind: str, reference: str, amount: int) -> None:
        row = await connection.fetchrow(FOUND, f"hold:{reference}")
        if row is None:
            raise AccountError("there is no such hold")
        verb, _, careless = kind.partition(" ")
        price = await connection.fetchval("SELECT amount FROM ledger_hold WHERE id = $1", row["id"])
        if verb in {"deliver", "fail"} or (not careless and row["state"] == "held"):
            for state in WAY[verb]:
                task = "UPDATE generation SET task_id = $2::text WHERE hold_id = $1 AND task_id IS NULL"
                await connection.execute(task, row["id"], f"task-{row['id']}")
                await connection.execute(MOVE, row["id"], state)
        if verb == "charge":
            await accounts.charge(connection, row["id"], reference, min(amount, price))
        elif verb == "release":
            await accounts.release(connection, row["id"], reference)

    async def balances(self) -> dict[int, accounts.Balance]:
        """Return the balances as the bot sees them."""
        async with self._bank.reading() as connection:
            return {user: await accounts.balance(connection, self.id(user)) for user in (0, 1)}

    async def audit(self) -> list[Any]:
        """Return what the ledger's own check finds."""
        async with self._bank.reading() as connection:
            found: list[Any] = await connection.fetch(sql("ledger_check"), 10)
            return found


def machine(portal: BlockingPortal, bank: Bank) -> type[RuleBasedStateMachine]:
    """Return the machine of one database."""

    class Machine(RuleBasedStateMachine):
        @initialize()
        def begin(self) -> None:
            self.books = Books(bank)
            self.model = Model({0: GIFT, 1: GIFT})
            portal.call(self.books.open)

        @rule(steps=st.lists(STEPS, min_size=1, max_size=CONNECTIONS))
        def at_once(self, steps: list[Step]) -> None:
            found = portal.call(self.books.batch, steps)
            self.model = explained(self.model, steps, found)

        @rule(step=STEPS)
        def again(self, step: Step) -> None:
            """Ask for the same on every connection: whoever is not the first gets the first's answer, or a refusal."""
            self.at_once([step] * CONNECTIONS)

        @invariant()
        def the_books_agree(self) -> None:
            wanted = {
                user: accounts.Balance(available, self.model.held(user))
                for user, available in self.model.available.items()
            }
            assert portal.call(self.books.balances) == wanted
            assert portal.call(self.books.audit) == []

    return Machine


def explained(model: Model, steps: list[Step], found: list[object]) -> Model:
    """Return what the model becomes in an order of the steps in which it answers what was found."""
    for order in permutations(range(len(steps))):
        copy = model.copy()
        if all(copy.take(steps[index]) == found[index] for index in order):
            return copy
    raise AssertionError(f"no order of {steps} explains {found}")


def test_any_steps_at_once_are_as_if_one_after_the_other(portal: BlockingPortal, database_url: str) -> None:
    """M1-M8: balances, holds and refusals are those of some order; nothing that was not committed leaves a trace."""

    async def opened(pool: Any) -> Bank:
        bank = Bank(pool)
        await bank.begin()
        return bank

    lent = database.pool(database_url, size=CONNECTIONS, application_name="vigil test")
    with portal.wrap_async_context_manager(lent) as pool:
        run_state_machine_as_test(machine(portal, portal.call(opened, pool)), settings=BOUNDS)
