"""The children: managed tasks, their restarts and their end."""

from __future__ import annotations

from typing import Literal

from telemetry.events.base import Count, Event, Set, event


@event
class ChildStarting(Event):
    """A child begins to start."""

    name = "children.starting"
    message = "Child starting"
    level = "DEBUG"

    child: str


@event
class ChildReady(Event):
    """A child said that it is useful."""

    name = "children.ready"
    message = "Child ready"
    level = "DEBUG"
    metrics = (Set("supervisor_child_up", 1),)

    child: str
    seconds: float


@event
class ChildFailed(Event):
    """A child ended with an exception."""

    name = "children.failed"
    message = "Child failed"
    level = "ERROR"
    metrics = (Set("supervisor_child_up", 0),)

    child: str
    error: BaseException | None


@event
class ChildBackoff(Event):
    """A child will be started again after a delay."""

    name = "children.backoff"
    message = "Child will be restarted"
    level = "WARNING"
    metrics = (Count("supervisor_child_restarts_total"), Set("supervisor_child_up", 0))

    child: str
    reason: Literal["failed", "returned", "not_ready", "requested"]
    delay_seconds: float
    attempt: int


@event
class ChildWaiting(Event):
    """A child failed because the database is away; it is started again when it answers, and no budget is charged."""

    name = "children.waiting"
    message = "Child waits for the database"
    level = "WARNING"
    metrics = (Set("supervisor_child_up", 0),)

    child: str
    error: BaseException


@event
class ChildGaveUp(Event):
    """A child failed more often than its restart budget allows."""

    name = "children.gave_up"
    message = "Child gave up: its restart budget is exhausted"
    level = "CRITICAL"
    metrics = (Count("supervisor_child_give_ups_total"), Set("supervisor_child_up", 0))

    child: str
    restarts: int
    window_seconds: float


@event
class ChildFatal(Event):
    """A child said that a restart cannot help."""

    name = "children.fatal"
    message = "Child failed for good, a restart cannot help"
    level = "CRITICAL"
    metrics = (Set("supervisor_child_up", 0),)

    child: str
    error: BaseException


@event
class ChildStopping(Event):
    """A child was asked to stop."""

    name = "children.stopping"
    message = "Child stopping"
    level = "DEBUG"

    child: str
    deadline_seconds: float


@event
class ChildStopped(Event):
    """A child has ended as asked."""

    name = "children.stopped"
    message = "Child stopped"
    level = "DEBUG"
    metrics = (Set("supervisor_child_up", 0),)

    child: str


@event
class ChildUnstopped(Event):
    """A child did not end within its deadline; the process will not pretend that it did."""

    name = "children.unstopped"
    message = "Child did not stop in time"
    level = "CRITICAL"
    metrics = (Count("supervisor_child_unstopped_total"),)

    child: str
    deadline_seconds: float
