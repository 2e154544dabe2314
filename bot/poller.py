"""Polling mode: fetch updates and confirm them only when all of them are committed.

    trusted? ──▶ getUpdates(offset) ──▶ put each, lane by lane in order ──▶ all committed? ── yes ──▶ next offset
       ▲             │  └▶ answer who asks before a payment, meanwhile              │
       └── a pause ──┴── refused, late, broken off ◀── the same offset again ── no ─┘

Invariants
* Telegram forgets an update when a later offset is asked for, and that is asked only after the commit: a crash at any
  instant fetches it again, and the inbox knows it.
* So a request that is still on its way when the term ends is harmless, however late it arrives: it confirms only what
  was committed before it was sent. What its answer brings is confirmed by nobody and comes again to the successor.
* Nobody polls but the ACTIVE, and not while its term is suspended; a 409 says that somebody does, and before the next
  poll the term is asked again.
* Of one lane, an update is put only when the one before it is committed: a failure cannot change their order.
* One malformed entry is one dead row; it holds up nothing.
* A drain gives up a poll that waits, but not what is being stored.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import anyio
from anyio.abc import TaskStatus

from bot import ingress
from bot.errors import InvalidSetup
from bot.offset import Offset, following
from bot.pause import pause
from bot.ports import Arrival, Inbox, Term
from bot.updates import NoUpdates, Updates
from telemetry import emit, events, semconv, tracing

RETRY_BASE_SECONDS = 0.5
RETRY_CAP_SECONDS = 30.0
SLOW_FACTOR = 6
"""Two pollers end each other's polls: neither may come back soon. Nor does a refused token get better soon."""
END_SECONDS = 0.5
"""What is being stored when the poller is told to stop has so long to be committed."""
MOST_UNAUTHORIZED = 5
"""A token is refused so often in a row, for half a minute, before it is taken for revoked."""


class Poller:
    """A child of the ACTIVE. `not_stored` are the exceptions by which `inbox` says that it cannot store now.

    `reconcile` makes Telegram deliver by polling again; `answer` gets each body, and answers who asks before a payment.
    """

    def __init__(
        self,
        updates: Updates,
        inbox: Inbox,
        term: Term,
        *,
        not_stored: tuple[type[Exception], ...],
        reconcile: Callable[[], Awaitable[object]],
        answer: Callable[[bytes], Coroutine[Any, Any, None]],
        jitter: Callable[[], float] = random.random,
        base_seconds: float = RETRY_BASE_SECONDS,
    ) -> None:
        self._updates = updates
        self._inbox = inbox
        self._term = term
        self._not_stored = not_stored
        self._reconcile = reconcile
        self._answer = answer
        self._jitter = jitter
        self._base = base_seconds
        self._offset: int | None = None
        self._unauthorized = 0

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        """Poll until cancelled; woken by Telegram's answers, slowed down by a pause after each failure.

        Raises `InvalidSetup` when the token is refused again and again.
        """
        async with self._updates.connected():
            task_status.started()
            failures = 0
            while True:
                # A poll confirms what came before it, and ends another's: a term that is over does not poll.
                await self._term.trusted()
                wait = await self._round(failures + 1)
                failures = 0 if wait is None else failures + 1
                if wait is not None:
                    await anyio.sleep(wait)

    async def _round(self, failures: int) -> float | None:
        """Fetch one answer, store it, and confirm it with the next poll; return how long to wait after a failure."""
        delay = pause(failures, self._jitter(), base=self._base, cap=RETRY_CAP_SECONDS)
        try:
            bodies = await self._updates.fetch(self._offset)
            self._unauthorized = 0
            arrivals = [ingress.arrival(body) for body in bodies]
            await self._store(arrivals)
        except NoUpdates as refusal:
            return await self._refused(refusal, failures, delay)
        except self._not_stored:
            emit(
                events.PollFailed(reason="not_stored", found="the inbox cannot store now", retry_seconds=_shown(delay))
            )
            return delay
        if not arrivals:
            return None
        offset = following([_number(arrival) for arrival in arrivals], self._offset)
        return self._confirm(offset, len(arrivals), delay)

    def _confirm(self, offset: Offset, entries: int, delay: float) -> float | None:
        self._offset = offset.value
        if offset.sure:
            return None
        emit(events.PollStuck(entries=entries, retry_seconds=_shown(delay)))
        return delay

    async def _refused(self, refusal: NoUpdates, failures: int, delay: float) -> float:
        """Report a failed poll, do what helps, and return the seconds to wait."""
        if refusal.reason == "conflict":
            emit(events.PollConflict(reason="poller", found=refusal.found))
            return self._slow(failures)
        if refusal.reason == "webhook":
            emit(events.PollConflict(reason="webhook", found=refusal.found))
            await self._reconcile()
            return self._slow(failures)
        is_unauthorized = refusal.reason == "unauthorized"
        delay = self._slow(failures) if is_unauthorized else max(delay, refusal.retry_after)
        emit(events.PollFailed(reason=refusal.reason, found=refusal.found, retry_seconds=_shown(delay)))
        self._unauthorized = self._unauthorized + 1 if is_unauthorized else 0
        if self._unauthorized >= MOST_UNAUTHORIZED:
            raise InvalidSetup(
                "Telegram refuses the bot's token, which it took before: it was revoked.",
                hint="correct TELEGRAM_BOT_TOKEN: ask @BotFather for it",
            )
        return delay

    def _slow(self, failures: int) -> float:
        return pause(failures, self._jitter(), base=self._base * SLOW_FACTOR, cap=RETRY_CAP_SECONDS)

    async def _store(self, arrivals: Sequence[Arrival]) -> None:
        """Put every arrival; return when all are committed, raise when one is not."""
        failures: list[Exception] = []
        done, storing = anyio.Event(), anyio.CancelScope(shield=True)

        async def keep() -> None:
            with storing:
                await self._keep(arrivals, failures)
            done.set()

        async with anyio.create_task_group() as group:
            group.start_soon(keep)
            try:
                await done.wait()
            finally:
                storing.deadline = anyio.current_time() + END_SECONDS
        if failures:
            raise failures[0]

    async def _keep(self, arrivals: Sequence[Arrival], failures: list[Exception]) -> None:
        lanes: dict[str, list[Arrival]] = {}
        for arrival in arrivals:
            lanes.setdefault(arrival.lane, []).append(arrival)
        async with anyio.create_task_group() as group:
            # First: who asks before a payment has ten seconds, however slow the inbox is.
            for arrival in arrivals:
                group.start_soon(self._answer, arrival.body)
            for queue in lanes.values():
                group.start_soon(self._put, queue, failures)

    async def _put(self, arrivals: Sequence[Arrival], failures: list[Exception]) -> None:
        try:
            for arrival in arrivals:
                with tracing.span("send updates", kind="producer", attributes=semconv.SEND_UPDATES):
                    await self._inbox.put(arrival)
        except self._not_stored as error:
            failures.append(error)


def _number(arrival: Arrival) -> int | None:
    return None if arrival.dead else int(arrival.dedupe_key)


def _shown(seconds: float) -> float:
    return round(seconds, 3)
