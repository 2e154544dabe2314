"""The timeline in the token: after a promotion that lost the last epochs, the same number is given out again."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from supervisor.sql import sql

KEY = 77


async def fence(on: Any, epoch: int, timeline: int) -> None:
    """Ask whether a writer with this token may write."""
    async with on.transaction():
        await on.execute(sql("lock_fence"), KEY, epoch, timeline)


async def test_the_same_epoch_of_another_timeline_does_not_pass_the_fence(db: Any) -> None:
    """A leader that was cut off with the old primary bears a number that its successor bears, too."""
    won = await db.fetchrow(sql("lock_claim"), KEY, "a", 60_000, None, None, "free", True)
    epoch, timeline = won["epoch"], won["timeline"]
    await fence(db, epoch, timeline)
    await db.execute("UPDATE lock_epoch SET timeline = timeline + 1")
    with pytest.raises(asyncpg.PostgresError, match=f"epoch {epoch} of timeline {timeline}") as refused:
        await fence(db, epoch, timeline)
    assert refused.value.sqlstate == "VG001"
    await fence(db, epoch, timeline + 1)
