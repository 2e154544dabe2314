"""What commands print, from what they were told."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.commands.lock import lease_lines
from supervisor.commands.status import status_lines
from supervisor.commands.terminal import table

LEASE: dict[str, Any] = {
    "state": "held",
    "epoch": 4,
    "token_epoch": 4,
    "timeline": 1,
    "instance_id": "one-00000001",
    "heartbeat_age": 1.25,
    "expires_in": 8.0,
    "beacon": "held",
}
STATUS: dict[str, Any] = {
    "status": "ok",
    "ready": True,
    "not_ready": [],
    "role": "ACTIVE",
    "lock_state": "ACTIVE",
    "takeover_in_seconds": None,
    "instance_id": "one-00000001",
    "version": "1",
    "uptime_seconds": 5.0,
    "epoch": 4,
    "holder": "one-00000001",
    "heartbeat_age_seconds": 1.0,
    "inbox": {"ready": 2.0},
    "loop_lag_seconds": 0.004,
    "children": [{"name": "http", "state": "ready", "restarts": 0, "last_error": None}],
}


def test_a_held_lease_shows_its_token_and_its_beacon() -> None:
    """Epoch and timeline together are the token."""
    text = "\n".join(lease_lines(LEASE))
    for part in (
        "state      held",
        "epoch      4  timeline 1",
        "1.2 s ago",
        "in 8.0 s",
        "held by the holder's session",
    ):
        assert part in text
    assert "WRONG" not in text


@pytest.mark.parametrize(("state", "says"), [("free", "released"), ("broken", "an operator has broken it")])
def test_a_lease_that_nobody_renews_says_why(state: str, says: str) -> None:
    """No heartbeat age that grows for ever, and no expiry."""
    text = "\n".join(lease_lines({**LEASE, "state": state}))
    assert says in text
    assert "ago" not in text


def test_rows_that_contradict_each_other_are_told() -> None:
    """They are written in one transaction; only a hand can tear them apart."""
    assert "WRONG" in lease_lines({**LEASE, "token_epoch": None})[-1]


def test_a_lease_that_ran_out_says_for_how_long() -> None:
    """A holder that is gone or cut off."""
    assert any("3.0 s ago: the holder is gone" in line for line in lease_lines({**LEASE, "expires_in": -3.0}))


def test_the_status_of_an_older_instance_is_shown_too() -> None:
    """Commands and daemon are upgraded one after the other."""
    assert "sandbox" in "\n".join(status_lines({**STATUS, "mode": "sandbox"}))
    assert "ready 2" in "\n".join(status_lines(STATUS))


def test_a_task_shows_its_last_error() -> None:
    """Whoever looks wants to know why it restarts."""
    child = {"name": "telegram", "state": "backoff", "restarts": 3, "last_error": "TimedOut: slow"}
    assert "last error: TimedOut: slow" in status_lines({**STATUS, "children": [child]})[-1]


def test_columns_stand_under_each_other() -> None:
    """Without blanks at the end of a line."""
    assert table([("a", "bb"), ("ccc", "d"), ("e", "")]) == ["a    bb", "ccc  d", "e"]
    assert table([]) == []
