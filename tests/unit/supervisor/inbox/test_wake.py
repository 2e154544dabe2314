"""The signal between writer, worker and handlers."""

from __future__ import annotations

import anyio

from supervisor.inbox.wake import Wake


async def test_what_was_set_before_the_wait_ends_it_at_once_and_only_once() -> None:
    """No wake-up is lost, and many are one."""
    wake = Wake()
    wake.set()
    wake.set()
    with anyio.fail_after(1):
        await wake.wait(60)
    with anyio.move_on_after(0.02) as limit:
        await wake.wait(60)
    assert limit.cancelled_caught


async def test_a_wait_ends_by_itself() -> None:
    """The poll is the safety net of every signal."""
    with anyio.fail_after(1):
        await Wake().wait(0.01)
