"""M3, M4, M5, M7, M8: any generations in any order, every step perhaps the last one of its process.

Random walks on a real PostgreSQL, the same for the same seed: orders, the worker's steps, Telegram's answers, callbacks, deadlines, deaths
before and after a commit, new terms. After each the ledger must say what was seen to be delivered, and no more.
"""

from __future__ import annotations

import json
import random
from itertools import count, product
from typing import Any
from uuid import UUID

from bot import accounts
from bot.accounts import Balance
from bot.catalogue import File, check, load
from bot.delivery import Failed, Outcome, Outgoing, Sent
from bot.generation import callback, store, worker
from bot.generation.delivery import Delivery
from bot.generation.means import Means
from bot.generation.results import ResultRefused, ResultUnavailable
from bot.generation.userfiles import FileRefused, FileUnavailable
from bot.pricing import price
from bot.sql import sql
from tests.integration.bot.conftest import Killed
from tests.integration.bot.generation.theatre import Disk, Host, Mortal, Provider, address

CATALOGUE = load()
MODEL = CATALOGUE.models["google/nano-banana-edit"]
GIFT = 100_000
USERS = count(1)
SEEDS, STEPS, ROUNDS = 24, 50, 15
TROUBLED = 0.3
"""How often something goes wrong."""
ANSWERS = ("lost", "lost", "nothing", "limited", "unreached", "refused", "failed", "ours")
FATES = ("done", "done", "done", "pending", "failed", "silent")
DEATHS = tuple(product((0, 1), (True, False)))
"""At which transaction from now, and whether its commit is still done."""
TROUBLES = (ResultUnavailable("away"), ResultRefused("none"), FileUnavailable("away"), FileRefused("file_gone"))
REFUSED = (Failed("BadRequest: no", refused=True), Failed("Forbidden", unreachable=True))
ENDS = """SELECT DISTINCT generation.state, failure_class, late.state AS late
            FROM generation LEFT JOIN generation_late AS late ON generation_id = id"""
DUE = "UPDATE generation SET next_step_at = now() WHERE user_id = $1 AND next_step_at < 'infinity'"
# A task that nobody knows is due after a day only: until then a callback may name it.
LATE_DUE = """UPDATE generation_late SET next_look_at = now()
               WHERE generation_id IN (SELECT id FROM generation WHERE user_id = $1 AND task_id IS NOT NULL)"""
OVERDUE = """UPDATE generation SET deadline_at = now()
              WHERE id = (SELECT id FROM generation WHERE user_id = $1 AND state IN ('held', 'submitted', 'unknown')
                           ORDER BY id OFFSET $2::integer LIMIT 1)"""
OPEN = """SELECT * FROM outbox WHERE state = 'ready' AND (params->>'delivers')::boolean
             AND generation_id IN (SELECT id FROM generation WHERE user_id = $1) ORDER BY id"""
POSTED = """SELECT t.kind, split_part(t.idempotency_key, ':', 2)::bigint AS id, max(e.amount) AS amount
              FROM ledger_transaction t JOIN ledger_entry e ON e.transaction_id = t.id
             WHERE t.kind IN ('hold', 'charge', 'release') GROUP BY t.id"""


class World:
    """The generations of one user, and what their user has really received."""

    def __init__(self, bank: Mortal) -> None:
        self.bank, self.user = bank, next(USERS)
        self.provider, self.disk = Provider(), Disk()
        self.quoted: dict[int, int] = {}
        self.arrived: dict[int, set[int]] = {}

    async def begin(self) -> None:
        """Make the user known in a new term."""
        await self.restart()
        async with self.bank.transaction() as connection:
            await accounts.ensure(connection, self.user, "en", GIFT)

    async def restart(self) -> None:
        """Let the process die, and another one begin."""
        self.bank.dead, self.bank.fuse = False, None
        term = await self.bank.begin()
        disk: Any = self.disk
        self.means = Means(
            database=self.bank,
            term=term,
            catalogue=CATALOGUE,
            providers={"market": self.provider},
            uploader=Host(),
            results=disk,
            files=disk,
            luck=lambda: 0.0,
            callback_url=address,
        )
        self.delivery = Delivery(self.bank, disk)
        await worker._recover(self.means)

    async def order(self, files: int) -> None:
        """Have a generation confirmed."""
        given = tuple(File(f"file-{number}", "image", size=1, mime="image/png") for number in range(files))
        inputs = check(MODEL, {"prompt": "a fox", "image_urls": given})
        cost = price(MODEL, inputs)
        async with self.bank.transaction() as connection:
            if (await accounts.balance(connection, self.user)).available < cost:
                return
            made = await store.quote(
                connection,
                user_id=self.user,
                chat_id=self.user,
                model_id=MODEL.id,
                inputs=inputs,
                price=cost,
                traceparent=None,
            )
            hold = await accounts.hold(connection, self.user, cost, made, seconds=60)
            await connection.execute(sql("generation_confirm"), made, hold, 900.0)
        self.quoted[made] = cost

    async def step(self, pick: int, death: tuple[int, bool] | None) -> None:
        """Let the worker take a generation's next step, as far as it gets."""
        if not self.quoted:
            return
        made = sorted(self.quoted)[pick % len(self.quoted)]
        await self.bank.write(DUE, self.user)
        await self.bank.write(LATE_DUE, self.user)
        async with self.bank.reading() as connection:
            found = dict(await store.due(connection, busy=(), uploads=99, submits=99, looks=99, ends=99))
            row = await store.get(connection, made)
        if made not in found or row is None:
            return
        if death is not None:
            self.bank.fuse, self.bank.commits = death
        try:
            await worker._take(self.means, row)
        except (Killed, BaseExceptionGroup):
            assert self.bank.dead
        if self.bank.dead:
            await self.restart()
        self.bank.fuse = None

    async def send(self, pick: int, outcome: Outcome, *, is_noted: bool) -> None:
        """Let Telegram answer a row; an answer that is not noted is a message that comes again."""
        async with self.bank.reading() as connection:
            rows = await connection.fetch(OPEN, self.user)
        if not rows:
            return
        row = rows[pick % len(rows)]
        made, places = row["generation_id"], json.loads(row["params"])["places"]
        if isinstance(outcome, Sent):
            outcome = Sent(1, "f", ("f",) * (len(places) - 1))
        if not is_noted:
            return
        async with self.bank.transaction() as connection:
            state = "sent" if isinstance(outcome, Sent) else "failed"
            await connection.execute("UPDATE outbox SET state = $2, settled_at = now() WHERE id = $1", row["id"], state)
            for _ in range(2):
                await self.delivery.settled(connection, outgoing(row), outcome)
        if isinstance(outcome, Sent):
            self.arrived.setdefault(made, set()).update(places)

    async def call_back(self, pick: int, *, is_ours: bool) -> None:
        """Let the provider call: for a task that it made, or for one that somebody invented."""
        orders = [(token, task) for token, tasks in sorted(self.provider.orders.items()) for task in tasks]
        if not orders:
            return
        token, task = orders[pick % len(orders)]
        self.provider.tasks.setdefault("invented", "failed")
        body = json.dumps({"data": {"taskId": task if is_ours else "invented"}}).encode()
        async with self.bank.transaction() as connection:
            await callback.take(connection, callback.arrival(UUID(token), body).body, CATALOGUE)

    async def states(self) -> list[str]:
        """Return the states of all generations."""
        async with self.bank.reading() as connection:
            rows = await connection.fetch("SELECT state FROM generation WHERE user_id = $1", self.user)
            return [row["state"] for row in rows]

    async def audit(self) -> None:
        """Compare the ledger with what was seen."""
        async with self.bank.reading() as connection:
            posted = [dict(row) for row in await connection.fetch(POSTED)]
            states = {
                row["id"]: (row["state"], row["late"])
                for row in await connection.fetch(
                    "SELECT id, generation.state, late.state AS late FROM generation "
                    "LEFT JOIN generation_late AS late ON generation_id = id WHERE user_id = $1",
                    self.user,
                )
            }
            balance = await accounts.balance(connection, self.user)
            assert await connection.fetch(sql("ledger_check"), 10) == []
        mine = {(row["kind"], row["id"]): row["amount"] for row in posted if row["id"] in self.quoted}
        assert len(mine) == sum(row["id"] in self.quoted for row in posted), "M3, M4: one of each kind at most"
        for made, quoted in self.quoted.items():
            state, late = states[made]
            ends = [kind for kind in ("charge", "release") if (kind, made) in mine]
            assert len(ends) == (state in {"charged", "released"}), "M4: a hold is resolved once"
            assert mine.get(("charge", made), 0) <= quoted, "M7"
            arrived = self.arrived.get(made, set()) == set(range(self.provider.pieces))
            assert "charge" not in ends or arrived, "M3: no charge without delivery"
            assert late is None or ends == ["release"], "M8: what is late was released, and is not charged"
        charged = sum(amount for (kind, _), amount in mine.items() if kind == "charge")
        held = sum(quoted for made, quoted in self.quoted.items() if states[made][0] not in {"charged", "released"})
        assert balance == Balance(GIFT - charged - held, held), "M5: the balances follow from what happened"
        assert all(len(tasks) == 1 for tasks in self.provider.orders.values()), "an order is given once"


def outgoing(row: Any) -> Outgoing:
    """Return the row as the outbox has it."""
    return Outgoing(
        row["id"],
        row["lane"],
        row["chat_id"],
        row["method"],
        json.loads(row["params"]),
        best_effort=False,
        edits=None,
        generation_id=row["generation_id"],
        attempts=1,
        ambiguous=0,
        traceparent=None,
        age=0.0,
        target_state=None,
        target_message_id=None,
    )


class Walk:
    """Random steps through a world, the same for the same seed; the ledger is audited after each."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.rng = world, random.Random(seed)
        self.acts = (
            *[self._order] * 2,
            *[self._work] * 6,
            *[self._provider_goes_on] * 4,
            *[self._telegram_answers] * 4,
            self._provider_calls,
            self._time_runs_out,
            world.restart,
        )

    async def go(self) -> None:
        """Walk, and then let everything end."""
        world = self.world
        world.provider.pieces = self.rng.choice([1, 1, 2, 12])
        await world.begin()
        await world.order(1)
        for _ in range(STEPS):
            await self.rng.choice(self.acts)()
            await world.audit()
        world.disk.trouble, world.provider.answer = None, "task"
        await self._end()
        assert set(await world.states()) <= {"charged", "released"}, "nothing is held for ever"
        world.provider.tasks = dict.fromkeys(world.provider.tasks, "done")
        await self._end()

    async def _end(self) -> None:
        world = self.world
        for _ in range(ROUNDS):
            await world.bank.write(OVERDUE, world.user, 0)
            for pick in range(len(world.quoted)):
                await world.step(pick, None)
                await world.send(0, Sent(1, "f"), is_noted=True)
        await world.audit()

    def _pick(self) -> int:
        return self.rng.randrange(10)

    async def _order(self) -> None:
        await self.world.order(self.rng.randrange(1, 4))

    async def _work(self) -> None:
        rng, world = self.rng, self.world
        world.provider.answer = rng.choice(ANSWERS) if rng.random() < TROUBLED else "task"
        world.disk.trouble = rng.choice(TROUBLES) if rng.random() < TROUBLED else None
        pick, times = self._pick(), rng.randrange(1, 6)
        for _ in range(times):
            await world.step(pick, rng.choice(DEATHS) if rng.random() < TROUBLED else None)

    async def _provider_goes_on(self) -> None:
        tasks = sorted(self.world.provider.tasks)
        if tasks:
            self.world.provider.tasks[self.rng.choice(tasks)] = self.rng.choice(FATES)

    async def _telegram_answers(self) -> None:
        outcome = self.rng.choice(REFUSED) if self.rng.random() < TROUBLED else Sent(1, "f")
        await self.world.send(self._pick(), outcome, is_noted=self.rng.random() > TROUBLED)

    async def _provider_calls(self) -> None:
        pick, is_ours = self._pick(), self.rng.random() > TROUBLED
        for _ in range(2):
            await self.world.call_back(pick, is_ours=is_ours)

    async def _time_runs_out(self) -> None:
        await self.world.bank.write(OVERDUE, self.world.user, self._pick())


async def test_whatever_happens_a_generation_is_charged_once_for_what_arrived_or_not_at_all(pool: Any) -> None:
    """M3, M4, M5, M7, M8, over deaths, callbacks, troubles of every kind; and each of the ends is met."""
    bank = Mortal(pool)
    for seed in range(SEEDS):
        try:
            await Walk(World(bank), seed).go()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
    ends = {(row["state"], row["failure_class"], row["late"]) for row in await bank_rows(bank)}
    wanted: set[tuple[str, str | None, str | None]]
    wanted = {("charged", None, None), ("released", "undeliverable", None), ("released", "transient", None)}
    wanted |= {("released", failure, "delivered") for failure in ("timeout", "unknown")}
    assert wanted <= ends


async def bank_rows(bank: Mortal) -> list[Any]:
    """Return how the generations ended."""
    async with bank.reading() as connection:
        found: list[Any] = await connection.fetch(ENDS)
        return found
