"""From what this instance knows of itself to the answers of its probes: values and pure functions.

/livez    the loop is alive; depends on nothing else
/readyz   an update can be durably accepted now; independent of the role, or a rolling deploy would wait for ever
/activez  this instance is a trusted ACTIVE
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ChildHealth:
    """One managed task as the status shows it."""

    name: str
    state: str
    restarts: int
    last_error: str | None


@dataclass(frozen=True, slots=True)
class ModelHealth:
    """How one model did, as the status shows it; None is what too few ended for. Counts of an hour slide, so are shares."""

    model: str
    ended_24h: float
    success_1h: float | None
    success_24h: float | None
    typical_seconds: float | None


@dataclass(frozen=True, slots=True)
class Status:
    """Everything `/status` tells; the field names are a documented contract.

    `takeover_in_seconds` is there only once the holder's heartbeat is late.
    """

    version: str
    instance_id: str
    uptime_seconds: float
    role: str
    lock_state: str
    epoch: int | None
    holder: str | None
    heartbeat_age_seconds: float | None
    takeover_in_seconds: float | None
    draining: bool
    migrations_count: int
    migrations_applied: bool
    not_ready: tuple[str, ...]
    children: tuple[ChildHealth, ...] = ()
    inbox: dict[str, float] = field(default_factory=dict)
    models: tuple[ModelHealth, ...] = ()
    loop_lag_seconds: float = 0.0
    mode: str = ""

    @property
    def ready(self) -> bool:
        """Whether an update can be accepted now."""
        return not self.not_ready

    @property
    def overall(self) -> str:
        """`ok`, or `degraded` when something needs a look though the instance serves."""
        working = all(child.state in {"ready", "stopping", "stopped"} for child in self.children)
        # Shown only once the holder is late: until somebody leads again, nothing is worked on.
        led = self.takeover_in_seconds is None
        return "ok" if working and self.ready and led else "degraded"


def standing(
    role: str, instance_id: str, holder: str | None, heartbeat_age: float | None, takeover_in: float | None
) -> str:
    """Say a role in words: a standby for whom it stands by, or how soon it takes over if that one stays silent.

    Nobody stands by for himself: a holder that is suspended, or draws back, is told by its lock state.
    """
    if takeover_in:
        return f"{role}, taking over in {takeover_in:.0f} s"
    if role == "PASSIVE" and holder not in {None, instance_id} and heartbeat_age is not None:
        return f"{role}, standing by for {holder} (heartbeat {heartbeat_age:.1f} s ago)"
    return role


Answer = tuple[int, dict[str, Any]]


def health(status: Status) -> Answer:
    """Answer the platform's health check: always 200, nothing an outsider should not know."""
    return 200, {
        "status": status.overall,
        "version": status.version,
        "uptime": round(status.uptime_seconds, 1),
        "lock_state": status.lock_state,
        "migrations_count": status.migrations_count,
        "migrations_applied": status.migrations_applied,
    }


def readyz(status: Status) -> Answer:
    """Answer 200 when an update can be durably accepted, else 503 with every reason."""
    return (
        (200, {"status": "ok"}) if status.ready else (503, {"status": "not ready", "reasons": list(status.not_ready)})
    )


def activez(status: Status) -> Answer:
    """Answer 200 only on a trusted ACTIVE."""
    active = status.role == "ACTIVE"
    return (200 if active else 503), {"role": status.role, "epoch": status.epoch if active else None}


def full(status: Status) -> Answer:
    """Answer everything, for operators."""
    return 200, {"status": status.overall, "ready": status.ready, **asdict(status)}
