"""The tree: order, isolation, backoff, stop within the deadline, honest about who did not stop."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import anyio
import pytest
from anyio.abc import TaskStatus

from supervisor.child import Backoff, ChildSpec, ChildState
from supervisor.errors import ConfigError, Fatal
from supervisor.tree import Tree, open_tree

Log = list[str]
AT_ONCE = Backoff(base=0.001, cap=0.001)


def tree_of(*specs: ChildSpec, fatal: list[Fatal] | None = None) -> AbstractAsyncContextManager[Tree]:
    seen = [] if fatal is None else fatal
    return open_tree(specs, on_fatal=seen.append)


def steady(name: str, log: Log) -> ChildSpec:
    """Make a child that is ready at once and runs until cancelled."""

    async def serve(*, task_status: TaskStatus[None]) -> None:
        log.append(f"+{name}")
        task_status.started()
        try:
            await anyio.sleep_forever()
        finally:
            log.append(f"-{name}")

    return ChildSpec(name, serve, backoff=AT_ONCE)


def failing(name: str, starts: list[float], until: int, then: Callable[[], None] = lambda: None) -> ChildSpec:
    """Make a child that fails before it is ready until its `until`-th start."""

    async def serve(*, task_status: TaskStatus[None]) -> None:
        starts.append(anyio.current_time())
        if len(starts) < until:
            raise ConnectionError("refused")
        then()
        task_status.started()
        await anyio.sleep_forever()

    return ChildSpec(name, serve, backoff=AT_ONCE)


async def test_children_start_in_order_and_stop_in_reverse() -> None:
    """Each starts once the one before is ready, and the last started stops first."""
    log: Log = []
    async with tree_of(steady("a", log), steady("b", log), steady("c", log)) as tree:
        await tree.start()
        assert await tree.stop(within=1) == []
    assert log == ["+a", "+b", "+c", "-c", "-b", "-a"]


async def test_a_child_waits_for_the_readiness_of_the_one_before_through_its_retries() -> None:
    """A dependent does not start on the first attempt of what it depends on, but on its readiness."""
    log: Log = []
    starts: list[float] = []
    async with tree_of(failing("database", starts, 3, lambda: log.append("database")), steady("b", log)) as tree:
        await tree.start()
        assert len(starts) == 3
        assert log == ["database", "+b"]
        await tree.stop(within=1)


async def test_a_crash_restarts_the_child_and_leaves_its_siblings_alone() -> None:
    """One child's exception is one child's restart."""
    log: Log = []
    crashed, again = anyio.Event(), anyio.Event()

    async def crashing(*, task_status: TaskStatus[None]) -> None:
        task_status.started()
        if crashed.is_set():
            again.set()
            await anyio.sleep_forever()
        crashed.set()
        raise RuntimeError("boom")

    async with tree_of(steady("a", log), ChildSpec("b", crashing, backoff=AT_ONCE)) as tree:
        await tree.start()
        with anyio.fail_after(5):
            await again.wait()
        assert tree.children["b"].restarts == 1
        assert tree.children["b"].last_error == "RuntimeError: boom"
        await tree.stop(within=1)
    assert log == ["+a", "-a"]


async def test_a_child_that_returns_is_started_again() -> None:
    """A managed task runs until cancelled; ending by itself is a failure."""
    twice = anyio.Event()
    runs = 0

    async def returning(*, task_status: TaskStatus[None]) -> None:
        nonlocal runs
        runs += 1
        task_status.started()
        if runs == 2:
            twice.set()

    async with tree_of(ChildSpec("a", returning, backoff=AT_ONCE)) as tree:
        await tree.start()
        with anyio.fail_after(5):
            await twice.wait()
        await tree.stop(within=1)


async def test_a_child_that_never_says_ready_is_a_failure() -> None:
    """Not calling started() in time counts like a crash and backs off."""

    async def silent(*, task_status: TaskStatus[None]) -> None:
        await anyio.sleep_forever()

    spec = ChildSpec("mute", silent, start_timeout=0.01, backoff=Backoff(base=30))
    async with tree_of(spec) as tree, anyio.create_task_group() as group:
        group.start_soon(tree.start)
        with anyio.fail_after(5):
            while tree.children["mute"].state is not ChildState.BACKOFF:
                await anyio.lowlevel.checkpoint()
        assert "not ready within 0.01 s" in str(tree.children["mute"].last_error)
        group.cancel_scope.cancel()
        with anyio.fail_after(5, shield=True):
            await tree.stop(within=1)


async def test_fatal_is_told_once_and_never_retried() -> None:
    """A child that says a restart cannot help is not restarted, even inside nested task groups."""
    fatal: list[Fatal] = []
    log: Log = []

    async def wrong(*, task_status: TaskStatus[None]) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(_raise, ConfigError("wrong token"))
            await anyio.sleep_forever()

    async with tree_of(ChildSpec("a", wrong, backoff=AT_ONCE), steady("b", log), fatal=fatal) as tree:
        await tree.start()
        assert [str(error) for error in fatal] == ["wrong token"]
        assert tree.children["a"].state is ChildState.FATAL
        assert log == [], "what comes after a fatal child is not started"
        await tree.stop(within=1)
        assert tree.children["a"].state is ChildState.FATAL


async def test_stop_during_backoff_is_immediate() -> None:
    """A child that waits to be tried again ends at once."""
    starts: list[float] = []
    spec = failing("a", starts, until=99)
    slow = ChildSpec("a", spec.serve, backoff=Backoff(base=60, cap=60))
    async with tree_of(slow) as tree, anyio.create_task_group() as group:
        group.start_soon(tree.start)
        with anyio.fail_after(5):
            while tree.children["a"].state is not ChildState.BACKOFF:
                await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
        with anyio.fail_after(1, shield=True):
            assert await tree.stop(within=1) == []
    assert len(starts) == 1


async def test_a_child_stopped_before_its_first_step_never_runs() -> None:
    """A stop between being scheduled and running must not be lost."""
    log: Log = []
    async with tree_of(steady("a", log)) as tree, anyio.create_task_group() as group:
        group.start_soon(tree.start)
        await tree.stop(within=1)
        group.cancel_scope.cancel()
    assert log in ([], ["+a", "-a"])
    assert tree.children["a"].ended.is_set() or tree.children["a"].state is ChildState.STOPPED


async def test_a_child_that_will_not_stop_is_named_and_the_stop_stays_within_its_deadline() -> None:
    """The report is honest, and the others are stopped all the same."""
    log: Log = []
    let_go = anyio.Event()

    async def stubborn(*, task_status: TaskStatus[None]) -> None:
        task_status.started()
        with anyio.CancelScope(shield=True):
            await let_go.wait()

    async with tree_of(steady("a", log), ChildSpec("b", stubborn, backoff=AT_ONCE)) as tree:
        await tree.start()
        with anyio.fail_after(1):
            unstopped = await tree.stop(within=0.05)
        state = tree.children["b"].state
        let_go.set()
    assert (unstopped, state) == (["b"], ChildState.UNSTOPPED)
    assert log == ["+a", "-a"]


async def test_stopping_some_children_leaves_the_others_running() -> None:
    """The phases of the shutdown stop the infrastructure part by part."""
    log: Log = []
    async with tree_of(steady("a", log), steady("b", log)) as tree:
        await tree.start()
        await tree.stop(within=1, names={"a"})
        assert log == ["+a", "+b", "-a"]
        assert tree.children["b"].state is ChildState.READY
        await tree.stop(within=1)


async def test_leaving_the_tree_stops_what_still_runs() -> None:
    """An error of the owner takes the children with it."""
    log: Log = []
    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 - the point is what leaving the block does
        async with tree_of(steady("a", log)) as tree:
            await tree.start()
            raise ConnectionError("owner failed")
    assert caught.group_contains(ConnectionError)
    assert log == ["+a", "-a"]


async def _raise(error: Exception) -> None:
    raise error
