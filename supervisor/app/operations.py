"""What the control socket can be asked for: each verb is a function of the request, on one instance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anyio.to_thread
import asyncpg

from supervisor import handover, health, stacks
from supervisor.app.instance import Instance
from supervisor.control import Verb
from supervisor.database import LOST
from supervisor.errors import UsageError
from supervisor.handover import Holding, NotHandedOver
from telemetry import emit, events

PINNED = "it is what answers you; nothing depends on it"
"""Why the socket's own child is not restarted on request."""
Request = Mapping[str, Any]


def verbs(instance: Instance) -> dict[str, Verb]:
    """Return the verbs of one instance by name."""

    async def status(_request: Request) -> dict[str, Any]:
        return health.full(await instance.status())[1]

    async def drain(_request: Request) -> dict[str, Any]:
        emit(events.OperatorAsked(verb="drain"))
        instance.ladder.request_drain("operator")
        return {"instance_id": instance.instance_id, "grace_seconds": instance.settings.shutdown_grace}

    async def hand_over(request: Request) -> dict[str, Any]:
        return await _hand_over(instance, force=request.get("force") is True)

    async def restart(request: Request) -> dict[str, Any]:
        return await _restart(instance, request.get("child"))

    async def tasks(_request: Request) -> dict[str, Any]:
        # The tasks on their own loop; the threads from another one, so that the loop's own stack is not this line.
        return {"text": stacks.tasks() + await anyio.to_thread.run_sync(stacks.threads)}

    return {"status": status, "drain": drain, "handover": hand_over, "restart": restart, "tasks": tasks}


async def _hand_over(instance: Instance, *, force: bool) -> dict[str, Any]:
    pool, keeper = instance.pool, instance.keeper
    if pool is None or keeper is None:
        raise NotHandedOver("The database is not connected, so nobody can be asked.", hint="vigil status")
    try:
        before = await Holding.look(pool)
        before.refuse(force=force)
        emit(events.OperatorAsked(verb="handover", target=before.holder))
        if before.holder != instance.instance_id:
            await handover.ask(pool, before)
        elif not keeper.hand_over():
            raise NotHandedOver(
                f"The lock is {keeper.view.state} here: there is no term to give away.", hint="vigil status"
            )
    except (*LOST, asyncpg.PostgresError) as failure:
        raise NotHandedOver(
            f"The database does not answer: {type(failure).__name__}.", hint="vigil doctor"
        ) from failure
    return {"epoch": before.epoch, "holder": before.holder, "standbys": before.standbys}


async def _restart(instance: Instance, name: object) -> dict[str, Any]:
    trees = [tree for tree in (instance.infrastructure, instance.workload) if tree is not None]
    tree = next((tree for tree in trees if isinstance(name, str) and name in tree.children), None)
    if tree is None or not isinstance(name, str):
        names = [child.spec.name for tree in trees for child in tree.children.values() if child.spec.pinned is None]
        raise UsageError(f"There is no task {name!r}.", hint=f"one of: {', '.join(names)}")
    emit(events.OperatorAsked(verb="restart", target=name))
    await tree.restart(name)
    return {"child": name, "state": tree.children[name].state.value, "restarts": tree.children[name].restarts}
