"""One run of a child: in a task group of its own, so that its crash stays its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import anyio
from anyio.abc import TaskStatus

from supervisor.child import ChildSpec
from supervisor.errors import Fatal, SupervisorError

Reason = Literal["failed", "returned", "not_ready"]


class NotReady(SupervisorError):
    """A child did not say it was ready in time."""


class Returned(SupervisorError):
    """A child ended by itself, though it was to run until cancelled."""


@dataclass(slots=True)
class Run:
    """When a run began, when it became ready if it did, and what it failed with if it did.

    `failure` is all of it, `error` the part of it that is shown.
    """

    began: float = field(default_factory=anyio.current_time)
    ready_at: float | None = None
    failure: Exception | None = None
    error: Exception | None = None

    @property
    def reason(self) -> Reason:
        """Why the child is to be started again, in a word."""
        if isinstance(self.error, Returned):
            return "returned"
        return "not_ready" if isinstance(self.error, NotReady) else "failed"

    def ready_seconds(self) -> float:
        """Return for how long it has been ready."""
        return 0.0 if self.ready_at is None else anyio.current_time() - self.ready_at


async def run(spec: ChildSpec, record: Run, on_ready: Callable[[], None]) -> None:
    """Run the child until it fails, which is recorded, or is cancelled; nothing of it is left then.

    Raises the `Fatal` that the child raised, wherever in a group it is.
    """
    try:
        async with anyio.create_task_group() as group:
            # A TimeoutError of the child's own is no late start: only the limit itself tells.
            with anyio.move_on_after(spec.start_timeout) as limit:
                await group.start(_until_cancelled, spec)
            if limit.cancelled_caught:
                raise NotReady(f"{spec.name} was not ready within {spec.start_timeout:g} s")
            record.ready_at = anyio.current_time()
            on_ready()
    except ExceptionGroup as group_error:
        record.failure, record.error = group_error, _first(group_error)
    if isinstance(record.error, Fatal):
        raise record.error


async def _until_cancelled(spec: ChildSpec, *, task_status: TaskStatus[None]) -> None:
    await spec.serve(task_status=task_status)
    raise Returned(f"{spec.name} ended by itself")


def _first(error: ExceptionGroup[Exception]) -> Exception:
    """Return the error that tells most: a Fatal anywhere in the group, else the first."""
    found: Exception = error.subgroup(Fatal) or error
    while isinstance(found, ExceptionGroup):
        found = found.exceptions[0]
    return found
