"""The end of an instance: what is stopped before what, and what ends the process at once."""

from __future__ import annotations

import socket
from collections.abc import Collection, Iterator
from dataclasses import replace

import anyio
import pytest
from anyio.abc import TaskStatus

from supervisor import shutdown
from supervisor.app import daemon, infrastructure, routes
from supervisor.app.instance import Instance
from supervisor.child import ChildSpec
from supervisor.http import HttpServer, bind
from supervisor.tree import Tree, open_tree


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


async def test_every_child_ends_in_one_phase_and_the_phases_fit_into_the_grace(
    instance: Instance, public: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child in no phase would be cut off by the end of the process; a phase too long would cut off the others."""
    phases: list[tuple[str, float, Collection[str]]] = []

    async def phase(_tree: Tree, name: str, within: float, names: Collection[str]) -> bool:
        phases.append((name, within, names))
        return True

    monkeypatch.setattr(daemon, "_phase", phase)
    embedded = replace(instance, settings=instance.settings.model_copy(update={"database_url": None}))
    servers = [(name, HttpServer(routes.public(embedded), public)) for name in ("http", "ops")]
    specs = infrastructure.children(embedded, servers)
    async with open_tree(specs, on_fatal=instance.fail) as tree:
        await daemon._shut_down(embedded, tree, public)
    assert [name for name, _, _ in phases] == ["workload", "lease", "ingress", "pools", "postgresql"]
    assert sorted(name for _, _, names in phases for name in names) == sorted(spec.name for spec in specs)
    needed = sum(within for _, within, _ in phases) + shutdown.FLUSH + shutdown.MARGIN
    assert needed <= instance.settings.shutdown_grace
    assert {spec.name for spec in specs if not spec.essential} == {"control", "totals", "readiness"}
    without_database = {"http", "ops", "pulse", "control", "postgresql"}
    assert {spec.name for spec in specs if spec.gate is None} == without_database, "the rest waits out an outage"
