"""How a term ends in order: by a shutdown, a handover, or a child that gave up; and when that is cut short."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest
from anyio.abc import TaskStatus

from supervisor import tree
from supervisor.app import daemon, role
from supervisor.app.instance import Instance
from supervisor.child import Backoff, ChildSpec, ChildState
from supervisor.clock import boottime
from supervisor.errors import ExitCode, GaveUp
from supervisor.inbox.writer import Writer
from supervisor.keeper import Keeper
from telemetry import events, testing

Eventually = Callable[..., Awaitable[Any]]


@dataclass
class Work:
    """A workload of one child that finishes what it has while it is given time for it."""

    instance: Instance
    pool: Any
    needs: float = 0.0
    hands_back: float = 0.0
    """Seconds that it takes after that, cut short or not."""
    started: int = 0
    finished: list[bool] = field(default_factory=list)
    beats: list[tuple[str, int]] = field(default_factory=list)

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        self.started += 1
        task_status.started()
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await self.note()
                self.finished.append(await self.finish())
                await anyio.sleep(self.hands_back)
                await self.note()

    async def finish(self) -> bool:
        """Need some time, and ask again and again how much there is, as the inbox's worker does."""
        ends, limit = anyio.current_time() + self.needs, float("inf")
        while anyio.current_time() < ends:
            limit = min(limit, anyio.current_time() + self.instance.drain_seconds())
            if anyio.current_time() >= limit:
                return False
            await anyio.sleep(0.02)
        return True

    async def note(self) -> None:
        row = await self.pool.fetchrow("SELECT state, beat FROM lock_heartbeat")
        self.beats.append((row["state"], row["beat"]))


@asynccontextmanager
async def leading(instance: Instance, url: str, *specs: ChildSpec) -> AsyncIterator[tree.Tree]:
    """Run keeper and role loop as the daemon does, with these children as the workload of every term."""
    keeper = instance.keeper = Keeper(
        url=lambda: url,
        lock_key=instance.lock_key,
        instance_id=instance.instance_id,
        timing=instance.timing,
        last_tick=boottime,
    )
    loop = role.RoleLoop(instance, keeper, Writer(lambda: url))
    children = [ChildSpec("keeper", keeper.serve), ChildSpec("role", loop.serve, stop_timeout=30)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(role, "workload", lambda *_: specs)
        async with tree.open_tree(children, on_fatal=instance.fail) as opened:
            await opened.start()
            try:
                yield opened
            finally:
                with anyio.CancelScope(shield=True):
                    await opened.stop(5, {"role"})
                    await opened.stop(5)


async def test_the_lease_is_renewed_through_the_drain_and_released_when_the_work_has_ended(
    instance: Instance, database_url: str, pool: Any
) -> None:
    """Released before, a successor would begin beside us; not renewed, it would take over in the middle."""
    instance.pool = pool
    work = Work(instance, pool, needs=2.5)
    with testing.record() as recorded:
        async with leading(instance, database_url, ChildSpec("work", work.serve, stop_timeout=30)) as infrastructure:
            await instance.led.wait()
            instance.ladder.request_drain("test")
            instance.drain_until = boottime() + instance.settings.plan.drain
            assert await daemon._phase(infrastructure, "workload", 20, {"role"})
            assert await pool.fetchval("SELECT state FROM lock_heartbeat") in {"held", "free"}
            assert await daemon._phase(infrastructure, "lease", 5, {"keeper"})
            assert await pool.fetchval("SELECT state FROM lock_heartbeat") == "free"
    (first, beat), (last, later) = work.beats
    assert (first, last, work.finished) == ("held", "held", [True])
    assert later > beat
    drained = recorded.all(events.Drained)
    assert len(drained) == 1
    assert drained[0].seconds >= 2.5


async def test_a_second_signal_cuts_the_work_short_and_leaves_it_the_time_to_hand_back(
    instance: Instance, database_url: str, pool: Any, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy machine needs more than the second of a lost term, and while the lease is renewed nobody is kept waiting."""
    instance.pool = pool
    work, given_up = Work(instance, pool, needs=60, hands_back=1.5), list[str]()
    monkeypatch.setattr(role, "give_up", given_up.append)
    async with leading(instance, database_url, ChildSpec("work", work.serve, stop_timeout=30)) as infrastructure:
        await instance.led.wait()
        instance.ladder.request_drain("test")
        instance.drain_until = boottime() + instance.settings.plan.drain
        async with anyio.create_task_group() as group:
            group.start_soon(daemon._phase, infrastructure, "workload", 20, {"role"})
            await eventually(lambda: work.beats)
            began = anyio.current_time()
            instance.ladder.hurry.set()
        assert anyio.current_time() - began < 5
        assert (work.finished, [state for state, _ in work.beats]) == ([False], ["held", "held"])
        assert await daemon._phase(infrastructure, "lease", 5, {"keeper"})
        assert await pool.fetchval("SELECT state FROM lock_heartbeat") == "free"
    assert given_up == []


async def test_a_handover_lets_the_work_finish_and_the_loop_lead_again(
    instance: Instance, database_url: str, pool: Any, eventually: Eventually
) -> None:
    """It is a drain without a shutdown: more than the second of a lost term, and afterwards a standby like any other."""
    instance.pool = pool
    work = Work(instance, pool, needs=1.5)
    with testing.record() as recorded:
        async with leading(instance, database_url, ChildSpec("work", work.serve, stop_timeout=30)):
            await eventually(lambda: work.started == 1)
            assert instance.keeper is not None
            assert instance.keeper.hand_over()
            await eventually(lambda: work.finished, seconds=10)
            assert work.finished == [True]
            await eventually(lambda: work.started == 2, seconds=20)
            assert (instance.drain_until, instance.draining) == (None, False)
            work.needs = 0
    assert [event.handed_back for event in recorded.all(events.Drained)][:1] == [0]


async def test_a_term_that_is_lost_in_the_middle_of_a_drain_ends_the_work_at_once(
    instance: Instance, database_url: str, pool: Any, eventually: Eventually
) -> None:
    """The drain's seconds belong to a holder; who is none any more must be gone before the next one begins."""
    instance.pool = pool
    work = Work(instance, pool, needs=60)
    async with leading(instance, database_url, ChildSpec("work", work.serve, stop_timeout=30)):
        await eventually(lambda: work.started == 1)
        assert instance.keeper is not None
        term = instance.keeper.view.term
        assert term is not None
        assert instance.keeper.hand_over()
        await eventually(lambda: work.beats)
        began = anyio.current_time()
        term.end("fenced")
        await eventually(lambda: work.finished)
        assert anyio.current_time() - began < 5
        assert work.finished == [False]
        work.needs = 0


async def test_a_child_that_gives_up_ends_the_instance_with_70_and_frees_the_lease(
    instance: Instance, database_url: str, pool: Any, eventually: Eventually
) -> None:
    """The platform starts a clean process; a standby need not wait for a lease to run out."""
    instance.pool = pool

    async def broken(*, task_status: TaskStatus[None]) -> None:
        task_status.started()
        raise ValueError("boom")

    work = Work(instance, pool)
    specs = (ChildSpec("work", work.serve), ChildSpec("broken", broken, backoff=Backoff(base=0.001, cap=0.001)))
    async with leading(instance, database_url, *specs) as infrastructure:
        with anyio.fail_after(10):
            await instance.ladder.drain.wait()
        assert isinstance(instance.failure, GaveUp)
        assert instance.exit_code() is ExitCode.GAVE_UP
        assert instance.workload is not None
        assert instance.workload.children["broken"].state is ChildState.GAVE_UP
        assert work.finished == [], "who came before it goes on until the drain"
        assert await infrastructure.stop(10, {"role"}) == []
        assert work.finished == [True]
        assert await infrastructure.stop(5, {"keeper"}) == []
        assert await pool.fetchval("SELECT state FROM lock_heartbeat") == "free"


async def test_the_children_of_a_term_are_started_again_with_those_they_build_on(
    instance: Instance, database_url: str, pool: Any, eventually: Eventually
) -> None:
    """The inbox uses what the outbox and Telegram's child have built; theirs is gone with them."""
    instance.pool = pool
    crash = anyio.Event()

    async def first(*, task_status: TaskStatus[None]) -> None:
        task_status.started()
        await (anyio.Event() if crash.is_set() else crash).wait()

    work = Work(instance, pool)
    specs = (ChildSpec("first", first, backoff=Backoff(base=0.001)), ChildSpec("work", work.serve))
    async with leading(instance, database_url, *specs):
        await eventually(lambda: work.started == 1)
        crash.set()
        await eventually(lambda: work.started == 2)
        assert work.finished == [True]
