"""The end of an instance: what is stopped before what, and what ends the process at once."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import anyio
import pytest
from anyio.abc import TaskStatus

from supervisor.app import daemon, routes
from supervisor.app.instance import Instance
from supervisor.child import ChildSpec
from supervisor.http import HttpServer, bind
from supervisor.tree import open_tree


@pytest.fixture
def public() -> Iterator[socket.socket]:
    """The public port."""
    with bind("127.0.0.1", 0, variable="PORT") as sock:
        yield sock


async def test_the_public_port_is_closed_before_the_inbox_can_no_longer_store(
    instance: Instance, public: socket.socket
) -> None:
    """Until then what arrives is stored; a port that stays open would take connections and never answer them."""
    address = public.getsockname()
    found: list[str] = []

    async def writer(*, task_status: TaskStatus[None]) -> None:
        task_status.started()
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                try:
                    await (await anyio.connect_tcp(*address)).aclose()
                    found.append("open")
                except OSError:
                    found.append("closed")

    specs = [ChildSpec("http", HttpServer(routes.public(instance), public).serve), ChildSpec("inbox-writer", writer)]
    async with open_tree(specs, on_fatal=instance.fail) as tree:
        await tree.start()
        await daemon._shut_down(instance, tree, public)
    assert found == ["closed"]
