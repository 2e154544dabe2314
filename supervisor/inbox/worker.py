"""Handle what the inbox holds: each row in one fenced transaction with its `done`, each lane in order.

    recover ──▶ ┌ claim ──▶ start (attempts + 1, committed) ──▶ handle + done in one transaction ┐ ──▶ drain: finish,
                └──────────────── woken: stored, a slot free, a retry due, 0.5 s ◀───────────────┘     hand back

Invariants
* A handler's writes and its row's `done` commit together, under the term's fence, or not at all.
* A row whose commit is in doubt is started again and found to be nobody's: its handler does not run twice.
* A failure blocks only its own lane, for a bounded number of starts; then the row is dead and the lane goes on.
* When `serve` has ended no handler runs, and unless the term or the database is lost no row is claimed.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import anyio
from anyio.abc import TaskGroup, TaskStatus

from supervisor.database import LOST
from supervisor.inbox.attempt import LOST_PAUSE, OVER, Attempt, Database, Handle
from supervisor.inbox.claims import Claims, Row, reason
from supervisor.inbox.lanes import Lanes, started
from supervisor.inbox.wake import Wake
from telemetry import emit, events

HAND_BACK_SECONDS = 1.0
GRACE_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is done at once, and for how long."""

    handlers: int = 6
    """In parallel; each holds a connection of the pool."""
    buffer: int = 512
    poll_seconds: float = 0.5
    handler_seconds: float = 30.0


PACE = Pace()


@dataclass(frozen=True, slots=True)
class Worker:
    """A child of one term; an epoch has one.

    `handle` raises when it failed; the types in `hopeless` say that trying again cannot help. `wake` is the writer's
    `stored`. `committed` is called after each commit of a handler, `handed_back` with the rows that the worker's end
    made ready again. `grace` is asked while the worker stops: the seconds that running handlers still have.
    """

    database: Database
    claims: Claims
    handle: Handle
    wake: Wake
    hopeless: tuple[type[Exception], ...] = ()
    committed: Callable[[], None] = lambda: None
    handed_back: Callable[[int], None] = lambda _: None
    grace: Callable[[], float] = lambda: 2.0
    pace: Pace = PACE
    rng: random.Random | None = None

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        """Handle rows until cancelled, then drain.

        Woken by the writer's event, by a handler that ended, by a retry that is due, and every 0.5 s for rows that
        other instances stored. Raises `TrustLost` or `Fenced` when the term is over.
        """
        shift = _Shift(self)
        await shift.recover()
        task_status.started()
        await shift.work()


class _Shift:
    """One run of a worker: what it holds, and which handlers run."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._pace = worker.pace
        self._claims = worker.claims
        self._lanes = Lanes(rng=worker.rng)
        self._attempt = Attempt(
            worker.database,
            worker.claims,
            self._lanes,
            worker.handle,
            worker.hopeless,
            worker.pace.handler_seconds,
            worker.committed,
        )
        self._running: set[anyio.CancelScope] = set()
        self._rounds = anyio.CancelScope()
        self._over: Exception | None = None
        # Rows may be claimed that this worker does not hold: the answer to a claim, or an earlier run, was lost.
        self._doubt = True

    async def recover(self) -> None:
        """Make rows that nobody holds ready again: of older terms, of an earlier run, of a claim in doubt."""
        async with self._worker.database.transaction() as connection:
            rows = await self._claims.release(connection, [row.id for row in self._lanes.rows()])
        self._doubt = False
        if rows:
            emit(events.InboxRecovered(rows=rows, epoch=self._claims.epoch))

    async def work(self) -> None:
        """Go from round to round until cancelled or over; then let handlers finish and hand the rest back."""
        try:
            async with anyio.create_task_group() as group:
                try:
                    with self._rounds:
                        while self._over is None:
                            await self._round(group)
                finally:
                    with anyio.CancelScope(shield=True):
                        await self._finish_handlers()
        finally:
            if self._over is None:
                await self._hand_back()
        if self._over is not None:
            raise self._over

    async def _round(self, group: TaskGroup) -> None:
        """Claim what there is room for, start what may start, and wait for a reason to look again."""
        heads: list[Row] = []
        free = self._pace.handlers - len(self._running)
        try:
            if self._doubt:
                await self.recover()
            # A claim fetches far more than may start now, so most rounds need none.
            found = self._lanes.ready(anyio.current_time()) >= free or await self._claim()
            heads = self._lanes.heads(free, anyio.current_time())
            await self._start(group, heads)
        except OVER as error:
            self._end(error)
        except LOST as error:
            self._lanes.again(heads, anyio.current_time() + LOST_PAUSE)
            self._doubt = True
            emit(events.InboxStalled(error=error, retry_seconds=LOST_PAUSE))
            await anyio.sleep(LOST_PAUSE)
        else:
            if not found or len(self._running) >= self._pace.handlers:
                await self._wait()

    async def _wait(self) -> None:
        due = self._lanes.next_at()
        wait = self._pace.poll_seconds if due is None else due - anyio.current_time()
        await self._worker.wake.wait(max(0.0, min(self._pace.poll_seconds, wait)))

    async def _claim(self) -> bool:
        """Claim rows as far as there is room; True when some were found, so that there may be more."""
        room = self._pace.buffer - len(self._lanes)
        if room <= 0:
            return False
        self._doubt = True
        async with self._worker.database.transaction() as connection:
            rows = await self._claims.claim(connection, room, self._lanes.held())
        self._lanes.add(rows)
        self._doubt = False
        return bool(rows)

    async def _start(self, group: TaskGroup, heads: Sequence[Row]) -> None:
        """Count the starts of these heads in one transaction, then start them; bury those that are doomed."""
        starting = [started(row) for row in heads if self._lanes.doom(row) is None]
        ours: frozenset[int] = frozenset()
        if starting:
            async with self._worker.database.transaction() as connection:
                ours = await self._claims.start(connection, starting)
        for row in heads:
            if self._lanes.doom(row) is not None:
                self._spawn(group, self._attempt.bury, row)
        for row in starting:
            if row.id in ours:
                self._spawn(group, self._attempt.run, row)
            else:
                # Only our own transaction can have settled it: its commit succeeded and the answer was lost.
                self._attempt.finish(row, anyio.current_time())

    def _spawn(self, group: TaskGroup, job: Callable[[Row], Awaitable[None]], row: Row) -> None:
        scope = anyio.CancelScope(shield=True)
        self._running.add(scope)
        group.start_soon(self._run, job, row, scope, name=f"inbox:{row.id}")

    async def _run(self, job: Callable[[Row], Awaitable[None]], row: Row, scope: anyio.CancelScope) -> None:
        """Run a job that only the drain's deadline may interrupt; the end of the term ends the shift."""
        try:
            with scope:
                await job(row)
        except OVER as error:
            self._end(error)
        finally:
            self._running.discard(scope)
            self._worker.wake.set()
        if scope.cancelled_caught:
            emit(events.UpdateInterrupted(inbox_id=row.id, attempts=row.attempts))

    def _end(self, error: Exception) -> None:
        self._over = self._over or error
        self._rounds.cancel("the term is over")

    async def _finish_handlers(self) -> None:
        """Return once no handler runs; ask for the grace again meanwhile, because a second signal shortens it."""
        while self._running:
            end = anyio.current_time() + (0.0 if self._over else self._worker.grace())
            for scope in self._running:
                scope.deadline = min(scope.deadline, end)
            await self._worker.wake.wait(GRACE_POLL_SECONDS)

    async def _hand_back(self) -> None:
        """Make every row of this term that is not settled ready again, its attempts as if it had not been claimed."""
        rows, failure = 0, None
        with anyio.move_on_after(HAND_BACK_SECONDS, shield=True) as limit:
            try:
                async with self._worker.database.transaction() as connection:
                    await self._claims.start(connection, self._lanes.rows())
                    rows = await self._claims.release(connection)
            except (*LOST, *OVER) as error:
                failure = reason(error)
        if limit.cancelled_caught:
            failure = f"no answer within {HAND_BACK_SECONDS:g} s"
        self._worker.handed_back(rows)
        emit(events.InboxDrained(handed_back=rows, failure=failure))
