"""What postmaster.pid says."""

from __future__ import annotations

import pytest

from supervisor.embedded.datafolder import Postmaster

WHOLE = "4711\n/data\n1700000000\n5432\n/socket\n\n  123 456\n{status}\n"


@pytest.mark.parametrize("text", ["", "\n", "abc\n/data\n"])
def test_a_file_cut_short_says_nothing(text: str) -> None:
    """A crash while starting leaves such a file; it must not be an error for ever."""
    assert Postmaster.parse(text) is None


@pytest.mark.parametrize(("status", "ready"), [("starting", False), ("ready   ", True), ("stopping", False)])
def test_only_the_status_ready_is_ready(status: str, ready: bool) -> None:
    """A server in crash recovery has its socket open already, and is not ready."""
    assert Postmaster.parse(WHOLE.format(status=status)) == Postmaster(4711, ready)


def test_a_file_without_a_status_is_not_ready() -> None:
    """The server writes the lines one by one."""
    assert Postmaster.parse("4711\n/data\n") == Postmaster(4711, ready=False)
