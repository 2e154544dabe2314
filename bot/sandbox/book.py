"""Every record of the sandbox in memory, changed only while writing, saved before anyone hears of it.

    async with book.writing():      one writer at a time
        book.put(...); book.drop(...)
    -> committed to disk -> every listener is told, in the order of the commits

Invariant: what a listener (the mailbox, a waiting page) has seen is on disk, so a killed sandbox never hands out the
same number twice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar, cast

import anyio

from bot.sandbox.records import Message, Query, Record
from bot.sandbox.store import Store

R = TypeVar("R", bound=Record)
Listener = Callable[[list[Record], list[Record]], None]


class Book:
    """The tables, by type and key."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tables: dict[type[Record], dict[str, Record]] = {}
        self._put: dict[tuple[str, str], Record] = {}
        self._dropped: dict[tuple[str, str], Record] = {}
        self._lock = anyio.Lock()
        self._listeners: list[Listener] = []
        self._revision = 0

    async def open(self) -> None:
        """Read what an earlier run left."""
        for record in await self._store.open():
            self._tables.setdefault(type(record), {})[record.key] = record
            if isinstance(record, Message | Query):
                self._revision = max(self._revision, record.revision)

    def listen(self, listener: Listener) -> None:
        """Call `listener(put, dropped)` after every commit; it must not wait."""
        self._listeners.append(listener)

    def get(self, kind: type[R], key: object) -> R | None:
        """Return the record of this type and key, or None."""
        return cast("R | None", self._tables.get(kind, {}).get(str(key)))

    def table(self, kind: type[R]) -> Mapping[str, R]:
        """Return all records of a type, oldest first."""
        return cast("Mapping[str, R]", self._tables.get(kind, {}))

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """Let the caller change records; what it changed is committed, then told, even when it raised."""
        async with self._lock:
            try:
                yield
            finally:
                await self._commit()

    def put(self, record: Record) -> None:
        """Keep a new or changed record."""
        self._tables.setdefault(type(record), {})[record.key] = record
        self._put[record.KIND, record.key] = record
        self._dropped.pop((record.KIND, record.key), None)

    def drop(self, record: Record) -> None:
        """Forget a record; one that is gone already is left alone."""
        if self._tables.get(type(record), {}).pop(record.key, None) is not None:
            self._put.pop((record.KIND, record.key), None)
            self._dropped[record.KIND, record.key] = record

    def next_revision(self) -> int:
        """Return a number higher than every revision before."""
        self._revision += 1
        return self._revision

    @property
    def revision(self) -> int:
        """The highest revision given out."""
        return self._revision

    async def _commit(self) -> None:
        if not self._put and not self._dropped:
            return
        put, dropped = list(self._put.values()), list(self._dropped.values())
        self._put, self._dropped = {}, {}
        await self._store.save(put, dropped)
        for listener in self._listeners:
            listener(put, dropped)
