"""The role loop on a real lock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, NoReturn

import anyio
import pytest
from anyio.abc import TaskStatus

from supervisor import tree
from supervisor.app import role
from supervisor.app.instance import Instance
from supervisor.child import Backoff, ChildSpec
from supervisor.clock import boottime
from supervisor.inbox.writer import Writer
from supervisor.keeper import Keeper


@pytest.fixture
async def keeper(instance: Instance, database_url: str) -> AsyncIterator[Keeper]:
    """A keeper that contends."""
    keeper = Keeper(
        url=lambda: database_url,
        lock_key=instance.lock_key,
        instance_id="a",
        timing=instance.timing,
        last_tick=boottime,
    )
    async with anyio.create_task_group() as group:
        await group.start(keeper.serve)
        yield keeper
        group.cancel_scope.cancel()


async def test_a_workload_that_cannot_be_built_is_built_again_in_the_same_term(
    instance: Instance, keeper: Keeper, database_url: str, pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the instance would hold the lease for ever, do nothing, and no other could take it."""
    failures = [RuntimeError("the first"), RuntimeError("the second")]

    def build(*_: object) -> list[ChildSpec]:
        if failures:
            raise failures.pop()
        return []

    monkeypatch.setattr(role, "workload", build)
    instance.pool = pool
    loop = role.RoleLoop(instance, keeper, Writer(lambda: database_url))
    spec = ChildSpec("role", loop.serve, backoff=Backoff(base=0.01))
    async with tree.open_tree([spec], on_fatal=instance.fail) as children:
        await children.start()
        with anyio.fail_after(10):
            await instance.led.wait()
        assert (keeper.view.role, keeper.view.epoch) == ("ACTIVE", 1)
        keeper.drain()
        await children.stop(5)
    assert not failures


class Ended(Exception):
    """What `os._exit` raises here."""


@pytest.mark.parametrize("why", ["the term is lost", "a second signal"])
async def test_work_that_does_not_end_ends_the_process_at_once(
    instance: Instance, keeper: Keeper, pool: Any, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    """It had its second: more seconds may reach into the next term. Nothing is released."""
    codes: list[int] = []
    go_on = anyio.Event()

    async def stuck(*, task_status: TaskStatus[None]) -> None:
        task_status.started()
        with anyio.CancelScope(shield=True):
            await go_on.wait()

    def end(code: int) -> NoReturn:
        codes.append(code)
        go_on.set()
        raise Ended

    monkeypatch.setattr("os._exit", end)
    monkeypatch.setattr(role, "workload", lambda *_: [ChildSpec("outbox", stuck, stop_timeout=60)])
    instance.pool = pool
    loop = role.RoleLoop(instance, keeper, Writer(str))
    with anyio.fail_after(10), pytest.raises(ExceptionGroup) as ended:  # noqa: PT012 - the block is the point
        async with anyio.create_task_group() as group:
            await group.start(loop.serve)
            await instance.led.wait()
            began = anyio.current_time()
            term = keeper.view.term
            assert term is not None
            if why == "the term is lost":
                term.end("fenced")
            else:
                instance.ladder.drain.set()
                instance.ladder.hurry.set()
                keeper.drain()
            await go_on.wait()
            assert anyio.current_time() - began < 2
            assert keeper.view.state != "RELEASED"
    assert ended.group_contains(Ended)
    assert codes == [71]
