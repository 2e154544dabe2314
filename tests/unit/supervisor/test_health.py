"""The probes are pure functions of a status: each answers its own question and no other."""

from __future__ import annotations

from dataclasses import replace

from supervisor import health
from supervisor.health import ChildHealth, Status

ACTIVE = Status(
    version="1.0",
    instance_id="web-0a1b2c3d",
    uptime_seconds=12.34,
    role="ACTIVE",
    lock_state="ACTIVE",
    epoch=7,
    holder="web-0a1b2c3d",
    heartbeat_age_seconds=0.4,
    takeover_in_seconds=None,
    draining=False,
    migrations_count=4,
    migrations_applied=True,
    not_ready=(),
)
PASSIVE = replace(ACTIVE, role="PASSIVE", lock_state="PASSIVE", holder="web-other")


def test_a_passive_instance_is_ready_and_healthy() -> None:
    """Readiness tied to leadership would deadlock every rolling deploy."""
    assert health.readyz(PASSIVE)[0] == 200
    assert health.health(PASSIVE)[1]["status"] == "ok"
    assert health.activez(PASSIVE)[0] == 503


def test_only_the_active_is_active() -> None:
    """A load balancer that wants the role asks /activez."""
    assert health.activez(ACTIVE) == (200, {"role": "ACTIVE", "epoch": 7})


def test_not_ready_says_every_reason_and_health_stays_200() -> None:
    """The platform must not kill an instance for what a restart cannot help."""
    waiting = replace(PASSIVE, not_ready=("draining", "the inbox is not connected"))
    assert health.readyz(waiting) == (503, {"status": "not ready", "reasons": list(waiting.not_ready)})
    code, body = health.health(waiting)
    assert (code, body["status"]) == (200, "degraded")


def test_nobody_leading_degrades_the_status() -> None:
    """A countdown is shown only once the holder is late: until it ends, nothing is worked on."""
    waiting = replace(PASSIVE, heartbeat_age_seconds=6.0, takeover_in_seconds=4.0)
    assert health.health(waiting)[1]["status"] == "degraded"
    assert health.readyz(waiting)[0] == 200


def test_a_child_in_trouble_degrades_the_status() -> None:
    """A child that waits for Telegram for a minute is starting all that time: only a ready one works."""
    for state, overall in (
        ("ready", "ok"),
        ("starting", "degraded"),
        ("backoff", "degraded"),
        ("fatal", "degraded"),
        ("gave_up", "degraded"),
        ("waiting", "degraded"),
    ):
        assert replace(ACTIVE, children=(ChildHealth("outbox", state, 1, None),)).overall == overall


def test_a_standby_says_for_whom_and_a_suspended_holder_not_for_itself() -> None:
    """Read in the middle of an outage, "standing by for" oneself would name a leader that is not there."""
    assert health.standing("PASSIVE", "b-2", "a-1", 0.5, None) == "PASSIVE, standing by for a-1 (heartbeat 0.5 s ago)"
    assert health.standing("PASSIVE", "a-1", "a-1", 4.0, None) == "PASSIVE"
    assert health.standing("PASSIVE", "b-2", "a-1", 9.0, 3.0) == "PASSIVE, taking over in 3 s"


def test_the_public_answer_holds_the_documented_fields_and_nothing_more() -> None:
    """Holder, epoch, children and queue are the operators' business."""
    assert set(health.health(ACTIVE)[1]) == {
        "status",
        "version",
        "uptime",
        "lock_state",
        "migrations_count",
        "migrations_applied",
    }


def test_the_operators_see_everything() -> None:
    """The status page and `vigil status` read these fields; they are a contract."""
    body = health.full(replace(ACTIVE, children=(ChildHealth("outbox", "ready", 0, None),)))[1]
    assert body["children"] == ({"name": "outbox", "state": "ready", "restarts": 0, "last_error": None},)
    assert body["epoch"] == 7
    assert body["ready"] is True
