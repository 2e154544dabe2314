"""The role loop: PASSIVE until the keeper wins a term, then the workload lives and dies with that term.

    PASSIVE ──keeper.active()──▶ workload started ──▶ ACTIVE
       ▲                                                │ the term is lost: end within Q
       └──── the work has provably ended ◀──────────────┴ asked to stop: drain, then end

Invariant: the keeper hears `work_ended` only when every child of the workload has ended; when one does not, nothing is
released, and the process ends at once.
"""

from __future__ import annotations

import anyio
from anyio.abc import TaskStatus

from supervisor.app.instance import Instance
from supervisor.app.workload import workload
from supervisor.fence import FencedDatabase
from supervisor.inbox.writer import Writer
from supervisor.keeper import Keeper
from supervisor.shutdown import CANCEL, HURRIED_CANCEL, give_up
from supervisor.signals import until
from supervisor.term import Term
from supervisor.tree import Tree, open_tree
from telemetry import tracing


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
        async with open_tree(specs, on_fatal=self._instance.fail) as tree:
            self._instance.workload = tree
            async with anyio.create_task_group() as group:
                group.start_soon(self._start, tree)
                await self._keeper.lost(term)
                group.cancel_scope.cancel("the term is lost")
            await self._end(tree)

    async def _start(self, tree: Tree) -> None:
        await tree.start()
        self._instance.led.set()

    async def _end(self, tree: Tree) -> None:
        """Stop the workload: in a drain within the plan, at a lost term at once; a second signal hurries."""
        plan = self._instance.settings.plan
        within = plan.drain + CANCEL if self._instance.draining else self._instance.timing.quiesce
        unstopped: list[str] | None = None
        async with until(self._instance.ladder.hurry):
            unstopped = await tree.stop(within)
        if unstopped is None:
            unstopped = await tree.stop(HURRIED_CANCEL)
        if unstopped:
            give_up(f"The term has ended, its work has not ({', '.join(unstopped)}); the lease is left to run out.")
