"""The life of the process: from starting to stopped."""

from __future__ import annotations

from typing import Literal

from telemetry.events.base import Count, Event, Observe, Set, event


@event
class Starting(Event):
    """The process has its settings and begins to start."""

    name = "lifecycle.starting"
    message = "Vigil is starting"
    level = "INFO"

    version: str
    pid: int
    mode: str


@event
class SettingWarned(Event):
    """A setting is accepted but does not mean what it says."""

    name = "lifecycle.setting_warned"
    message = "A setting is not what it seems"
    level = "WARNING"

    variable: str
    reason: str


@event
class Listening(Event):
    """A port is bound."""

    name = "lifecycle.listening"
    message = "Port bound"
    level = "INFO"

    server: Literal["public", "ops", "sandbox"]
    address: str


@event
class Ready(Event):
    """This instance can durably accept an update."""

    name = "lifecycle.ready"
    message = "Ready to accept updates"
    level = "INFO"
    metrics = (Set("supervisor_ready", 1),)

    seconds: float


@event
class Unready(Event):
    """This instance cannot durably accept an update now."""

    name = "lifecycle.unready"
    message = "Not ready to accept updates"
    level = "WARNING"
    metrics = (Set("supervisor_ready", 0),)

    reason: str


@event
class ShutdownRequested(Event):
    """A signal or an operator asked the process to stop."""

    name = "lifecycle.shutdown_requested"
    message = "Shutdown requested"
    level = "INFO"

    by: str
    hurried: bool = False


@event
class Draining(Event):
    """The workload takes nothing new and finishes what it has."""

    name = "lifecycle.draining"
    message = "Draining"
    level = "INFO"
    metrics = (Set("supervisor_ready", 0),)

    deadline_seconds: float


@event
class Drained(Event):
    """The workload has ended."""

    name = "lifecycle.drained"
    message = "Drained"
    level = "INFO"
    metrics = (Set("supervisor_drain_duration_seconds", "seconds"),)

    seconds: float
    handed_back: int
    handed_back_lanes: int = 0


@event
class ShutdownPhaseFinished(Event):
    """One phase of the shutdown has ended, in time or not."""

    name = "lifecycle.shutdown_phase_finished"
    message = "Shutdown phase finished"
    level = "INFO"
    metrics = (Set("supervisor_shutdown_phase_seconds", "seconds"),)

    phase: Literal["ingress", "workload", "pools", "lease", "flush", "postgresql"]
    seconds: float
    in_time: bool = True


@event
class Stopped(Event):
    """The last line of a process that ends by itself."""

    name = "lifecycle.stopped"
    message = "Vigil has stopped"
    level = "INFO"

    exit_code: int
    uptime_seconds: float


@event
class LoopLagSampled(Event):
    """The main loop woke up this much later than it had asked."""

    name = "lifecycle.loop_lag_sampled"
    message = "Loop lag sampled"
    level = None
    metrics = (
        Observe("supervisor_event_loop_lag_seconds", "seconds"),
        Set("supervisor_event_loop_lag_max_seconds", "max_seconds"),
    )

    seconds: float
    max_seconds: float


@event
class LoopStalled(Event):
    """The main loop did not come round for longer than the warning limit."""

    name = "lifecycle.loop_stalled"
    message = "The main loop is stalled"
    level = "ERROR"
    quiet_seconds = 10.0
    metrics = (Count("supervisor_event_loop_stalls_total"),)

    seconds: float
    stacks: str


@event
class NotifyFailed(Event):
    """The service manager that started this process did not take what it was told."""

    name = "lifecycle.notify_failed"
    message = "The service manager could not be told"
    level = "WARNING"
    quiet_seconds = 3600.0

    error: BaseException
