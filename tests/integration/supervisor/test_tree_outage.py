"""Children that know nothing of outages, on a real server that stops for longer than their budgets last."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import anyio
import pytest
from anyio.abc import TaskStatus

from supervisor.child import Backoff, ChildSpec, ChildState, Intensity
from supervisor.database import connected
from supervisor.errors import Fatal, GaveUp
from supervisor.outage import Outage, ask
from supervisor.tree import Strategy, open_tree
from telemetry import events, testing

ONCE = Intensity(restarts=1, seconds=600)
"""A budget that a second failure exhausts."""
AT_ONCE = Backoff(base=0.001, cap=0.001)


def querying(url: str) -> Any:
    """Make a child that fails of the first thing that goes wrong, in a group of its own."""

    async def query(connection: Any) -> None:
        while True:
            await connection.fetchval("SELECT 1")
            await anyio.sleep(0.02)

    async def serve(*, task_status: TaskStatus[None]) -> None:
        async with connected(url, application_name="naive") as connection, anyio.create_task_group() as group:
            group.start_soon(query, connection)
            task_status.started()
            await anyio.sleep_forever()

    return serve


@pytest.mark.parametrize("strategy", ["rest_for_one", "one_for_one"])
async def test_an_outage_of_any_length_exhausts_no_budget(
    make_server: Callable[..., Any], eventually: Callable[..., Awaitable[Any]], strategy: Strategy
) -> None:
    """Three outages, three children, one restart each to spend: none is spent, and all work again."""
    server, fatal = make_server(), list[Fatal]()
    with testing.record() as recorded:
        with server.running():
            url = server.url
            gate = Outage(partial(ask, [url]), again_seconds=0.05)
            specs = [ChildSpec(name, querying(url), gate=gate, intensity=ONCE, backoff=AT_ONCE) for name in "abc"]
        async with open_tree(specs, on_fatal=fatal.append, strategy=strategy) as tree:
            children = tree.children.values()
            async with anyio.create_task_group() as group:
                group.start_soon(tree.start)
                for _ in range(3):
                    await eventually(lambda: gate.away and not any(c.state is ChildState.READY for c in children))
                    with server.running():
                        await eventually(lambda: all(child.state is ChildState.READY for child in children))
            assert [(child.restarts, child.failed_at) for child in children] == [(0, ())] * 3
            assert await tree.stop(within=5) == []
    assert fatal == []
    assert len(recorded.all(events.ChildWaiting)) >= 3
    assert recorded.all(events.ChildBackoff) == []


async def test_a_child_that_loses_a_database_which_answers_gives_up(database_url: str) -> None:
    """Its address is wrong, or its query kills the connection: that is a fault, not an outage."""
    fatal: list[Fatal] = []
    gate = Outage(partial(ask, [database_url]))
    nowhere = "postgresql://vigil@127.0.0.1:1/none"
    spec = ChildSpec("a", querying(nowhere), gate=gate, intensity=ONCE, backoff=AT_ONCE)
    async with open_tree([spec], on_fatal=fatal.append) as tree:
        with anyio.fail_after(10):
            await tree.start()
        assert [type(error) for error in fatal] == [GaveUp]
        await tree.stop(within=1)
