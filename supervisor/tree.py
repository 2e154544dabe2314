"""Keep a group of children alive: started in order on readiness, restarted after a backoff, stopped in reverse.

            start()                              stop()
    pending ──────▶ starting ──started()──▶ ready ──────▶ stopping ──▶ stopped
       ▲               ▲  │                   │               └──────▶ unstopped (deadline passed)
       │               │  └─ raised, timed out ┤
       │               ├──────── backoff ◀─────┼─ budget exhausted ─▶ gave_up ┐ the owner is told; an optional child
       │               └── waiting (outage) ◀──┤                             ┘ is tried again much later
       └─ a child before it failed (rest) ─────┴─ Fatal ──▶ fatal: the owner is told, nothing is tried again

Invariants
* At most one run of a child exists at any time.
* A child that fails never cancels a sibling: each runs in a task group of its own. In a tree whose children build on
  each other (`rest_for_one`) those after it are stopped in reverse order, and start again in order, each once all
  before it are ready.
* `stop()` returns within its deadline, whatever a child does; who has not ended by then is named.
* A start counts only when the child said `started()`; a failure to start backs off, and is counted, like any other.
* Within any window a child is restarted at most as often as its budget allows, not counting outages and requests.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal

import anyio
from anyio.abc import TaskGroup

from supervisor.child import ChildSpec, ChildState
from supervisor.errors import Fatal, GaveUp, Stuck, SupervisorError
from supervisor.run import Run, run
from telemetry import emit, events, redact

Strategy = Literal["one_for_one", "rest_for_one"]
LAST_LOOK = 0.1
"""Seconds that children have to end after the deadline of a stop, when a sibling used it up."""
BUSY = frozenset({ChildState.PENDING, ChildState.STARTING, ChildState.STOPPING})


class UnknownChild(SupervisorError, LookupError):
    """No child of this name is in this tree."""


class NotRestarted(SupervisorError):
    """A child that was to be started again is not ready."""


def _set() -> anyio.Event:
    event = anyio.Event()
    event.set()
    return event


@dataclass(slots=True)
class Child:
    """One child as the tree sees it; `scope` is its life, `cycle` one run with the wait before and after it."""

    spec: ChildSpec
    state: ChildState = ChildState.PENDING
    restarts: int = 0
    last_error: str | None = None
    failures: int = 0
    failed_at: tuple[float, ...] = ()
    given_up: bool = False
    runs: int = 0
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    cycle: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    settled: anyio.Event = field(default_factory=anyio.Event)
    idle: anyio.Event = field(default_factory=_set)
    ended: anyio.Event = field(default_factory=_set)

    @property
    def asked_to_end(self) -> bool:
        """Whether its run is being stopped, for good or to start again."""
        return self.cycle.cancel_called or self.scope.cancel_called


class Tree:
    """A group of children; use `open_tree`."""

    def __init__(
        self,
        specs: Sequence[ChildSpec],
        group: TaskGroup,
        on_fatal: Callable[[Fatal], None],
        rng: random.Random,
        strategy: Strategy,
    ) -> None:
        self.children = {spec.name: Child(spec) for spec in specs}
        self._group = group
        self._on_fatal = on_fatal
        self._rng = rng
        self._strategy = strategy
        self._changed = anyio.Event()

    async def start(self) -> None:
        """Start every child, each once the essential ones before it are ready; keep trying a child that fails.

        Returns when all are ready, or have failed where nobody waits for them. Ends early, without error, when a child
        is fatal (the owner has been told) or the tree is being stopped.
        """
        for child in self.children.values():
            if child.scope.cancel_called:
                return
            # Before the task runs: a stop in between must wait for it, and find it cancelled.
            child.ended = anyio.Event()
            self._group.start_soon(self._keep, child, name=f"child:{child.spec.name}")
            if child.spec.essential:
                await child.settled.wait()
                if child.ended.is_set():
                    return
        for child in self.children.values():
            await child.settled.wait()

    async def restart(self, name: str) -> None:
        """Start a child again because an operator asks; return once it is ready, raise what it failed with.

        The budget is not charged. Where the children after it build on it, they are stopped before it and start again
        after it. How long to wait for that is the caller's to bound; what has begun goes through all the same.
        """
        child = self.children.get(name)
        if child is None:
            raise UnknownChild(f"There is no child {name}.", hint=f"one of: {', '.join(self.children)}")
        if child.spec.pinned is not None:
            raise NotRestarted(f"Child {name} is not started again on request.", hint=child.spec.pinned)
        if child.ended.is_set() or child.scope.cancel_called:
            raise NotRestarted(f"Child {name} is {child.state.value}: it is not running.", hint="vigil status")
        runs = child.runs
        child.restarts += 1
        emit(events.ChildBackoff(child=name, reason="requested", delay_seconds=0.0, attempt=0))
        # Before the first wait: those after it must not come back while they are being stopped.
        self._to(child, ChildState.STOPPING)
        try:
            # Bounded by the stop times. Cut off in the middle, when who asked waits no longer, it would leave those
            # after it waiting for ever for a child that nobody starts again.
            with anyio.CancelScope(shield=True):
                await self._stop_rest(child)
                await self._halt(child, "an operator asks for a restart")
        except Fatal as error:
            self._on_fatal(error)
            raise
        while not child.ended.is_set() and (child.runs == runs or child.state in BUSY):
            await self._changed.wait()
        if child.state is not ChildState.READY:
            found = child.last_error or "it was stopped"
            raise NotRestarted(
                f"Child {name} was started again and is {child.state.value}: {found}", hint="vigil status"
            )

    async def stop(self, within: float, names: Collection[str] | None = None) -> list[str]:
        """Stop the children (all, or these) in reverse order of their start, `within` seconds in all.

        Returns the names of those that have not ended.
        """
        deadline = anyio.current_time() + within
        chosen = [child for child in reversed(self.children.values()) if names is None or child.spec.name in names]
        for child in chosen:
            child.scope.cancel("stop")
            if not child.ended.is_set():
                await self._stopping(child, child.ended, deadline)
        # Who came after a child that used up the deadline was cancelled with no time left: one last look at those.
        with anyio.move_on_after(LAST_LOOK):
            for child in chosen:
                await child.ended.wait()
        unstopped = [child for child in chosen if not child.ended.is_set()]
        for child in unstopped:
            self._to(child, ChildState.UNSTOPPED)
            emit(events.ChildUnstopped(child=child.spec.name, deadline_seconds=within))
        return [child.spec.name for child in unstopped]

    async def _stopping(self, child: Child, end: anyio.Event, deadline: float) -> None:
        allowed = min(max(0.0, deadline - anyio.current_time()), child.spec.stop_timeout)
        self._to(child, ChildState.STOPPING)
        emit(events.ChildStopping(child=child.spec.name, deadline_seconds=round(allowed, 3)))
        with anyio.move_on_after(allowed):
            await end.wait()

    async def _stop_rest(self, child: Child) -> None:
        """Stop the runs of those that build on this child, in reverse order; raise Stuck when one does not end."""
        everyone = list(self.children.values())
        after = everyone[everyone.index(child) + 1 :] if self._is_needed(child) else []
        for other in reversed(after):
            if not other.idle.is_set():
                await self._halt(other, f"it builds on {child.spec.name}, which is started again")

    async def _halt(self, child: Child, why: str) -> None:
        """End the run of a child, or its wait for one, so that it starts again; raise Stuck when it does not end."""
        name, seconds = child.spec.name, child.spec.stop_timeout
        # This run's: the next one may have begun when the wait returns.
        idle = child.idle
        child.cycle.cancel(why)
        await self._stopping(child, idle, anyio.current_time() + seconds)
        if not idle.is_set():
            self._to(child, ChildState.UNSTOPPED)
            emit(events.ChildUnstopped(child=name, deadline_seconds=seconds))
            raise Stuck(
                f"Starting {name} again ({why}): it has not ended within {seconds:g} s.",
                hint="start the process again; the log line children.unstopped names who did not stop.",
            )

    def _is_needed(self, child: Child) -> bool:
        return self._strategy == "rest_for_one" and child.spec.essential

    def _may_start(self, child: Child) -> bool:
        everyone = list(self.children.values())
        before = everyone[: everyone.index(child)]
        return all(other.state is ChildState.READY for other in before if self._is_needed(other))

    def _to(self, child: Child, state: ChildState) -> None:
        child.state = state
        self._ring()

    def _ring(self) -> None:
        rung, self._changed = self._changed, anyio.Event()
        rung.set()

    async def _keep(self, child: Child) -> None:
        """Run the child again and again until it is stopped, fatal, or out of its budget."""
        last = ChildState.STOPPED
        try:
            with child.scope:
                while True:
                    with anyio.CancelScope() as child.cycle:
                        await self._cycle(child)
                    if child.cycle.cancel_called:
                        self._to(child, ChildState.PENDING)
                        emit(events.ChildStopped(child=child.spec.name))
        except Fatal as error:
            last, child.last_error = ChildState.FATAL, redact.redact(str(error))
            if isinstance(error, GaveUp):
                last = ChildState.GAVE_UP
            else:
                emit(events.ChildFatal(child=child.spec.name, error=error))
            self._on_fatal(error)
        finally:
            if last is ChildState.STOPPED:
                emit(events.ChildStopped(child=child.spec.name))
            child.ended.set()
            child.settled.set()
            self._to(child, last)

    async def _cycle(self, child: Child) -> None:
        """Run the child once, when its turn has come; return when it may be started again."""
        while not self._may_start(child):
            await self._changed.wait()
        await self._stop_rest(child)
        record = Run()
        child.runs += 1
        child.idle = anyio.Event()
        self._to(child, ChildState.STARTING)
        emit(events.ChildStarting(child=child.spec.name))
        try:
            await run(child.spec, record, lambda: self._ready(child, record))
        finally:
            child.idle.set()
        if record.failure is None or record.error is None:
            return
        if child.asked_to_end:
            # That it failed in doing so is worth a line, not a restart.
            emit(events.ChildFailed(child=child.spec.name, error=record.error))
            return
        self._to(child, ChildState.BACKOFF)
        child.last_error = redact.redact(f"{type(record.error).__name__}: {record.error}")[:300]
        gate = child.spec.gate
        if gate is not None and await gate.excuses(record.failure, record.began):
            self._to(child, ChildState.WAITING)
            emit(events.ChildWaiting(child=child.spec.name, error=record.error))
            await self._stop_rest(child)
            await gate.passed()
        else:
            await self._back_off(child, record)

    def _ready(self, child: Child, record: Run) -> None:
        emit(events.ChildReady(child=child.spec.name, seconds=round(anyio.current_time() - record.began, 3)))
        self._to(child, ChildState.READY)
        child.settled.set()

    async def _back_off(self, child: Child, record: Run) -> None:
        """Count the failure; return when the child may be tried again, raise GaveUp when it may not."""
        name = child.spec.name
        emit(events.ChildFailed(child=name, error=record.error))
        delay = self._delay_after(child, record)
        until = anyio.current_time() + delay
        child.restarts += 1
        emit(
            events.ChildBackoff(child=name, reason=record.reason, delay_seconds=round(delay, 3), attempt=child.failures)
        )
        if not child.spec.essential:
            # Nobody builds on it, so the start is over without it.
            child.settled.set()
        await self._stop_rest(child)
        await anyio.sleep_until(until)

    def _delay_after(self, child: Child, record: Run) -> float:
        """Return the seconds to wait after one more failure; raise GaveUp when it exhausts an essential budget."""
        spec, budget = child.spec, child.spec.intensity
        child.failures = spec.backoff.failures_after(child.failures, record.ready_seconds())
        child.failed_at = budget.window(child.failed_at, anyio.current_time())
        # One that gave up has its budget back only after a healthy run, or it would spend it anew each time.
        exhausted = budget.exhausted(child.failed_at) or (child.given_up and child.failures > 1)
        if exhausted and not child.given_up:
            emit(events.ChildGaveUp(child=spec.name, restarts=len(child.failed_at) - 1, window_seconds=budget.seconds))
        child.given_up = exhausted
        if not exhausted:
            return spec.backoff.delay(child.failures, self._rng)
        if spec.essential:
            raise GaveUp(
                f"Child {spec.name} failed {len(child.failed_at)} times within {budget.seconds:g} s, last with "
                f"{child.last_error}",
                hint="the log lines children.failed say why; the process ends so that the platform starts a clean one.",
            )
        self._to(child, ChildState.GAVE_UP)
        return budget.again_after


@contextlib.asynccontextmanager
async def open_tree(
    specs: Sequence[ChildSpec],
    *,
    on_fatal: Callable[[Fatal], None],
    rng: random.Random | None = None,
    strategy: Strategy = "one_for_one",
) -> AsyncIterator[Tree]:
    """Open a tree with nothing started; leaving it cancels what still runs and waits for it.

    A cancellation from outside reaches all children at once: who needs the order shields the block and calls `stop`.

    `on_fatal` is called from the loop when a child is fatal or gave up for good. A child that shields itself for ever
    holds the exit open: the process's own deadline thread ends that.
    """
    async with anyio.create_task_group() as group:
        try:
            yield Tree(specs, group, on_fatal, rng or random.Random(), strategy)  # noqa: S311 - jitter, not a secret
        finally:
            group.cancel_scope.cancel("the tree is closed")
