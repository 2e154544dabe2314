"""The lock: heartbeats, terms, roles."""

from __future__ import annotations

from typing import Literal

from telemetry.events.base import Count, Event, Observe, Set, State, event


@event
class HeartbeatStarted(Event):
    """The keeper renews the lease from now on."""

    name = "lock.heartbeat_started"
    message = "Heartbeat started"
    level = "INFO"

    epoch: int
    interval_seconds: float
    profile: str


@event
class HeartbeatSucceeded(Event):
    """The lease was renewed."""

    name = "lock.heartbeat_succeeded"
    message = "Heartbeat succeeded"
    level = None
    metrics = (
        Count("supervisor_lock_heartbeats_total", result="ok"),
        Observe("supervisor_lock_heartbeat_duration_seconds", "seconds"),
    )

    seconds: float


@event
class HeartbeatFailed(Event):
    """The lease could not be renewed; `kind` names the failure, `result` says whether we were fenced."""

    name = "lock.heartbeat_failed"
    message = "Heartbeat failed"
    level = "WARNING"
    metrics = (
        Count("supervisor_lock_heartbeats_total"),
        Observe("supervisor_lock_heartbeat_duration_seconds", "seconds"),
    )
    quiet_seconds = 30.0

    kind: str
    result: Literal["error", "fenced"] = "error"
    seconds: float | None = None
    error: BaseException | None = None


@event
class HeartbeatSummary(Event):
    """The hourly line that says the heartbeat lives."""

    name = "lock.heartbeat_summary"
    message = "Heartbeats of the last hour"
    level = "INFO"

    ok: int
    failed: int
    epoch: int
    slowest_seconds: float


@event
class RoleChanged(Event):
    """The role or the lock state of this instance changed."""

    name = "lock.role_changed"
    message = "Lock state changed"
    level = "INFO"
    metrics = (State("supervisor_role"), State("supervisor_state"))

    role: Literal["ACTIVE", "PASSIVE"]
    state: str
    previous: str


@event
class TermWon(Event):
    """This instance became the one ACTIVE."""

    name = "lock.term_won"
    message = "Term won"
    level = "INFO"
    metrics = (
        Count("supervisor_lock_terms_total"),
        Set("supervisor_epoch", "epoch"),
        Set("supervisor_lock_held", 1),
    )

    epoch: int
    reason: Literal["free", "stale", "session_lost", "self"]
    previous_holder: str | None = None
    waited_seconds: float | None = None


@event
class HolderReplaced(Event):
    """The holder before did not give the lease away: it died, hangs, or is cut off; this instance goes on with its work.

    `reason`: `session_lost`, its session ended (a crash, or it was frozen and then killed), or `stale`, it fell silent.
    """

    name = "lock.holder_replaced"
    message = "Unplanned takeover: the holder is gone, this instance leads"
    level = "WARNING"

    epoch: int
    holder: str | None
    reason: str
    silent_seconds: float


@event
class TermLost(Event):
    """This instance stopped being ACTIVE without having released the lock itself."""

    name = "lock.term_lost"
    message = "Term lost"
    level = "ERROR"
    traced = False
    metrics = (
        Count("supervisor_lock_terms_lost_total"),
        Set("supervisor_epoch", 0),
        Set("supervisor_lock_held", 0),
    )

    epoch: int
    reason: str
    error: BaseException | None = None


@event
class LockReleased(Event):
    """The lock was given back on purpose; the next instance is told at once."""

    name = "lock.released"
    message = "Lock released"
    level = "INFO"
    metrics = (
        Count("supervisor_lock_terms_lost_total", reason="released"),
        Set("supervisor_epoch", 0),
        Set("supervisor_lock_held", 0),
    )

    epoch: int
    held_seconds: float


@event
class LockSuspect(Event):
    """The control session is lost: no new effect starts until it is back or the term ends."""

    name = "lock.suspect"
    message = "Control session lost, term suspended"
    level = "WARNING"
    metrics = (Count("supervisor_lock_suspects_total"),)

    epoch: int
    error: BaseException | None = None


@event
class LockResumed(Event):
    """The control session is back within the same term."""

    name = "lock.resumed"
    message = "Control session back, same term"
    level = "INFO"

    epoch: int
    seconds: float


@event
class LockModeFound(Event):
    """How this instance reaches the lock, and how long it lets a freed beacon stay free before it claims.

    Through a pooler, or where reconnecting takes too long, `grace_seconds` is None: only the lease counts.
    """

    name = "lock.mode_found"
    message = "Lock mode found"
    level = "INFO"
    metrics = (State("supervisor_lock_mode"),)

    mode: Literal["direct", "lease_only"]
    grace_seconds: float | None
    slowest_seconds: float


@event
class PoolerFound(Event):
    """A pooler is between this instance and the server: a crash is noticed only when the lease ends.

    DATABASE_URL_DIRECT, an address past the pooler, mends it.
    """

    name = "lock.pooler_found"
    message = "Pooler found: takeovers wait for the lease; set DATABASE_URL_DIRECT to go past it"
    level = "WARNING"
    quiet_seconds = 3600.0

    lease_seconds: float


@event
class WritersEnded(Event):
    """Sessions that still wrote under an old term were ended, because a claim had waited for them too long."""

    name = "lock.writers_ended"
    message = "Writers of an old term ended"
    level = "WARNING"

    epoch: int
    sessions: int


@event
class ClaimWaiting(Event):
    """Another instance holds the lock; this one stands by.

    `seconds_left` is what a takeover would take if the holder fell silent now; longer after three within ten minutes.
    """

    name = "lock.claim_waiting"
    message = "Standing by for the lock"
    level = "INFO"
    quiet_seconds = 600.0

    holder: str
    epoch: int
    seconds_left: float | None = None
    recent_takeovers: int = 0


@event
class ClaimFailed(Event):
    """A claim that looked possible did not go through."""

    name = "lock.claim_failed"
    message = "Claim failed"
    level = "WARNING"
    quiet_seconds = 30.0

    kind: str
    error: BaseException | None = None


@event
class ControlSessionLost(Event):
    """The connection of the lock could not be opened, or was lost; it is opened again."""

    name = "lock.session_lost"
    message = "Control session lost"
    level = "WARNING"
    quiet_seconds = 30.0

    error: BaseException | None = None


@event
class LockMisconfigured(Event):
    """The database is not made for leading, or this build is not: this instance does not contend."""

    name = "lock.misconfigured"
    message = "Lock unusable, not contending"
    level = "ERROR"
    traced = False
    quiet_seconds = 60.0

    kind: str
    error: BaseException | None = None


@event
class TimingRefused(Event):
    """The times of the lock contradict each other; the process does not start with them."""

    name = "lock.timing_refused"
    message = "Lock timing refused"
    level = "ERROR"

    profile: str
    reason: str


@event
class SuspensionEnded(Event):
    """A term was without its control session for so long; it has it again, or has ended."""

    name = "lock.suspension_ended"
    message = "Suspension ended"
    level = None
    metrics = (Count("supervisor_lock_suspect_seconds_total", "seconds"),)

    seconds: float


@event
class MarginSampled(Event):
    """A heartbeat was acknowledged; this is the least that was left to the soft deadline in the last minute."""

    name = "lock.margin_sampled"
    message = "Margin sampled"
    level = None
    metrics = (Set("supervisor_lock_margin_seconds", "seconds"),)

    seconds: float
