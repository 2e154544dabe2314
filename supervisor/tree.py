"""Keep a group of children alive: started in order on readiness, restarted after a backoff, stopped in reverse.

            start()                              stop()
    pending ──────▶ starting ──started()──▶ ready ──────▶ stopping ──▶ stopped
                       ▲  │                   │               └──────▶ unstopped (deadline passed)
                       │  └─ raised, timed out ┤
                       └──────── backoff ◀─────┴─ Fatal ──▶ fatal: the owner is told, nothing is tried again

Invariants
* At most one run of a child exists at any time.
* A child that fails never cancels a sibling: each runs in a task group of its own.
* `stop()` returns within its deadline, whatever a child does; who has not ended by then is named.
* A start counts only when the child said `started()`; a failure to start backs off like any other.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal

import anyio
from anyio.abc import TaskGroup, TaskStatus

from supervisor.child import ChildSpec, ChildState
from supervisor.errors import Fatal, SupervisorError
from telemetry import emit, events

LAST_LOOK = 0.1
"""Seconds that children have to end after the deadline of a stop, when a sibling used it up."""


class NotReady(SupervisorError):
    """A child did not say it was ready in time."""


class Returned(SupervisorError):
    """A child ended by itself, though it was to run until cancelled."""


@dataclass(slots=True)
class Child:
    """One child as the tree sees it."""

    spec: ChildSpec
    state: ChildState = ChildState.PENDING
    restarts: int = 0
    last_error: str | None = None
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    ready: anyio.Event = field(default_factory=anyio.Event)
    ended: anyio.Event = field(default_factory=anyio.Event)


class Tree:
    """A group of children; use `open_tree`."""

    def __init__(
        self, specs: Sequence[ChildSpec], group: TaskGroup, on_fatal: Callable[[Fatal], None], rng: random.Random
    ) -> None:
        self.children = {spec.name: Child(spec) for spec in specs}
        self._group = group
        self._on_fatal = on_fatal
        self._rng = rng

    async def start(self) -> None:
        """Start every child, each once the one before is ready; keep trying a child that fails.

        Ends early, without error, when a child is fatal (the owner has been told) or the tree is being stopped.
        """
        for child in self.children.values():
            # Before the task runs: a stop in between must find it, or it would start after having been stopped.
            child.state = ChildState.STARTING
            self._group.start_soon(self._keep, child, name=f"child:{child.spec.name}")
            await child.ready.wait()
            if child.ended.is_set():
                return

    async def stop(self, within: float, names: Collection[str] | None = None) -> list[str]:
        """Stop the children (all, or these) in reverse order of their start, `within` seconds in all.

        Returns the names of those that have not ended.
        """
        deadline = anyio.current_time() + within
        chosen = [child for child in reversed(self.children.values()) if names is None or child.spec.name in names]
        for child in chosen:
            await self._stop_one(child, deadline)
        # Who came after a child that used up the deadline was cancelled with no time left: one last look at those.
        with anyio.move_on_after(LAST_LOOK):
            for child in chosen:
                await child.ended.wait()
        unstopped = [child for child in chosen if not child.ended.is_set()]
        for child in unstopped:
            child.state = ChildState.UNSTOPPED
            emit(events.ChildUnstopped(child=child.spec.name, deadline_seconds=within))
        return [child.spec.name for child in unstopped]

    async def _stop_one(self, child: Child, deadline: float) -> None:
        name, began = child.spec.name, anyio.current_time()
        child.scope.cancel("stop")
        if child.state is ChildState.PENDING:
            child.ended.set()
        elif not child.ended.is_set():
            child.state = ChildState.STOPPING
            allowed = min(max(0.0, deadline - began), child.spec.stop_timeout)
            emit(events.ChildStopping(child=name, deadline_seconds=round(allowed, 3)))
            with anyio.move_on_after(allowed):
                await child.ended.wait()

    async def _keep(self, child: Child) -> None:
        """Run the child again and again until it is stopped or fatal."""
        failures = 0
        try:
            with child.scope:
                while True:
                    run = _Run()
                    try:
                        await self._run_once(child, run)
                    except Fatal as error:
                        child.state, child.last_error = ChildState.FATAL, str(error)
                        emit(events.ChildFatal(child=child.spec.name, error=error))
                        self._on_fatal(error)
                        return
                    except Exception as error:  # noqa: BLE001 - the one place that may catch everything: a child failed
                        failures = child.spec.backoff.failures_after(failures, run.ready_seconds())
                        await self._back_off(child, error, failures)
        finally:
            if child.state is not ChildState.FATAL:
                child.state = ChildState.STOPPED
                emit(events.ChildStopped(child=child.spec.name))
            child.ended.set()
            child.ready.set()

    async def _back_off(self, child: Child, error: Exception, failures: int) -> None:
        delay = child.spec.backoff.delay(failures, self._rng)
        reason: Literal["failed", "returned", "not_ready"] = "failed"
        if isinstance(error, Returned):
            reason = "returned"
        elif isinstance(error, NotReady):
            reason = "not_ready"
        child.state = ChildState.BACKOFF
        child.last_error = f"{type(error).__name__}: {error}"[:300]
        child.restarts += 1
        emit(events.ChildFailed(child=child.spec.name, error=error))
        emit(events.ChildBackoff(child=child.spec.name, reason=reason, delay_seconds=round(delay, 3), attempt=failures))
        await anyio.sleep(delay)

    async def _run_once(self, child: Child, run: _Run) -> None:
        """Run the child in a task group of its own, so that its crash stays its own."""
        child.state, began = ChildState.STARTING, anyio.current_time()
        emit(events.ChildStarting(child=child.spec.name))
        try:
            async with anyio.create_task_group() as group:
                try:
                    with anyio.fail_after(child.spec.start_timeout):
                        await group.start(_until_cancelled, child.spec)
                except TimeoutError as error:
                    raise NotReady(f"{child.spec.name} was not ready within {child.spec.start_timeout:g} s") from error
                run.ready_at = anyio.current_time()
                child.state = ChildState.READY
                emit(events.ChildReady(child=child.spec.name, seconds=round(run.ready_at - began, 3)))
                child.ready.set()
        except BaseExceptionGroup as group_error:
            raise _first(group_error) from group_error


@dataclass(slots=True)
class _Run:
    """One run of a child: when it became ready, if it did."""

    ready_at: float | None = None

    def ready_seconds(self) -> float:
        return 0.0 if self.ready_at is None else anyio.current_time() - self.ready_at


async def _until_cancelled(spec: ChildSpec, *, task_status: TaskStatus[None]) -> None:
    await spec.serve(task_status=task_status)
    raise Returned(f"{spec.name} ended by itself")


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the error that tells most: a Fatal anywhere in the group, else the first."""
    fatal = group.subgroup(Fatal)
    error: BaseException = group if fatal is None else fatal
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


@contextlib.asynccontextmanager
async def open_tree(
    specs: Sequence[ChildSpec], *, on_fatal: Callable[[Fatal], None], rng: random.Random | None = None
) -> AsyncIterator[Tree]:
    """Open a tree with nothing started; leaving it cancels what still runs and waits for it.

    A cancellation from outside reaches all children at once: who needs the order shields the block and calls `stop`.

    `on_fatal` is called from the loop when a child is fatal. A child that shields itself for ever holds the exit
    open: the process's own deadline thread ends that.
    """
    async with anyio.create_task_group() as group:
        try:
            yield Tree(specs, group, on_fatal, rng or random.Random())  # noqa: S311 - jitter, not a secret
        finally:
            group.cancel_scope.cancel("the tree is closed")
