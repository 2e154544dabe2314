"""Send one queued row: the intent before the call, the result after it.

    its file, where it needs one (no place is taken meanwhile)
      ▼
    ready ──before()──▶ ended without a call
      ▼
    intent (epoch, attempts + 1), committed ──▶ trusted() ──▶ call ──▶ sent | failed | again | moved, committed

Invariants
* No call starts without a committed intent of the current term and `term.trusted()` right before it.
* What is noted and what its owner does about it (delivered, undeliverable) commit together.
* Once a call is made it has failed only if Telegram says so: an answer that cannot be read may be a message sent.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

import anyio
from telegram import Bot
from telegram.error import TelegramError

from bot import delivery, moves
from bot.answer import hearing, message_id
from bot.calls import Content, prepare
from bot.delivery import Again, Failed, Moved, Outcome, Outgoing, Sent, Verdict
from bot.ports import Connection, Database, Term
from bot.sql import sql
from telemetry import emit, events

LOST_PAUSE = 0.5
Media = Callable[[int], Awaitable[Content | None]]
"""The file of a generation: its bytes, or Telegram's id of it; None when there is none any more."""
Settled = Callable[[Connection, Outgoing, Outcome], Awaitable[None]]
"""What a row's owner does in the transaction that notes its end."""
File: TypeAlias = Content | Failed | Again
"""What is to be sent, or why it cannot be."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sender:
    """What sending a row needs; it remembers nothing between rows."""

    database: Database
    term: Term
    bot: Bot
    media: Media
    settled: Settled
    lost: tuple[type[Exception], ...]
    jitter: Callable[[], float]

    async def send(self, row: Outgoing, file: File | None) -> tuple[Verdict | None, bool]:
        """Send the row and note what became of it; return that, and whether a call was made.

        The verdict is None when the row had ended already, or a newer edit has replaced it.
        """
        began = anyio.current_time()
        verdict, content = delivery.before(row), None
        if isinstance(file, Failed | Again):
            verdict = verdict or file
        else:
            content = file
        is_called = verdict is None
        if verdict is None:
            row = replace(row, attempts=row.attempts + 1)
            if not await self._until_stored(lambda connection: self._intend(connection, row)):
                emit(events.MessageSkipped(outbox_id=row.id, method=row.method, reason="replaced by a newer one"))
                return None, False
            await self.term.trusted()
            verdict = await self._call(row, content)
        answered = anyio.current_time() - began
        noted = await self._note_until_stored(row, verdict)
        if noted is not None:
            self.report(row, noted, answered)
        return noted, is_called

    async def file(self, row: Outgoing) -> File:
        """Fetch the file that goes with the row, before the intent: a slow download leaves nothing in doubt."""
        if row.generation_id is None:
            return Failed("the row names no generation")
        try:
            content = await self.media(row.generation_id)
        except (Exception, asyncio.CancelledError) as error:
            if _is_stop(error):
                raise
            tried = replace(row, attempts=row.attempts + 1)
            return delivery.later(tried, f"its file: {type(error).__name__}", self.jitter())
        return Failed("its file is gone") if content is None else content

    async def _call(self, row: Outgoing, content: Content | None) -> Verdict:
        try:
            call = prepare(self.bot, row, content)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            return Failed(f"no call can be made of it: {type(error).__name__}")
        with hearing() as heard:
            try:
                return await call()
            except TelegramError as error:
                return delivery.judge(row, error, self.jitter())
            except (Exception, asyncio.CancelledError) as error:
                if _is_stop(error):
                    raise
                # The call was made, whatever the library makes of its answer.
                number = message_id(heard)
                if number is not None:
                    return Sent(number)
                return delivery.unknown(row, f"its answer cannot be read: {type(error).__name__}")

    async def _intend(self, connection: Connection, row: Outgoing) -> bool:
        return await connection.fetchval(sql("outbox_intend"), row.id, self.term.epoch, row.attempts) is not None

    async def note(self, connection: Connection, row: Outgoing, verdict: Verdict) -> Verdict | None:
        """Note what became of a row, and let its owner act on its end; None when it had ended already."""
        if isinstance(verdict, Moved):
            return await self._move(connection, row, verdict)
        if isinstance(verdict, Again):
            await self._wait(connection, row, verdict)
            return verdict
        found: tuple[Any, ...] = (
            ("failed", None, None, verdict.reason)
            if isinstance(verdict, Failed)
            else ("sent", verdict.message_id, verdict.file_id, None)
        )
        if await connection.fetchval(sql("outbox_settle"), row.id, self.term.epoch, *found) is None:
            return None
        if isinstance(verdict, Failed) and verdict.unreachable:
            mark = "user_mark_unreachable" if row.chat_id > 0 else "group_mark_unreachable"
            await connection.execute(sql(mark), row.chat_id)
        await self.settled(connection, row, verdict)
        return verdict

    async def _wait(self, connection: Connection, row: Outgoing, verdict: Again) -> None:
        waits = verdict.after, verdict.attempts, int(verdict.ambiguous), verdict.reason
        await connection.execute(sql("outbox_retry"), row.id, self.term.epoch, *waits)

    async def _move(self, connection: Connection, row: Outgoing, verdict: Moved) -> Verdict | None:
        """Let the row wait no longer, and bring it with its lane to the chat's new id."""
        await self._wait(connection, row, Again("its chat has moved", 0.0, verdict.attempts))
        final = await moves.move(connection, row.chat_id, verdict.chat_id, row.lane)
        if final is None:
            return await self.note(connection, row, Failed("its chat has moved in a circle"))
        return replace(verdict, chat_id=final)

    async def _note_until_stored(self, row: Outgoing, verdict: Verdict) -> Verdict | None:
        is_tried = False

        async def write(connection: Connection) -> Verdict | None:
            nonlocal is_tried
            noted = await self.note(connection, row, verdict)
            # Ended after a commit whose answer was lost: by that commit.
            found = verdict if noted is None and is_tried else noted
            is_tried = True
            return found

        return await self._until_stored(write)

    async def _until_stored(self, write: Callable[[Connection], Awaitable[T]]) -> T:
        """Write in a fenced transaction, again and again while the database is away: what happened must be noted."""
        while True:
            try:
                async with self.database.transaction() as connection:
                    return await write(connection)
            except self.lost as error:
                emit(events.OutboxStalled(error=error, retry_seconds=LOST_PAUSE))
            await anyio.sleep(LOST_PAUSE)

    def report(self, row: Outgoing, verdict: Verdict, seconds: float) -> None:
        """Say what became of a row."""
        number, method = row.id, row.method
        if isinstance(verdict, Sent):
            lag = row.age + seconds
            emit(events.MessageSent(outbox_id=number, method=method, seconds=seconds, lag_seconds=lag))
        elif isinstance(verdict, Failed):
            event = events.MessageSkipped if verdict.quiet else events.MessageFailed
            emit(event(outbox_id=number, method=method, reason=verdict.reason))
            if verdict.unreachable:
                emit(events.ChatUnreachable(outbox_id=number, reason=verdict.reason))
        elif isinstance(verdict, Moved):
            emit(events.MessageRetried(outbox_id=number, method=method, reason="its chat has moved", delay_seconds=0.0))
        elif verdict.ambiguous:
            emit(events.MessageAmbiguous(outbox_id=number, method=method, epoch=self.term.epoch))
        else:
            wait = round(verdict.after, 3)
            emit(events.MessageRetried(outbox_id=number, method=method, reason=verdict.reason, delay_seconds=wait))
            if verdict.limited:
                emit(events.MessagePaced(limit="retry_after", seconds=wait))


def _is_stop(error: BaseException) -> bool:
    """Whether somebody stops us; else what hinders one row, also that it awaited what was cancelled, is its own."""
    return isinstance(error, asyncio.CancelledError) and anyio.current_effective_deadline() == -math.inf
