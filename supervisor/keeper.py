"""Keep the lock: a child that contends for it in a thread of its own and tells the main loop how it stands.

    main loop                                        thread `lease-keeper`, its own event loop
    ─────────                                        ──────────────────────────────────────────
    term = await active()      ◀── view, bell ──     Contender: watch, claim, renew, release
    ... work ...                                     on one dedicated, direct connection
    reason = await lost(term)
    work_ended(term)           ─── bell ──────▶      releases when drained, or contends again
    drain(), hand_over(), release(within)

A blocked main loop delays no heartbeat, and a heartbeat never waits for a pool. Everything the two sides share is in
`supervisor.desk`.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from collections.abc import Callable

import anyio
from anyio.abc import TaskStatus

from supervisor.contender import TICK_LIMIT, Candidacy, Contender
from supervisor.desk import Desk
from supervisor.leading import UNGUARDED, Guard
from supervisor.shutdown import RELEASE
from supervisor.term import Term
from supervisor.timing import Timing
from supervisor.view import LockState, LockView

STOP_SECONDS = 0.5
"""How long the thread has to end once cancelled."""
GIVE_BACK_SECONDS = RELEASE - 2 * STOP_SECONDS
"""How long a stop waits for the release; with the thread's end it fits into the phase of the shutdown."""


class Keeper:
    """One instance's stake in the lock; the same object through restarts of the child.

    `url` is asked at every connect and may raise OSError while there is no address yet; `last_tick` returns the
    CLOCK_BOOTTIME of the main loop's last tick and is called from the thread. `guard` kills this process at the hard
    deadline. Without `damped`, takeovers that follow each other closely do not wait longer.
    """

    def __init__(
        self,
        *,
        url: Callable[[], str],
        lock_key: int,
        instance_id: str,
        timing: Timing,
        last_tick: Callable[[], float],
        tick_limit: float = TICK_LIMIT,
        guard: Guard = UNGUARDED,
        damped: bool = True,
        rng: random.Random | None = None,
    ) -> None:
        self._candidacy = Candidacy(url, lock_key, instance_id, timing, last_tick, tick_limit, guard, damped)
        self._desk = Desk()
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        self._thread: _Thread | None = None

    @property
    def view(self) -> LockView:
        """How the lock stands, as one value; safe to read from any thread."""
        return self._desk.view

    @property
    def idle(self) -> bool:
        """Whether no work of any term is under way."""
        return self._desk.idle

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        """Contend until cancelled; then release what is held, if its work has ended, and stop the thread."""
        thread = self._thread = _Thread(Contender(self._candidacy, self._desk, self._rng), self._desk)
        thread.start()
        try:
            task_status.started()
            await thread.over()
            thread.raise_failure()
            # Drained: nothing is left to do but to be there until the end.
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            self.drain()
            raise
        finally:
            with anyio.CancelScope(shield=True):
                with anyio.move_on_after(GIVE_BACK_SECONDS):
                    if self._desk.idle:
                        await thread.over()
                with anyio.move_on_after(STOP_SECONDS):
                    await thread.stop()

    async def active(self) -> Term:
        """Return a trusted term of this instance; from here on its work counts as under way until `work_ended`."""
        while True:
            rung = self._desk.main.next()
            if (term := self._desk.take()) is not None:
                return term
            await rung.wait()

    async def lost(self, term: Term) -> str:
        """Return why the work of this term must end: its end's reason, `draining`, or `handover`.

        Does not depend on the thread for the deadline.
        """
        while True:
            rung = self._desk.main.next()
            if (reason := term.ended) is not None:
                return reason
            if (leaving := self._desk.leaving(term)) is not None:
                return leaving
            with anyio.move_on_after(term.remaining()):
                await rung.wait()

    def work_ended(self, term: Term) -> None:
        """Note that every task of this term has ended: only now it may be released, or another one begun."""
        if term.ended is not None:
            # Whatever has become of the thread: nothing is under way, so nothing must end this process. Before the
            # term is put back, since the guard of the next one must stand.
            self._candidacy.guard.disarm()
        self._desk.put_back(term)

    def drain(self) -> None:
        """Lead no more: claim nothing, end the work, renew until it has ended, then release."""
        self._desk.drain()

    def hand_over(self) -> bool:
        """Give the present term away: end its work, release, let a standby go first; False without a term."""
        return self._desk.hand_over()

    async def release(self, within: float) -> bool:
        """Drain; True once this instance holds nothing, False if it still may after `within` seconds.

        A lease whose work has not ended is never released; it is renewed as long as this process lives.
        """
        self.drain()
        with anyio.move_on_after(within):
            if self._thread is not None:
                await self._thread.over()
            return self._desk.view.state is not LockState.DEMOTED
        return False


class _Thread:
    """One run of the contender in a thread of its own, with a loop of its own."""

    def __init__(self, contender: Contender, desk: Desk) -> None:
        self._contender = contender
        self._desk = desk
        self._thread = threading.Thread(target=self._run, name="lease-keeper", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._scope: anyio.CancelScope | None = None
        self._stopping = False
        self._over = False
        self._failure: BaseException | None = None

    def start(self) -> None:
        """Begin to contend."""
        self._thread.start()

    async def over(self) -> None:
        """Return when the contender and its loop have ended."""
        while True:
            rung = self._desk.main.next()
            if self._over:
                return
            await rung.wait()

    def raise_failure(self) -> None:
        """Raise what the contender failed with, if it did."""
        if self._failure is not None:
            raise self._failure

    async def stop(self) -> None:
        """Cancel the contender and wait until its thread has ended."""
        self._stopping = True
        loop, scope = self._loop, self._scope
        if loop is not None and scope is not None:
            # Closed: it has ended by itself in the meantime.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(scope.cancel)
        await self.over()

    def _run(self) -> None:
        try:
            anyio.run(self._contend)
        except BaseException as error:  # noqa: BLE001 - raised in the main loop, where the tree restarts the child
            self._failure = error
        finally:
            self._over = True
            self._desk.main.ring()

    async def _contend(self) -> None:
        self._loop = asyncio.get_running_loop()
        with anyio.CancelScope() as self._scope:
            # Asked before there was a scope to cancel.
            if not self._stopping:
                await self._contender.run()
