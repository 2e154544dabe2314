"""What the person who starts Vigil is told."""

from __future__ import annotations

import os
import sys
from dataclasses import replace

import pytest

from supervisor.app import announcement
from supervisor.health import Status

PUBLIC, OPERATORS = ("127.0.0.1", 8080), ("::1", 9464)
STATUS = Status(
    version="1.0",
    instance_id="web-0a1b2c3d",
    uptime_seconds=1.0,
    role="PASSIVE",
    lock_state="PASSIVE",
    epoch=7,
    holder="web-other",
    heartbeat_age_seconds=0.42,
    takeover_in_seconds=None,
    draining=False,
    migrations_count=5,
    migrations_applied=True,
    not_ready=(),
)


def test_role_addresses_and_the_chat_page_are_named() -> None:
    """All that one needs to go on; an IPv6 address can be copied into a browser."""
    text = announcement.lines("ACTIVE", PUBLIC, OPERATORS, "http://127.0.0.1:8081/", embedded=True)
    for shown in ("ACTIVE", "http://127.0.0.1:8081/", "http://127.0.0.1:8080", "http://[::1]:9464", "embedded"):
        assert shown in text


def test_a_wait_for_the_lease_is_told() -> None:
    """An instance that was killed and is back alone does not look as if it hung."""
    late = replace(STATUS, heartbeat_age_seconds=4.0, takeover_in_seconds=8.6)
    text = announcement.lines(announcement.role_of(late, 8.6), PUBLIC, OPERATORS, None)
    assert "PASSIVE, taking over in 9 s\n" in text
    assert "chat" not in text
    assert "database" not in text


def test_a_standby_names_whom_it_stands_by_for_and_how_long_it_would_wait() -> None:
    """This is told once: a holder that was killed a second ago looks like one that lives."""
    words = "PASSIVE, standing by for web-other (heartbeat 0.4 s ago)"
    assert announcement.role_of(STATUS, 9.4) == f"{words}, taking over in 9 s if it stays silent"
    assert announcement.role_of(STATUS, None) == words
    assert announcement.role_of(replace(STATUS, role="ACTIVE"), None) == "ACTIVE"


def test_a_terminal_that_is_gone_does_not_end_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever started it may have closed the pipe; the bot goes on, and nothing is left to fail at the exit."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as broken:
        monkeypatch.setattr(sys, "stdout", broken)
        announcement.tell("Vigil is up.")
        broken.flush()
