"""One run of a worker: rounds that write and claim in one transaction each, and slots that handle beside them.

    recover ─▶ ┌ round: outcomes written ─ starts counted ─ look ─ claim ─▶ committed ─▶ slots: handle ┐ ─▶ drain:
               └───── woken: stored, a handler ended, a retry is due, every 0.5 s ◀────────────────────┘   finish,
                                                                                                          hand back

Invariants
* A handler's writes and its row's `done` commit together, under the term's fence, or not at all (`attempt`).
* A handler that wrote nothing is settled by the next round, and whatever follows in its lane is started by that same
  transaction or a later one: never is a row handled before those ahead of it are settled, and a crash in between repeats
  only handlers that changed nothing (I2, I3).
* A row whose commit is in doubt is started again and found to be nobody's: its handler does not run twice.
* After a claim whose commit is in doubt, nothing is claimed before it is known what became of that one (I3, I6).
* A failure blocks only its own lane, for a bounded number of starts; then the row is dead and the lane goes on.
* While a row is held nobody else handles it: its epoch is the lease, its handler is bounded by `handler_seconds`, and
  what is cut short has rolled back before its lane is handed out again.
* When `work` has ended no handler runs, and unless the term or the database is lost no row is claimed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import anyio
from anyio.abc import TaskGroup

from supervisor.database import PASSING
from supervisor.inbox.attempt import OVER, Attempt
from supervisor.inbox.claims import Fate, Row, reason
from supervisor.inbox.feed import Feed
from supervisor.inbox.lanes import Heads, Lanes
from supervisor.inbox.outcomes import Outcomes, Pending, with_heads
from supervisor.inbox.slots import Slot, Slots
from supervisor.inbox.wake import Wake
from telemetry import emit, events

if TYPE_CHECKING:
    from supervisor.inbox.worker import Worker

PASSING_PAUSE = 0.5
HAND_BACK_SECONDS = 1.0
HAND_BACK_PAUSE = 0.05
IDS_TOLD = 20


class Shift:
    """What one run of a worker holds."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._pace = worker.pace
        self._claims = worker.claims
        self._lanes = Lanes(rng=worker.rng)
        self._outcomes = Outcomes(self._lanes.settled)
        self._feed = self._new_feed()
        self._bell = Wake()
        self._attempt = Attempt(
            worker.database,
            worker.claims,
            self._lanes,
            self._outcomes,
            worker.handle,
            worker.hopeless,
            worker.pace.handler_seconds,
            anyio.Semaphore(worker.pace.transactions),
            worker.committed,
        )
        self._over: Exception | None = None
        self._rounds = anyio.CancelScope()
        # Rows may be claimed that this worker does not hold: the answer to a claim, or an earlier run, was lost.
        self._is_in_doubt = True

    def _new_feed(self) -> Feed:
        return Feed(self._lanes, window=self._pace.window)

    async def recover(self, unwritten: Iterable[int] = ()) -> None:
        """Make rows that nobody holds ready again: of older terms, of an earlier run, of a claim in doubt.

        Not the `unwritten`, whose handlers have ended: they are done, and only the database does not know it yet.
        """
        unsure = self._worker.unsure
        async with self._worker.database.transaction() as connection:
            if unsure:
                # That commit may come still: rows that it claimed after we looked would be nobody's, and be overtaken.
                await self._claims.await_others(connection, unsure)
            unstarted = _unstarted(unsure)
            rows = len(await self._claims.tell(connection, unstarted)) if unstarted else 0
            rows += await self._claims.release(connection, [*self._lanes.ids(), *unwritten, *self._outcomes.ids()])
        unsure.clear()
        self._is_in_doubt = False
        self._feed = self._new_feed()
        if rows:
            emit(events.InboxRecovered(rows=rows, epoch=self._claims.epoch))

    async def work(self) -> None:
        """Go from round to round until cancelled or over; then let handlers finish and hand the rest back."""
        try:
            async with anyio.create_task_group() as group:
                slots = self._new_slots(group)
                group.start_soon(slots.watch)
                group.start_soon(self._listen)
                try:
                    with self._rounds:
                        while self._over is None:
                            await self._round(slots)
                finally:
                    with anyio.CancelScope(shield=True):
                        await slots.finish(lambda: 0.0 if self._over else self._worker.grace())
                    slots.close()
                    group.cancel_scope.cancel()
        finally:
            emit(events.InboxPaced(running=0, held=0, waiting=0))
            if self._over is None:
                await self._hand_back()
        if self._over is not None:
            raise self._over

    def _new_slots(self, group: TaskGroup) -> Slots:
        return Slots(
            group,
            self._pace.handlers,
            self._pace.handler_seconds,
            run=self._run,
            cut_short=self._attempt.cut_short,
            bell=self._bell,
        )

    async def _run(self, row: Row, slot: Slot) -> None:
        try:
            await self._attempt.run(row, slot)
        except OVER as error:
            self._over = self._over or error
            self._rounds.cancel("the term is over")

    async def _listen(self) -> None:
        """Look for new rows; woken by the writer's event and every 0.5 s, stopped by cancellation."""
        while True:
            await self._worker.wake.wait(self._pace.poll_seconds)
            self._feed.news(anyio.current_time())
            self._bell.set()

    async def _round(self, slots: Slots) -> None:
        """Write what is to be written, claim what there is room for, start what may start; wait if there is nothing."""
        now = anyio.current_time()
        free = self._free(slots)
        pending = self._outcomes.take()
        heads = self._lanes.heads(free, now)
        try:
            if self._is_in_doubt:
                await self.recover(pending.fates)
            is_idle = not await self._transact(slots, heads, pending, free - len(heads.starting))
        except OVER as error:
            self._over = self._over or error
        except PASSING as error:
            self._outcomes.put_back(pending)
            given_out = [*heads.starting, *(row for row, _ in heads.doomed)]
            self._lanes.again(given_out, anyio.current_time() + PASSING_PAUSE)
            emit(events.InboxStalled(error=error, retry_seconds=PASSING_PAUSE))
            await anyio.sleep(PASSING_PAUSE)
        except BaseException:
            # Cancelled by the drain, which writes what this round could not.
            self._outcomes.put_back(pending)
            raise
        else:
            emit(events.InboxPaced(running=slots.running, held=len(self._lanes), waiting=self._lanes.waiting))
            if is_idle:
                await self._wait()

    def _free(self, slots: Slots) -> int:
        """Return how many rows may start; none while enough are ahead, or every handler that ends would cost a round."""
        free = self._pace.handlers + self._pace.ahead - slots.taken
        return free if free >= min(self._pace.handlers, self._pace.ahead // 2 + 1) else 0

    async def _wait(self) -> None:
        due = self._lanes.next_at()
        wait = self._pace.poll_seconds if due is None else due - anyio.current_time()
        await self._bell.wait(max(0.0, min(self._pace.poll_seconds, wait)))

    async def _transact(self, slots: Slots, heads: Heads, pending: Pending, free: int) -> bool:
        """Do one round's writing in one transaction, and what follows from it; False when there was nothing to do."""
        fates = with_heads(pending, heads)
        room = min(free, self._pace.buffer - len(self._lanes))
        span = self._feed.span(room) if room > 0 else None
        if not fates and span is None and not (room > 0 and self._feed.has_choice()):
            return False
        ours: frozenset[int] = frozenset()
        ended: dict[int, str] = {}
        chosen: dict[int, int] = {}
        rows: list[Row] = []
        try:
            async with self._worker.database.transaction() as connection:
                if fates:
                    ours = await self._claims.tell(connection, fates)
                    ended = await self._claims.states(connection, [r.id for r, _ in heads.doomed if r.id not in ours])
                if span is not None:
                    self._feed.saw(span, await self._claims.look(connection, span), anyio.current_time())
                if room > 0:
                    chosen = {row.id: int(not row.tried) for row in self._feed.choose(room)}
                if chosen:
                    rows = await self._claims.claim(connection, chosen)
        except BaseException:
            # Cancelled or lost: what was chosen may be claimed, and what was started then was not handled.
            if chosen:
                self._is_in_doubt = True
                self._worker.unsure.update(chosen)
            raise
        self._outcomes.written(pending)
        self._give_up(heads, ended)
        self._go_on(slots, heads, ours, rows, chosen)
        return True

    def _give_up(self, heads: Heads, ended: dict[int, str]) -> None:
        """Report the doomed; some had `ended` before, by a commit of ours whose answer was lost: done, or dead."""
        for row, why in heads.doomed:
            if ended.get(row.id) == "done":
                self._attempt.finish(row, anyio.current_time())
                continue
            self._lanes.settled(row)
            self._outcomes.settled(row, "dead", anyio.current_time())
            emit(events.UpdateDead(inbox_id=row.id, reason=why, attempts=row.attempts))

    def _go_on(self, slots: Slots, heads: Heads, ours: frozenset[int], rows: list[Row], chosen: dict[int, int]) -> None:
        """Start what the committed transaction has counted."""
        started = {row.id for row in rows if chosen[row.id]}
        self._lanes.add(rows, started)
        for row in heads.starting:
            if row.id not in ours:
                # Only our own transaction can have settled it: its commit succeeded and the answer was lost.
                self._attempt.finish(row, anyio.current_time())
        slots.start([row for row in heads.starting if row.id in ours])
        slots.start([row for row in rows if row.id in started])
        if rows:
            emit(events.InboxClaimed(rows=len(rows)))

    async def _hand_back(self) -> None:
        """Settle what is done, and make the rest of this term ready again, counted as if it had not been started."""
        pending = self._outcomes.take()
        left = self._lanes.unsettled()
        fates = dict(pending.fates)
        for row in left:
            noted = fates.get(row.id)
            fates[row.id] = Fate("ready", row.attempts, noted.error if noted else None)
        fates |= _unstarted(self._worker.unsure)
        rows, failure = 0, f"no answer within {HAND_BACK_SECONDS:g} s"
        with anyio.move_on_after(HAND_BACK_SECONDS, shield=True):
            while True:
                try:
                    async with self._worker.database.transaction() as connection:
                        if self._worker.unsure:
                            await self._claims.await_others(connection, self._worker.unsure)
                        ours = await self._claims.tell(connection, fates) if fates else frozenset()
                        rows = await self._claims.release(connection)
                except OVER as error:
                    failure = reason(error)
                    break
                except PASSING as error:
                    failure = reason(error)
                    await anyio.sleep(HAND_BACK_PAUSE)
                else:
                    # A handler that was cut short while it committed may have settled its row after all.
                    left = [row for row in left if row.id in ours]
                    rows += sum(fates[number].state == "ready" for number in ours)
                    failure = ""
                    self._outcomes.written(pending)
                    break
        lanes = len({row.lane for row in left})
        self._worker.handed_back(rows, lanes)
        ids = tuple([row.id for row in left[:IDS_TOLD]])
        emit(events.InboxDrained(handed_back=rows, lanes=lanes, first_ids=ids, failure=failure or None))


def _unstarted(unsure: dict[int, int]) -> dict[int, Fate]:
    """Return the fates of rows whose claim may have happened: the start that it counted did not."""
    return {number: Fate("ready", 0) for number, starts in unsure.items() if starts}
