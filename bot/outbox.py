"""Send what handlers queued, lane by lane in order, as fast as Telegram's limits let it.

    backlog ── lanes that have rows ──▶ lanes, by when they are due ──▶ head row ──▶ places free ──▶ sender ─┐
                                          ▲   its pause, its chat's limit, its file ◀──┴────────────┴────────┘

Invariants
* A lane has one call at a time and its rows go out in their order; a row that waits holds up its lane and no other.
* A lane that waits, for its time or for its file, takes none of the parallel calls and is not read meanwhile.
* A round costs what it sends, not what is queued; what is remembered is bounded.
* Answers to buttons (`answer:…`) have calls of their own: no message is ahead of them.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Final

import anyio
from anyio.abc import TaskGroup, TaskStatus
from telegram import Bot

from bot import delivery, moves
from bot.backlog import Backlog
from bot.delivery import Again, Failed, Moved, Outgoing, Sent, Verdict
from bot.files import Files
from bot.lanes import Lanes
from bot.limits import UNCOUNTED, Floods, Limits, Rates
from bot.ports import Connection, Database, Term, Wake
from bot.sender import LOST_PAUSE, File, Media, Sender, Settled
from bot.sql import sql
from telemetry import emit, events, semconv, tracing

POLL_SECONDS: Final = 0.5
PARALLEL: Final = 16
"""Enough for the limit of the bot as a whole to be what holds messages up, while Telegram answers within a second."""
ANSWERS_PARALLEL: Final = 4
LANES: Final = 10_000
"""Lanes remembered; where there are more, they are found as these are served."""
RECENT_ROWS: Final = 5_000
GRACE_POLL_SECONDS: Final = 0.1
TELEGRAM: Final = Limits()
FIELDS: Final = frozenset(field.name for field in fields(Outgoing))


@dataclass(frozen=True, slots=True)
class Outbox:
    """A child of one term; an epoch has one.

    `wake` is set after every commit that may have queued something. `lost` are the exceptions of a database that went
    away. `quarantine` is how long intents of older terms are left alone: until the old lease is surely over. `grace`
    is asked while the outbox stops: the seconds that calls under way still have.
    """

    database: Database
    term: Term
    bot: Bot
    wake: Wake
    media: Media
    settled: Settled
    lost: tuple[type[Exception], ...]
    quarantine: float = 0.0
    grace: Callable[[], float] = lambda: 2.0
    parallel: int = PARALLEL
    limits: Limits = TELEGRAM
    jitter: Callable[[], float] = random.random

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        """Send until cancelled, then let calls under way end.

        Woken by commits that queue, by a lane that is free again, when a pause is over, and every 0.5 s.
        """
        task_status.started()
        async with anyio.create_task_group() as group:
            sending = _Sending(self, group)
            try:
                await sending.work()
            finally:
                # What is left are fetches of files: nothing is in doubt about them.
                group.cancel_scope.cancel("the outbox ends")
        if sending.failure is not None:
            raise sending.failure


class _Sending:
    """One run of an outbox: what is being sent, what waits, and how fast it may go; its tasks are those of `group`."""

    def __init__(self, outbox: Outbox, group: TaskGroup) -> None:
        self._outbox, self._group = outbox, group
        given = (outbox.database, outbox.term, outbox.bot, outbox.media, outbox.settled, outbox.lost, outbox.jitter)
        self._sender = Sender(*given)
        self._rates, self._floods = Rates(outbox.limits), Floods()
        self._backlog, self._messages, self._answers = Backlog(), Lanes(LANES), Lanes(LANES)
        self._files = Files(group, self._sender.file, self._file_arrived)
        self._under_way: dict[str, tuple[int, anyio.CancelScope, float]] = {}
        self._rounds = anyio.CancelScope()
        self.failure: Exception | None = None
        self._is_seeded = False
        self._recover_at: float | None = anyio.current_time() + outbox.quarantine

    async def work(self) -> None:
        """Go from round to round until cancelled or failed; then let calls under way end."""
        try:
            with self._rounds:
                while True:
                    await self._round()
        finally:
            with anyio.CancelScope(shield=True):
                await self._finish_calls()

    async def _finish_calls(self) -> None:
        """Return once no call is under way; ask for the grace again meanwhile, because a second signal shortens it."""
        while self._under_way:
            end = anyio.current_time() + self._outbox.grace()
            for _, scope, _ in self._under_way.values():
                scope.deadline = min(scope.deadline, end)
            await self._outbox.wake.wait(GRACE_POLL_SECONDS)

    async def _round(self) -> None:
        """Begin to send what may be sent, and wait for a reason to look again."""
        taken: list[str] = []
        try:
            if not self._is_seeded:
                await self._seed()
            if self._recover_at is not None and self._recover_at <= anyio.current_time():
                await self._recover()
            async with self._outbox.database.reading() as connection:
                await self._look(connection)
                taken = self._take(anyio.current_time())
                longest = delivery.RETRY_AFTER_CAP_SECONDS
                found = await connection.fetch(sql("outbox_heads"), taken, longest) if taken else []
                heads = {record["lane"]: record for record in found}
                followed = await moves.followed(connection, [lane for lane in taken if lane not in heads])
        except self._outbox.lost as error:
            for lane in taken:
                self._of(lane).back(lane, anyio.current_time())
            # What was read and not passed on is found by reading anew.
            self._backlog = Backlog()
            emit(events.OutboxStalled(error=error, retry_seconds=LOST_PAUSE))
            await anyio.sleep(LOST_PAUSE)
            return
        for lane in taken:
            self._begin(lane, heads.get(lane))
        now = anyio.current_time()
        for lane in followed:
            self._of(lane).add(lane, now)
        seconds, is_held = self._rest(now)
        if seconds > 0:
            await self._outbox.wake.wait(seconds)
            if is_held:
                emit(events.MessagePaced(limit="overall", seconds=anyio.current_time() - now))

    async def _seed(self) -> None:
        """Count what was sent before this run: Telegram's windows know nothing of our terms."""
        limits = self._outbox.limits
        longest = max(limits.chat[1], limits.group[1], limits.overall[1])
        async with self._outbox.database.reading() as connection:
            rows = await connection.fetch(sql("outbox_recent"), longest, sorted(UNCOUNTED), RECENT_ROWS)
        now = anyio.current_time()
        for row in rows:
            self._rates.count(row["chat_id"], now - row["age"])
        self._is_seeded = True

    async def _look(self, connection: Connection) -> None:
        """Learn of lanes that have rows."""
        now = anyio.current_time()
        for lane in await self._backlog.find(connection, self._messages.room, now, self._knows):
            # Where there is no room for it, a later sweep finds it again.
            self._of(lane).add(lane, now)

    def _knows(self, lane: str) -> bool:
        return lane in self._of(lane)

    def _of(self, lane: str) -> Lanes:
        return self._answers if lane.startswith("answer:") else self._messages

    def _free(self, now: float) -> tuple[int, int]:
        """Return how many more answers and messages may be under way."""
        began = [at for lane, (_, _, at) in self._under_way.items() if not lane.startswith("answer:")]
        answers = ANSWERS_PARALLEL - (len(self._under_way) - len(began))
        return answers, self._floods.allowed(self._outbox.parallel, now, began)

    def _take(self, now: float) -> list[str]:
        answers, messages = self._free(now)
        taken = self._answers.take(now, answers)
        return taken + self._messages.take(now, min(messages, self._rates.free(now)))

    def _begin(self, lane: str, head: Any | None) -> None:
        """Send the lane's head, let it wait, or forget a lane that has nothing (an intent is left to the recovery)."""
        lanes, now = self._of(lane), anyio.current_time()
        if head is None or head["state"] != "ready":
            self._files.drop(lane)
            lanes.forget(lane)
            return
        row, file = _row(head), None
        wait = max(head["wait"], POLL_SECONDS if head["is_behind"] else 0.0)
        is_called = delivery.before(row) is None
        if wait <= 0 and row.counts and is_called:
            wait, limit = self._rates.chat_wait(row.chat_id, now)
            if wait > 0:
                emit(events.MessagePaced(limit=limit, seconds=wait))
        if wait > 0:
            self._files.drop(lane)
            lanes.back(lane, now + wait)
            return
        if row.has_file and is_called and (file := self._files.get(row)) is None:
            return
        scope = anyio.CancelScope(shield=True)
        self._under_way[lane] = row.id, scope, now
        if row.counts:
            self._rates.begin()
        self._group.start_soon(self._run, row, file, scope, name=f"outbox:{row.id}")

    def _file_arrived(self, lane: str) -> None:
        # It has had its turn: it comes before all that wait.
        self._of(lane).back(lane, 0.0)
        self._outbox.wake.set()

    def _rest(self, now: float) -> tuple[float, bool]:
        """Return for how long there is nothing to do, and whether somebody only waits for the overall limit."""
        waits = [POLL_SECONDS]
        if self._recover_at is not None:
            waits.append(self._recover_at - now)
        if self._backlog.is_behind(self._messages.room):
            return 0.0, False
        (answers, messages), is_held = self._free(now), False
        if answers > 0:
            waits.append(self._answers.next_due - now)
        if pause := self._floods.pause(now):
            waits.append(pause)
        elif messages > 0:
            overall, due = self._rates.overall_wait(now), self._messages.next_due - now
            waits.append(max(overall, due))
            is_held = due <= 0 < overall
        return max(0.0, min(waits)), is_held

    async def _recover(self) -> None:
        """Decide about intents that nobody is carrying out: of older terms, of an earlier run of this one."""
        decided: list[tuple[Outgoing, Verdict]] = []
        async with self._outbox.database.transaction() as connection:
            sending = [number for number, _, _ in self._under_way.values()]
            for record in await connection.fetch(sql("outbox_intents"), self._outbox.term.epoch, sending):
                row = _row(record)
                verdict = delivery.unknown(row, "the process ended while sending")
                if await self._sender.note(connection, row, verdict) is not None:
                    decided.append((row, verdict))
        self._recover_at, now = None, anyio.current_time()
        for row, verdict in decided:
            self._sender.report(row, verdict, 0.0)
            if row.counts:
                # It may have been sent a moment ago.
                self._rates.count(row.chat_id, now)
            self._of(row.lane).add(row.lane, now)

    async def _run(self, row: Outgoing, file: File | None, scope: anyio.CancelScope) -> None:
        """Send one row; only the drain's deadline may interrupt it."""
        verdict, is_called = None, True
        caused, about = [tracing.link(row.traceparent)], {**semconv.PROCESS_MESSAGE, "method": row.method}
        try:
            with scope, tracing.span("send message", kind="consumer", links=caused, attributes=about):
                verdict, is_called = await self._sender.send(row, file)
        except Exception as error:  # noqa: BLE001 - raised again by serve(), when the calls under way have ended
            self.failure = self.failure or error
            self._rounds.cancel("a row cannot be handled")
        finally:
            self._ended(row, verdict, is_called=is_called)
            self._outbox.wake.set()

    def _ended(self, row: Outgoing, verdict: Verdict | None, *, is_called: bool) -> None:
        """Give back what the row held; its lane is looked at again at once, and says itself when it is due."""
        now = anyio.current_time()
        del self._under_way[row.lane]
        if row.counts:
            self._rates.end(row.chat_id, now) if is_called else self._rates.cancel()
        if isinstance(verdict, Again) and verdict.limited:
            was = self._floods.pause(now)
            pause = self._floods.tell(row.chat_id, verdict.after, now)
            if pause > was:
                emit(events.OutboxPaused(seconds=round(pause, 3)))
        elif is_called and row.counts and isinstance(verdict, Sent | Failed | Moved):
            self._floods.answered(now)
        if isinstance(verdict, Moved):
            self._messages.add(f"chat:{verdict.chat_id}", now)
        self._of(row.lane).back(row.lane, now)


def _row(record: Any) -> Outgoing:
    known = {name: value for name, value in record.items() if name in FIELDS}
    return Outgoing(**(known | {"params": json.loads(record["params"])}))
