"""What a managed task promises, how often it may fail, and how long to wait before it is tried again: pure values."""

from __future__ import annotations

import enum
import random
from dataclasses import dataclass
from typing import Protocol

from anyio.abc import TaskStatus


class Serve(Protocol):
    """A managed task.

    Acquire; call `task_status.started()` once useful; run until cancelled; clean up under a shielded deadline.
    Being cancelled is the only request to stop. Returning counts as a failure. Raise `errors.Fatal` when starting
    again cannot help; anything else is tried again after a backoff.
    """

    async def __call__(self, *, task_status: TaskStatus[None]) -> None:
        """Run until cancelled."""
        ...


class Gate(Protocol):
    """Something a child cannot work without, which may be away for longer than a restart budget lasts."""

    async def excuses(self, error: Exception, began: float) -> bool:
        """Tell whether a run that began then failed for want of it; asks, in bounded time."""
        ...

    async def passed(self) -> None:
        """Return once it is there."""
        ...


class ChildState(enum.StrEnum):
    """Where a child stands.

    pending → starting → ready → (backoff | waiting → starting)* → stopping → stopped, or fatal, gave_up, unstopped.
    `waiting` is for its gate; `pending` is a child whose turn has not come, at first or again.
    """

    PENDING = "pending"
    STARTING = "starting"
    READY = "ready"
    BACKOFF = "backoff"
    WAITING = "waiting"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FATAL = "fatal"
    GAVE_UP = "gave_up"
    UNSTOPPED = "unstopped"


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds to wait before start n + 1: min(cap, base · 2ⁿ⁻¹) · U(0.5, 1); n is forgotten after a healthy run.

    The lower bound of the jitter keeps two instances that failed together from starting together.
    """

    base: float = 0.5
    cap: float = 30.0
    healthy_after: float = 60.0

    def delay(self, failures: int, rng: random.Random) -> float:
        """Return the wait after the `failures`-th failure in a row (1 or more), in seconds."""
        exponent = min(max(0, failures - 1), 32)
        return min(self.cap, self.base * 2.0**exponent) * rng.uniform(0.5, 1.0)

    def failures_after(self, failures: int, ready_seconds: float) -> int:
        """Return the count of failures in a row after one more, that came `ready_seconds` after it was ready."""
        return 1 if ready_seconds >= self.healthy_after else failures + 1


@dataclass(frozen=True, slots=True)
class Intensity:
    """The restart budget: `restarts` within any `seconds`; the failure after that exhausts it.

    `again_after` is when an optional child whose budget is exhausted is tried again.
    """

    restarts: int = 5
    seconds: float = 60.0
    again_after: float = 300.0

    def window(self, failed_at: tuple[float, ...], now: float) -> tuple[float, ...]:
        """Return the failures that still count, with one that happens now."""
        return (*(at for at in failed_at if now - at < self.seconds), now)

    def exhausted(self, window: tuple[float, ...]) -> bool:
        """Tell whether a window holds more failures than the budget has restarts."""
        return len(window) > self.restarts


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """A child's name, its task, the seconds it has to become ready and to end, and what its failures mean.

    The others do not depend on a child that is not `essential`: they neither wait for it nor stop with it, and when
    its budget is exhausted the instance goes on without it. A `gate` that excuses a failure costs no budget; the child
    waits there. `pinned` says why an operator may not have the child started again, and what to do instead.
    """

    name: str
    serve: Serve
    start_timeout: float = 15.0
    stop_timeout: float = 4.0
    backoff: Backoff = Backoff()
    intensity: Intensity = Intensity()
    essential: bool = True
    gate: Gate | None = None
    pinned: str | None = None
