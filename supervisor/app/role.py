"""The role loop: PASSIVE until the keeper wins a term, then the workload lives and dies with that term.

    PASSIVE ──keeper.active()──▶ workload started ──▶ ACTIVE
       ▲                                                │ the term is lost: end within Q
       └──── the work has provably ended ◀──────────────┴ asked to stop: drain, then end

Invariant: the keeper hears `work_ended` only when every child of the workload has ended; without it nothing is
released, and the process ends instead.
"""

from __future__ import annotations

import anyio
from anyio.abc import TaskStatus

from supervisor.app.instance import Instance
from supervisor.app.workload import workload
from supervisor.errors import ExitCode, Fatal
from supervisor.fence import FencedDatabase
from supervisor.inbox.writer import Writer
from supervisor.keeper import Keeper
from supervisor.shutdown import CANCEL, HURRIED_CANCEL
from supervisor.term import Term
from supervisor.tree import Tree, open_tree
from telemetry import tracing


class WorkDidNotStop(Fatal):
    """The term ended and the work did not: only the end of the process keeps the next ACTIVE alone."""

    exit_code = ExitCode.UNSTOPPED


class RoleLoop:
    """A child: woken by the keeper's terms, stopped by cancellation, which is the request to drain."""

    def __init__(self, instance: Instance, keeper: Keeper, writer: Writer) -> None:
        self._instance = instance
        self._keeper = keeper
        self._writer = writer

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        """Lead whenever a term is won, until cancelled."""
        task_status.started()
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
            self._keeper.drain()

    async def _lead(self, term: Term) -> None:
        database = FencedDatabase(self._instance.need_pool(), self._instance.lock_key, term)
        specs = workload(self._instance, database, term, self._writer)
        async with open_tree(specs, on_fatal=self._instance.fail) as tree:
            self._instance.workload = tree
            async with anyio.create_task_group() as group:
                group.start_soon(self._start, tree)
                await self._keeper.lost(term)
                group.cancel_scope.cancel("the term is lost")
            await self._end(tree, term)

    async def _start(self, tree: Tree) -> None:
        await tree.start()
        self._instance.led.set()

    async def _end(self, tree: Tree, term: Term) -> None:
        """Stop the workload: in a drain within the plan, at a lost term at once; a second signal hurries."""
        plan = self._instance.settings.plan
        within = plan.drain + CANCEL if self._instance.draining else self._instance.timing.quiesce
        unstopped: list[str] | None = None
        async with anyio.create_task_group() as group:
            group.start_soon(_cancel_on, self._instance.ladder.hurry, group.cancel_scope)
            unstopped = await tree.stop(within)
            group.cancel_scope.cancel()
        if unstopped is None:
            unstopped = await tree.stop(HURRIED_CANCEL)
        self._instance.workload = None
        if unstopped:
            self._instance.fail(WorkDidNotStop(f"The term ended, the work did not: {', '.join(unstopped)}."))
        else:
            self._keeper.work_ended(term)


async def _cancel_on(event: anyio.Event, scope: anyio.CancelScope) -> None:
    await event.wait()
    scope.cancel("hurry")
