"""Handlers in parallel: a fixed number of slots, each taking one started row after another.

    start(rows) ──▶ queue ──▶ slot: run(row) ──▶ ended ──▶ the next row, or idle
                                └── over its time, or over the drain's: cancelled, cut_short(row)

A slot is a task that stays: a handler that never waits costs no task, no scope and no timer of its own.

Invariants
* A cancellation reaches the row it was meant for: a slot in whose scope one was asked for takes no other row.
* The cancellation of the worker itself reaches no handler; only `finish` and the time limit do.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

import anyio
from anyio.abc import TaskGroup

from supervisor.inbox.claims import Row
from supervisor.inbox.wake import Wake

GRACE_POLL_SECONDS = 0.1


class Slot:
    """Where one row is handled: which, until when, and whether it took too long."""

    __slots__ = ("began", "is_late", "row", "scope", "until")

    def __init__(self) -> None:
        self.row: Row | None = None
        self.began = 0.0
        self.until = math.inf
        self.is_late = False
        self.scope = anyio.CancelScope()


class Slots:
    """The handlers of one worker. `run` handles a row; `cut_short` is told of a slot whose row was cancelled."""

    def __init__(
        self,
        group: TaskGroup,
        number: int,
        seconds: float,
        *,
        run: Callable[[Row, Slot], Awaitable[None]],
        cut_short: Callable[[Row, Slot], None],
        bell: Wake,
    ) -> None:
        self._group = group
        self._number = number
        self._seconds = seconds
        self._run = run
        self._cut_short = cut_short
        self._bell = bell
        self._queue: deque[Row] = deque()
        self._slots: list[Slot] = []
        self._idle: list[anyio.Event] = []
        self._is_waking = False
        self._is_closed = False
        self.running = 0

    @property
    def taken(self) -> int:
        """How many rows are being handled or are next."""
        return self.running + len(self._queue)

    def start(self, rows: Iterable[Row]) -> None:
        """Handle these rows as slots become free."""
        self._queue.extend(rows)
        self._wake_one()

    async def watch(self) -> None:
        """Cancel what is over its time; woken by the earliest time limit, stopped by cancellation."""
        while True:
            now = anyio.current_time()
            for slot in self._slots:
                if slot.row is not None and slot.until <= now:
                    slot.is_late = True
                    slot.scope.cancel("over its time")
            # A limit that is set from now on is that long from now at least.
            due = min(
                (slot.until for slot in self._slots if slot.row is not None and slot.until > now), default=math.inf
            )
            await anyio.sleep(min(due - now, self._seconds))

    async def finish(self, grace: Callable[[], float]) -> None:
        """Return once no handler runs; `grace` is asked meanwhile how long they may, because it can be shortened."""
        self._queue.clear()
        end = math.inf
        while self.running:
            now = anyio.current_time()
            end = min(end, now + grace())
            if now >= end:
                for slot in self._slots:
                    if slot.row is not None:
                        slot.scope.cancel("the drain is over")
            await self._bell.wait(min(GRACE_POLL_SECONDS, max(0.001, end - now)))

    def close(self) -> None:
        """Let every slot end once it is idle."""
        self._is_closed = True
        for event in self._idle:
            event.set()

    def _wake_one(self) -> None:
        # One at a time: a woken slot wakes the next one, unless handlers end before it gets to run.
        if not self._queue or self._is_waking:
            return
        if self._idle:
            self._is_waking = True
            self._idle.pop().set()
        elif len(self._slots) < self._number:
            self._is_waking = True
            self._group.start_soon(self._serve, name="inbox slot")

    async def _serve(self) -> None:
        slot = Slot()
        self._slots.append(slot)
        self._is_waking = False
        while not self._is_closed:
            slot.is_late = False
            with anyio.CancelScope(shield=True) as slot.scope:
                await self._take_rows(slot)
            if slot.row is not None:
                row, slot.row = slot.row, None
                self.running -= 1
                self._cut_short(row, slot)
                self._bell.set()

    async def _take_rows(self, slot: Slot) -> None:
        while not (slot.scope.cancel_called or self._is_closed):
            if not self._queue:
                idle = anyio.Event()
                self._idle.append(idle)
                await idle.wait()
                self._is_waking = False
                continue
            row = self._queue.popleft()
            if self._queue:
                self._wake_one()
            slot.row, slot.began = row, anyio.current_time()
            slot.until = slot.began + self._seconds
            self.running += 1
            try:
                await self._run(row, slot)
            except anyio.get_cancelled_exc_class():
                if not slot.scope.cancel_called:
                    self._left(slot)
                raise
            except BaseException:
                # A defect of ours: all ends for it, and nobody may wait for this handler.
                self._left(slot)
                raise
            self._left(slot)

    def _left(self, slot: Slot) -> None:
        slot.row = None
        self.running -= 1
        self._bell.set()
