"""The sandbox's memory on disk: records in SQLite, read once at the start, written before anyone is told."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import cache
from importlib.resources import files
from pathlib import Path

import anyio

from bot.sandbox import records
from bot.sandbox.records import Record


class HomeInUseError(Exception):
    """Another sandbox works on the same folder."""


class StateError(Exception):
    """The folder or the file in it cannot be used; the message says why."""


class Store:
    """One SQLite file that only this process writes; every call runs off the event loop, one at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._limiter = anyio.CapacityLimiter(1)
        self._connection: sqlite3.Connection | None = None
        self._lock: int | None = None

    async def open(self) -> list[Record]:
        """Lock the folder and return every record.

        Raises:
            HomeInUseError: another sandbox holds the folder.
            StateError: the folder cannot be written, or its file cannot be read.
        """
        try:
            return await anyio.to_thread.run_sync(self._open, limiter=self._limiter)
        except (sqlite3.Error, OSError, ValueError, TypeError) as error:
            raise StateError(f"The sandbox could not open its state in {self._folder}: {error}.") from error

    async def save(self, put: Sequence[Record], dropped: Sequence[Record]) -> None:
        """Return once all of it is committed; a killed process keeps it, all or nothing."""
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._save, put, dropped, limiter=self._limiter)

    async def close(self) -> None:
        """Give the file and the folder back."""
        await anyio.to_thread.run_sync(self._close, limiter=self._limiter)

    def _open(self) -> list[Record]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._close()
            raise HomeInUseError(f"Another sandbox already works in {self._folder}.") from error
        self._connection = sqlite3.connect(
            self._folder / "state.sqlite3", isolation_level=None, check_same_thread=False, timeout=10
        )
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute(_sql("record_create"))
        with closing(self._connection.execute(_sql("record_list"))) as rows:
            return [record for kind, body in rows if (record := records.load(kind, body)) is not None]

    def _save(self, put: Sequence[Record], dropped: Sequence[Record]) -> None:
        if self._connection is None:
            raise RuntimeError("The sandbox's state was written before it was opened.")
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                _sql("record_put"), [{"kind": r.KIND, "key": r.key, "body": records.dump(r)} for r in put]
            )
            self._connection.executemany(_sql("record_drop"), [{"kind": r.KIND, "key": r.key} for r in dropped])

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


@cache
def _sql(name: str) -> str:
    return files("bot.sandbox").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
