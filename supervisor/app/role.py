"""The role loop: PASSIVE until the keeper wins a term, then the workload lives and dies with that term.

    PASSIVE ──keeper.active()──▶ workload started ──▶ ACTIVE
       ▲                                                │ the term is lost: end within Q
       └──── the work has provably ended ◀──────────────┴ asked to stop, or handed over: drain, then end

Invariant: the keeper hears `work_ended` only when every child of the workload has ended; when one does not, nothing is
released, and the process ends at once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskStatus

from supervisor.app.instance import Instance
from supervisor.app.workload import workload
from supervisor.clock import boottime
from supervisor.fence import FencedDatabase
from supervisor.inbox.writer import Writer
from supervisor.keeper import Keeper
from supervisor.shutdown import CANCEL, HURRIED_CANCEL, give_up
from supervisor.signals import until
from supervisor.term import Term
from supervisor.tree import Tree, open_tree
from telemetry import emit, events, tracing

LEAVING = frozenset({"draining", "handover"})
"""What the keeper says of a term that is given back in order: its work has the time of a drain."""
TERM_LOOK_SECONDS = 0.1


class RoleLoop:
    """A child: woken by the keeper's terms, stopped by cancellation, which is the request to drain."""

    def __init__(self, instance: Instance, keeper: Keeper, writer: Writer) -> None:
        self._instance = instance
        self._keeper = keeper
        self._writer = writer
        self._failed = False

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        """Lead whenever a term is won, until cancelled."""
        task_status.started()
        self._failed = False
        async with anyio.create_task_group() as group:
            group.start_soon(self._drain_when_cancelled)
            while True:
                term = await self._keeper.active()
                # Shielded: a cancellation would reach every child of the workload at once, and the outbox would lose
                # its connection to Telegram in the middle of a call. It arrives as the term's end instead.
                with anyio.CancelScope(shield=True), tracing.span("term", ambient=True, epoch=term.epoch):
                    await self._lead(term)

    async def _drain_when_cancelled(self) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            # After a failure this loop is started again, and must be able to lead.
            if not self._failed:
                self._keeper.drain()

    async def _lead(self, term: Term) -> None:
        try:
            await self._work(term)
        except Exception:
            self._failed = True
            raise
        finally:
            # A tree is left only when all its children have ended: nothing of the term runs any more.
            self._instance.workload = None
            self._keeper.work_ended(term)

    async def _work(self, term: Term) -> None:
        database = FencedDatabase(self._instance.need_pool(), self._instance.lock_key, term)
        specs = workload(self._instance, database, term, self._writer)
        async with open_tree(specs, on_fatal=self._instance.fail, strategy="rest_for_one") as tree:
            self._instance.workload = tree
            async with anyio.create_task_group() as group:
                group.start_soon(self._start, tree)
                reason = await self._keeper.lost(term)
                group.cancel_scope.cancel("the term is lost")
            await self._end(tree, term, reason)

    async def _start(self, tree: Tree) -> None:
        await tree.start()
        self._instance.led.set()

    async def _end(self, tree: Tree, term: Term, reason: str) -> None:
        """Stop the workload: in a drain within the plan, at a lost term at once."""
        if reason in LEAVING:
            unstopped = await self._drain(tree, term)
        else:
            unstopped = await tree.stop(self._instance.timing.quiesce)
        if unstopped:
            give_up(f"The term has ended, its work has not ({', '.join(unstopped)}); the lease is left to run out.")

    async def _drain(self, tree: Tree, term: Term) -> list[str]:
        """Let the workload finish what it has; a second signal leaves that half a second, and then time to hand it back.

        The loss of the term leaves a second for everything: somebody else may lead soon.
        """
        instance, began = self._instance, anyio.current_time()
        plan, unstopped = instance.settings.plan, None
        instance.note_handed_back(0, 0)
        if not instance.draining:
            instance.drain_until = boottime() + plan.drain
        async with until(instance.ladder.hurry), _until_ended(term):
            unstopped = await tree.stop(plan.drain + CANCEL)
        if unstopped is None and term.ended is None:
            async with _until_ended(term):
                unstopped = await tree.stop(CANCEL)
        if unstopped is None:
            instance.drain_until = boottime()
            unstopped = await tree.stop(min(HURRIED_CANCEL, instance.timing.quiesce))
        if not instance.draining:
            instance.drain_until = None
        if not unstopped:
            seconds = round(anyio.current_time() - began, 3)
            emit(
                events.Drained(
                    seconds=seconds, handed_back=instance.handed_back, handed_back_lanes=instance.handed_back_lanes
                )
            )
        return unstopped


@asynccontextmanager
async def _until_ended(term: Term) -> AsyncIterator[None]:
    """Cancel the block when the term ends: nobody may lead then, and nothing of ours may go on."""

    async def cancel() -> None:
        while term.ended is None:  # noqa: ASYNC110 - ended by the clock, or by another thread
            await anyio.sleep(min(TERM_LOOK_SECONDS, term.remaining()))
        group.cancel_scope.cancel("the term is lost")

    async with anyio.create_task_group() as group:
        group.start_soon(cancel)
        yield
        group.cancel_scope.cancel()
