"""Children on their own, without a tree."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio

from supervisor.child import Serve


@asynccontextmanager
async def running(*children: Serve) -> AsyncIterator[None]:
    """Run children while the block runs; leaving it cancels them and waits for their end."""
    async with anyio.create_task_group() as group:
        for serve in children:
            await group.start(_serve, serve)
        try:
            yield
        finally:
            group.cancel_scope.cancel()


async def _serve(serve: Serve, *, task_status: Any) -> None:
    # A bound method has not the signature that a task group starts.
    await serve(task_status=task_status)
