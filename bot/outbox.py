"""Send what handlers queued: the oldest row of each lane, the intent before the call, the result after it.

    ready ──intent (epoch, attempts + 1), committed──▶ sending ──call──▶ sent | failed, with the owner told
      ▲                                                   │
      └─────────── again after a pause ───────────────────┴── found at start: nobody knows; once more, or failed

Invariants
* No call starts without a committed intent of the current term and `term.trusted()` right before it.
* A lane has one call at a time and its rows go out in their order; a row that waits holds up its lane and no other.
* What is noted and what its owner does about it (delivered, undeliverable) commit together.
"""

from __future__ import annotations

import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import anyio
from aiolimiter import AsyncLimiter
from anyio.abc import TaskGroup, TaskStatus
from telegram import Bot
from telegram.error import TelegramError

from bot import delivery
from bot.calls import Content, call
from bot.delivery import Again, Failed, Outcome, Outgoing, Sent, Verdict
from bot.ports import Connection, Database, Term, Wake
from bot.sql import sql
from telemetry import emit, events, tracing

POLL_SECONDS = 0.5
PARALLEL = 8
CALLS_A_SECOND = 30
LOST_PAUSE = 0.5
GRACE_POLL_SECONDS = 0.1
TRANSIENT = frozenset({"40", "55", "57"})
"""Classes of SQLSTATE after which the same transaction may succeed."""
Media = Callable[[int], Awaitable[Content | None]]
"""The file of a generation: its bytes, or Telegram's id of it; None when there is none any more."""
Settled = Callable[[Connection, Outgoing, Outcome], Awaitable[None]]
"""What a row's owner does in the transaction that notes its end."""
T = TypeVar("T")


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
    calls_a_second: float = CALLS_A_SECOND
    jitter: Callable[[], float] = random.random

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        """Send until cancelled, then let calls under way end.

        Woken by commits that queue, by a lane that is free again, and every 0.5 s for rows whose pause is over.
        """
        task_status.started()
        await _Sending(self).work()


class _Sending:
    """One run of an outbox: which lanes are being served."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._limiter = AsyncLimiter(outbox.calls_a_second, 1)
        self._lanes: dict[str, tuple[int, anyio.CancelScope]] = {}
        self._rounds = anyio.CancelScope()
        self._failure: Exception | None = None
        self._recover_at: float | None = anyio.current_time() + outbox.quarantine

    async def work(self) -> None:
        """Go from round to round until cancelled or failed; then let calls under way end."""
        async with anyio.create_task_group() as group:
            try:
                with self._rounds:
                    while True:
                        await self._round(group)
            finally:
                with anyio.CancelScope(shield=True):
                    await self._finish_calls()
        if self._failure is not None:
            raise self._failure

    async def _finish_calls(self) -> None:
        """Return once no call is under way; ask for the grace again meanwhile, because a second signal shortens it."""
        while self._lanes:
            end = anyio.current_time() + self._outbox.grace()
            for _, scope in self._lanes.values():
                scope.deadline = min(scope.deadline, end)
            await self._outbox.wake.wait(GRACE_POLL_SECONDS)

    async def _round(self, group: TaskGroup) -> None:
        """Begin to send what may be sent, and wait for a reason to look again."""
        free = self._outbox.parallel - len(self._lanes)
        rows: list[Outgoing] = []
        try:
            if self._recover_at is not None and self._recover_at <= anyio.current_time():
                await self._recover()
            if free > 0:
                async with self._outbox.database.reading() as connection:
                    rows = _rows(await connection.fetch(sql("outbox_heads"), list(self._lanes), free))
        except self._outbox.lost as error:
            emit(events.OutboxStalled(error=error, retry_seconds=LOST_PAUSE))
            await anyio.sleep(LOST_PAUSE)
            return
        for row in rows:
            scope = anyio.CancelScope(shield=True)
            self._lanes[row.lane] = row.id, scope
            group.start_soon(self._run, row, scope, name=f"outbox:{row.id}")
        if len(rows) < free or free <= 0:
            await self._outbox.wake.wait(POLL_SECONDS)

    async def _recover(self) -> None:
        """Decide about intents that nobody is carrying out: of older terms, of an earlier run of this one."""
        decided: list[tuple[Outgoing, Verdict]] = []
        async with self._outbox.database.transaction() as connection:
            sending = [number for number, _ in self._lanes.values()]
            for row in _rows(await connection.fetch(sql("outbox_intents"), self._outbox.term.epoch, sending)):
                verdict = delivery.unknown(row, "the process ended while sending")
                await self._write(connection, row, verdict)
                decided.append((row, verdict))
        self._recover_at = None
        for row, verdict in decided:
            self._report(row, verdict, 0.0)

    async def _run(self, row: Outgoing, scope: anyio.CancelScope) -> None:
        """Send one row; only the drain's deadline may interrupt it."""
        try:
            with scope, tracing.span("send message", links=[tracing.link(row.traceparent)], method=row.method):
                await self._send(row)
        except Exception as error:  # noqa: BLE001 - raised again by work(), when the calls under way have ended
            self._failure = self._failure or error
            self._rounds.cancel("a row cannot be handled")
        finally:
            del self._lanes[row.lane]
            self._outbox.wake.set()

    async def _send(self, row: Outgoing) -> None:
        began = anyio.current_time()
        verdict = delivery.before(row)
        content: Content | None = None
        if verdict is None and row.method == "sendPhoto":
            content, verdict = await self._content(row)
        if verdict is None:
            await self._limiter.acquire()
            row = replace(row, attempts=row.attempts + 1)
            if not await self._until_stored(lambda connection: self._intend(connection, row)):
                emit(events.MessageSkipped(outbox_id=row.id, method=row.method, reason="replaced by a newer one"))
                return
            await self._outbox.term.trusted()
            verdict = await self._call(row, content)
        ending = verdict
        if await self._until_stored(lambda connection: self._write(connection, row, ending)):
            self._report(row, ending, anyio.current_time() - began)

    async def _content(self, row: Outgoing) -> tuple[Content | None, Verdict | None]:
        """Fetch the file before the intent, so that a slow download leaves nothing in doubt."""
        if row.generation_id is None:
            return None, Failed("the row names no generation")
        try:
            content = await self._outbox.media(row.generation_id)
        except Exception as error:  # noqa: BLE001 - whatever hinders one file must not end the outbox of all chats
            tried = replace(row, attempts=row.attempts + 1)
            return None, delivery.later(tried, f"its file: {type(error).__name__}", self._outbox.jitter())
        return content, Failed("its file is gone") if content is None else None

    async def _call(self, row: Outgoing, content: Content | None) -> Verdict:
        try:
            return await call(self._outbox.bot, row, content)
        except TelegramError as error:
            return delivery.judge(row, error, self._outbox.jitter())
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            return Failed(f"no call can be made of it: {type(error).__name__}")

    async def _intend(self, connection: Connection, row: Outgoing) -> bool:
        epoch = self._outbox.term.epoch
        return await connection.fetchval(sql("outbox_intend"), row.id, epoch, row.attempts) is not None

    async def _write(self, connection: Connection, row: Outgoing, verdict: Verdict) -> bool:
        """Note what became of a row, and let its owner act on its end; False when it had ended already."""
        epoch = self._outbox.term.epoch
        if isinstance(verdict, Again):
            waits = verdict.after, verdict.attempts, int(verdict.ambiguous), verdict.reason
            await connection.execute(sql("outbox_retry"), row.id, epoch, *waits)
            return True
        found: tuple[Any, ...] = (
            ("failed", None, None, verdict.reason)
            if isinstance(verdict, Failed)
            else ("sent", verdict.message_id, verdict.file_id, None)
        )
        if await connection.fetchval(sql("outbox_settle"), row.id, epoch, *found) is None:
            return False
        if isinstance(verdict, Failed) and verdict.unreachable:
            await connection.execute(sql("user_mark_unreachable"), row.chat_id)
        await self._outbox.settled(connection, row, verdict)
        return True

    async def _until_stored(self, write: Callable[[Connection], Awaitable[T]]) -> T:
        """Write in a fenced transaction, again and again while the database is away: what happened must be noted."""
        while True:
            try:
                async with self._outbox.database.transaction() as connection:
                    return await write(connection)
            except Exception as error:
                if not isinstance(error, self._outbox.lost) and not _passes(error):
                    raise
                emit(events.OutboxStalled(error=error, retry_seconds=LOST_PAUSE))
            await anyio.sleep(LOST_PAUSE)

    def _report(self, row: Outgoing, verdict: Verdict, seconds: float) -> None:
        """Say what became of a row."""
        number, method = row.id, row.method
        if isinstance(verdict, Sent):
            emit(events.MessageSent(outbox_id=number, method=method, seconds=seconds))
        elif isinstance(verdict, Failed):
            event = events.MessageSkipped if verdict.quiet else events.MessageFailed
            emit(event(outbox_id=number, method=method, reason=verdict.reason))
        elif verdict.ambiguous:
            emit(events.MessageAmbiguous(outbox_id=number, method=method, epoch=self._outbox.term.epoch))
        else:
            wait = round(verdict.after, 3)
            emit(events.MessageRetried(outbox_id=number, method=method, reason=verdict.reason, delay_seconds=wait))


def _passes(error: Exception) -> bool:
    """Whether the database gave up only this time: a deadlock, a lock or a statement that took too long."""
    return str(getattr(error, "sqlstate", None))[:2] in TRANSIENT


def _rows(records: list[Any]) -> list[Outgoing]:
    return [Outgoing(**(dict(record) | {"params": json.loads(record["params"])})) for record in records]
