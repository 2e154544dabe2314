"""Results that nobody needs any more: removed at a rhythm, whatever happens in between."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from bot.generation import leftovers
from bot.sql import sql
from telemetry import events, testing

NEEDED = sql("generation_open")


class Lost(Exception):
    """The database is away."""


class Folder:
    """Results of some generations; the first look at it fails."""

    def __init__(self, *here: int, trouble: Exception) -> None:
        self.here, self.trouble = set(here), [trouble]
        self.is_clear = anyio.Event()

    async def held(self) -> set[int]:
        """Return whose results are here."""
        if self.trouble:
            raise self.trouble.pop()
        return set(self.here)

    async def forget(self, generation_id: int) -> None:
        """Remove its results."""
        self.here.remove(generation_id)
        self.is_clear.set()


@asynccontextmanager
async def _reading() -> AsyncIterator[Any]:
    async def fetch(query: str) -> list[dict[str, int]]:
        assert query == NEEDED
        return [{"id": 1}, {"id": 4}]

    yield SimpleNamespace(fetch=fetch)


@pytest.mark.parametrize("trouble", [PermissionError(13, "no"), Lost()], ids=["the disk", "the database"])
async def test_what_nobody_needs_goes_and_a_failed_try_is_told(
    monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    """What a row still needs stays, and what a step that is under way has fetched."""
    monkeypatch.setattr(leftovers, "EVERY_SECONDS", 0.001)
    folder = Folder(1, 2, 3, trouble=trouble)
    means: Any = SimpleNamespace(results=folder, database=SimpleNamespace(lost=(Lost,), reading=_reading))
    with testing.record() as recorded, anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(leftovers.clear, means, {2})
            await folder.is_clear.wait()
            group.cancel_scope.cancel()
    assert folder.here == {1, 2}
    assert [event.error for event in recorded.all(events.GenerationLeftoversKept)] == [trouble]
