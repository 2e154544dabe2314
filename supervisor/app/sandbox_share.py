"""The sandbox of a home, shared by its daemons: whoever leaves last stops it.

    lock ─▶ a sandbox answers ─▶ lock shared, used ─▶ lock exclusive? ──yes──▶ nobody else is left: stopped
                                                                     └──no──▶ another daemon goes on using it

The kernel takes the lock back from a daemon that was killed: its sandbox lives on, and a later daemon stops it.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread

from supervisor.app.sandbox_process import Running, ensure, folder_of, stop, unusable
from supervisor.shutdown import MARGIN

POLL_SECONDS: Final = 0.05


@asynccontextmanager
async def shared(home: Path, port: int) -> AsyncIterator[Running]:
    """Have a sandbox while the block runs; a foreign one is used and left alone."""
    lock = await anyio.to_thread.run_sync(_open, home)
    try:
        # Alone, so that two that start at once start one sandbox; with others, beside them. Neither is possible while
        # a third one starts or stops it, which takes a moment.
        while not (_locked(lock, LOCK_EX) or _locked(lock, LOCK_SH)):  # noqa: ASYNC110 - another process raises no event
            await anyio.sleep(POLL_SECONDS)
        running = await ensure(home, port)
        # Waits for nobody: it only lets others in.
        flock(lock, LOCK_SH)
        try:
            yield running
        finally:
            with anyio.move_on_after(MARGIN, shield=True):
                if _locked(lock, LOCK_EX):
                    await stop(home)
    finally:
        os.close(lock)


def _open(home: Path) -> int:
    folder = folder_of(home)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(folder / "daemons", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as failure:
        raise unusable(home, failure) from failure


def _locked(lock: int, kind: int) -> bool:
    try:
        flock(lock, kind | LOCK_NB)
    except BlockingIOError:
        return False
    return True
