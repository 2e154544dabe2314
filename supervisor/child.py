"""What a managed task promises, and how long to wait before it is tried again: values and pure functions."""

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


class ChildState(enum.StrEnum):
    """Where a child stands.

    pending → starting → ready → (backoff → starting)* → stopping → stopped, or fatal, or unstopped.
    """

    PENDING = "pending"
    STARTING = "starting"
    READY = "ready"
    BACKOFF = "backoff"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FATAL = "fatal"
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
class ChildSpec:
    """A child's name, its task, and the seconds it has to become ready and to end."""

    name: str
    serve: Serve
    start_timeout: float = 15.0
    stop_timeout: float = 4.0
    backoff: Backoff = Backoff()
