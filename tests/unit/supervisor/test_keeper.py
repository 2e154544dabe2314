"""The main loop's side of the keeper, without a thread or a database."""

from __future__ import annotations

import anyio
import pytest

from supervisor.clock import boottime
from supervisor.keeper import Keeper
from supervisor.term import Term
from supervisor.timing import PROFILES
from supervisor.view import LockState, LockView


@pytest.fixture
def keeper() -> Keeper:
    """A keeper whose child was never started."""
    return Keeper(url=str, lock_key=1, instance_id="a", timing=PROFILES["fast"], last_tick=boottime)


def lead(keeper: Keeper, seconds: float) -> Term:
    """Publish a term as the thread would, trusted for so long."""
    term = Term(1, "a", window=seconds, sent_at=boottime(), on_end=keeper._desk.ring)
    keeper._desk.publish(LockView(LockState.ACTIVE, "free", term=term, epoch=1, holder="a"))
    return term


async def test_the_main_loop_notices_the_deadline_without_the_thread(keeper: Keeper) -> None:
    """A thread that hangs must not keep the work alive."""
    term = lead(keeper, 0.05)
    assert await keeper.active() is term
    with anyio.fail_after(5):
        assert await keeper.lost(term) == "soft_deadline"
    assert keeper.view.role == "PASSIVE"


async def test_waiting_for_a_term_ends_when_one_is_won(keeper: Keeper) -> None:
    """The role loop waits for ever, and is woken."""
    async with anyio.create_task_group() as group:
        group.start_soon(keeper.active)
        await anyio.wait_all_tasks_blocked()
        lead(keeper, 60.0)
    assert not keeper.idle


async def test_a_drain_ends_the_work_but_not_the_term(keeper: Keeper) -> None:
    """What is claimed is finished under the same term."""
    term = lead(keeper, 60.0)
    await keeper.active()
    keeper.drain()
    with anyio.fail_after(5):
        assert await keeper.lost(term) == "draining"
    term.check()


async def test_the_end_of_a_term_wakes_its_work(keeper: Keeper) -> None:
    """Whoever finds out, the fence for one, need not tell anybody."""
    term = lead(keeper, 60.0)
    async with anyio.create_task_group() as group:
        group.start_soon(keeper.lost, term)
        await anyio.wait_all_tasks_blocked()
        term.end("fenced")
    assert await keeper.lost(term) == "fenced"


async def test_releasing_what_was_never_held_is_no_failure(keeper: Keeper) -> None:
    """An instance that never contended holds nothing."""
    assert await keeper.release(1.0) is True
