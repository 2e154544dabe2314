"""The bell that wakes whoever waits for committed rows."""

from __future__ import annotations

import anyio

from bot.generation.bell import Bell


async def test_one_ring_wakes_everyone() -> None:
    """Each listener has its own wait, and any of them may ring."""
    bell, woken = Bell(), list[int]()
    listeners = [bell.listen() for _ in range(3)]

    async def wait(number: int) -> None:
        await listeners[number].wait(60)
        woken.append(number)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            for number in range(3):
                group.start_soon(wait, number)
            await anyio.wait_all_tasks_blocked()
            listeners[0].set()
    assert sorted(woken) == [0, 1, 2]


async def test_a_ring_is_kept_for_who_does_not_wait_and_used_up_once() -> None:
    """It is never lost between two waits, and never piles up."""
    bell = Bell()
    listener = bell.listen()
    bell.ring()
    bell.ring()
    with anyio.fail_after(5):
        await listener.wait(60)
    with anyio.move_on_after(0.05) as again:
        await listener.wait(60)
    assert again.cancelled_caught
