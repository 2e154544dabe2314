"""What the person who starts Vigil is told."""

from __future__ import annotations

import os
import sys

import pytest

from supervisor.app import announcement

PUBLIC, OPERATORS = ("127.0.0.1", 8080), ("::1", 9464)


def test_role_addresses_and_the_chat_page_are_named() -> None:
    """All that one needs to go on; an IPv6 address can be copied into a browser."""
    text = announcement.lines("ACTIVE", None, PUBLIC, OPERATORS, "http://127.0.0.1:8081/", embedded=True)
    for shown in ("ACTIVE", "http://127.0.0.1:8081/", "http://127.0.0.1:8080", "http://[::1]:9464", "embedded"):
        assert shown in text


def test_a_wait_for_the_lease_is_told() -> None:
    """An instance that was killed and is back alone does not look as if it hung."""
    text = announcement.lines("PASSIVE", 8.6, PUBLIC, OPERATORS, None)
    assert "PASSIVE, taking over in 9 s" in text
    assert "chat" not in text
    assert "database" not in text


def test_a_terminal_that_is_gone_does_not_end_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever started it may have closed the pipe; the bot goes on, and nothing is left to fail at the exit."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as broken:
        monkeypatch.setattr(sys, "stdout", broken)
        announcement.tell("Vigil is up.")
        broken.flush()
