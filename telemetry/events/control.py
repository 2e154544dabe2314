"""What operators ask a running instance for."""

from __future__ import annotations

from telemetry.events.base import Event, event


@event
class OperatorAsked(Event):
    """An operator asked for something that changes what runs."""

    name = "control.operator_asked"
    message = "An operator asked"
    level = "INFO"

    verb: str
    target: str | None = None


@event
class ControlUnavailable(Event):
    """The control socket could not be made; commands reach this instance by HTTP and signals only."""

    name = "control.unavailable"
    message = "No control socket"
    level = "WARNING"

    error: BaseException


@event
class ControlFailed(Event):
    """A verb of the control socket failed in a way nobody foresaw."""

    name = "control.failed"
    message = "A verb of the control socket failed"
    level = "ERROR"

    error: BaseException
